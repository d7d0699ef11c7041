//! RF309: a region needs `no-map` and has none.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::fdt::Node;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(309),
    name: "missing-no-map",
    title: "a region lacks the no-map that its driver or firmware needs",
    severity: Severity::Warning,
    why: r"
        A region that its driver maps itself, or that firmware owns, must be `no-map`. `memremap()` refuses
        RAM that Linux has mapped (`memremap attempted on ram`), and the driver does not probe. Until then
        the CPU may read the memory speculatively, which firmware's memory protection answers with a reset.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Adds `no-map`: Linux uses the memory neither before nor after.",
    ..Doc::DEFAULT
};

/// Names that TF-A, OP-TEE and secure monitors give to the memory that they own.
const FIRMWARE: &[&str] = &["tf-a", "tfa", "atf", "secmon", "optee", "optee_core", "optee_shm"];

/// Compatibles whose drivers map the region themselves.
const NEED: &[&str] =
    &["qcom,cmd-db", "qcom,rmtfs-mem", "qcom,smem", "google,open-dice", "nvidia,tegra264-bpmp-shmem"];

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| !region.no_map) {
        let report = match need(analysis.tree.node(region.node)) {
            Some(Need::Driver(name)) => {
                out.report(region, format_args!("`{name}` without `no-map`: its driver cannot map it"))
            }
            Some(Need::Firmware) => out.report(region, "belongs to firmware, but Linux maps it"),
            None => continue,
        };
        report.at("no-map").help("add `no-map`").repair_no_map(region);
    }
}

/// What needs a region unmapped.
enum Need<'a> {
    /// The driver of this `compatible`.
    Driver(&'a str),
    Firmware,
}

fn need<'a>(node: Node<'_, 'a>) -> Option<Need<'a>> {
    let compatible = node.prop("compatible");
    let driver = compatible.and_then(|compatible| compatible.strings().find(|name| NEED.contains(name)));
    let firmware = || FIRMWARE.iter().any(|name| node.has_base_name(name));
    driver.map(Need::Driver).or_else(|| firmware().then_some(Need::Firmware))
}
