//! RF309: what a driver maps itself, or firmware owns, is `no-map`.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::fdt::Node;
use crate::finding::{RuleId, Severity};
use alloc::format;
use alloc::string::String;

pub(super) const DOC: Doc = Doc {
    id: RuleId(309),
    name: "missing-no-map",
    title: "a region whose driver maps it itself, or that firmware owns, is no-map",
    severity: Severity::Warning,
    why: "memremap() refuses RAM that Linux has mapped (\"memremap attempted on ram\"), and the driver does not probe; until then the CPU may read the memory speculatively, which a firmware fence answers with a reset.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Adds no-map: the memory is Linux' neither before nor after.",
    ..Doc::DEFAULT
};

/// Names that TF-A, OP-TEE and secure monitors give to the memory that they have taken.
const FIRMWARE: &[&str] = &["tf-a", "tfa", "atf", "secmon", "optee", "optee_core", "optee_shm"];

/// Compatibles whose drivers map the region themselves.
const NEED: &[&str] =
    &["qcom,cmd-db", "qcom,rmtfs-mem", "qcom,smem", "google,open-dice", "nvidia,tegra264-bpmp-shmem"];

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| !region.no_map) {
        let message: String = match need(analysis.tree.node(region.node)) {
            Some(Need::Driver(name)) => format!("`{name}` without `no-map`: its driver cannot map it"),
            Some(Need::Firmware) => "belongs to firmware, and Linux maps it".into(),
            None => continue,
        };
        let finding = OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message);
        out.push(finding.with_help("add `no-map`").with_no_map(region));
    }
}

/// Who needs a region unmapped.
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
