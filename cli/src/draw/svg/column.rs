//! One map: its RAM, its free memory, its claims, and what collides.

use std::fmt::Write;

use ringfence::ledger::{self, Coverage};
use ringfence::span::{Size, Span};

use super::super::escape::escape;
use super::super::scale::Scale;
use super::lanes::{Lane, lanes};
use super::{TOP, legend, text};
use crate::memmap::chart::{Chart, Claim, short_name};
use crate::memmap::compare::{Change, Kind};

/// Width of the lane for collisions.
const CLASH: u32 = 104;
/// Width of the hatched strip of a claim.
const STRIP: u32 = 22;
/// Width of the bar on shared bytes.
const BAR: u32 = 9;
/// Height from which a claim has two lines.
const TWO_LINES: u32 = 36;

pub(super) struct Column<'c> {
    pub(super) chart: &'c Chart,
    pub(super) title: &'static str,
    /// 0 for the map as it is, 1 for the one after.
    pub(super) index: u32,
    pub(super) left: u32,
    pub(super) width: u32,
    pub(super) changes: &'c [Change],
    pub(super) interactive: bool,
    pub(super) free_labels: bool,
}

impl Column<'_> {
    pub(super) fn draw(&self, out: &mut String, scale: &Scale) {
        let (left, title) = (self.left, self.title);
        let role = match self.interactive {
            true => format!(" role=\"listbox\" aria-label=\"memory map {title}\""),
            false => String::new(),
        };
        let _ = writeln!(
            out,
            "<g class=\"column\"{role}>\n<text class=\"heading\" x=\"{left}\" y=\"92\">{title}</text>"
        );
        self.ground(out, scale);
        let mut first = true;
        // In the order of addresses, so that the arrow keys go that way.
        let mut free = self.chart.free.iter().peekable();
        for (claim, lane) in self.chart.claims.iter().zip(lanes(&self.chart.claims)) {
            while let Some(span) = free.next_if(|span| span.base() < claim.span.base()) {
                self.free(out, scale, *span, &mut first);
            }
            self.claim(out, scale, claim, lane, &mut first);
        }
        for span in free {
            self.free(out, scale, *span, &mut first);
        }
        self.clashes(out, scale);
        *out += "</g>\n";
    }

    /// Draws RAM and the stretches that are not RAM.
    fn ground(&self, out: &mut String, scale: &Scale) {
        let (left, width) = (self.left, self.width);
        if scale.stretches.is_empty() {
            let _ = writeln!(
                out,
                "<text class=\"note\" x=\"{left}\" y=\"{}\">This tree does not describe memory.</text>",
                TOP + 20
            );
        }
        for stretch in &scale.stretches {
            let is_ram = ledger::coverage(&self.chart.ram, stretch.span) == Coverage::All;
            let class = if is_ram { "ram" } else { "hole" };
            let (y, height) = (TOP + stretch.top, stretch.height);
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
            );
            if stretch.is_hole {
                let what = if self.chart.ram.is_empty() { "not described" } else { "not RAM" };
                let _ = writeln!(
                    out,
                    "<text class=\"cut\" x=\"{}\" y=\"{}\">{what}: {}, left out</text>",
                    left + width / 2,
                    y + height / 2 + 4,
                    Size(stretch.span.len())
                );
            }
        }
    }

    fn claims_width(&self) -> u32 {
        let clash = if self.chart.collisions.is_empty() { 0 } else { CLASH };
        self.width - clash - 12
    }

    fn claim(&self, out: &mut String, scale: &Scale, claim: &Claim, lane: Lane, first: &mut bool) {
        let width = self.claims_width() / lane.of;
        let x = self.left + 6 + lane.index * width;
        let (top, height) = scale.place(claim.span);
        let (y, width) = (TOP + top, width.saturating_sub(3));
        let entry = &claim.entry;
        let badge = self.badge(claim);
        let mut detail = format!("{} {}", Size(claim.span.len()), entry.kind);
        for flag in &entry.flags {
            let _ = write!(detail, " {flag}");
        }
        let _ = writeln!(
            out,
            "<g class=\"claim k-{}\"{}>\n{}\
             <rect class=\"back\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\"/>\
             <rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\"/>\
             <rect class=\"strip\" x=\"{x}\" y=\"{y}\" width=\"{STRIP}\" height=\"{height}\" rx=\"3\"/>\
             <rect class=\"hatch\" x=\"{x}\" y=\"{y}\" width=\"{STRIP}\" height=\"{height}\" rx=\"3\"/>",
            legend::class(entry),
            self.focusable(first),
            self.data(claim, &badge),
        );
        let bar = if self.shared(out, scale, claim, x + width) { BAR } else { 0 };
        let wide = width.saturating_sub(STRIP + 14 + bar);
        let badge_room = badge.chars().count() as u32 + u32::from(!badge.is_empty());
        let room = text::room(wide).saturating_sub(badge_room);
        let (at, middle) = (x + STRIP + 8, y + height / 2);
        let name = text::fit(entry.name(), room);
        let line = if height >= TWO_LINES {
            let detail = text::fit(&detail, text::room(wide));
            let (below, detail) = (middle + 12, escape(&detail));
            let _ = writeln!(out, "<text class=\"detail\" x=\"{at}\" y=\"{below}\">{detail}</text>");
            middle - 3
        } else {
            let left = room.saturating_sub(name.chars().count() as u32 + 2);
            let detail = if left >= 6 { text::fit(&detail, left) } else { String::new() };
            let beside = at + (name.chars().count() as u32 + 2) * text::CHAR / 10;
            let (line, detail) = (middle + 4, escape(&detail));
            let _ = writeln!(out, "<text class=\"detail\" x=\"{beside}\" y=\"{line}\">{detail}</text>");
            line
        };
        let _ = writeln!(out, "<text class=\"name\" x=\"{at}\" y=\"{line}\">{}</text>", escape(&name));
        if !badge.is_empty() {
            let (end, badge) = (x + width - 6 - bar, escape(&badge));
            let _ = writeln!(out, "<text class=\"badge\" x=\"{end}\" y=\"{line}\">{badge}</text>");
        }
        *out += "</g>\n";
    }

    /// Returns what the page shows in full, and what screen readers say.
    fn data(&self, claim: &Claim, badge: &str) -> String {
        let entry = &claim.entry;
        let met = self.chart.meets(&entry.node).into_iter().map(short_name).collect::<Vec<_>>().join(", ");
        let flags = entry.flags.join(" ");
        let mut fields = vec![
            ("Name", entry.name().to_string()),
            ("Node", entry.node.clone()),
            ("Place", format!("{:#x}..{:#x}", claim.span.base(), claim.span.end())),
            ("Size", format!("{} ({} bytes)", Size(claim.span.len()), claim.span.len())),
            ("Kind", entry.kind.to_string()),
            ("Flags", if flags.is_empty() { "none".to_string() } else { flags }),
        ];
        if !met.is_empty() {
            fields.push(("Overlaps", met));
        }
        let changes =
            self.changes_of(claim).map(|change| format!("{}: {}", change.kind.as_str(), change.what));
        let changes = changes.collect::<Vec<_>>().join("; ");
        if !badge.is_empty() && !changes.is_empty() {
            fields.push(("Change", changes));
        }
        fields_of(self.title, &fields)
    }

    fn free(&self, out: &mut String, scale: &Scale, span: Span, first: &mut bool) {
        let (top, height) = scale.place(span);
        let (x, y) = (self.left + 6, TOP + top);
        let fields = [
            ("Name", "free memory".to_string()),
            ("Place", format!("{:#x}..{:#x}", span.base(), span.end())),
            ("Size", format!("{} ({} bytes)", Size(span.len()), span.len())),
        ];
        let _ = writeln!(
            out,
            "<g class=\"free\"{}>\n{}<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{}\" \
             height=\"{height}\" rx=\"3\"/>",
            self.focusable(first),
            fields_of(self.title, &fields),
            self.claims_width().saturating_sub(3),
        );
        if self.free_labels {
            let _ = writeln!(
                out,
                "<text class=\"gap\" x=\"{}\" y=\"{}\">free {}</text>",
                x + STRIP + 8,
                y + height / 2 + 4,
                Size(span.len())
            );
        }
        *out += "</g>\n";
    }

    fn focusable(&self, first: &mut bool) -> String {
        if !self.interactive {
            return String::new();
        }
        let tab = if std::mem::take(first) { 0 } else { -1 };
        format!(" role=\"option\" aria-selected=\"false\" tabindex=\"{tab}\" data-column=\"{}\"", self.index)
    }

    /// What two owners share, in a lane of its own beside them.
    fn clashes(&self, out: &mut String, scale: &Scale) {
        let (x, width) = (self.left + self.width - CLASH, CLASH - 6);
        for span in ledger::union(self.chart.collisions.iter().map(|collision| collision.span).collect()) {
            let (top, height) = scale.place(span);
            let (y, middle) = (TOP + top, TOP + top + height / 2);
            let _ = writeln!(
                out,
                "<g class=\"clash\"><title>shared: {span}</title>\
                 <rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>\
                 <rect class=\"plate\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"16\" rx=\"3\"/>\
                 <text x=\"{}\" y=\"{}\">overlap</text></g>",
                x + 18,
                middle - 8,
                width - 36,
                x + width / 2,
                middle + 4,
            );
        }
    }

    /// Returns the part of a claim that it shares, as a bar on its right edge. Tells whether there is any.
    fn shared(&self, out: &mut String, scale: &Scale, claim: &Claim, right: u32) -> bool {
        let own = |nodes: &[String; 2]| nodes.contains(&claim.entry.node);
        let shared = self.chart.collisions.iter().filter(|collision| own(&collision.nodes));
        let shared = ledger::union(shared.filter_map(|c| c.span.intersection(claim.span)).collect());
        for span in &shared {
            let (top, height) = scale.place(*span);
            let _ = writeln!(
                out,
                "<g class=\"clash\"><rect x=\"{}\" y=\"{}\" width=\"{BAR}\" height=\"{height}\"/></g>",
                right - BAR,
                TOP + top
            );
        }
        !shared.is_empty()
    }

    /// Returns the changes of a claim, as this map sees them.
    fn changes_of<'s>(&'s self, claim: &'s Claim) -> impl Iterator<Item = &'s Change> {
        self.changes.iter().filter(move |change| {
            let side = if self.index == 0 { &change.old } else { &change.new };
            side.as_ref().is_some_and(|entry| *entry == claim.entry)
        })
    }

    fn badge(&self, claim: &Claim) -> String {
        let mut words: Vec<&str> = Vec::new();
        for change in self.changes_of(claim) {
            match (self.index, change.kind) {
                (0, Kind::Removed) => words.push("goes"),
                (0, _) | (_, Kind::Removed) => {}
                (_, Kind::Added) => words.push("new"),
                (_, kind) => words.push(kind.as_str()),
            }
        }
        words.join(" ")
    }
}

/// Returns the fields as attributes and as the title that browsers show under the pointer.
fn fields_of(map: &str, fields: &[(&str, String)]) -> String {
    let rows: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {}", escape(value))).collect();
    format!("<title>{}&#10;Map: {map}</title>\n", rows.join("&#10;"))
}
