//! A place for the log that outlives the stage.

use super::RepairKind;
use super::draft::{Draft, Request, RequestKind};
use super::place;
use crate::claims::Lifetime;
use crate::facts::Position;
use crate::ramoops;
use crate::span::Span;
use alloc::format;
use alloc::vec::Vec;

/// Place the log where the policy says, or at the highest place that is free now, below 4 GiB first. It comes before
/// the kernel and the pools, so that the same board gets the same address on every boot.
pub(super) fn place_log(draft: &mut Draft<'_, '_>) {
    let kind = RepairKind::PersistentLog;
    let Some(wanted) = draft.analysis.policy.and_then(|policy| policy.log) else { return };
    if !draft.wants(kind) {
        return;
    }
    let size = ramoops::len(&wanted);
    // The log is written while the stage still runs, and what an earlier boot left there must outlive the loader.
    let settled = draft.taken.clone();
    let facts = draft.analysis.facts;
    let boot = [facts.dtb, facts.kernel.map(|kernel| kernel.position), facts.initrd];
    let boot = boot.map(|position| position.and_then(Position::source));
    let transient = draft
        .analysis
        .claims()
        .iter()
        .filter(|claim| claim.kind.lifetime() == Lifetime::HandOff)
        .map(|claim| claim.span)
        .chain(draft.soft.iter().copied());
    for span in transient.chain(boot.into_iter().flatten()).collect::<Vec<_>>() {
        draft.take(span);
    }
    let found = match wanted.base {
        Some(base) => Span::new(base, size).filter(|&span| draft.is_free(span, false)),
        None => place::find(
            draft,
            &Request {
                what: RequestKind::Log,
                size,
                align: ramoops::ALIGN,
                windows: Vec::new(),
                prefer: Vec::new(),
                cma: false,
            },
        ),
    };
    draft.taken = settled;
    match found {
        Some(span) => {
            draft.take(span);
            draft.placed.push((RequestKind::Log, span));
            draft.repaired(
                kind,
                "/reserved-memory",
                format!("ramoops@{:x} keeps the log: {span}", span.base()),
            );
        }
        None => draft.stuck("log", "what the policy wants for it is not free RAM; name another base"),
    }
}
