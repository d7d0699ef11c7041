//! Holds memory in the EFI map, so that neither a boot loader nor the kernel's stub is given it.

use crate::firmware::{map, pages};
use crate::refusal::{Refusal, Result};
use alloc::string::String;
use alloc::vec::Vec;
use ringfence::efi::{EfiKind, EfiMap, EfiUse, Hold, HoldKind, Piece};
use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::prove::Proven;
use ringfence::span::{Size, Span};
use ringfence::survey::MemoryMap;
use uefi::Status;

/// The pieces of the map that are held.
#[derive(Default)]
pub(crate) struct Pieces(Vec<Piece>);

impl Pieces {
    /// Holds what is free of all that a tree protects, before it is proven. What cannot be held is judged
    /// later.
    pub(crate) fn take_early(&mut self, tree: &Tree<'_>, map: &EfiMap) {
        let survey = MemoryMap::survey(tree, &BootFacts::default());
        // The map of before: where two holds share bytes the second one fails, and the first one holds them.
        for piece in Hold::all(&survey).iter().flat_map(|hold| hold.pieces(map)) {
            if pages::take(piece).is_ok() {
                self.0.push(piece);
            }
        }
    }

    /// Returns the map as it would be without these.
    pub(crate) fn absent_from(&self, map: &EfiMap) -> EfiMap {
        let spans: Vec<Span> = self.0.iter().map(|piece| piece.span).collect();
        let ours = |kind| matches!(kind, EfiKind::Reserved | EfiKind::Unusable | EfiKind::BootData);
        map.with(&spans, ours, EfiKind::Conventional)
    }

    /// Gives all of it back to the firmware.
    pub(crate) fn give_back(&mut self) {
        self.0.drain(..).for_each(|piece| pages::give_back(piece.span));
    }
}

/// A proven tree whose memory is held. Only [`hold`] makes one, and only a held tree can be passed to a
/// kernel.
pub(crate) struct Held {
    proven: Proven,
}

impl Held {
    /// Returns the proven tree.
    pub(crate) fn proven(&self) -> &Proven {
        &self.proven
    }
}

/// Why memory is not held.
pub(crate) enum HoldError {
    /// The firmware does not give away what its map calls free.
    Denied {
        /// The region.
        name: String,
        /// The bytes.
        span: Span,
        /// What the firmware answers.
        status: Status,
    },
    /// Something else.
    Refused(Refusal),
}

impl From<Refusal> for HoldError {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

/// Holds what the proven tree protects, instead of what was held before, and reads the map again to see it
/// held. `pieces` is then what is held, in the case of an error, too.
pub(crate) fn hold(proven: Proven, pieces: &mut Pieces) -> core::result::Result<Held, HoldError> {
    let holds = proven.holds();
    pieces.give_back();
    // Print nothing in between: a console may ask the firmware for memory.
    let mut denied = None;
    let mut taken: Vec<u64> = Vec::with_capacity(holds.len());
    for hold in holds {
        let mut bytes = 0;
        for piece in hold.pieces(&map::read()?) {
            match pages::take(piece) {
                Ok(()) => {
                    bytes += piece.span.len();
                    pieces.0.push(piece);
                }
                Err(status) => denied = denied.or(Some((hold, piece.span, status))),
            }
        }
        taken.push(bytes);
    }
    if let Some((hold, span, status)) = denied {
        return Err(HoldError::Denied { name: hold.name.clone(), span, status });
    }
    let after = map::read()?;
    holds.iter().try_for_each(|hold| is_held(hold, &after))?;
    for (hold, bytes) in holds.iter().zip(taken).filter(|(_, bytes)| *bytes > 0) {
        console!(
            "efi map: {} {} held as [{}], {} of it by ringfence",
            hold.name,
            hold.span,
            hold.kind.kind(),
            Size(bytes)
        );
    }
    Ok(Held { proven })
}

/// Holds what has become free since then: boot services and boot loaders free what they no longer need.
pub(crate) fn renew(held: &Held) -> Result<()> {
    let holds = held.proven.holds();
    let before = map::read()?;
    for piece in holds.iter().flat_map(|hold| hold.pieces(&before)) {
        // What cannot be held is found in the next map.
        let _ = pages::take(piece);
    }
    let after = map::read()?;
    holds.iter().try_for_each(|hold| is_held(hold, &after))
}

/// Checks in a map that was read afterwards that nothing of a hold is free.
fn is_held(hold: &Hold, after: &EfiMap) -> Result<()> {
    let free = after.within(hold.span).find(|range| range.kind.usage() == EfiUse::Free);
    match free {
        Some(range) => Err(Refusal(alloc::format!("{}: {range} is still free in the EFI map", hold.name))),
        None => Ok(()),
    }
}

/// Says how much of each carveout the map lists as reserved.
pub(crate) fn report(held: &Held) -> Result<()> {
    let after = map::read()?;
    for hold in held.proven().holds().iter().filter(|hold| hold.kind == HoldKind::Reserved) {
        let reserved = after.within(hold.span).filter(|range| range.kind.usage() == EfiUse::Reserved);
        let bytes = reserved.map(|range| range.span.len()).sum();
        console!("efi map: {} has {} of {} [Reserved]", hold.name, Size(bytes), Size(hold.span.len()));
    }
    Ok(())
}
