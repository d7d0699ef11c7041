//! The second phase: what the policy requires is where it says, and carveouts cover whole pages.

use super::RepairKind;
use super::layout::Layout;
use super::repairs::round_outward;
use super::wanted::Wanted;
use crate::analysis::Analysis;

/// The layout with everything in it that must be where it is.
pub(super) struct Required<'s, 'c, 'a>(Layout<'s, 'c, 'a>);

/// Puts everything in its place that the policy or the hardware requires at one address, and pins it there.
pub(super) fn require<'s, 'c, 'a>(
    analysis: &'s Analysis<'c, 'a>,
    wanted: &'s Wanted,
) -> Required<'s, 'c, 'a> {
    let mut layout = Layout::new(analysis, wanted);
    pin_what_is_right(&mut layout);
    for kind in wanted.iter() {
        kind.require(&mut layout);
    }
    round_outward::round(&mut layout);
    Required(layout)
}

impl<'s, 'c, 'a> Required<'s, 'c, 'a> {
    /// Returns the layout for the next phase.
    pub(super) fn into_layout(self) -> Layout<'s, 'c, 'a> {
        self.0
    }
}

/// Pins each required carveout that needs no repair, so that nothing makes it move.
fn pin_what_is_right(layout: &mut Layout<'_, '_, '_>) {
    let analysis = layout.analysis;
    for answer in analysis.answers().filter(|answer| answer.requirement.span().is_some()) {
        let restored = layout.wanted.has(RepairKind::Restore(answer.index));
        let Some(region) = answer.region.filter(|_| !restored) else { continue };
        if let Some(slot) = layout.slot_of_mut(region.node) {
            slot.pin();
        }
    }
}
