//! RF306: a dynamic region can be placed.

use super::{Doc, Scene, Sink};
use crate::finding::{Finding, RuleId, Severity};
use crate::span::{Size, Span};
use crate::survey::Extent;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(306),
    title: "a dynamic region fits its alloc-ranges, and its alignment is a power of two",
    severity: Severity::Error,
    why: "The kernel prints \"failed to allocate memory for node\" and boots without the region: its driver \
          fails, or takes other memory. An alignment that is no power of two is used as a bit mask.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tpool { size = <0x0 0x20000000>; alloc-ranges = <0x0 0x60000000 0x0 0x10000000>; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tpool { size = <0x0 0x8000000>; alloc-ranges = <0x0 0x60000000 0x0 0x10000000>; };
\t};
};",
    policy: "",
    repair: "",
};

pub(super) fn check(scene: &Scene<'_, '_>, out: &mut Sink) {
    for region in scene.map.live() {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        if let Some(align) = dynamic.align.filter(|align| !align.is_power_of_two()) {
            out.push(
                Finding::new(
                    DOC.id,
                    DOC.severity,
                    region.path.as_str(),
                    format!("alignment {align:#x} is no power of two: the kernel uses it as a bit mask"),
                )
                .with_help(format!("write {:#x}", align.checked_next_power_of_two().unwrap_or(1 << 63))),
            );
        }
        let room = room(scene, &dynamic.windows);
        if let Some(room) = room.filter(|&room| room < dynamic.size) {
            out.push(
                Finding::new(
                    DOC.id,
                    DOC.severity,
                    region.path.as_str(),
                    format!("wants {} but its alloc-ranges hold at most {} of RAM", Size(dynamic.size), Size(room)),
                )
                .with_help("widen alloc-ranges or ask for less"),
            );
        }
    }
}

/// The longest stretch of RAM in any one window, in bytes; `None` when RAM is unknown.
fn room(scene: &Scene<'_, '_>, windows: &[Span]) -> Option<u64> {
    if !scene.map.ram.is_known() {
        return None;
    }
    let ram = scene.map.ram.spans();
    let longest = |window: Option<Span>| {
        ram.iter()
            .filter_map(|bank| window.map_or(Some(*bank), |w| w.intersection(*bank)))
            .map(Span::len)
            .max()
            .unwrap_or(0)
    };
    match windows {
        [] => Some(longest(None)),
        _ => windows.iter().map(|&window| longest(Some(window))).max(),
    }
}
