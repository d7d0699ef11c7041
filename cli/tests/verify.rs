//! `ringfence verify` on logs as people have them.

mod workdir;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use workdir::WorkDir;

/// One carveout, and a command line that asks for no pool.
const BOARD: &str = r#"/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>;
 memory@40000000 { device_type = "memory"; reg = <0x0 0x40000000 0x0 0x40000000>; };
 chosen { bootargs = "cma=0"; };
 reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
  fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
 };
};
"#;

const FW: &str =
    "OF: reserved mem: 0x0000000050000000..0x00000000500fffff (1024 KiB) nomap non-reusable fw@50000000";

/// The lines of a boot that matter, and some that do not.
fn boot(version: &str, lines: &[&str]) -> Vec<String> {
    let start = ["Booting Linux on physical CPU 0x0000000000 [0x412fd050]".to_owned()];
    let version = [format!("Linux version {version} (builder@host) (gcc 12.2.0) #1 SMP")];
    let end =
        ["Zone ranges:", "Kernel command line: cma=0", "printk: log buffer data + meta data: 131072 bytes"];
    let lines = lines.iter().chain(&end).map(ToString::to_string);
    start.into_iter().chain(version).chain(lines).collect()
}

fn text(lines: &[String], prefix: &str, end: &str) -> String {
    lines.iter().map(|line| format!("{prefix}{line}{end}\n")).collect()
}

fn dir() -> WorkDir {
    let dir = WorkDir::new();
    dir.put("board.dts", BOARD);
    dir
}

const VERIFY: &[&str] = &["verify", "--no-config", "--boot-log", "boot.log", "board.dts"];

#[test]
fn a_journal_that_was_cut_is_read_and_gives_the_kernel() {
    let dir = dir();
    let lines = [
        "Dec 19 18:27:50 host kernel: Booting Linux on physical CPU 0x0000000000 [0x412fd050]",
        "Dec 19 18:27:50 host kernel: Linux version 6.6.0",
        &format!("Dec 19 18:27:50 host kernel: {FW}"),
        "Dec 19 18:27:50 host kernel: Zone ranges:",
    ];
    dir.put("boot.log", lines.join("\n"));
    dir.assert_output(VERIFY, 0, &["the boot matches the prediction for 6.6"]);
    dir.put("boot.log", lines[..2].join("\n"));
    dir.assert_output(VERIFY, 1, &[&format!("not in the log, which ends before the command line: {FW}")]);
}

#[test]
fn every_kind_of_capture_is_read() {
    let dir = dir();
    let good = boot("6.6.0", &[FW]);
    for (prefix, end) in [
        ("", ""),
        ("", "\r\r"),
        ("[    0.000000] ", "\r"),
        ("[2024-12-19 18:27:50] [    0.000000] ", ""),
        ("[    0.000000][    T0] ", ""),
        ("<6>[    0.000000] ", ""),
        ("kern  :info  : [    0.000000] ", ""),
        ("2024-12-19T18:27:50.123456+01:00 host kernel: [    0.000000] ", ""),
        ("Dec 19 18:27:50 host kernel: ", ""),
        ("\u{1b}[32m[    0.000000] \u{1b}[0m", "\u{1b}[0m"),
    ] {
        dir.put("boot.log", text(&good, prefix, end));
        dir.assert_output(VERIFY, 0, &["the boot matches the prediction for 6.6"]);
        dir.put("boot.log", text(&boot("6.6.0", &[]), prefix, end));
        dir.assert_output(VERIFY, 1, &["the log has no line about reserved memory"]);
    }
    let plain = text(&good, "[    0.000000] ", "\r");
    let wide: Vec<u8> = [0xfeff].into_iter().chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    dir.put("boot.log", wide);
    dir.assert_output(VERIFY, 0, &["matches"]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(plain.as_bytes()).unwrap();
    dir.put("boot.log", packed.finish().unwrap());
    dir.assert_output(VERIFY, 0, &["matches"]);
}

#[test]
fn several_boots_are_compared_each_with_its_own_kernel() {
    let dir = dir();
    // 6.1 has no line for a region.
    let both = text(&boot("6.1.0", &[]), "", "") + &text(&boot("6.6.0", &[FW]), "", "");
    dir.put("boot.log", &both);
    let out = dir.assert_output(VERIFY, 0, &["boot 1 of 2, Linux 6.1.0", "boot 2 of 2, Linux 6.6.0"]);
    assert_eq!(out.matches("the boot matches").count(), 2, "{out}");
    let lost = "OF: fdt: Reserved memory: failed to reserve memory for node 'fw@50000000': \
                base 0x0000000050000000, size 1 MiB";
    dir.put("boot.log", text(&boot("6.1.0", &[lost]), "", "") + &both);
    dir.assert_output(VERIFY, 1, &["boot 1 of 3", &format!("not predicted: {lost}")]);
    dir.assert_output(&[VERIFY, &["--boot", "3"]].concat(), 0, &["boot 3 of 3"]);
    dir.assert_output(&[VERIFY, &["--boot", "4"]].concat(), 2, &["boot.log: has 3 boots, and no boot 4"]);
}

#[test]
fn another_kernel_than_that_of_the_log_is_reported_and_compared_with() {
    let dir = dir();
    dir.put("boot.log", text(&boot("6.6.0", &[FW]), "", ""));
    let asked = [VERIFY, &["--kernel", "6.12"]].concat();
    dir.assert_output(&asked, 0, &["the log is of Linux 6.6.0, not of 6.12", "the prediction for 6.12"]);
    // A vendor's 6.1 with a later line.
    dir.put("boot.log", text(&boot("6.1.115-vendor", &[FW]), "", ""));
    dir.assert_output(VERIFY, 0, &["a backport", "the prediction for 6.1"]);
}

#[test]
fn the_default_pool_is_that_of_the_log_or_of_the_option() {
    let dir = dir();
    let with = |line: &str| boot("6.6.0", &[FW, line]).join("\n").replace("cma=0", "quiet");
    let reserved = "cma: Reserved 16 MiB at 0x000000007f000000 on node -1";
    dir.put("boot.log", with(reserved));
    dir.assert_output(VERIFY, 0, &["the default pool of this kernel is taken as 16 MiB"]);
    dir.put("boot.log", with("psci: probing for conduit method from DT."));
    dir.assert_output(VERIFY, 0, &["the default pool of this kernel is taken as none"]);
    let asked = [VERIFY, &["--cma-default", "64 MiB"]].concat();
    dir.assert_output(&asked, 1, &["not printed: cma: Reserved 64 MiB at"]);
    dir.assert_output(
        &["predict", "--no-config", "--cma-default", "none", "board.dts", "--cmdline", ""],
        0,
        &[],
    );
}

#[test]
fn ram_that_a_loader_fills_in_is_taken_from_the_log() {
    let dir = dir();
    dir.put("board.dts", BOARD.replace("<0x0 0x40000000 0x0 0x40000000>", "<0 0 0 0>"));
    dir.put("boot.log", boot("6.6.0", &[FW]).join("\n"));
    dir.assert_output(VERIFY, 2, &["no /memory node states RAM", "--ram"]);
    let nodes = ["Early memory node ranges", "  node   0: [mem 0x0000000040000000-0x000000007fffffff]"];
    dir.put("boot.log", boot("6.6.0", &[FW, nodes[0], nodes[1]]).join("\n"));
    dir.assert_output(VERIFY, 0, &["the tree states no RAM: it is as the log has it", "matches"]);
}

#[test]
fn pages_are_those_of_the_kernel_that_ran() {
    let dir = dir();
    // A pool that is aligned for pages of 4 KiB alone.
    dir.put(
        "board.dts",
        BOARD.replace(
            "fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };",
            "pool@50400000 { \
         compatible = \"shared-dma-pool\"; reusable; reg = <0x0 0x50400000 0x0 0x400000>; };",
        ),
    );
    let hash = "Dentry cache hash table entries: 8192 (order: 0, 65536 bytes, linear)";
    let refused =
        "OF: reserved mem: 0x0000000050400000..0x00000000507fffff (4096 KiB) map reusable pool@50400000";
    dir.put("boot.log", boot("6.6.0", &[refused, hash]).join("\n"));
    let with_pages = dir.run(VERIFY);
    dir.put("boot.log", boot("6.6.0", &[refused]).join("\n"));
    let without = dir.run(VERIFY);
    assert_ne!(with_pages.stdout, without.stdout);
    assert!(
        String::from_utf8_lossy(&with_pages.stdout)
            .contains("not printed: Reserved memory: incorrect alignment")
    );
}

/// The map has more RAM than the tree, reserves the carveout, and the stub has deleted the entry.
#[test]
fn a_log_of_an_efi_boot_brings_its_memory_map() {
    let dir = dir();
    dir.put("board.dts", BOARD.replace("/dts-v1/;", "/dts-v1/; /memreserve/ 0x60000000 0x100000;"));
    let range = |from: &str, to: &str, kind: &str| {
        format!("efi:   0x{from}-0x{to} [{kind:<12}|   |  |  |  |  |  |  |  |  |  |   |WB|  |  |  ]")
    };
    let efi = [
        "efi: EFI v2.7 by EDK II".to_owned(),
        "efi: Processing EFI memory map:".to_owned(),
        range("000040000000", "00004fffffff", "Conventional"),
        range("000050000000", "0000500fffff", "Reserved"),
        range("000050100000", "00007fffffff", "Conventional"),
        range("000080000000", "0000800fffff", "Runtime Data"),
        FW.to_owned(),
    ];
    let efi: Vec<&str> = efi.iter().map(String::as_str).collect();
    dir.put("boot.log", text(&boot("6.12.95", &efi), "[    0.000000] ", ""));
    dir.put(
        "iomem.txt",
        "40000000-4fffffff : System RAM\n50000000-500fffff : reserved\n50100000-7fffffff : System RAM\n\
         80000000-800fffff : reserved\n",
    );
    let with_iomem = [VERIFY, &["--iomem", "iomem.txt"]].concat();
    dir.assert_output(&with_iomem, 0, &["its memory map is as the log has it", "the boot matches"]);
    dir.put("iomem.txt", "40000000-7fffffff : System RAM\n");
    dir.assert_output(&with_iomem, 1, &["fw@50000000: 0x50000000..0x50100000 (1 MiB) should be unmapped"]);
}

/// The serial console of an emulated board: a stage, then Debian's 6.12, with the line ends of a serial line.
#[test]
fn a_captured_boot_of_debian_matches() {
    let dir = WorkDir::new();
    let carveouts = [
        ("cdsp-secure-heap", 0x8180_0000, 0x1e0_0000),
        ("camera", 0x8430_0000, 0x50_0000),
        ("wpss", 0x8480_0000, 0x190_0000),
        ("adsp", 0x8610_0000, 0x280_0000),
        ("my_carveout_mem", 0xd080_0000_u32, 0x10_0000),
        ("ringfence-el2", 0xd100_0000, 0x4_0000),
    ];
    let nodes = carveouts.map(|(name, base, size)| {
        format!("{name}@{base:x} {{ reg = <0 {base:#x} 0 {size:#x}>; no-map; }};\n")
    });
    let cells = "#address-cells = <2>; #size-cells = <2>;";
    // The loader fills in RAM.
    let memory = "memory@40000000 { device_type = \"memory\"; reg = <0 0 0 0>; };";
    let board = |nodes: &str| {
        format!("/dts-v1/;\n/ {{ {cells} {memory}\nreserved-memory {{ {cells} ranges;\n{nodes}}};\n}};\n")
    };
    dir.put("board.dts", board(&nodes.concat()));
    dir.put("boot.log", include_bytes!("verify/debian-6.12-serial.log"));
    dir.assert_output(VERIFY, 0, &["RAM", "the boot matches the prediction for 6.12"]);
    dir.put("board.dts", board(&nodes[1..].concat()));
    let lost = "not predicted: OF: reserved mem: 0x0000000081800000..0x00000000835fffff (30720 KiB)";
    dir.assert_output(VERIFY, 1, &[lost]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_no_log_is_a_wrong_input() {
    let dir = dir();
    let log = text(&boot("6.6.0", &[FW]), "", "");
    let random: Vec<u8> = (0_u32..60_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    for (bytes, why) in [
        (random, "boot.log: this is not text"),
        (b"\xfd7zXZ\0\0\x04rest of it".to_vec(), "this is an xz stream, not text"),
        (b"BZh91AY&SY".to_vec(), "bzip2 -dc boot.log"),
        (b"\x28\xb5\x2f\xfdrubbish".to_vec(), "the zstd stream is damaged, or holds more than 64 MiB"),
        (gzip(log.as_bytes())[..60].to_vec(), "the gzip stream is damaged"),
        (gzip(&gzip(log.as_bytes())), "this is a gzip stream, not text"),
        (vec![0; 5000], "the file is empty"),
        (gzip(b""), "the file is empty"),
        (b"# Notes\n\nBuy milk.\n".to_vec(), "no line of a kernel's log"),
        (gzip(&vec![b'\n'; 65 << 20]), "the gzip stream holds more than 64 MiB"),
        (vec![b'a'; (64 << 20) + 1], "larger than 64 MiB"),
    ] {
        dir.put("boot.log", bytes);
        dir.assert_output(VERIFY, 2, &["boot.log: ", why]);
    }
    // As loggers and serial lines leave them.
    let zeros = vec![0; 70_000];
    for bytes in [
        [&zeros, log.as_bytes(), &zeros].concat(),
        [b"\xf0\xff\x80\x01", log.as_bytes()].concat(),
        [&gzip(&log.as_bytes()[..90])[..], &gzip(&log.as_bytes()[90..])].concat(),
        [&gzip(log.as_bytes())[..], &zeros].concat(),
    ] {
        dir.put("boot.log", bytes);
        dir.assert_output(VERIFY, 0, &["the boot matches"]);
    }
}

#[test]
fn a_configuration_is_bounded_and_named() {
    let dir = dir();
    let check = ["check", "--no-config", "--kernel-config", "config", "board.dts"];
    dir.put("config", gzip(&b"CONFIG_ARM64=y\n".repeat(5 << 20)));
    dir.assert_output(&check, 2, &["config: cannot unpack it: the gzip stream holds more than 64 MiB"]);
    dir.put("config", gzip(b"# Linux/arm64 4.4.0 Kernel Configuration\nCONFIG_ARM64=y\n"));
    dir.assert_output(&check, 2, &["config: of an unknown kernel, `4.4.0`", "the oldest kernel"]);
    dir.put("config", gzip(b"# Linux/arm64 6.1.0 Kernel Configuration\nCONFIG_ARM64=y\n"));
    dir.assert_output(&check, 0, &["clean"]);
}

#[test]
fn copied_files_are_named_as_they_are() {
    let dir = dir();
    dir.assert_output(&["verify", "--live", "--root", "copy"], 2, &["copy: no such directory"]);
    dir.put("copy/dmesg", text(&boot("6.6.0", &[FW]), "", ""));
    dir.put("copy/proc/iomem", "00000000-00000000 : System RAM\n  00000000-00000000 : reserved\n");
    let live = ["verify", "--no-config", "--live", "--root", "copy", "board.dts"];
    dir.assert_output(&live, 1, &["copy/proc/iomem shows no addresses: read it as root"]);
    dir.put("half.dtb", b"\xd0\x0d\xfe\xed\0\0\x10\0half");
    dir.assert_output(&["predict", "half.dtb"], 2, &["half.dtb: "]);
}
