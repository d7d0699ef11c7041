//! Compares findings, repairs and predictions of every scenario with one file each in `scenarios/`.
//! `RINGFENCE_BLESS=1` rewrites them.

mod tools;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::pipeline::{Context, survey};
use ringfence::policy::Policy;
use ringfence::predict::{DefaultCma, predict};
use ringfence::profile::KernelProfile;
use ringfence::span::Span;

use ringfence_cli::project::policy_file;

use tools::have_dtc;

/// What the board of the Qualcomm document requires, with leave for every repair.
const POLICY: &str = include_str!("../../qemu/scenarios/board.toml");

fn sources() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../qemu/scenarios");
    let of = |kind: &str| std::fs::read_dir(dir.join(kind)).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> =
        ["good", "broken", "extra", "more"].iter().flat_map(|kind| of(kind)).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "dts"));
    all.sort();
    all
}

fn compile(dts: &Path) -> Vec<u8> {
    let include = dts.parent().unwrap().parent().unwrap();
    let output = Command::new("dtc")
        .args(["-q", "-q", "-f", "-I", "dts", "-O", "dtb", "-i"])
        .arg(include)
        .arg(dts)
        .output()
        .unwrap();
    assert!(!output.stdout.is_empty(), "{}", dts.display());
    output.stdout
}

/// Returns where QEMU put things when the scenarios were booted directly.
fn direct_boot() -> BootFacts {
    let placed = |base, end| Some(Position::Fixed(Span::from_ends(base, end).unwrap()));
    let at = Span::from_ends(0x4020_0000, 0x4244_0000).unwrap();
    BootFacts {
        kernel: Some(Kernel { position: Position::Fixed(at), text_offset: 0, image_size: at.len() }),
        initrd: placed(0x4800_0000, 0x480f_1800),
        dtb: placed(0x4820_0000, 0x4820_8800),
        ..BootFacts::default()
    }
}

/// Returns the scenario as text: findings at rest, the same at boot where they differ, what a repair does,
/// and how three kernels use the tree as it is.
fn told(dtb: &[u8]) -> String {
    let mut out = String::new();
    let profile = KernelProfile::default();
    let at_rest = BootFacts::default();
    let context = Context { policy: None, profile: &profile, facts: &at_rest };
    let judged = survey(dtb, context).unwrap().judge();
    out += "findings\n";
    for finding in judged.findings() {
        writeln!(out, "  {finding}").unwrap();
    }
    let policy: Policy = policy_file::parse("scenarios", POLICY).unwrap();
    let context = Context { policy: Some(&policy), profile: &profile, facts: &at_rest };
    match survey(dtb, context).unwrap().judge().plan().apply().and_then(|applied| applied.prove()) {
        Ok(proven) => {
            out += "repairs under the board's policy\n";
            for repair in proven.repairs() {
                writeln!(out, "  {repair}").unwrap();
            }
        }
        Err(refusal) => writeln!(out, "refused under the board's policy\n  {refusal}").unwrap(),
    }
    let facts = direct_boot();
    for name in ["6.1", "6.12", "7"] {
        let profile = *KernelProfile::for_version(name).unwrap().profile;
        let context = Context { policy: None, profile: &profile, facts: &facts };
        let surveyed = survey(dtb, context).unwrap();
        let prediction = predict(surveyed.analysis());
        writeln!(out, "prediction for {name}").unwrap();
        for outcome in &prediction.regions {
            let span = outcome.span.map_or_else(|| "nowhere".to_string(), |span| span.to_string());
            writeln!(out, "  {:8} {} {span}", outcome.state.name(), outcome.name).unwrap();
        }
        match prediction.cma {
            DefaultCma::None => {}
            DefaultCma::At(span) => writeln!(out, "  default CMA {span}").unwrap(),
            DefaultCma::Somewhere { size, .. } => {
                writeln!(out, "  default CMA of {size} bytes somewhere").unwrap()
            }
        }
    }
    out
}

#[test]
fn every_scenario_is_told_as_expected() {
    if !have_dtc() {
        return;
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let bless = std::env::var_os("RINGFENCE_BLESS").is_some();
    for dts in sources() {
        let name = dts.file_stem().unwrap().to_str().unwrap().to_string();
        let told = told(&compile(&dts));
        let path = dir.join(format!("{name}.txt"));
        if bless {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(&path, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(told, expected, "{name}: look at what changed, then RINGFENCE_BLESS=1");
    }
}
