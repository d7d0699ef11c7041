//! The kinds of claims: who owns a span, and for how long.

use crate::efi::EfiKind;
use crate::survey::{RegionIndex, TupleIndex};

/// Who owns a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// An enabled region, and which of its tuples.
    Region(RegionIndex, TupleIndex),
    /// One or more `/memreserve/` entries.
    Memreserve,
    /// The kernel, from its base to the end of its `image_size`.
    Kernel,
    /// The initial ramdisk.
    Initrd,
    /// The device tree blob.
    Dtb,
    /// The running stage.
    Stage,
    /// The bundle that holds the payload.
    Bundle,
    /// The 4 KiB around an address at which a processor waits for its release.
    ReleasePage,
    /// The header that a crashed kernel left in memory.
    ElfCoreHdr,
    /// A range of the EFI memory map that is not free.
    Efi(EfiKind),
}

/// How long a claim lasts. Rules, planner and conflicts look at this, and not at the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as the tree reserves it.
    Reserved,
    /// In place before the boot loader ran, and read after the kernel has started: it never moves.
    Firmware,
    /// Loaded for the kernel, which reads it or runs in it.
    Boot,
    /// Until the kernel starts.
    HandOff,
}

/// What is known of a kind of claim.
struct Traits {
    lifetime: Lifetime,
    label: &'static str,
}

impl ClaimKind {
    /// The one row of each kind.
    const fn traits(self) -> Traits {
        let (lifetime, label) = match self {
            Self::Region(..) => (Lifetime::Reserved, "region"),
            Self::Memreserve => (Lifetime::Reserved, "/memreserve/"),
            Self::Kernel => (Lifetime::Boot, "kernel image"),
            Self::Initrd => (Lifetime::Boot, "initrd"),
            Self::Dtb => (Lifetime::Boot, "device tree blob"),
            Self::Stage => (Lifetime::HandOff, "ringfence stage"),
            Self::Bundle => (Lifetime::HandOff, "boot bundle"),
            Self::ReleasePage => (Lifetime::Firmware, "CPU release address"),
            Self::ElfCoreHdr => (Lifetime::Firmware, "ELF core header"),
            Self::Efi(kind) => (Lifetime::Firmware, kind.name()),
        };
        Traits { lifetime, label }
    }

    /// Returns how long a claim of this kind lasts.
    #[must_use]
    pub const fn lifetime(self) -> Lifetime {
        self.traits().lifetime
    }

    /// Returns the words for it in messages; a region has a name of its own.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.traits().label
    }

    /// Tells whether it is a region.
    #[must_use]
    pub const fn is_region(self) -> bool {
        matches!(self, Self::Region(..))
    }
}
