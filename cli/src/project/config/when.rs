//! Conditions on the size of a board's RAM.

use std::fmt;

use ringfence::span::Size;

use crate::number;

/// `ram >= 2GiB`, or always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whatever the RAM.
    Always,
    /// RAM of at least so many bytes.
    AtLeast(u64),
    /// RAM of more.
    MoreThan(u64),
    /// RAM of at most so many bytes.
    AtMost(u64),
    /// RAM of less.
    LessThan(u64),
    /// RAM of just so many bytes.
    Exactly(u64),
}

/// Makes a condition of a size in bytes.
type Make = fn(u64) -> When;

impl When {
    /// Reads a condition.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest =
            text.trim().strip_prefix("ram").ok_or("a condition starts with `ram`, such as `ram >= 2GiB`")?;
        // The longer sign first: `>` is the beginning of `>=`.
        const SIGNS: &[(&str, Make)] = &[
            (">=", When::AtLeast),
            ("<=", When::AtMost),
            ("==", When::Exactly),
            (">", When::MoreThan),
            ("<", When::LessThan),
        ];
        let rest = rest.trim_start();
        let found = SIGNS.iter().find_map(|(sign, make)| Some((rest.strip_prefix(sign)?, make)));
        let (size, make) = found.ok_or("`ram` is compared by >=, >, <=, < or ==, such as `ram >= 2GiB`")?;
        Ok(make(number::size(size)?))
    }

    /// Tells whether it holds for a board with `ram` bytes. Nothing but [`When::Always`] holds for RAM
    /// unknown.
    #[must_use]
    pub fn holds(self, ram: Option<u64>) -> bool {
        match (self, ram) {
            (Self::Always, _) => true,
            (_, None) => false,
            (Self::AtLeast(size), Some(ram)) => ram >= size,
            (Self::MoreThan(size), Some(ram)) => ram > size,
            (Self::AtMost(size), Some(ram)) => ram <= size,
            (Self::LessThan(size), Some(ram)) => ram < size,
            (Self::Exactly(size), Some(ram)) => ram == size,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, size) = match *self {
            Self::Always => return f.write_str("always"),
            Self::AtLeast(size) => (">=", size),
            Self::MoreThan(size) => (">", size),
            Self::AtMost(size) => ("<=", size),
            Self::LessThan(size) => ("<", size),
            Self::Exactly(size) => ("==", size),
        };
        write!(f, "ram {sign} {}", Size(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::span::GIB;

    #[test]
    fn conditions_read_as_they_are_written() {
        let when = When::parse("ram >= 2GiB").unwrap();
        assert!(when.holds(Some(2 * GIB)) && !when.holds(Some(2 * GIB - 1)) && !when.holds(None));
        assert!(When::parse("ram<1GiB").unwrap().holds(Some(GIB - 1)));
        assert!(!When::parse("ram > 1GiB").unwrap().holds(Some(GIB)));
        assert!(When::parse("ram <= 1GiB").unwrap().holds(Some(GIB)));
        assert!(When::parse("ram == 1GiB").unwrap().holds(Some(GIB)));
        assert!(When::Always.holds(None));
        for wrong in ["", "cpu > 1", "ram 2GiB", "ram >= 2 GB", "ram =>"] {
            assert!(When::parse(wrong).is_err(), "{wrong}");
        }
    }
}
