//! A sorted map in little machine code: each kind of the library's map adds 10 KiB to the stage.

use alloc::vec::Vec;

/// Most entries of a chunk. An insertion moves at most this many entries and one pointer for each chunk; for
/// the hundred thousand names of the largest blob that costs less than the lookup.
const CHUNK: usize = 256;

/// From a number and a name to a number, sorted.
#[derive(Default)]
pub(super) struct Map<'t> {
    /// Sorted chunks of sorted entries; none is empty.
    chunks: Vec<Vec<Entry<'t>>>,
}

/// A key and its value.
#[derive(Clone, Copy)]
pub(super) struct Entry<'t> {
    pub(super) number: u32,
    pub(super) name: &'t str,
    pub(super) value: u32,
}

impl<'t> Map<'t> {
    /// Finds the value of a key.
    #[inline(never)]
    pub(super) fn get(&self, number: u32, name: &str) -> Option<u32> {
        let (chunk, place) = self.place(number, name);
        let entry = self.chunks.get(chunk)?.get(place)?;
        (entry.number == number && entry.name == name).then_some(entry.value)
    }

    /// Gives a key a value; returns whether it had none.
    #[inline(never)]
    pub(super) fn set(&mut self, number: u32, name: &'t str, value: u32) -> bool {
        let (at, place) = self.place(number, name);
        let entry = Entry { number, name, value };
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(alloc::vec![entry]);
            return true;
        };
        if let Some(old) = chunk.get_mut(place)
            && old.number == number
            && old.name == name
        {
            *old = entry;
            return false;
        }
        chunk.insert(place, entry);
        if chunk.len() > CHUNK {
            let upper = chunk.split_off(CHUNK / 2);
            self.chunks.insert(at + 1, upper);
        }
        true
    }

    /// Returns the entries, ascending.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<'t>> {
        self.chunks.iter().flatten()
    }

    /// Returns whether there is no entry.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the chunk and the place in it where a key is, or belongs: inside a chunk or at its end.
    #[inline(never)]
    fn place(&self, number: u32, name: &str) -> (usize, usize) {
        let ends_below =
            |chunk: &Vec<Entry<'_>>| chunk.last().is_some_and(|entry| entry.is_below(number, name));
        let last = self.chunks.len().saturating_sub(1);
        let at = self.chunks.partition_point(ends_below).min(last);
        let is_below = |entry: &Entry<'_>| entry.is_below(number, name);
        (at, self.chunks.get(at).map_or(0, |chunk| chunk.partition_point(is_below)))
    }
}

impl Entry<'_> {
    #[inline(never)]
    fn is_below(&self, number: u32, name: &str) -> bool {
        (self.number, self.name) < (number, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::string::String;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_is_the_librarys_map(
            keys in prop::collection::vec((0..4_u32, "[ab@]{0,5}"), 0..2000),
            asked in prop::collection::vec((0..4_u32, "[ab@]{0,5}"), 50),
        ) {
            let (mut map, mut expected) = (Map::default(), BTreeMap::<(u32, String), u32>::new());
            for (value, (number, name)) in keys.iter().enumerate() {
                let is_new = expected.insert((*number, name.clone()), value as u32).is_none();
                prop_assert_eq!(map.set(*number, name, value as u32), is_new);
            }
            for (number, name) in keys.iter().chain(&asked) {
                prop_assert_eq!(map.get(*number, name), expected.get(&(*number, name.clone())).copied());
            }
            let entries: Vec<_> = map.entries().map(|e| ((e.number, e.name.into()), e.value)).collect();
            prop_assert_eq!(entries, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
