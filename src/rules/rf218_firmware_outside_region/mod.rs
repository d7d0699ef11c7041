//! RF218: a firmware file does not fit the region that it is loaded into.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::facts::{Firmware, Placement};
use crate::finding::RuleId;
use crate::policy::Key;
use crate::span::{Size, Span};
use crate::survey::{Extent, Region};

pub(super) const DOC: Doc = Doc {
    id: RuleId(218),
    name: "firmware-outside-region",
    title: "a firmware file does not fit its region",
    why: r"
        `check --firmware FILE=NODE` compares the segments of an ELF or MBN file, and what its resource table
        asks for, with the region that it is loaded into. A relocatable file must not be larger than the
        region. Any other is written to its own addresses: what is outside the region but in RAM overwrites
        memory that Linux uses, and a loader that checks the bounds refuses to start the processor
        (`qcom_mdt_load()`, `rproc_da_to_va()`).
    ",
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for firmware in &analysis.facts.firmware {
        let node = match &firmware.key {
            Key::Path(path) => analysis.tree.find(path),
            Key::Label(label) => analysis.tree.by_label(label),
        };
        match node.and_then(|node| analysis.map.region(node.id())) {
            Some(region) => compare(analysis, firmware, region, out),
            None => {
                let (name, key) = (firmware.name.as_str(), &firmware.key);
                out.report("/reserved-memory", format_args!("{key}, for {name}, is no region of this tree"))
                    .help("name a child of /reserved-memory, or a label of a tree compiled with `dtc -@`");
            }
        }
    }
}

fn compare(analysis: &Analysis<'_, '_>, firmware: &Firmware, region: &Region, out: &mut Sink) {
    let name = firmware.name.as_str();
    let (own, size) = match &region.extent {
        Extent::Static(spans) => (spans.first().copied(), spans.first().map_or(0, |span| span.len())),
        Extent::Dynamic(dynamic) => (None, dynamic.size),
        Extent::Nowhere | Extent::Malformed { .. } => (None, 0),
    };
    match &firmware.placement {
        Placement::Relocatable(len) if *len > size => {
            let (needed, room) = (Size(*len), Size(size));
            let report = out.report(region, format_args!("{name} needs {needed}, but the region has {room}"));
            report.at("reg").help(format_args!("make the region at least {needed} large"));
            if let Some(span) = own {
                report.region(span, region);
            }
        }
        Placement::Relocatable(_) => {}
        Placement::Fixed { pieces, is_bound } => {
            let is_at_risk = |span: Span| {
                let held =
                    analysis.map.enabled().any(|region| region.spans().iter().any(|own| own.covers(span)));
                let ram = &analysis.map.ram;
                !held && (ram.within(span).next().is_some() || own.is_some_and(|own| own.overlaps(span)))
            };
            let outside = |span: Span| !own.is_some_and(|own| own.covers(span));
            for (piece, span) in pieces {
                if outside(*span) && (*is_bound || is_at_risk(*span)) {
                    let report =
                        out.report(region, format_args!("{name}: {piece} is at {span}, outside the region"));
                    report.at("reg").help("link the firmware for the region, or make the region hold it");
                    if let Some(own) = own {
                        report.region(own, region);
                    }
                }
            }
        }
    }
}
