//! What the stage would find in a bundle, so that the tool answers as the stage does.

use std::path::PathBuf;
use std::sync::Arc;

use ringfence::facts::{BootFacts, Position};
use ringfence::fdt::Tree;
use ringfence::packing::Stream;
use ringfence::payload::{Backend, Measure, Payload, PayloadError, StreamError};
use ringfence::policy::Policy;
use ringfence::profile::KernelProfile;
use ringfence::span::Span;

use crate::failure::Failure;
use crate::input;
use crate::project::boot_map::Place;

/// A bundle, and where the boot loader puts it.
#[derive(Clone, Debug)]
pub struct Bundle {
    base: u64,
    file: PathBuf,
    bytes: Arc<[u8]>,
}

/// What the stage takes out of it for one board.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The policy that travels in it.
    pub policy: Option<Policy>,
    /// The kernel as the stage knows it: by its version, if policy or bundle name it, and its page size.
    pub profile: KernelProfile,
    /// Where the tree that it brings is, if it brings one.
    pub tree: Option<Span>,
}

/// Opens payloads as the stage with all of its unpackers does.
struct FullStage;

impl Backend for FullStage {
    fn measure(&self, stream: Stream<'_>) -> Result<Measure, StreamError> {
        ringfence_unpack::measure(stream)
    }

    fn work(&self, stream: Stream<'_>, footprint: u64) -> u64 {
        ringfence_unpack::work(stream, footprint)
    }
}

impl Bundle {
    /// Reads it.
    ///
    /// # Errors
    /// When `place` names no file, or that cannot be read.
    pub fn read(place: &Place) -> Result<Self, Failure> {
        let Some((base, file)) = place.file() else {
            return Err(Failure::new("--bundle needs the file: BASE:@FILE, such as 0x48000000:@bundle.itb"));
        };
        let none = || Failure::of(file, "not a bundle").with_help("`ringfence pack` makes one");
        let bytes = input::read_if_tree(file)?.ok_or_else(none)?;
        Ok(Self { base, file: file.into(), bytes: bytes.into() })
    }

    /// Enters what the stage would on the board of `tree`: everything that it places is movable.
    ///
    /// # Errors
    /// When the stage would refuse the bundle.
    pub fn open(&self, tree: &Tree<'_>, facts: &mut BootFacts) -> Result<Opened, Failure> {
        let boards: Vec<&str> = tree.board_names().collect();
        let payload = self.payload(&boards)?;
        payload.enter(facts);
        facts.dtb = facts.dtb.and_then(Position::source).map(Position::Movable);
        let profile = payload.profile().profile;
        Ok(Opened { policy: payload.policy, profile, tree: payload.fdt.map(|(span, _)| span) })
    }

    fn payload(&self, boards: &[&str]) -> Result<Payload<'_>, Failure> {
        let Some(at) = Span::new(self.base, self.bytes.len() as u64) else {
            return Err(Failure::of(&self.file, format!("does not fit at {:#x}", self.base)));
        };
        let failure = |why: PayloadError| Failure::of(&self.file, why);
        Payload::open(at, &self.bytes, boards, &FullStage).map_err(failure)
    }
}
