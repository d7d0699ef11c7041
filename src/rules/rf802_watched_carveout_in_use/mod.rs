//! RF802: a driver maps a carveout that the sentinel watches.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::policy::Watch;
use crate::sentinel;

pub(super) const DOC: Doc = Doc {
    id: RuleId(802),
    name: "watched-carveout-in-use",
    title: "a driver maps a carveout that the sentinel watches",
    severity: Severity::Warning,
    kernels: Kernels::None,
    why: r"
        `no-map` keeps a region out of the kernel's own map, not out of a driver's: remoteproc, for example,
        maps the region that its `memory-region` names, to load firmware there. When the sentinel watches
        such a region, the driver's own accesses fail, or end the board.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let wanted = analysis.policy.and_then(|policy| policy.sentinel.as_ref());
    let Some(Watch::Named(keys)) = wanted.map(|wanted| &wanted.carveouts) else { return };
    for key in keys {
        let named = sentinel::named(&analysis.tree, &analysis.map, key);
        let Some(region) = named.and_then(|index| analysis.map.region_at(index)) else { continue };
        if region.enabled && region.no_map && sentinel::is_claimed(&analysis.tree, region) {
            out.report(region, "the sentinel watches it, but a driver of Linux maps it")
                .help(format_args!("take `{key}` out of `carveouts` in [sentinel]"));
        }
    }
}
