//! RF901: the bundle's tree leaves open what the loader's tree reserves.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{Label, RuleId};
use crate::ledger;
use crate::merge::Protection;
use crate::span::Span;
use crate::survey::Region;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(901),
    name: "unprotected-by-bundle",
    title: "the bundle's tree leaves open what the loader's tree reserves",
    why: r"
        Where a bundle brings a tree, every static region and every `/memreserve/` entry of the loader's tree
        must be protected at least as strongly in the tree that is booted: no-map by no-map, anything else at
        least from use. What is missing is added before the tree is judged. What is left is a contradiction:
        the bundle's tree has a mapped region or a pool where the firmware of this board, which wrote the
        loader's tree, has memory of its own. Linux would map or use it.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    loader: include_str!("loader.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let reserved = analysis.facts.loader.iter().flat_map(|loader| &loader.reserved);
    let mut reserved = reserved.peekable();
    if reserved.peek().is_none() {
        return;
    }
    let protection = Protection::of(&analysis.map);
    for reservation in reserved {
        let span = reservation.span;
        let ram = &analysis.map.ram;
        let ram: Vec<Span> = if ram.is_known() { ram.within(span).collect() } else { alloc::vec![span] };
        let protected = ledger::meeting(protection.of_strength(reservation.no_map), span);
        let Some(&open) = ledger::subtract(&ram, protected).first() else { continue };
        let weaker = analysis.map.enabled().find(|region| is_over(region, open));
        let how = if reservation.no_map { "with no-map" } else { "from use" };
        let node = weaker.map_or("/reserved-memory", |region| &region.path);
        let report = out.report(
            node,
            format_args!(
                "leaves {open} open, which the loader's tree protects {how} as {}",
                reservation.name
            ),
        );
        report.span(open, Label::Unreserved).span(span, Label::Required).help(
            "move the region, or give it `no-map`; if the bundle is right, set `merge = \"none\"` in \
             `[tree]` of the policy",
        );
        if let Some(region) = weaker {
            report.region(open, region);
        }
    }
}

fn is_over(region: &Region, open: Span) -> bool {
    region.spans().iter().any(|span| span.overlaps(open))
}
