//! Places for what the stage writes while it still runs: the log that outlives it, and the sentinel.

use super::space::{Request, Space};
use crate::claims::Lifetime;
use crate::facts::Position;
use crate::plan::RepairKind;
use crate::plan::layout::Layout;
use crate::ramoops;
use crate::sentinel;
use crate::span::Span;
use alloc::vec::Vec;

/// Places the log where the policy says, or at the highest place that is free now, below 4 GiB first.
pub(super) fn place_log(
    layout: &mut Layout<'_, '_, '_>,
    space: &mut Space<'_, '_, '_>,
    soft: &[Span],
) -> Option<Span> {
    let log = layout.analysis.policy?.log.filter(|_| layout.wanted.has(RepairKind::PersistentLog))?;
    place(layout, space, soft, "log", log.base, Area { size: ramoops::len(&log), align: ramoops::ALIGN })
}

/// Places the sentinel in the same way.
pub(super) fn place_sentinel(
    layout: &mut Layout<'_, '_, '_>,
    space: &mut Space<'_, '_, '_>,
    soft: &[Span],
) -> Option<Span> {
    let policy = layout.analysis.policy?.sentinel.as_ref();
    let base = policy.filter(|_| layout.wanted.has(RepairKind::PlaceSentinel))?.base;
    place(layout, space, soft, "sentinel", base, Area { size: sentinel::SIZE, align: sentinel::ALIGN })
}

/// Bytes of an area, and what its base is a multiple of.
struct Area {
    size: u64,
    align: u64,
}

fn place(
    layout: &mut Layout<'_, '_, '_>,
    space: &mut Space<'_, '_, '_>,
    soft: &[Span],
    name: &str,
    base: Option<u64>,
    Area { size, align }: Area,
) -> Option<Span> {
    // It is written while the stage still runs, and what an earlier boot left there must outlive the loader.
    let analysis = layout.analysis;
    let facts = analysis.facts;
    let boot = [facts.dtb, facts.kernel.map(|kernel| kernel.position), facts.initrd];
    let boot = boot.map(|position| position.and_then(Position::source));
    let gone_later = analysis.claims().iter().filter(|claim| claim.kind.lifetime() == Lifetime::HandOff);
    let mut now = space.clone();
    let boot = boot.into_iter().flatten().chain(soft.iter().copied());
    now.take_all(gone_later.map(|claim| claim.span).chain(boot));
    let found = match base {
        Some(base) => Span::new(base, size).filter(|&span| now.is_free(span, false)),
        None => now.find(&Request {
            size,
            align,
            windows: Vec::new(),
            prefer: Vec::new(),
            fallback: None,
            pool: false,
        }),
    };
    match found {
        Some(span) => space.take(span),
        None => layout.fail(name, "what the policy wants for it is not free RAM; name another base"),
    }
    found
}
