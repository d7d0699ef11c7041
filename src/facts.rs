//! Boot facts: what the device tree does not say about this boot.

use crate::efi::{EfiMap, Hold};
use crate::policy::Key;
use crate::predict::Predictor;
use crate::span::{GIB, Span, align_down};
use alloc::string::String;
use alloc::vec::Vec;

/// The part of memory that holds kernel and initrd, in bytes.
const REACH: u64 = 32 * GIB;

/// The places of the parts of one boot. All are optional: the tool usually knows none of them.
#[derive(Clone, Debug, Default)]
pub struct BootFacts {
    /// The running stage: image, heap and stacks.
    pub stage: Option<Span>,
    /// The bundle that holds the payload, as the loader placed it.
    pub bundle: Option<Span>,
    /// The device tree blob as the loader placed it.
    pub dtb: Option<Position>,
    /// The kernel that will be entered.
    pub kernel: Option<Kernel>,
    /// The initial ramdisk that the kernel will be given. When absent, `/chosen` is believed.
    pub initrd: Option<Position>,
    /// RAM banks that replace what `/memory` says; empty means that `/memory` is believed.
    pub ram: Vec<Span>,
    /// What the UEFI firmware says, in an EFI boot.
    pub efi: Option<EfiFacts>,
    /// What the loader's tree states, where another tree is booted ([`crate::merge`]).
    pub loader: Option<LoaderFacts>,
    /// Firmware of other processors, which is loaded into regions.
    pub firmware: Vec<Firmware>,
    /// How far devices reach, exclusive, where that is less than the tree says.
    pub dma_limit: Option<u64>,
    /// What predicts for the rules how a kernel uses the tree. The stage has none: it places everything
    /// itself, and is smaller without.
    pub predictor: Option<Predictor>,
    /// How much a finding holds.
    pub detail: Detail,
    /// Leave a report of the enforcement in `/chosen/ringfence`.
    pub report: bool,
    /// The identity of the policy as it travelled (`policy::digest`), for the report.
    pub policy_digest: Option<[u8; 32]>,
}

/// Firmware of another processor, which is loaded into a region of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// What users call it: the name of its file.
    pub name: String,
    /// The region.
    pub key: Key,
    /// Where in memory it is.
    pub placement: Placement,
}

/// Where in memory a firmware is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Anywhere: so many bytes, from the start of the region on.
    Relocatable(u64),
    /// At its own addresses.
    Fixed {
        /// What must be there, each with its name.
        pieces: Vec<(String, Span)>,
        /// Whether all of it must be in the region. Else what is outside RAM may be anywhere.
        is_bound: bool,
    },
}

/// How much a finding holds besides its sentence and the kind of its repair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Spans with labels, and the words for repairs: what people and programs read of a file.
    #[default]
    Full,
    /// Neither: a console has one line for a finding, and the planner asks for the kind of a repair alone.
    Console,
}

impl BootFacts {
    /// Returns the facts as they are once `holds` are held in the EFI memory map.
    #[must_use]
    pub fn with_held(mut self, holds: &[Hold]) -> Self {
        if let Some(efi) = &mut self.efi {
            efi.map = efi.map.held(holds);
        }
        self
    }
}

/// What the tree does not say of an EFI boot.
#[derive(Clone, Debug, Default)]
pub struct EfiFacts {
    /// The EFI memory map, without what ringfence itself holds in it.
    pub map: EfiMap,
    /// Whether Secure Boot is on, for the report.
    pub is_secure: bool,
    /// The bootargs that load options have replaced in the tree; `None` where they replaced nothing.
    pub replaced: Option<Vec<u8>>,
    /// Whether an initial ramdisk is offered by LoadFile2.
    pub offers_initrd: bool,
}

/// What the loader's tree states, where the tree of a bundle is booted.
#[derive(Clone, Debug, Default)]
pub struct LoaderFacts {
    /// The `compatible` of its root.
    pub compatible: Vec<String>,
    /// What it reserves, and the other tree must protect as strongly.
    pub reserved: Vec<Reservation>,
    /// Which tree is booted and what was taken of the other, on one line.
    pub account: String,
}

/// Memory that a tree reserves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The addresses.
    pub span: Span,
    /// Whether Linux must leave it unmapped.
    pub no_map: bool,
    /// The name of the region, or `memreserve`.
    pub name: String,
}

/// Where a part of the boot is, and whether the planner finds it a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Placed for good.
    Fixed(Span),
    /// In memory as it is needed: it stays there if that is a valid place, else it is moved.
    Movable(Span),
    /// In memory in another form, packed: it needs a place besides this one.
    Packed(Span),
    /// Not in memory yet: so many bytes.
    Unplaced(u64),
}

impl Position {
    /// Returns its span if it is placed for good.
    #[must_use]
    pub const fn fixed(self) -> Option<Span> {
        match self {
            Self::Fixed(span) => Some(span),
            Self::Movable(_) | Self::Packed(_) | Self::Unplaced(_) => None,
        }
    }

    /// Returns its span if it can be used as it is there.
    #[must_use]
    pub const fn in_place(self) -> Option<Span> {
        match self {
            Self::Fixed(span) | Self::Movable(span) => Some(span),
            Self::Packed(_) | Self::Unplaced(_) => None,
        }
    }

    /// Returns the span of its bytes in whatever form.
    #[must_use]
    pub const fn source(self) -> Option<Span> {
        match self {
            Self::Fixed(span) | Self::Movable(span) | Self::Packed(span) => Some(span),
            Self::Unplaced(_) => None,
        }
    }

    /// Returns its length in bytes, in the form that it has.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never asked")]
    pub const fn len(self) -> u64 {
        match self {
            Self::Fixed(span) | Self::Movable(span) | Self::Packed(span) => span.len(),
            Self::Unplaced(len) => len,
        }
    }

    /// Tells whether the planner finds it a place.
    #[must_use]
    pub const fn is_movable(self) -> bool {
        self.fixed().is_none()
    }
}

/// A kernel image and what it needs of its place (Documentation/arch/arm64/booting.rst).
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Where the bytes of the image file are.
    pub position: Position,
    /// Offset in bytes from a 2 MiB boundary at which the image must start (`text_offset`).
    pub text_offset: u64,
    /// Bytes that the kernel uses from its base, BSS and early tables included (`image_size`).
    pub image_size: u64,
}

impl Kernel {
    /// Returns the bytes that the running kernel owns, if it is placed for good.
    #[must_use]
    pub fn fixed(&self) -> Option<Span> {
        self.footprint_at(self.position.fixed()?.base())
    }

    /// Returns the bytes that the running kernel owns with its image at `base`. `None` when that wraps.
    #[must_use]
    pub fn footprint_at(&self, base: u64) -> Option<Span> {
        Span::new(base, self.image_size.max(self.position.len()))
    }
}

/// Returns whether a kernel is promised an initrd that is there: in one window of 32 GiB from a 1 GiB
/// boundary that holds both (Documentation/arch/arm64/booting.rst).
#[must_use]
pub fn within_reach(kernel: Span, initrd: Span) -> bool {
    let base = align_down(kernel.base().min(initrd.base()), GIB);
    kernel.end().max(initrd.end()) - base <= REACH
}
