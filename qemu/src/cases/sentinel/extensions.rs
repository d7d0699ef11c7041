//! A processor with all extensions that QEMU has: SVE, SME, PAuth, MTE and what came with them.

use super::{Case, OTHER_CAMERA, accesses, alive, four, touched};
use crate::job::Parts;
use crate::setup::Series;
use crate::test_bed::TestBed;
use anyhow::{Result, ensure};
use std::time::Duration;

/// Signing pointers by an algorithm of QEMU's own is many times faster, and the same to software.
const ALL: [&str; 4] = ["-cpu", "max,pauth-impdef=on", "-machine", "mte=on"];

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("sentinel-all-extensions", all)]
}

/// Linux finds each of them, and the sentinel answers as ever.
fn all(bed: &TestBed, name: &str) -> Result<String> {
    let words = format!("ringfence.touch-on-all={OTHER_CAMERA}");
    let kernel = Series::V7.image(&bed.ws);
    let parts = Parts { kernel, initrd: Some(bed.initrd()?), ..Parts::default() };
    let mut board = four(bed, name, parts, super::ON_CONSOLE, &words)?;
    board.more.extend(ALL.map(String::from));
    let transcript = bed.boot(name, &board, Duration::from_secs(240))?;
    alive(&transcript)?;
    for found in ["Scalable Vector Extension", "Scalable Matrix Extension", "Memory Tagging Extension"] {
        let line = format!("detected: {found}");
        ensure!(transcript.lines.iter().any(|seen| seen.contains(&line)), "no line with `{line}`");
    }
    let touched = touched(&transcript, "touch-on-all");
    ensure!(
        touched.len() == 4 && touched.iter().all(|line| line.ends_with("no value, status 135")),
        "{touched:#?}"
    );
    ensure!(accesses(&transcript).count() == 4, "not every access is reported");
    Ok("Linux has SVE, SME and MTE, and 4 accesses fail".into())
}
