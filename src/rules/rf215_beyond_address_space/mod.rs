//! RF215: an address is beyond the physical address space.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;

pub(super) const DOC: Doc = Doc {
    id: RuleId(215),
    name: "beyond-address-space",
    title: "a region or a RAM bank is beyond the physical address space",
    why: r"
        Regions and RAM must end within 52 bits of physical address, which is what arm64 has at most in
        Linux. The memory that was meant by a higher address is elsewhere and is not protected: this is how
        a base and a size that are swapped, or are in the wrong cells, show.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// Bytes that the widest arm64 kernel can address (`CONFIG_ARM64_PA_BITS_52`).
const END: u64 = 1 << 52;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let regions = analysis.map.enabled();
    let regions = regions.flat_map(|region| region.spans().iter().map(move |&span| (region.node, span)));
    let banks = analysis.map.banks.iter().filter_map(|bank| Some((bank.node, bank.span?)));
    for (node, span) in regions.chain(banks).filter(|(_, span)| span.end() > END) {
        let node = analysis.tree.node(node);
        out.report(node, format_args!("{span} ends beyond 52 bits of address"))
            .at("reg")
            .node(span, node)
            .help("check the order of base and size, and the number of cells of each");
    }
}
