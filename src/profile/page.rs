//! Page sizes of arm64.

/// The page size a kernel is built for; arm64 kernels state it in their image header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSize {
    /// 4 KiB pages.
    K4,
    /// 16 KiB pages.
    K16,
    /// 64 KiB pages.
    K64,
}

impl PageSize {
    /// Every size, ascending.
    pub const ALL: [Self; 3] = [Self::K4, Self::K16, Self::K64];

    /// Returns the size of this name: `4k`, `16k` or `64k`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "4k" => Some(Self::K4),
            "16k" => Some(Self::K16),
            "64k" => Some(Self::K64),
            _ => None,
        }
    }

    /// Returns the size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::K4 => 4 << 10,
            Self::K16 => 16 << 10,
            Self::K64 => 64 << 10,
        }
    }
}
