//! The map as a document for programs.

use ringfence::span::Span;
use serde::Serialize;

use super::Picture;
use crate::memmap::chart::Chart;
use crate::memmap::entries::Entry;
use crate::terminal::text;

#[derive(Serialize)]
struct Document<'s> {
    schema: u32,
    inputs: [Input<'s>; 1],
}

#[derive(Serialize)]
struct Input<'s> {
    path: &'s str,
    #[serde(flatten)]
    map: Map<'s>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<After<'s>>,
}

#[derive(Serialize)]
struct After<'s> {
    repairs: &'s [String],
    #[serde(flatten)]
    map: Map<'s>,
}

#[derive(Serialize)]
struct Map<'s> {
    map: Vec<Claim<'s>>,
    collisions: Vec<Collision<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free: Option<Vec<Place>>,
}

#[derive(Serialize)]
struct Claim<'s> {
    base: Option<String>,
    end: Option<String>,
    size: String,
    kind: &'s str,
    node: &'s str,
    flags: &'s [&'static str],
}

#[derive(Serialize)]
struct Collision<'s> {
    #[serde(flatten)]
    place: Place,
    nodes: &'s [String; 2],
}

#[derive(Serialize)]
struct Place {
    base: String,
    end: String,
}

/// Returns the maps as one document.
#[must_use]
pub fn json(shown: &Picture<'_>) -> String {
    let map = |chart| map(chart, shown.with_free);
    let fixed = shown.fixed.map(|fixed| After { repairs: &fixed.repairs, map: map(&fixed.chart) });
    let document =
        Document { schema: 1, inputs: [Input { path: shown.path, map: map(shown.before), fixed }] };
    text::json(&document)
}

fn map(chart: &Chart, with_free: bool) -> Map<'_> {
    Map {
        map: chart.entries.iter().map(claim).collect(),
        collisions: chart
            .collisions
            .iter()
            .map(|collision| Collision { place: place(collision.span), nodes: &collision.nodes })
            .collect(),
        free: with_free.then(|| chart.free.iter().copied().map(place).collect()),
    }
}

fn claim(entry: &Entry) -> Claim<'_> {
    let hex = |address: u64| format!("{address:#x}");
    Claim {
        base: entry.span.map(|span| hex(span.base())),
        end: entry.span.map(|span| hex(span.end())),
        size: hex(entry.size),
        kind: entry.kind,
        node: &entry.node,
        flags: &entry.flags,
    }
}

fn place(span: Span) -> Place {
    Place { base: format!("{:#x}", span.base()), end: format!("{:#x}", span.end()) }
}
