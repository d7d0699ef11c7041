//! Draws device trees.

use super::{RAM, base, one_in, size, up_to};
use crate::generate::{Board, Child, Extent, Reserved, STRAY};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use ringfence::span::MIB;
use std::collections::BTreeSet;

/// Words of command lines, some of which kernels misread.
const WORDS: [&str; 9] =
    ["quiet", "console=ttyAMA0,115200 ", "\"a b\"", "--", "\"open", "mem=512M", "cma=64", "cma=", "cma"];

pub(super) fn board(bytes: &mut Unstructured<'_>) -> Result<Board> {
    let root = *bytes.choose(&[(2, 2), (2, 2), (2, 2), (2, 1), (1, 1), (1, 2)])?;
    let banks = banks(bytes)?;
    let reserved = if one_in(bytes, 16)? { None } else { Some(reserved(bytes)?) };
    let stray = match one_in(bytes, 8)? {
        true => Some((*bytes.choose(&STRAY)?, children(bytes, 3, "x")?)),
        false => None,
    };
    let mut memreserve = if one_in(bytes, 3)? { spans(bytes, 3)? } else { Vec::new() };
    // An entry of size 0 would end the list.
    memreserve.retain(|&(_, size)| size != 0);
    let bootargs = if one_in(bytes, 4)? { None } else { Some(bootargs(bytes)?) };
    let initrd = match one_in(bytes, 4)? {
        true => Some((base(bytes)?, up_to(bytes, 0x7f_ffff)? + 1)),
        false => None,
    };
    let symbols = !one_in(bytes, 4)?;
    Ok(Board { root, banks, reserved, stray, memreserve, bootargs, initrd, symbols })
}

fn banks(bytes: &mut Unstructured<'_>) -> Result<Vec<(u64, u64)>> {
    Ok(match up_to(bytes, 7)? {
        0..=3 => vec![(RAM, 0x4000_0000)],
        4 => vec![(RAM, 0xc000_0000), (0x1_0000_0000, 0x4000_0000)],
        5 => {
            let first = up_to(bytes, 63)? + 1;
            let gap = up_to(bytes, 15)?;
            vec![(RAM, first * MIB), (RAM + (first + gap) * MIB, (up_to(bytes, 511)? + 1) * MIB)]
        }
        6 => vec![(RAM, 0)],
        _ => vec![],
    })
}

fn reserved(bytes: &mut Unstructured<'_>) -> Result<Reserved> {
    let cells = match up_to(bytes, 15)? {
        0 => Some((up_to(bytes, 4)? as u32, up_to(bytes, 4)? as u32)),
        1 => Some((up_to(bytes, 1)? as u32 + 1, up_to(bytes, 1)? as u32 + 1)),
        _ => None,
    };
    let ranges = !one_in(bytes, 8)?;
    Ok(Reserved { cells, ranges, regions: children(bytes, 7, "")? })
}

fn children(bytes: &mut Unstructured<'_>, most: u64, prefix: &str) -> Result<Vec<Child>> {
    let mut children = Vec::new();
    // Siblings of one name cannot be written.
    let mut names = BTreeSet::new();
    for _ in 0..up_to(bytes, most)? {
        let child = child(bytes, prefix)?;
        if names.insert(child.name.clone()) {
            children.push(child);
        }
    }
    Ok(children)
}

fn child(bytes: &mut Unstructured<'_>, prefix: &str) -> Result<Child> {
    let extent = extent(bytes)?;
    let stem = *bytes.choose(&["dsp", "camera", "pool", "ramoops", "tz"])?;
    let base = match &extent {
        Extent::Reg(spans) | Extent::Foreign(spans) | Extent::Both(spans, _) => spans[0].0,
        _ => 0,
    };
    let name = match up_to(bytes, 7)? {
        0 => format!("{prefix}{stem}"),
        1 => format!("{prefix}{stem}@0x{base:x}"),
        2 => format!("{prefix}{stem}@{:x}", base + 0x1000),
        _ if base > 0 => format!("{prefix}{stem}@{base:x}"),
        _ => format!("{prefix}{stem}"),
    };
    let flags: &[&str] = *bytes.choose::<&[&str]>(&[
        &["no-map"],
        &["no-map"],
        &[],
        &["reusable"],
        &["reusable", "linux,cma-default"],
        &["no-map", "reusable"],
        &["no-mem"],
    ])?;
    let compatible =
        [None, Some("shared-dma-pool"), Some("restricted-dma-pool"), Some("ramoops"), Some("qcom,cmd-db")];
    Ok(Child {
        name,
        extent,
        flags: flags.to_vec(),
        compatible: *bytes.choose(&compatible)?,
        status: *bytes.choose(&[None, None, None, Some("okay"), Some("disabled")])?,
        user: if one_in(bytes, 4)? { None } else { Some(up_to(bytes, 7)? as usize) },
    })
}

fn extent(bytes: &mut Unstructured<'_>) -> Result<Extent> {
    Ok(match up_to(bytes, 15)? {
        0..=8 => Extent::Reg(spans(bytes, 1)?),
        9 => Extent::Reg(spans(bytes, 4)?),
        10 => Extent::Foreign(spans(bytes, 1)?),
        11 => Extent::Both(spans(bytes, 1)?, size(bytes)?),
        12 | 13 => Extent::Size {
            size: size(bytes)?,
            align: if one_in(bytes, 2)? { Some(align(bytes)?) } else { None },
            windows: if one_in(bytes, 3)? { spans(bytes, 2)? } else { Vec::new() },
        },
        14 => {
            let len = up_to(bytes, 40)? as usize;
            Extent::Bytes(bytes.bytes(len.min(bytes.len()))?.to_vec())
        }
        _ => Extent::Nothing,
    })
}

fn align(bytes: &mut Unstructured<'_>) -> Result<u64> {
    if one_in(bytes, 8)? { up_to(bytes, 0x3000) } else { Ok(1 << (12 + up_to(bytes, 14)?)) }
}

fn spans(bytes: &mut Unstructured<'_>, most: u64) -> Result<Vec<(u64, u64)>> {
    (0..up_to(bytes, most - 1)? + 1).map(|_| Ok((base(bytes)?, size(bytes)?))).collect()
}

fn bootargs(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut words = Vec::new();
    for _ in 0..up_to(bytes, 4)? {
        words.push(match up_to(bytes, 3)? {
            0 => format!("cma={}M", up_to(bytes, 127)?),
            1 => format!("cma={}M@{:#x}", up_to(bytes, 127)?, base(bytes)?),
            2 => {
                let (from, len) = (base(bytes)?, up_to(bytes, 127)? * MIB);
                format!("cma={}M@{from:#x}-{:#x}", up_to(bytes, 63)?, from + len)
            }
            _ => (*bytes.choose(&WORDS)?).to_string(),
        });
    }
    Ok(words.join(" "))
}
