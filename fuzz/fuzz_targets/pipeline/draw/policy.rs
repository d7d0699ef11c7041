//! Draws policies.

use super::{RAM, base, one_in, up_to};
use crate::generate::{Board, Extent};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use ringfence::policy::{
    Allow, Carveout, CmaWant, Key, Mode, PersistentLog, Policy, ProtectedRange, Requirement, Sentinel, Via,
};
use ringfence::span::{MIB, Span};

/// Draws a policy; none where what was drawn contradicts itself.
pub(super) fn policy(bytes: &mut Unstructured<'_>, board: &Board) -> Result<Option<Policy>> {
    let mode = *bytes.choose(&[Mode::Fix, Mode::Fix, Mode::Fix, Mode::Fix, Mode::Audit, Mode::Strict])?;
    let mut requirements = Vec::new();
    for _ in 0..up_to(bytes, 3)? {
        requirements.extend(requirement(bytes, board)?);
    }
    let cma = if one_in(bytes, 2)? { Some(cma(bytes)?) } else { None };
    let log = match one_in(bytes, 3)? {
        true => Some(PersistentLog { size: 0x1_0000 << up_to(bytes, 3)?, base: place(bytes)? }),
        false => None,
    };
    let sentinel = match one_in(bytes, 3)? {
        true => Some(Sentinel { base: place(bytes)?, ..Sentinel::default() }),
        false => None,
    };
    let guard = if one_in(bytes, 8)? { Some(4096) } else { None };
    let bits = up_to(bytes, 15)? ^ 15;
    let allow = Allow {
        shift: bits & 1 != 0,
        restore: bits & 2 != 0,
        drop_flags: bits & 4 != 0,
        enable: bits & 8 != 0,
    };
    let policy = Policy { mode, requirements, cma, log, sentinel, guard, allow, ..Policy::default() };
    Ok(Some(policy).filter(|policy| policy.validate().is_ok()))
}

fn place(bytes: &mut Unstructured<'_>) -> Result<Option<u64>> {
    Ok(if one_in(bytes, 3)? { Some(RAM + up_to(bytes, 127)? * 8 * MIB) } else { None })
}

fn cma(bytes: &mut Unstructured<'_>) -> Result<CmaWant> {
    Ok(CmaWant {
        size: (up_to(bytes, 31)? + 1) * 2 * MIB,
        align: if one_in(bytes, 2)? { Some(1 << (12 + up_to(bytes, 14)?)) } else { None },
        range: if one_in(bytes, 2)? { Span::from_ends(RAM, 0x1_0000_0000) } else { None },
        via: *bytes.choose(&[Via::Node, Via::Bootargs])?,
    })
}

/// Draws what a region of the tree, one that is not in it, or a range has to be.
fn requirement(bytes: &mut Unstructured<'_>, board: &Board) -> Result<Option<Requirement>> {
    let size = (up_to(bytes, 7)? + 1) * MIB;
    let at = base(bytes)?;
    let sort = up_to(bytes, 7)?;
    if sort == 0 {
        return Ok(ProtectedRange::new("secmon".into(), at, size).ok().map(Requirement::from));
    }
    let regions = board.reserved.as_ref().map_or(&[][..], |reserved| &reserved.regions);
    let (name, own) = match regions.is_empty() {
        true => ("fw@41000000".to_string(), RAM + 16 * MIB),
        false => {
            let child = bytes.choose(regions)?;
            let own = match &child.extent {
                Extent::Reg(spans) => spans[0].0,
                _ => RAM,
            };
            (child.name.clone(), own)
        }
    };
    let key = match sort {
        1 => Key::Label(format!("region{}", up_to(bytes, 7)?)),
        _ => Key::Path(format!("/reserved-memory/{name}")),
    };
    let base = match sort {
        2 => None,
        3 | 4 => Some(at),
        _ => Some(own),
    };
    Ok(Some(Carveout { key, base, size, no_map: one_in(bytes, 2)? }.into()))
}
