//! How far each claim may grow upward before it meets something.

use super::chart::{Chart, Claim};

/// A claim and the room above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room<'c> {
    /// The claim.
    pub claim: &'c Claim,
    /// Bytes by which its end may rise; `None` where nothing is known to be in the way.
    pub bytes: Option<u64>,
    /// What is in the way then.
    pub limit: Limit<'c>,
}

/// What ends the room above a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit<'c> {
    /// The claim of this node.
    Claim(&'c str),
    /// It already shares memory with this node.
    Overlap(&'c str),
    /// The end of the RAM bank.
    EndOfRam,
    /// It is not in RAM.
    NotRam,
    /// Nothing above it is known, nor is the RAM.
    Unknown,
}

impl Limit<'_> {
    /// Names the kind of limit in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim(_) => "claim",
            Self::Overlap(_) => "overlap",
            Self::EndOfRam => "end-of-ram",
            Self::NotRam => "not-ram",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the node in the way, if one is.
    #[must_use]
    pub const fn node(&self) -> Option<&str> {
        match self {
            Self::Claim(node) | Self::Overlap(node) => Some(node),
            Self::EndOfRam | Self::NotRam | Self::Unknown => None,
        }
    }
}

/// Returns the room above every claim of `chart`, by ascending base.
#[must_use]
pub fn rooms(chart: &Chart) -> Vec<Room<'_>> {
    chart.claims.iter().map(|claim| room(chart, claim)).collect()
}

fn room<'c>(chart: &'c Chart, claim: &'c Claim) -> Room<'c> {
    let meets = chart.collisions.iter().filter(|collision| claim.span.covers(collision.span));
    let met = meets.into_iter().find_map(|collision| match &collision.nodes {
        [a, b] if *a == claim.entry.node => Some(b.as_str()),
        [a, b] if *b == claim.entry.node => Some(a.as_str()),
        _ => None,
    });
    if let Some(met) = met {
        return Room { claim, bytes: Some(0), limit: Limit::Overlap(met) };
    }
    let bank = chart.ram.iter().find(|bank| bank.covers(claim.span));
    if bank.is_none() && !chart.ram.is_empty() {
        return Room { claim, bytes: Some(0), limit: Limit::NotRam };
    }
    let above = chart.claims.partition_point(|other| other.span.base() < claim.span.end());
    let next = chart.claims.get(above).filter(|next| bank.is_none_or(|bank| bank.contains(next.span.base())));
    let (end, limit) = match (next, bank) {
        (Some(next), _) => (next.span.base(), Limit::Claim(next.entry.node.as_str())),
        (None, Some(bank)) => (bank.end(), Limit::EndOfRam),
        (None, None) => return Room { claim, bytes: None, limit: Limit::Unknown },
    };
    Room { claim, bytes: end.checked_sub(claim.span.end()), limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memmap::chart::tests::{Region, board, chart};

    fn room_of(regions: &[Region<'_>]) -> Vec<(Option<u64>, &'static str)> {
        let chart = chart(&board(regions));
        rooms(&chart).iter().map(|room| (room.bytes, room.limit.as_str())).collect()
    }

    #[test]
    fn room_ends_at_the_next_owner_or_with_the_ram() {
        assert_eq!(
            room_of(&[
                ("a@50000000", 0x5000_0000, 0x1000, &[]),
                ("b@50004000", 0x5000_4000, 0x1000, &["no-map"])
            ]),
            [(Some(0x3000), "claim"), (Some(0x8000_0000 - 0x5000_5000), "end-of-ram")]
        );
    }

    #[test]
    fn who_already_overlaps_has_none() {
        assert_eq!(
            room_of(&[
                ("a@50000000", 0x5000_0000, 0x2000, &[]),
                ("b@50001000", 0x5000_1000, 0x2000, &["no-map"])
            ]),
            [(Some(0), "overlap"), (Some(0), "overlap")]
        );
    }

    #[test]
    fn what_lies_outside_of_ram_or_across_its_end_has_none() {
        assert_eq!(
            room_of(&[("a@10000000", 0x1000_0000, 0x1000, &[]), ("b@7ffff000", 0x7fff_f000, 0x2000, &[])]),
            [(Some(0), "not-ram"), (Some(0), "not-ram")]
        );
    }
}
