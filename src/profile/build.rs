//! What the configuration of a kernel decides, whatever its version.

/// Settings of a kernel's build that a prediction depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// `CONFIG_CMA_SIZE_MBYTES`, in bytes: the default pool where neither tree nor command line asks for one.
    pub default_cma: u64,
    /// CMA areas that there is room for, the default pool among them: `CONFIG_CMA_AREAS`, up to 6.6 one more.
    pub cma_areas: usize,
    /// Entries in the arrays of memblock.
    pub room: Room,
    /// `CONFIG_DMA_RESTRICTED_POOL`: whether it sets up restricted pools.
    pub restricted_pools: bool,
    /// `CONFIG_INIT_ON_ALLOC_DEFAULT_ON`: whether it clears what it allocates, unless the command line says
    /// otherwise.
    pub clears_on_alloc: bool,
    /// `CONFIG_RODATA_FULL_DEFAULT_ENABLED`: whether the linear map is made of single pages, unless the
    /// command line says otherwise, so that a part of it can be mapped a second time.
    pub maps_single_pages: bool,
}

/// Entries that the arrays of memblock have before the kernel can make them larger, which it can after its
/// linear map (include/linux/memblock.h, arch/arm64/include/asm/memory.h: `INIT_MEMBLOCK_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Entries for RAM; RAM that is not mapped has entries of its own.
    pub memory: usize,
    /// Entries for what is reserved.
    pub reserved: usize,
}

impl Room {
    /// No bound.
    pub const UNBOUNDED: Self = Self { memory: usize::MAX, reserved: usize::MAX };

    /// Returns the room for RAM that `memory` says, and for reservations what `CONFIG_EFI` with
    /// `CONFIG_NR_CPUS` of `processors` gives.
    pub(super) const fn of_efi(memory: usize, processors: usize) -> Self {
        Self { memory, reserved: 128 + processors + 1 }
    }
}
