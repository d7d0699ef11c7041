//! A place for the log that outlives the stage.

use super::space::{Request, Space};
use crate::claims::Lifetime;
use crate::facts::Position;
use crate::plan::RepairKind;
use crate::plan::layout::Layout;
use crate::ramoops;
use crate::span::Span;
use alloc::vec::Vec;

/// Places the log where the policy says, or at the highest place that is free now, below 4 GiB first.
pub(super) fn place(
    layout: &mut Layout<'_, '_, '_>,
    space: &mut Space<'_, '_, '_>,
    soft: &[Span],
) -> Option<Span> {
    let analysis = layout.analysis;
    let log = analysis.policy?.log.filter(|_| layout.wanted.has(RepairKind::PersistentLog))?;
    let size = ramoops::len(&log);
    // The log is written while the stage still runs, and what an earlier boot left there must outlive the
    // loader.
    let facts = analysis.facts;
    let boot = [facts.dtb, facts.kernel.map(|kernel| kernel.position), facts.initrd];
    let boot = boot.map(|position| position.and_then(Position::source));
    let gone_later = analysis.claims().iter().filter(|claim| claim.kind.lifetime() == Lifetime::HandOff);
    let mut now = space.clone();
    let boot = boot.into_iter().flatten().chain(soft.iter().copied());
    now.take_all(gone_later.map(|claim| claim.span).chain(boot));
    let found = match log.base {
        Some(base) => Span::new(base, size).filter(|&span| now.is_free(span, false)),
        None => now.find(&Request {
            size,
            align: ramoops::ALIGN,
            windows: Vec::new(),
            prefer: Vec::new(),
            pool: false,
        }),
    };
    match found {
        Some(span) => space.take(span),
        None => layout.fail("log", "what the policy wants for it is not free RAM; name another base"),
    }
    found
}
