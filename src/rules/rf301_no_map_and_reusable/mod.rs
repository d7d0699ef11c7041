//! RF301: a region is not both `no-map` and `reusable`.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(301),
    name: "no-map-and-reusable",
    title: "a region is not both no-map and reusable",
    severity: Severity::Error,
    why: "6.1 frees the whole region; 6.12 and 6.18 give it to the allocator without mapping it, and the first \
          task that gets a page of it oopses in clear_page; 7.2 and later keep it no-map and make no pool.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "With the policy's word (allow.drop-flags, or a required carveout with no-map), drops reusable: \
             protection wins.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| region.no_map && region.reusable) {
        let finding = OldReport::new(
            DOC.id,
            DOC.severity,
            region.path.as_str(),
            "has both `no-map` and `reusable`: 6.1 and 6.6 free it, 6.12 and 6.18 hand out pages of it that are not mapped",
        );
        out.push(
            region
                .spans()
                .iter()
                .take(4)
                .fold(finding, |f, &span| f.with_span(span, region.name.as_str()))
                .with_help("keep `no-map` when an owner beside Linux uses it, else keep `reusable`")
                .with_repair(RepairKind::DropFlags(region.node), "drop `reusable`"),
        );
    }
}
