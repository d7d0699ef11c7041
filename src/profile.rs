//! Kernel profiles: what differs between kernels in how they take a memory map.

use crate::span::MIB;

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
    /// Size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::K4 => 4 << 10,
            Self::K16 => 16 << 10,
            Self::K64 => 64 << 10,
        }
    }
}

/// A family of kernels that treat reserved memory alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelProfile {
    /// The name that `--kernel` takes.
    pub name: &'static str,
    /// Page size of the kernel.
    pub page: PageSize,
    /// Whether `/memreserve/` is read before `/reserved-memory` (up to 6.3), so that an entry which touches a
    /// `no-map` region makes the kernel refuse that region as a whole.
    pub memreserve_first: bool,
}

/// The profiles that are known, oldest first.
pub const PROFILES: &[KernelProfile] = &[
    KernelProfile { name: "6.1", page: PageSize::K4, memreserve_first: true },
    KernelProfile { name: "6.6", page: PageSize::K4, memreserve_first: false },
    KernelProfile { name: "6.12", page: PageSize::K4, memreserve_first: false },
    KernelProfile { name: "6.18", page: PageSize::K4, memreserve_first: false },
    KernelProfile { name: "7", page: PageSize::K4, memreserve_first: false },
];

impl Default for KernelProfile {
    /// 6.12 with 4 KiB pages.
    fn default() -> Self {
        PROFILES[2]
    }
}

impl KernelProfile {
    /// Find a profile by its name; a longer version such as `6.12.57` finds its family.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PROFILES
            .iter()
            .find(|p| name == p.name || name.strip_prefix(p.name).is_some_and(|rest| rest.starts_with('.')))
            .copied()
    }

    /// The same profile with another page size.
    #[must_use]
    pub const fn with_page(self, page: PageSize) -> Self {
        Self { page, ..self }
    }

    /// `CMA_MIN_ALIGNMENT_BYTES` in bytes: a pageblock, which is a huge page with `CONFIG_HUGETLB_PAGE`
    /// (include/linux/pageblock-flags.h). A pool off this boundary is refused and its memory released.
    #[must_use]
    pub const fn cma_align(&self) -> u64 {
        match self.page {
            PageSize::K4 => 2 * MIB,
            PageSize::K16 => 32 * MIB,
            PageSize::K64 => 512 * MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_release_finds_its_family() {
        assert_eq!(KernelProfile::named("6.12.57").map(|p| p.name), Some("6.12"));
        assert_eq!(KernelProfile::named("6.1").map(|p| p.name), Some("6.1"));
        assert_eq!(KernelProfile::named("7.3").map(|p| p.name), Some("7"));
        assert_eq!(KernelProfile::named("6.13"), None);
    }
}
