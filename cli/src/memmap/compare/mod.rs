//! Compares two trees as memory maps, not as text: what grew, shrank, moved, was removed or added, changed
//! its flags, or collides.

mod pairing;

pub use pairing::Labels;

use clap::ValueEnum;
use ringfence::span::{Size, Span};

use crate::memmap::chart::{Chart, short_name};
use crate::memmap::entries::Entry;

/// What happened to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// It takes more memory
    #[value(name = "grow")]
    Grew,
    /// It takes less memory
    #[value(name = "shrink")]
    Shrank,
    /// It begins at another address
    #[value(name = "move")]
    Moved,
    /// It is gone, or disabled
    #[value(name = "remove")]
    Removed,
    /// It is new
    #[value(name = "add")]
    Added,
    /// no-map, reusable, linux,cma-default or its kind changed
    Flags,
    /// It shares memory with something that it did not share memory with before
    #[value(name = "collide")]
    Collides,
}

impl Kind {
    /// All kinds, in the order in which they are counted.
    pub const ALL: [Self; 7] =
        [Self::Grew, Self::Shrank, Self::Moved, Self::Removed, Self::Added, Self::Flags, Self::Collides];

    /// Returns the word for people and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grew => "grew",
            Self::Shrank => "shrank",
            Self::Moved => "moved",
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Flags => "flags",
            Self::Collides => "collides",
        }
    }
}

/// One change of one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: Kind,
    /// The claim as the old tree has it.
    pub old: Option<Entry>,
    /// The claim as the new tree has it.
    pub new: Option<Entry>,
    /// The same in words.
    pub what: String,
}

impl Change {
    /// Returns the path of the node: the new one where there is one.
    #[must_use]
    pub fn node(&self) -> &str {
        self.new.as_ref().or(self.old.as_ref()).map_or("", |entry| entry.node.as_str())
    }

    /// Returns the old path, where it is another one.
    #[must_use]
    pub fn renamed_from(&self) -> Option<&str> {
        let (old, new) = (self.old.as_ref()?, self.new.as_ref()?);
        (old.node != new.node).then_some(old.node.as_str())
    }
}

/// Returns the changes between two charts. The order is that of the new map, then what is gone, then
/// collisions; a claim can change in several ways.
#[must_use]
pub fn changes(old: &Chart, new: &Chart, labels: &Labels) -> Vec<Change> {
    let pairs = pairing::pair(&old.entries, &new.entries, labels);
    let mut out = Vec::new();
    for (was, now) in &pairs {
        match (was, now) {
            (Some(was), Some(now)) => changed(was, now, &mut out),
            (None, Some(now)) => {
                out.push(Change { kind: Kind::Added, old: None, new: Some((*now).clone()), what: place(now) })
            }
            (Some(was), None) => {
                let disabled = new.entries.iter().any(|entry| entry.node == was.node && !entry.is_live());
                let why = if disabled { "; the node is disabled now" } else { "" };
                out.push(Change {
                    kind: Kind::Removed,
                    old: Some((*was).clone()),
                    new: None,
                    what: format!("{}{why}", place(was)),
                });
            }
            (None, None) => {}
        }
    }
    collisions(old, new, &pairs, &mut out);
    out
}

/// Returns the claims of both maps side by side, old and new; one side is missing for what is gone or new.
#[must_use]
pub fn pairs<'c>(
    old: &'c Chart,
    new: &'c Chart,
    labels: &Labels,
) -> Vec<(Option<&'c Entry>, Option<&'c Entry>)> {
    pairing::pair(&old.entries, &new.entries, labels)
}

fn changed(was: &Entry, now: &Entry, out: &mut Vec<Change>) {
    let mut push =
        |kind, what| out.push(Change { kind, old: Some(was.clone()), new: Some(now.clone()), what });
    if was.size != now.size {
        let (kind, sign, by) = match now.size > was.size {
            true => (Kind::Grew, "+", now.size - was.size),
            false => (Kind::Shrank, "-", was.size - now.size),
        };
        push(
            kind,
            format!("{} to {} ({sign}{}), now {}", Size(was.size), Size(now.size), Size(by), place(now)),
        );
    }
    match (was.span, now.span) {
        (Some(from), Some(to)) if from.base() != to.base() => {
            let (sign, by) = match to.base() > from.base() {
                true => ("+", to.base() - from.base()),
                false => ("-", from.base() - to.base()),
            };
            push(Kind::Moved, format!("{:#x} to {:#x} ({sign}{})", from.base(), to.base(), Size(by)));
        }
        (None, Some(to)) => push(Kind::Moved, format!("placed by the kernel before, now fixed at {to}")),
        (Some(from), None) => push(Kind::Moved, format!("{from} before, now placed by the kernel")),
        _ => {}
    }
    let words = flag_changes(was, now);
    if !words.is_empty() {
        push(Kind::Flags, words.join(", "));
    }
}

/// Returns what was gained with `+` and what was lost with `-`. `dynamic` is not among them: that is a move.
fn flag_changes(was: &Entry, now: &Entry) -> Vec<String> {
    let without = |a: &Entry, b: &Entry, sign: &str| -> Vec<String> {
        let lost = a.flags.iter().filter(|flag| **flag != "dynamic" && !b.flags.contains(flag));
        lost.map(|flag| format!("{sign}{flag}")).collect()
    };
    let mut words = without(was, now, "-");
    words.extend(without(now, was, "+"));
    if was.kind != now.kind {
        words.push(format!("{} before, now {}", was.kind, now.kind));
    }
    words
}

fn place(entry: &Entry) -> String {
    match entry.span {
        Some(span) => format!("{span} {}", entry.kind),
        None => format!("{} {}, placed by the kernel", Size(entry.size), entry.kind),
    }
}

/// Collisions of the new map that the old one did not have, whatever the claimants were called there.
fn collisions(old: &Chart, new: &Chart, pairs: &[pairing::Pair<'_>], out: &mut Vec<Change>) {
    let former = |node: &str| {
        let pair = pairs.iter().find(|(_, now)| now.is_some_and(|now| now.node == node));
        pair.and_then(|(was, _)| was.map(|was| was.node.as_str()))
    };
    for collision in &new.collisions {
        let [low, high] = &collision.nodes;
        let stood = match (former(low), former(high)) {
            (Some(a), Some(b)) => old.collisions.iter().any(|c| c.nodes == [a, b] || c.nodes == [b, a]),
            _ => false,
        };
        if !stood {
            let over = |span: Span| {
                new.entries.iter().find(|e| &e.node == low && e.span.is_some_and(|s| s.overlaps(span)))
            };
            out.push(Change {
                kind: Kind::Collides,
                old: None,
                new: over(collision.span).cloned(),
                what: format!("with {} over {}", short_name(high), collision.span),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memmap::chart::tests::{Region, board, chart};

    fn said(old: &[Region<'_>], new: &[Region<'_>]) -> Vec<String> {
        let (old, new) = (chart(&board(old)), chart(&board(new)));
        let changes = changes(&old, &new, &Labels::default());
        changes.iter().map(|c| format!("{} {}: {}", short_name(c.node()), c.kind.as_str(), c.what)).collect()
    }

    #[test]
    fn a_region_that_grew_into_its_neighbour_is_both() {
        let old: [Region<'_>; 2] = [
            ("camera@50000000", 0x5000_0000, 0x10_0000, &["no-map"]),
            ("modem@50100000", 0x5010_0000, 0x10_0000, &["no-map"]),
        ];
        let mut new = old;
        new[0].2 = 0x18_0000;
        assert_eq!(
            said(&old, &new),
            [
                "camera@50000000 grew: 1 MiB to 1536 KiB (+512 KiB), now 0x50000000..0x50180000 (1536 KiB) \
                 carveout",
                "camera@50000000 collides: with modem@50100000 over 0x50100000..0x50180000 (512 KiB)",
            ]
        );
        assert_eq!(said(&new, &new), [""; 0], "an old collision is not a change");
        assert!(said(&new, &old)[0].starts_with("camera@50000000 shrank: 1536 KiB to 1 MiB (-512 KiB)"));
    }

    #[test]
    fn a_region_that_moved_is_known_by_its_base_name() {
        let old: [Region<'_>; 1] = [("camera@50000000", 0x5000_0000, 0x10_0000, &["no-map"])];
        let new: [Region<'_>; 1] = [("camera@50200000", 0x5020_0000, 0x10_0000, &["no-map"])];
        assert_eq!(said(&old, &new), ["camera@50200000 moved: 0x50000000 to 0x50200000 (+2 MiB)"]);
    }

    #[test]
    fn a_lost_no_map_is_a_change_of_flags_and_of_kind() {
        let old: [Region<'_>; 1] = [("camera@50000000", 0x5000_0000, 0x10_0000, &["no-map"])];
        let new: [Region<'_>; 1] = [("camera@50000000", 0x5000_0000, 0x10_0000, &["reusable"])];
        assert_eq!(
            said(&old, &new),
            ["camera@50000000 flags: -no-map, +reusable, carveout before, now reserved"]
        );
    }

    #[test]
    fn what_came_and_what_went_is_told_with_its_place() {
        let old: [Region<'_>; 1] = [("camera@50000000", 0x5000_0000, 0x10_0000, &["no-map"])];
        let new: [Region<'_>; 1] = [("npu@60000000", 0x6000_0000, 0x10_0000, &[])];
        assert_eq!(
            said(&old, &new),
            [
                "npu@60000000 added: 0x60000000..0x60100000 (1 MiB) reserved",
                "camera@50000000 removed: 0x50000000..0x50100000 (1 MiB) carveout",
            ]
        );
    }
}
