//! Small trees rebuilt from public bug reports and board files, with the answer that is right for each.

mod tools;

use std::path::Path;
use std::process::{Command, Output};

use tools::have_dtc;

/// A command line, its exit code, words of its output, and words that must not be in it.
type Row = (&'static str, i32, &'static [&'static str], &'static [&'static str]);

const ROWS: &[Row] = &[
    // Two dynamic regions: in one of the two orders a kernel leaves the larger one no place.
    ("check --kernel 6.1 f01-two-dynamic.dts", 0, &["RF305"], &["error"]),
    ("check --kernel 6.12 f01-two-dynamic.dts", 1, &["RF306", "but rtos comes first"], &[]),
    ("check --kernel 6.18 f01-two-dynamic.dts", 1, &["RF306"], &[]),
    ("check --kernel 7 f01-two-dynamic.dts", 1, &["RF306"], &[]),
    ("check --kernel 6.1 f01b-swapped.dts", 1, &["RF306"], &[]),
    ("check --kernel 6.12 f01b-swapped.dts", 0, &["RF305"], &["error"]),
    ("check --kernel 7 f01b-swapped.dts", 0, &["RF305"], &["error"]),
    ("fix --unsafe --diff f01-two-dynamic.dts", 0, &["0x10000000..0x30000000", "0xf600000..0x10000000"], &[]),
    ("fix --unsafe --diff f01b-swapped.dts", 0, &["0x10000000..0x30000000", "0xf600000..0x10000000"], &[]),
    (
        "check --kernel 6.12 f01c-base.dts --overlay f01c-overlay.dtso --boot-map dtb=0x1fef0000:64KiB",
        1,
        &["RF306", "device tree blob comes first"],
        &[],
    ),
    // The ramdisk is reserved before any dynamic region, and no repair moves it.
    ("check f02-window-initrd.dts", 1, &["RF306", "initrd comes first"], &["repair:"]),
    ("check f03-cma-too-big.dts --cmdline cma=2048M", 1, &["RF510"], &[]),
    ("check f03-cma-too-big.dts", 0, &["clean"], &[]),
    ("predict --kernel 6.6 f04-ram-above-4g.dts", 0, &["cma: Reserved 64 MiB at 0x0000010000000000"], &[]),
    ("fix --unsafe --kernel 6.1 --diff f05-dma-ranges.dts", 0, &["cma=256M@0x2b400000"], &[]),
    (
        "predict --kernel 6.12 --cmdline cma=320M f05b-dma-ranges-predict.dts",
        0,
        &["cma: Reserved 320 MiB at 0x0000000027400000"],
        &[],
    ),
    // The board boots: what is in a carveout, or outside RAM, is no one's mistake.
    (
        "check --kernel 6.6 --boot-map kernel=0x40200000:16MiB f06-reg-in-carveout.dts",
        0,
        &["clean"],
        &["RF208"],
    ),
    ("check --kernel 6.1 f07-nomap-outside-ram.dts", 0, &["clean"], &["RF207"]),
    ("check f08-board-with-fragment.dts", 1, &["RF201", "optee@9e800000"], &["overlay"]),
    ("check f09-fb-unreserved.dts", 0, &["warning[RF211]", "nothing reserves it"], &[]),
    ("check --boot-map kernel=0x90000000:16MiB f09-fb-unreserved.dts", 1, &["error[RF211]"], &[]),
    ("check f09b-fb-wrong-region.dts", 0, &["warning[RF211]", "is not in its `memory-region`"], &[]),
    ("check --boot-map kernel=0x90000000:16MiB f09b-fb-wrong-region.dts", 1, &["error[RF211]"], &[]),
    ("check f10-identical.dts", 1, &["remove pstore@57f00000", "disable pstore@57f00000"], &["end "]),
    ("fix --unsafe --diff f10-identical.dts", 0, &["status = \"disabled\""], &["shifted"]),
    ("fix --unsafe --diff f11-shift-align.dts", 0, &["to 0x50200000..0x50600000"], &[]),
    ("check f12-zero-tuples.dts", 0, &["1 note"], &["remove it"]),
    // A part of a journal: the log has the kernel, and ends before the command line.
    ("verify --kernel 6.6 --boot-log f13.log f13-journal.dts", 0, &["the boot matches the prediction"], &[]),
    ("verify --boot-log f13.log f13-journal.dts", 0, &["the boot matches the prediction"], &[]),
    // System device trees describe every processor; the memory map is that of the ones that run Linux.
    ("check --fail-on note f14-system-top.dts", 0, &["clean"], &[]),
    ("predict f14-system-top.dts", 0, &["nomap     0x3ed44000..0x3ed48000", "rproc@3ed00000"], &["tcm"]),
    ("check f14b-system-top-overlap.dts", 1, &["RF201", "vdev0vring1@3ed42000", "by 8 KiB"], &["domains"]),
    // Nested on purpose, and grown over the firmware of another device.
    ("check f15-nested-one-owner.dts", 0, &["warning[RF201]", "every kernel unmaps with it"], &["error"]),
    ("check f15b-nested-two-owners.dts", 1, &["error[RF201]"], &[]),
    // The loader fills in more RAM: a warning at rest, an error once the RAM is known.
    ("check f16-alloc-beyond-ram.dts", 0, &["warning[RF306]"], &["error"]),
    ("check --boot-map kernel=0x80200000:32MiB f16-alloc-beyond-ram.dts", 1, &["error[RF306]"], &[]),
    // Phones boot with these: what a device sees behind its IOMMU, a log in RAM, a hole that firmware cut.
    ("check f17-phone.dts", 0, &["warning[RF203]"], &["error", "RF208"]),
    ("check f17b-registers-in-ram.dts", 1, &["error[RF208]", "wifi@18800000", "another device"], &[]),
    ("check f17c-registers-between.dts", 1, &["error[RF203]", "only partly in RAM"], &["RF208"]),
    // The driver of ramoops works with console and pmsg alone, and refuses dumps that do not fit the rest.
    ("check f19-ramoops-without-dumps.dts", 0, &["1 note"], &["warning", "error"]),
    ("check f19b-ramoops-refused.dts", 0, &["warning[RF212]", "its driver refuses it"], &[]),
    ("check f21-mapped-in-mapped.dts", 1, &["error[RF201]", "disable rdump@9c000000"], &["or move"]),
    ("fix --diff f21-mapped-in-mapped.dts", 0, &["status = \"disabled\""], &["error"]),
    ("check f21b-in-use.dts", 1, &["error[RF201]"], &["disable "]),
    ("check f21c-carveout.dts", 1, &["error[RF201]"], &["disable "]),
    (
        "check -v f20-unresolved.dts",
        0,
        &["note[RF602]: /pci", "nothing has resolved", "warning[RF602]: /loader"],
        &[],
    ),
    ("check --fail-on note f18-no-nul.dts", 0, &["clean"], &[]),
    ("fix --unsafe --diff f18-no-nul.dts", 0, &[], &["error", "disabled"]),
    ("predict --kernel 6.12 f18-no-nul.dts", 0, &["nomap     0x92400000..0x94400000", "32 MiB"], &[]),
    // Two nodes of one base name that are both renamed.
    (
        "fix --unsafe --diff f01c-base.dts",
        0,
        &["+  blconfig: nvram@3ef65360", "+  blpubkey: nvram@3ef64f20"],
        &[],
    ),
];

fn run(line: &str) -> Output {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.args(line.split(' ')).current_dir(dir).output().unwrap()
}

#[test]
fn reported_trees_get_the_right_answer() {
    if !have_dtc() {
        return;
    }
    for (line, code, words, absent) in ROWS {
        let output = run(line);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let text = format!("{out}{err}");
        assert_eq!(output.status.code(), Some(*code), "{line}: {text}");
        for word in *words {
            assert!(text.contains(word), "{line}: no `{word}` in {text}");
        }
        for word in *absent {
            assert!(!text.contains(word), "{line}: `{word}` in {text}");
        }
    }
}

#[test]
fn each_tuple_of_size_0_has_its_line() {
    if !have_dtc() {
        return;
    }
    let output = run("predict --kernel 6.1 f12-zero-tuples.dts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.matches("failed to reserve memory for node 'fb0_carveout'").count(), 2, "{text}");
}

/// Returns a blob with NOPs before `FDT_END`, and other bytes after it that still are of the structure block.
fn with_tail(blob: &[u8]) -> Vec<u8> {
    let word = |at: usize| u32::from_be_bytes(*blob[at..].first_chunk().unwrap()) as usize;
    let (total, structure, strings, len) = (word(4), word(8), word(12), word(36));
    assert!(strings >= structure + len, "the strings come after the structure");
    let end = structure + len;
    assert_eq!(word(end - 4), 9, "FDT_END");
    let mut out = blob[..end - 4].to_vec();
    for token in [4_u32, 4, 4, 9, 0xdead_beef, 0xffff_ffff, 1] {
        out.extend(token.to_be_bytes());
    }
    let more = out.len() - end;
    out.extend(&blob[end..total]);
    for (at, value) in [(4, total + more), (12, strings + more), (36, len + more)] {
        out[at..at + 4].copy_from_slice(&(value as u32).to_be_bytes());
    }
    out
}

/// `dtc`'s own tests have such trees, and Linux boots them.
#[test]
fn what_follows_the_end_of_the_structure_is_judged_as_linux_boots_it() {
    let dir = tempfile::tempdir().unwrap();
    for (name, blob) in [
        ("carveouts.dtb", &include_bytes!("../../tests/fixtures/carveouts.dtb")[..]),
        ("reserve.dtb", include_bytes!("../../tests/fixtures/reserve.dtb")),
    ] {
        let run = |bytes: &[u8]| {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
            let output =
                command.args(["check", "--no-config", name]).current_dir(dir.path()).output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        let (code, text) = run(blob);
        assert!(matches!(code, Some(0 | 1)), "{text}");
        assert_eq!(run(&with_tail(blob)), (code, text), "{name}");
    }
}
