//! Bands from each claim of the one map to the same claim of the other, so that the eye follows what moved.

use std::fmt::Write;

use super::super::scale::Scale;
use super::{TOP, legend};
use crate::memmap::entries::Entry;

/// Draws the bands between the edges `from` and `to`, in pixels.
pub(super) fn draw(
    out: &mut String,
    scale: &Scale,
    pairs: &[(Option<&Entry>, Option<&Entry>)],
    [from, to]: [u32; 2],
) {
    *out += "<g class=\"ribbons\" aria-hidden=\"true\">\n";
    for (was, now) in pairs.iter().filter_map(|(was, now)| was.zip(*now)).filter(|(was, _)| was.kind != "ram")
    {
        let Some((old, new)) = was.span.zip(now.span) else { continue };
        let ((a, a_height), (b, b_height)) = (scale.place(old), scale.place(new));
        let class = if old == new { "" } else { " changed" };
        let middle = from.midpoint(to);
        let (a, b) = (TOP + a, TOP + b);
        let (a_end, b_end) = (a + a_height, b + b_height);
        let _ = writeln!(
            out,
            "<path class=\"ribbon k-{}{class}\" d=\"M{from} {a}C{middle} {a} {middle} {b} {to} {b}V{b_end}\
             C{middle} {b_end} {middle} {a_end} {from} {a_end}Z\"/>",
            legend::class(now)
        );
    }
    *out += "</g>\n";
}
