//! The kinds of claims: who owns a span, and for how long.

use crate::efi::EfiUse;
use crate::fdt::NodeId;
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
    /// What the EFI memory map does not leave free: ranges of one use, joined.
    Efi(EfiUse),
    /// The picture that firmware left in memory, and the node that describes it.
    Framebuffer(NodeId),
    /// The place that `crashkernel=SIZE@BASE` asks for.
    CrashKernel,
    /// The place that `cma=SIZE@BASE` asks for.
    CmaArg,
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
    /// As long as the EFI memory map lists it, whatever else has claimed the same bytes: rules of their own judge what
    /// the map forbids.
    EfiMap,
    /// Until a driver takes over the display: without it the picture is lost, and nothing else.
    Display,
    /// Asked for on the command line: Linux takes it where it finds all of it free.
    Request,
}

impl Lifetime {
    /// Tells whether Linux boots without it. Rules of their own speak of such claims, and the planner gives way to
    /// them only where it can.
    #[must_use]
    pub const fn is_soft(self) -> bool {
        matches!(self, Self::Display | Self::Request)
    }
}

/// What is known of a kind of claim.
struct Traits {
    lifetime: Lifetime,
    name: &'static str,
    label: &'static str,
    source: &'static str,
}

impl ClaimKind {
    /// The one row of each kind: lifetime, name, label, source.
    const fn traits(self) -> Traits {
        use Lifetime::{Boot, Display, EfiMap, Firmware, HandOff, Request, Reserved};
        #[rustfmt::skip]
        let (lifetime, name, label, source) = match self {
            Self::Region(..)     => (Reserved, "region", "region", "/reserved-memory"),
            Self::Memreserve     => (Reserved, "memreserve", "/memreserve/", "/memreserve/"),
            Self::Kernel         => (Boot, "kernel", "kernel image", "kernel"),
            Self::Initrd         => (Boot, "initrd", "initrd", "initrd"),
            Self::Dtb            => (Boot, "dtb", "device tree blob", "dtb"),
            Self::Stage          => (HandOff, "stage", "ringfence stage", "stage"),
            Self::Bundle         => (HandOff, "bundle", "boot bundle", "bundle"),
            Self::ReleasePage    => (Firmware, "cpu-release", "CPU release address", "/cpus cpu-release-addr"),
            Self::ElfCoreHdr     => (Firmware, "elfcorehdr", "ELF core header", "/chosen linux,elfcorehdr"),
            Self::Framebuffer(_) => (Display, "framebuffer", "framebuffer", "/chosen"),
            Self::CrashKernel    => (Request, "crashkernel", "`crashkernel=`", "/chosen bootargs crashkernel="),
            Self::CmaArg         => (Request, "cma", "`cma=`", "/chosen bootargs cma="),
            Self::Efi(usage)     => (EfiMap, "efi", usage.label(), "EFI memory map"),
        };
        Traits { lifetime, name, label, source }
    }

    /// Returns its stable name, for programs; a region goes by what it is for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.traits().name
    }

    /// Returns what states it: a path, or a path with a property and what in it. What no tree states goes by its
    /// name; a region and a framebuffer have paths of their own.
    #[must_use]
    pub const fn source(self) -> &'static str {
        self.traits().source
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
