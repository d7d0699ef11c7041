//! Where the parts of the running stage are.
//!
//! On the machine the numbers come from linker symbols; on the host from [`Layout::fake`], so that everything
//! which is computed from them runs under `cargo test`.

use crate::paging::{Access, PAGE};
use ringfence::span::Span;

/// Bytes from the base to the first one that is ever written.
pub const DATA_OFFSET: u64 = 2 << 20;

/// The addresses between the parts of the stage's image, ascending and page-aligned (see `linker/stage.ld`).
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// First byte of the image: header, code.
    pub base: u64,
    /// End of the code, start of the constants.
    pub text_end: u64,
    /// End of the constants; nothing is between here and `data_begin`.
    pub rodata_end: u64,
    /// Start of the constants that hold addresses, written once by the relocations; `base` + [`DATA_OFFSET`].
    pub data_begin: u64,
    /// End of those, start of data, BSS, tables, the log ring and the stack for faults.
    pub relro_end: u64,
    /// Start of the page below the stack for faults that is never mapped.
    pub fault_guard: u64,
    /// Lowest byte of the stack for faults.
    pub fault_stack: u64,
    /// Start of the page below the stack that is never mapped; end of the data.
    pub guard: u64,
    /// Lowest byte of the stack.
    pub stack_bottom: u64,
    /// End of the stack, start of the heap.
    pub stack_top: u64,
    /// End of the image and of the heap.
    pub end: u64,
}

impl Layout {
    /// Returns all that the stage owns, the guard pages included.
    #[must_use]
    pub const fn image(&self) -> Option<Span> {
        Span::from_ends(self.base, self.end)
    }

    /// Returns the two parts of the first map, which is made while the caches are off and must cost as little
    /// as can be. Where the base is a multiple of 2 MiB, blocks cover all of the stage. Elsewhere it is made
    /// of pages, and has no more than is used until the second map is: code and constants with the
    /// `file_data` bytes of data that follow them in the file, then data, stacks and the `heap` bytes that
    /// are taken first. Constants are writable in it for the relocations, and there are no guard pages yet.
    #[must_use]
    pub fn first_parts(&self, file_data: u64, heap: u64) -> [Option<(Span, Access)>; 2] {
        let (code_end, end) = if self.base.is_multiple_of(DATA_OFFSET) {
            (self.data_begin, self.end)
        } else {
            let file_end = (self.rodata_end + file_data).next_multiple_of(PAGE);
            (file_end.min(self.data_begin), (self.stack_top + heap).min(self.end))
        };
        [part(self.base, code_end, Access::Code), part(self.data_begin, end, Access::Data)]
    }

    /// Returns the parts that every later map has, with what each allows. The guard pages are in none of
    /// them.
    #[must_use]
    pub fn parts(&self) -> [Option<(Span, Access)>; 6] {
        [
            part(self.base, self.text_end, Access::Code),
            part(self.text_end, self.rodata_end, Access::ReadOnly),
            part(self.data_begin, self.relro_end, Access::ReadOnly),
            part(self.relro_end, self.fault_guard, Access::Data),
            part(self.fault_stack, self.guard, Access::Data),
            part(self.stack_bottom, self.end, Access::Data),
        ]
    }

    /// Returns a layout for tests on the host, at any page-aligned base.
    #[must_use]
    pub const fn fake(base: u64) -> Self {
        let data = base + DATA_OFFSET;
        Self {
            base,
            text_end: base + 0x1_0000,
            rodata_end: base + 0x1_6000,
            data_begin: data,
            relro_end: data + 0x2000,
            fault_guard: data + 0x2_7000,
            fault_stack: data + 0x2_8000,
            guard: data + 0x2_a000,
            stack_bottom: data + 0x2_b000,
            stack_top: data + 0x3_b000,
            end: data + 0x80_0000,
        }
    }
}

fn part(from: u64, to: u64, access: Access) -> Option<(Span, Access)> {
    Span::from_ends(from, to).map(|span| (span, access))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regions::FIRST_HEAP;

    fn pages(base: u64) -> u64 {
        let layout = Layout::fake(base);
        let parts = layout.first_parts(0x1_0000, FIRST_HEAP);
        let [code, data] = parts.map(|part| part.unwrap().0);
        assert_eq!((code.base(), data.base()), (layout.base, layout.data_begin));
        assert!(code.end() >= layout.rodata_end + 0x1_0000 && code.end() <= layout.data_begin);
        assert!(data.end() >= layout.stack_top + FIRST_HEAP && data.end() <= layout.end);
        (code.len() + data.len()) / PAGE
    }

    #[test]
    fn the_first_map_is_small_where_it_is_made_of_pages() {
        let whole = Layout::fake(0).end / PAGE;
        assert_eq!(pages(0x4020_0000), whole, "blocks");
        for base in [0x8008_0000, 0x4421_3000] {
            assert!(pages(base) < whole / 8, "{}", pages(base));
        }
    }
}
