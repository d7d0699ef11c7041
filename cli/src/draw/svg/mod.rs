//! The map as a drawing. The file is self-contained: no fonts, scripts or anything else from outside.

mod column;
mod lanes;
mod legend;
mod ribbon;
mod text;

use std::fmt::Write;

use super::Picture;
use super::escape::escape;
use super::scale::Scale;
use crate::memmap::chart::Chart;
use crate::memmap::compare::Labels;
use column::Column;

/// The colours and patterns, light and dark.
const STYLE: &str = include_str!("style.css");
/// The hatchings, so that no kind is recognised by its colour alone.
const PATTERNS: &str = include_str!("patterns.svg");

/// Space around everything, in pixels.
const MARGIN: u32 = 24;
/// Width of the addresses on the left.
const AXIS: u32 = 128;
/// Where the map begins below the headings.
const TOP: u32 = 104;
/// Width of the one map, or of each of two.
const WIDTH_ALONE: u32 = 600;
const WIDTH_OF_TWO: u32 = 450;
/// Space between two maps.
const GAP: u32 = 96;

/// Returns the drawing as a file of its own.
#[must_use]
pub fn picture(shown: &Picture<'_>) -> String {
    draw(shown, false)
}

/// Returns the drawing; an interactive one has roles and a tab stop for each map, and labels for free memory
/// that the page can show and hide.
pub(super) fn draw(shown: &Picture<'_>, interactive: bool) -> String {
    let charts: Vec<&Chart> =
        std::iter::once(shown.before).chain(shown.fixed.map(|fixed| &fixed.chart)).collect();
    let scale = Scale::new(&charts);
    let width = if charts.len() > 1 { WIDTH_OF_TWO } else { WIDTH_ALONE };
    let columns: Vec<Column<'_>> = charts
        .iter()
        .zip(shown.titles)
        .zip(0..)
        .map(|((chart, title), index)| Column {
            chart,
            title,
            index,
            left: MARGIN + AXIS + index * (width + GAP),
            width,
            changes: shown.fixed.map_or(&[], |fixed| &fixed.changes),
            interactive,
            free_labels: interactive || shown.with_free,
        })
        .collect();
    let all = columns.last().map_or(0, |last| last.left + last.width) + MARGIN;
    let bottom = TOP + scale.height().max(40);
    let legend = legend::draw(
        &charts,
        shown.titles,
        scale.stretches.iter().any(|stretch| stretch.is_hole),
        bottom + 24,
        all,
    );
    let mut out = open(shown, all, legend.bottom + MARGIN, interactive);
    axis(&mut out, &scale);
    if let [before, after] = columns.as_slice() {
        let pairs = crate::memmap::compare::pairs(before.chart, after.chart, &Labels::default());
        ribbon::draw(&mut out, &scale, &pairs, [before.left + before.width, after.left]);
    }
    for column in &columns {
        column.draw(&mut out, &scale);
    }
    out + &legend.text + "</svg>\n"
}

fn open(shown: &Picture<'_>, width: u32, height: u32, interactive: bool) -> String {
    let path = escape(shown.path);
    let role = if interactive { "group" } else { "img" };
    let free = if shown.with_free { " with-free" } else { "" };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"map{free}\" role=\"{role}\" \
         aria-labelledby=\"map-title\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\">\n\
         <title id=\"map-title\">Memory map of \
         {path}</title>\n<style>\n{STYLE}</style>\n<defs>\n{PATTERNS}</defs>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n",
    );
    // The end of a path tells more than its beginning.
    let title = format!("Memory map of {}", text::fit_end(shown.path, (width - 2 * MARGIN) / 12 - 14));
    let _ = write!(
        out,
        "<text class=\"title\" x=\"{MARGIN}\" y=\"40\">{}</text>\n\
         <text class=\"note\" x=\"{MARGIN}\" y=\"60\">Low addresses at the top. Not linear: heights grow \
         with the logarithm of the size; address ranges without RAM are left out.</text>\n",
        escape(&title)
    );
    out
}

/// The addresses where something begins or ends. No two are nearer to each other than a line is high.
fn axis(out: &mut String, scale: &Scale) {
    let right = MARGIN + AXIS - 12;
    let mut tick = |address: u64, top: u32| {
        let _ = writeln!(
            out,
            "<text class=\"address\" x=\"{right}\" y=\"{}\">{address:#x}</text><path class=\"tick\" d=\"M{} \
             {}h8\"/>",
            TOP + top + 4,
            right + 3,
            TOP + top,
        );
    };
    for stretch in &scale.stretches {
        tick(stretch.span.base(), stretch.top);
    }
    if let Some(last) = scale.stretches.last() {
        tick(last.span.end(), last.top + last.height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::FIXED;
    use crate::memmap::chart::tests::{board, chart};

    fn drawn(regions: &[crate::memmap::chart::tests::Region<'_>]) -> String {
        let chart = chart(&board(regions));
        picture(&Picture {
            path: "<b>.dtb",
            before: &chart,
            fixed: None,
            titles: FIXED,
            findings: &[],
            with_free: true,
        })
    }

    #[test]
    fn every_region_is_there_by_name_and_by_kind() {
        let svg = drawn(&[
            ("cam@50000000", 0x5000_0000, 0x1000, &["no-map"]),
            ("fw@60000000", 0x6000_0000, 0x1000, &[]),
        ]);
        for wanted in ["cam@50000000", "k-carveout", "fw@60000000", "k-reserved", "0x50001000", "free"] {
            assert!(svg.contains(wanted), "no {wanted} in {svg}");
        }
        assert!(!svg.contains("class=\"clash\""));
    }

    #[test]
    fn what_collides_is_marked() {
        let svg = drawn(&[
            ("a@50000000", 0x5000_0000, 0x2000, &[]),
            ("b@50001000", 0x5000_1000, 0x2000, &["no-map"]),
        ]);
        assert!(svg.contains("class=\"clash\"") && svg.contains("overlap"), "{svg}");
    }

    #[test]
    fn a_file_name_cannot_leave_its_place() {
        let svg = drawn(&[]);
        assert!(svg.contains("&lt;b&gt;.dtb") && !svg.contains("<b>"), "{svg}");
    }
}
