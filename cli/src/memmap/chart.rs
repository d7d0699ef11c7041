//! One memory map, ready to be shown: what every picture, comparison and measurement of the tool starts from.

use ringfence::analysis::Analysis;
use ringfence::ledger;
use ringfence::span::Span;

use super::entries::{self, Entry};

/// Who has which memory according to one tree.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// Everything that the tree says, in the order in which tables show it.
    pub entries: Vec<Entry>,
    /// RAM as Linux sees it, ascending, touching banks joined; empty where the boot loader is to fill it in.
    pub ram: Vec<Span>,
    /// What has a place and is not RAM itself, by ascending base, the larger one first.
    pub claims: Vec<Claim>,
    /// What has no place on the map: regions that the kernel is to place, disabled or unreadable ones.
    pub off: Vec<Entry>,
    /// Free RAM, ascending.
    pub free: Vec<Span>,
    /// Bytes that two claims share and must not, by ascending base.
    pub collisions: Vec<Collision>,
}

/// One claim with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where.
    pub span: Span,
    /// Whose, and of what kind.
    pub entry: Entry,
}

/// Bytes that two claims share and must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// The bytes.
    pub span: Span,
    /// The two claimants, as [`Entry::node`] names them, the lower base first.
    pub nodes: [String; 2],
}

impl Chart {
    /// Charts what is known of one tree.
    #[must_use]
    pub fn of(analysis: &Analysis<'_, '_>) -> Self {
        let entries = entries::entries(analysis);
        let ram = entries.iter().filter(|entry| entry.kind == "ram").filter_map(|entry| entry.span);
        let (mut claims, mut off) = (Vec::new(), Vec::new());
        for entry in entries.iter().filter(|entry| entry.kind != "ram") {
            match entry.span.filter(|_| entry.is_live()) {
                Some(span) => claims.push(Claim { span, entry: entry.clone() }),
                None => off.push(entry.clone()),
            }
        }
        claims.sort_by_key(|claim| (claim.span.base(), std::cmp::Reverse(claim.span.end())));
        Self {
            ram: ledger::union(ram.collect()),
            free: analysis.free(),
            collisions: collisions(analysis),
            claims,
            off,
            entries,
        }
    }

    /// Returns the claims that `node` must not share a byte with and does, each once.
    #[must_use]
    pub fn meets(&self, node: &str) -> Vec<&str> {
        let other = self.collisions.iter().filter_map(|collision| match &collision.nodes {
            [a, b] if a == node => Some(b.as_str()),
            [a, b] if b == node => Some(a.as_str()),
            _ => None,
        });
        let mut met: Vec<&str> = other.collect();
        met.dedup();
        met
    }
}

impl Entry {
    /// Tells whether Linux looks at it at all.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.flags.contains(&"disabled")
    }

    /// Returns the node's name without the path; what is not in the tree has only a name.
    #[must_use]
    pub fn name(&self) -> &str {
        short_name(&self.node)
    }
}

/// Returns the last component of a path, such as `camera@84300000`; of what a property states, the property.
#[must_use]
pub fn short_name(node: &str) -> &str {
    let top = node.strip_prefix('/').filter(|rest| !rest.contains('/'));
    let property = top.and_then(|top| top.split_once(' '));
    let last = || node.rsplit('/').find(|part| !part.is_empty()).unwrap_or(node);
    property.map_or_else(last, |(_, property)| property)
}

fn collisions(analysis: &Analysis<'_, '_>) -> Vec<Collision> {
    let pairs = analysis.pairs().filter_map(|(low, high)| {
        let span = low.span.intersection(high.span)?;
        Some(Collision { span, nodes: [analysis.source(low.kind), analysis.source(high.kind)] })
    });
    let mut all: Vec<Collision> = pairs.collect();
    all.sort_by(|a, b| (a.span, &a.nodes).cmp(&(b.span, &b.nodes)));
    all
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ringfence::facts::BootFacts;
    use ringfence::fdt::{NewNode, build};
    use ringfence::pipeline::{self, Context};
    use ringfence::profile::KernelProfile;

    /// A region as `(name, base, size, properties without value)`.
    pub(crate) type Region<'r> = (&'r str, u32, u32, &'r [&'r str]);

    /// Returns a board with 1 GiB at 0x40000000 and these regions.
    pub(crate) fn board(regions: &[Region<'_>]) -> Vec<u8> {
        let memory = NewNode::new("memory@40000000")
            .prop_str("device_type", "memory")
            .prop_cells("reg", &[0x4000_0000, 0x4000_0000]);
        let mut reserved = NewNode::new("reserved-memory")
            .prop_u32("#address-cells", 1)
            .prop_u32("#size-cells", 1)
            .prop_empty("ranges");
        for &(name, base, size, flags) in regions {
            let mut region = NewNode::new(name).prop_cells("reg", &[base, size]);
            for flag in flags {
                region = region.prop_empty(flag);
            }
            reserved = reserved.child(region);
        }
        let root = NewNode::new("").prop_u32("#address-cells", 1).prop_u32("#size-cells", 1);
        build(&root.child(memory).child(reserved), 0, &[]).unwrap()
    }

    /// Returns the chart of a blob, without further facts.
    pub(crate) fn chart(blob: &[u8]) -> Chart {
        let (facts, profile) = (BootFacts::default(), KernelProfile::default());
        let context = Context { policy: None, profile: &profile, facts: &facts };
        Chart::of(pipeline::survey(blob, context).unwrap().analysis())
    }

    #[test]
    fn what_lies_over_each_other_is_named_from_both_sides() {
        let chart = chart(&board(&[
            ("a@50000000", 0x5000_0000, 0x20_0000, &["no-map"]),
            ("b@50100000", 0x5010_0000, 0x20_0000, &[]),
        ]));
        let shared = Span::from_ends(0x5010_0000, 0x5020_0000).unwrap();
        assert_eq!(chart.collisions.iter().map(|c| c.span).collect::<Vec<_>>(), [shared]);
        assert_eq!(chart.meets("/reserved-memory/a@50000000"), ["/reserved-memory/b@50100000"]);
        assert_eq!(chart.meets("/reserved-memory/b@50100000"), ["/reserved-memory/a@50000000"]);
        assert_eq!(chart.free.len(), 2);
    }

    #[test]
    fn what_the_kernel_does_not_look_at_is_off_the_map() {
        let mut disabled = NewNode::new("reserved-memory").prop_u32("#address-cells", 1);
        disabled = disabled.prop_u32("#size-cells", 1).prop_empty("ranges").child(
            NewNode::new("c@50000000")
                .prop_cells("reg", &[0x5000_0000, 0x1000])
                .prop_str("status", "disabled"),
        );
        let root = NewNode::new("").prop_u32("#address-cells", 1).prop_u32("#size-cells", 1);
        let chart = chart(&build(&root.child(disabled), 0, &[]).unwrap());
        assert!(chart.claims.is_empty() && chart.ram.is_empty());
        assert_eq!(chart.off.iter().map(Entry::name).collect::<Vec<_>>(), ["c@50000000"]);
    }

    #[test]
    fn names_are_the_last_component() {
        assert_eq!(short_name("/reserved-memory/a@1"), "a@1");
        assert_eq!(short_name("/memreserve/"), "memreserve");
        assert_eq!(short_name("kernel"), "kernel");
        assert_eq!(short_name("/chosen linux,elfcorehdr"), "linux,elfcorehdr");
        assert_eq!(short_name("/reserved-memory/a b@1"), "a b@1");
        assert_eq!(short_name("/"), "/");
    }
}
