//! The kinds of claims: who owns a span, and for how long.

use crate::efi::EfiUse;
use crate::fdt::NodeId;
use crate::survey::{RegionIndex, TupleIndex};

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
    /// As long as the EFI memory map lists it, whatever else has claimed the same bytes: rules of their own
    /// judge what the map forbids.
    EfiMap,
    /// Until a driver takes over the display: without it the picture is lost, and nothing else.
    Display,
    /// Asked for on the command line: Linux takes it where it finds all of it free.
    Request,
}

impl Lifetime {
    /// Tells whether Linux boots without it. Separate rules report such claims, and the planner gives
    /// way to them only where it can.
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

/// Makes the enum of the kinds and their traits from one row each: lifetime, name, label, source.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident $(($($field:ident: $type:ty),+))?
        = $lifetime:ident, $name:literal, $label:expr, $source:literal;)+) => {
        /// Who owns a span.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ClaimKind {
            $($(#[$doc])+ $kind $(($($type),+))?,)+
        }

        impl ClaimKind {
            /// The names of all kinds. A region has that of its purpose instead.
            pub const NAMES: &[&str] = &[$($name),+];

            const fn traits(self) -> Traits {
                let (lifetime, name, label, source) = match self {
                    $(Self::$kind $(($($field),+))? => (Lifetime::$lifetime, $name, $label, $source),)+
                };
                Traits { lifetime, name, label, source }
            }
        }
    };
}

kinds! {
    /// An enabled region, and which of its tuples.
    Region(_region: RegionIndex, _tuple: TupleIndex) = Reserved, "region", "region", "/reserved-memory";
    /// One or more `/memreserve/` entries.
    Memreserve = Reserved, "memreserve", "/memreserve/", "/memreserve/";
    /// The kernel, from its base to the end of its `image_size`.
    Kernel = Boot, "kernel", "kernel image", "kernel";
    /// The initial ramdisk.
    Initrd = Boot, "initrd", "initrd", "initrd";
    /// The device tree blob.
    Dtb = Boot, "dtb", "device tree blob", "dtb";
    /// The running stage.
    Stage = HandOff, "stage", "ringfence stage", "stage";
    /// The bundle that holds the payload.
    Bundle = HandOff, "bundle", "boot bundle", "bundle";
    /// The 4 KiB around an address at which a processor waits for its release.
    ReleasePage = Firmware, "cpu-release", "CPU release address", "/cpus cpu-release-addr";
    /// The header that a crashed kernel left in memory.
    ElfCoreHdr = Firmware, "elfcorehdr", "ELF core header", "/chosen linux,elfcorehdr";
    /// What the EFI memory map does not leave free: ranges of one use, joined.
    Efi(usage: EfiUse) = EfiMap, "efi", usage.label(), "EFI memory map";
    /// The picture that firmware left in memory, and the node that describes it.
    Framebuffer(_node: NodeId) = Display, "framebuffer", "framebuffer", "/chosen";
    /// The place that `crashkernel=SIZE@BASE` asks for.
    CrashKernel = Request, "crashkernel", "`crashkernel=`", "/chosen bootargs crashkernel=";
    /// The place that `cma=SIZE@BASE` asks for.
    CmaArg = Request, "cma", "`cma=`", "/chosen bootargs cma=";
}

impl ClaimKind {
    /// Returns its stable name, for programs; regions are named by their purpose.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.traits().name
    }

    /// Returns what states it: a path, or a path with a property and what in it. What no tree states goes by
    /// its name; a region and a framebuffer have paths of their own.
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
