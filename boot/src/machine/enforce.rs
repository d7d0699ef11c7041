//! Runs the core's pipeline on this boot, logs what it found and did, and probes what it protects.

use super::{asm, fault, power};
use ringfence::announce::announce;
use ringfence::facts::{BootFacts, Detail, LoaderFacts, Position};
use ringfence::fdt::Tree;
use ringfence::finding::Severity;
use ringfence::ledger;
use ringfence::payload::Payload;
use ringfence::pipeline::{self, Context};
use ringfence::policy::OnError;
use ringfence::prove::{Proven, Refusal};
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use ringfence_boot::layout::Layout;
use ringfence_boot::paging::PAGE;

/// A tree with its survey.
pub(super) struct Surveyed<'a> {
    pub tree: Tree<'a>,
    pub survey: MemoryMap,
    /// What the loader's tree states, where this is another.
    pub loader: Option<LoaderFacts>,
}

/// Judges, repairs and proves the device tree of this boot, whose blob is at `at`, or refuses it.
pub(super) fn enforce(layout: &Layout, at: Span, surveyed: Surveyed<'_>, payload: &Payload<'_>) -> Proven {
    let Surveyed { tree, survey, loader } = surveyed;
    let on_error = payload.policy.as_ref().map(|policy| policy.on_error);
    // Whatever has loaded the stage is gone: its turn comes with the next boot.
    if let Some(OnError::Reset | OnError::BootManager) = on_error {
        power::on_refusal(power::Action::Reset);
    }
    let dtb = Some(Position::Movable(at));
    let stage = layout.image();
    let mut facts = BootFacts { stage, dtb, loader, detail: Detail::Console, ..BootFacts::default() };
    payload.enter(&mut facts);
    let judged_for = payload.profile();
    console!("kernel: {judged_for}");
    let profile = judged_for.profile;
    let context = Context { policy: payload.policy.as_ref(), profile: &profile, facts: &facts };
    let judged = pipeline::Surveyed::with_map(tree, survey, context).judge();
    for finding in judged.findings() {
        console!("{finding}");
    }
    let applied = judged.plan().apply().unwrap_or_else(|why| refuse_proof(&why));
    let planned = applied.planned();
    for repair in &planned.plan().repairs {
        console!("repair: {repair}");
    }
    defmt::info!(
        "{=usize} findings, {=usize} repairs",
        planned.judged().findings().len(),
        planned.plan().repairs.len()
    );
    let proven = applied.prove().unwrap_or_else(|why| refuse_proof(&why));
    announce(proven.map(), &mut |line| console!("{line}"));
    let left = proven.findings().iter().filter(|finding| finding.severity == Severity::Error).count();
    if left > 0 {
        console!("going on with {left} errors left: the policy says on-error = \"continue\"");
    }
    proven
}

/// Refuses with the rule that is broken, if it is one, and what to do.
fn refuse_proof(why: &Refusal) -> ! {
    if let Refusal::Findings(findings) = why
        && let Some(finding) = findings.first()
    {
        halt!("{finding}; {}", finding.help);
    }
    halt!("{why}; run `ringfence check` on this device tree for the whole story")
}

/// Most RAM banks that are read; each costs two accesses.
const MAX_BANKS: usize = 64;

/// Reads the first and the last byte of every RAM bank that is mapped and has no owner, also where banks
/// touch: RAM that answers with an abort is refused before Linux meets it. An alias, or a bus that answers 0,
/// is not found.
pub(super) fn read_banks(proven: &Proven, ram: &[Span]) {
    let claimed =
        ledger::union(proven.claims().all().iter().filter_map(|claim| claim.span.outward(PAGE)).collect());
    let banks = proven.map().banks.iter().filter_map(|bank| bank.span).take(MAX_BANKS);
    let mapped =
        |bank: Span| ledger::meeting(ram, bank).iter().filter_map(move |part| part.intersection(bank));
    for bank in banks.flat_map(mapped).filter_map(|bank| bank.inward(PAGE)) {
        let free = ledger::subtract(&[bank], ledger::meeting(&claimed, bank));
        let ends = free.first().zip(free.last()).map(|(first, last)| [first.base(), last.last()]);
        for address in ends.into_iter().flatten() {
            fault::begin("reading the end of a RAM bank", address);
            if let Err((esr, _)) = asm::probe(address) {
                halt!(
                    "ram: {bank} does not answer at {address:#x} ({esr}): the board has less RAM than the \
                     device tree says; correct /memory"
                );
            }
        }
    }
}

/// Probes the first and the last byte of every carveout but the one that the stage itself still fills: each
/// must fault, or the boot is refused.
pub(super) fn probe(proven: &Proven, own: Option<Span>) {
    fault::know_carveouts(proven.carveouts().map(|(span, name)| (span, name.into())).collect());
    for (span, name) in proven.carveouts().filter(|(span, _)| Some(*span) != own) {
        for address in [span.base(), span.last()] {
            fault::begin("the probe of a carveout", address);
            match asm::probe(address) {
                Err((esr, far)) if esr.is_unmapped_read() && far == address => {
                    console!("probe: {name} {address:#x} faulted (ESR {:#x})", esr.reason());
                    defmt::info!("probe {=u64:#x} faulted, ESR {=u64:#x}", address, esr.0);
                }
                Err((esr, far)) => halt!(
                    "probe: {name} {address:#x} met another fault, at {far:#x} ({esr}); this is a defect of \
                     the stage, please report it"
                ),
                Ok(()) => halt!(
                    "probe: {name} {address:#x} can be read; this is a defect of the stage, please report it"
                ),
            }
        }
    }
}
