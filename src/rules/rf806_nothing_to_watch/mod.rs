//! RF806: the sentinel has nothing to watch, or not what the policy names.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::policy::Watch;
use crate::sentinel;

pub(super) const DOC: Doc = Doc {
    id: RuleId(806),
    name: "nothing-to-watch",
    title: "the sentinel cannot watch what the policy names",
    kernels: Kernels::None,
    why: r"
        Each of the `carveouts` in `[sentinel]` must be an enabled region with `no-map` and a fixed `reg`:
        what Linux maps cannot be taken out of its reach. By default the sentinel watches the carveouts that
        no driver maps; where there is none, it watches nothing, which is a warning.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(wanted) = analysis.policy.and_then(|policy| policy.sentinel.as_ref()) else { return };
    let map = &analysis.map;
    if let Watch::Named(keys) = &wanted.carveouts {
        for key in keys {
            let region = sentinel::named(&analysis.tree, map, key).and_then(|index| map.region_at(index));
            match region {
                None => {
                    out.report(
                        "/reserved-memory",
                        format_args!("the sentinel is to watch {key}, which is missing"),
                    )
                    .help("correct `carveouts` in [sentinel]");
                }
                Some(region) if !region.enabled || !region.no_map || region.spans().is_empty() => {
                    out.report(region, "the sentinel is to watch it, but Linux may map it or place it")
                        .at("no-map")
                        .help("give it `no-map` and a fixed `reg`, or correct `carveouts` in [sentinel]");
                }
                Some(_) => {}
            }
        }
    } else if sentinel::watched(&analysis.tree, map, wanted).is_empty() && map.reserved.is_some() {
        out.report("/reserved-memory", "no carveout is without a driver, so the sentinel watches nothing")
            .severity(Severity::Warning)
            .help("name the `carveouts` in [sentinel], or remove it");
    }
}
