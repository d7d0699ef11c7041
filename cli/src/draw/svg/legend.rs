//! The legend of colours and hatchings, and a list of the claims that are not on the map.

use std::collections::BTreeSet;
use std::fmt::Write;

use ringfence::claims::Lifetime;
use ringfence::span::Size;

use super::super::escape::escape;
use super::{AXIS, MARGIN, text};
use crate::memmap::chart::{Chart, short_name};
use crate::memmap::entries::Entry;

/// What a region is for, in the order of the legend.
const REGIONS: &[(&str, &str)] = &[
    ("carveout", "carveout: no-map, Linux does not touch it"),
    ("coherent", "coherent pool: no-map, for one device"),
    ("cma", "CMA pool: reusable by Linux"),
    ("restricted", "restricted pool: bounce buffers"),
    ("reserved", "reserved: mapped, not allocated"),
];
/// How long other claims last, in the order of the legend: the class of the drawing, and the words.
const LIFETIMES: &[(Lifetime, &str, &str)] = &[
    (Lifetime::Reserved, "memreserve", "/memreserve/ entry"),
    (Lifetime::Firmware, "firmware", "left by firmware, read by Linux"),
    (Lifetime::Boot, "boot", "loaded for the kernel"),
    (Lifetime::HandOff, "hand-off", "in use until the kernel starts"),
    (Lifetime::EfiMap, "efi", "in use by the EFI memory map"),
    (Lifetime::Display, "display", "picture left by firmware"),
    (Lifetime::Request, "request", "requested on the command line"),
];
/// Width of one sample with its text.
const ITEM: u32 = 330;
/// Height of one line.
const LINE: u32 = 22;
/// Maximum number of lines about claims that are not on the map.
const MAX_OFF: usize = 16;

/// Returns the class of a claim in the style sheet: what a region is for, else how long it lasts.
pub(super) fn class(entry: &Entry) -> &'static str {
    let region = REGIONS.iter().find(|(kind, _)| *kind == entry.kind).map(|(kind, _)| *kind);
    let other = || LIFETIMES.iter().find(|(lifetime, ..)| Some(*lifetime) == entry.lifetime);
    region.or_else(|| other().map(|(_, class, _)| *class)).unwrap_or(entry.kind)
}

/// The drawn legend, and where it ends.
pub(super) struct Legend {
    pub(super) text: String,
    pub(super) bottom: u32,
}

/// Draws it from `top` on, `width` pixels wide.
pub(super) fn draw(charts: &[&Chart], titles: [&str; 2], has_hole: bool, top: u32, width: u32) -> Legend {
    let mut out = String::from("<g class=\"legend\">\n");
    let mut y = off(&mut out, charts, titles, top);
    let present: BTreeSet<&str> =
        charts.iter().flat_map(|chart| &chart.claims).map(|claim| class(&claim.entry)).collect();
    let mut samples: Vec<(String, &str)> = REGIONS
        .iter()
        .copied()
        .chain(LIFETIMES.iter().map(|(_, class, text)| (*class, *text)))
        .filter(|(class, _)| present.contains(class))
        .map(|(class, text)| (format!("k-{class}"), text))
        .collect();
    let ram_known = charts.iter().any(|chart| !chart.ram.is_empty());
    if ram_known {
        samples.push(("sample-ram".into(), "free RAM"));
    }
    if has_hole || !ram_known {
        let what = if ram_known { "not RAM" } else { "RAM unknown: left to the boot loader" };
        samples.push(("sample-hole".into(), what));
    }
    if charts.iter().any(|chart| !chart.collisions.is_empty()) {
        samples.push(("clash".into(), "overlap: bytes with two owners"));
    }
    let across = ((width - 2 * MARGIN) / ITEM).max(1);
    let left = MARGIN;
    for (index, (class, text)) in (0..).zip(&samples) {
        let (x, y) = (left + index % across * ITEM, y + index / across * LINE);
        let _ = writeln!(
            out,
            "<g class=\"sample {class}\"><rect class=\"strip\" x=\"{x}\" y=\"{y}\" width=\"22\" \
             height=\"16\" rx=\"3\"/>\
             <rect class=\"hatch\" x=\"{x}\" y=\"{y}\" width=\"22\" height=\"16\" rx=\"3\"/>\
             <text class=\"note\" x=\"{}\" y=\"{}\">{text}</text></g>",
            x + 30,
            y + 12
        );
    }
    y += (samples.len() as u32).div_ceil(across) * LINE;
    out += "</g>\n";
    Legend { text: out, bottom: y }
}

/// Lists the claims that have no place on the map. Names the map only if the two maps differ.
fn off(out: &mut String, charts: &[&Chart], titles: [&str; 2], top: u32) -> u32 {
    let lines = |chart: &Chart| -> Vec<String> {
        let line = |entry: &Entry| {
            let why = match (entry.is_live(), entry.size) {
                (false, _) => "disabled",
                (true, 0) => "has no valid place",
                (true, _) => "the kernel will place it",
            };
            let size = if entry.size == 0 { String::new() } else { format!("{} ", Size(entry.size)) };
            format!("{}: {size}{}, {why}", short_name(&entry.node), entry.kind)
        };
        chart.off.iter().map(line).collect()
    };
    let all: Vec<Vec<String>> = charts.iter().map(|chart| lines(chart)).collect();
    let same = all.iter().skip(1).eq(all.iter().take(all.len().saturating_sub(1)));
    let mut y = top;
    for (lines, title) in all.iter().zip(titles).take(if same { 1 } else { 2 }) {
        if lines.is_empty() {
            continue;
        }
        let which = if same { String::new() } else { format!(" ({title})") };
        let _ = writeln!(
            out,
            "<text class=\"heading\" x=\"{MARGIN}\" y=\"{}\">Not on the map{which}</text>",
            y + 12
        );
        y += LINE;
        let more = lines.len().saturating_sub(MAX_OFF);
        let rest = (more > 0).then(|| format!("and {more} more"));
        for line in lines.iter().take(MAX_OFF).chain(rest.iter()) {
            let line = escape(&text::fit(line, 100));
            let _ = writeln!(
                out,
                "<text class=\"detail\" x=\"{}\" y=\"{}\">{line}</text>",
                MARGIN + AXIS,
                y + 12
            );
            y += LINE;
        }
    }
    if y > top { y + 8 } else { y }
}
