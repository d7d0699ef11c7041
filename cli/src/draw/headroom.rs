//! The room above each claim, as a table and as a document.

use ringfence::span::Size;
use serde::Serialize;

use crate::memmap::chart::{Chart, short_name};
use crate::memmap::headroom::{Limit, Room};
use crate::terminal::style::{BOLD, DIM, ERROR};
use crate::terminal::text::{self, columns, printable};

/// Returns one line for each claim, and one for each region that the kernel will place in addition.
#[must_use]
pub fn human(chart: &Chart, rooms: &[Room<'_>]) -> String {
    let names: Vec<String> = rooms.iter().map(|room| printable(room.claim.entry.name())).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut out = String::new();
    for (room, name) in rooms.iter().zip(&names) {
        let grow = match room.bytes {
            Some(0) => format!("{ERROR}{:>15}{ERROR:#}", "no room"),
            Some(bytes) => format!("{:>15}", format!("+ {}", Size(bytes))),
            None => format!("{:>15}", "room unknown"),
        };
        let until = match room.limit {
            Limit::Claim(node) => format!("then {}", short_name(node)),
            Limit::Overlap(node) => format!("already overlaps {}", short_name(node)),
            Limit::EndOfRam => "then the end of RAM".to_string(),
            Limit::NotRam => "not in RAM".to_string(),
            Limit::Unknown => "RAM unknown: give --ram".to_string(),
        };
        let place = columns(room.claim.span);
        out += &format!("{place}  {BOLD}{name:width$}{BOLD:#} {grow}  {}\n", printable(&until));
    }
    for entry in chart.off.iter().filter(|entry| entry.is_live() && entry.size > 0) {
        let name = printable(entry.name());
        out += &format!("{DIM}in addition, the kernel will place {name} ({}){DIM:#}\n", Size(entry.size));
    }
    out
}

#[derive(Serialize)]
struct Document<'c> {
    schema: u32,
    path: &'c str,
    headroom: Vec<RoomJson<'c>>,
}

/// A room in a document.
#[derive(Serialize)]
pub(crate) struct RoomJson<'c> {
    node: &'c str,
    kind: &'static str,
    base: String,
    end: String,
    room: Option<String>,
    limit: &'static str,
    limit_node: Option<&'c str>,
}

impl<'c> RoomJson<'c> {
    /// Returns the room as documents have it.
    pub(crate) fn of(room: &'c Room<'c>) -> Self {
        Self {
            node: &room.claim.entry.node,
            kind: room.claim.entry.kind,
            base: format!("{:#x}", room.claim.span.base()),
            end: format!("{:#x}", room.claim.span.end()),
            room: room.bytes.map(|bytes| format!("{bytes:#x}")),
            limit: room.limit.as_str(),
            limit_node: room.limit.node(),
        }
    }
}

/// Returns the rooms as one document.
#[must_use]
pub fn json(path: &str, rooms: &[Room<'_>]) -> String {
    text::json(&Document { schema: 1, path, headroom: rooms.iter().map(RoomJson::of).collect() })
}
