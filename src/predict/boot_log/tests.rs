use super::*;
use alloc::format;

const LINE: &str =
    "OF: reserved mem: 0x0000000050000000..0x00000000500fffff (1024 KiB) nomap non-reusable fw@50000000";

/// What a console, `dmesg` and the loggers of distributions put before the kernel's text.
const PREFIXES: &[&str] = &[
    "",
    "[    0.000000] ",
    "[    0.000000][    T0] ",
    "<6>[    0.000000] ",
    "kern  :info  : [    0.000000] ",
    "kern  :info  : ",
    "[Thu Dec 19 18:27:50 2024] ",
    "[2024-12-19 18:27:50] [    0.000000] ",
    "2024-12-19 18:27:50.123 | ",
    "Dec 19 18:27:50 host kernel: ",
    "Dec 19 18:27:50 host kernel: [    0.000000] ",
    "2024-12-19T18:27:50.123456+01:00 host kernel: [    0.000000] ",
    "\u{1b}[32m[    0.000000] \u{1b}[0m\u{1b}[33m",
];

#[test]
fn whatever_is_before_the_text_is_no_part_of_it() {
    for prefix in PREFIXES {
        for end in ["", "\r", "\r\r", "\u{1b}[0m", " \0"] {
            let text = format!("{prefix}Linux version 6.6.0-rpi (cc) #1{end}\n{prefix}{LINE}{end}\n");
            let boot = BootLog::of(&text);
            assert_eq!(boot.topical().collect::<Vec<_>>(), [LINE], "{text:?}");
            assert_eq!(boot.version(), Some("6.6.0-rpi"), "{text:?}");
        }
    }
    assert_eq!(topical("[    0.000000] Linux version 6.12"), None);
    assert_eq!(topical("hugetlb_cma: Reserved 64 MiB"), None);
    let restricted = "software IO TLB: Reserved memory: created restricted DMA pool at 0x0, size 4 MiB";
    assert_eq!(topical(&format!("[    0.000000] {restricted}")), Some(restricted));
    assert_eq!(
        topical("[ 0.0] OF: fdt: Reserved memory: failed to reserve"),
        Some("OF: fdt: Reserved memory: failed to reserve")
    );
    assert_eq!(
        topical("Dec 19 18:27:50 host kernel: a@1 (0x1--0x2) overlaps with b@1 (0x1--0x2)"),
        Some("a@1 (0x1--0x2) overlaps with b@1 (0x1--0x2)")
    );
}

#[test]
fn boots_are_split_and_what_a_loader_prints_is_in_none() {
    let boot = |version: &str| {
        format!(
            "U-Boot 2024.01\r\nReserved RAM\r\n[    0.000000] Booting Linux on physical CPU 0x0\r\n\
             [    0.000000] Linux version {version} (a@b)\r\n[    0.000000] {LINE}\r\n\
             [    0.000000] Kernel command line: a=1 \\\r\n[    0.000000] Kernel command line: b=\"2 3\"\r\n\
             [    0.000000] Dentry cache hash table entries: 512 (order: 10, 16777216 bytes, linear)\r\n\
             Linux version of no importance\r\n"
        )
    };
    let text = boot("6.1.2") + &boot("6.12.3");
    let boots = BootLog::split(&text);
    let versions: Vec<_> = boots.iter().filter_map(BootLog::version).collect();
    assert_eq!(versions, ["6.1.2", "6.12.3"]);
    let first = &boots[0];
    assert_eq!(first.cmdline().as_deref(), Some("a=1 b=\"2 3\""));
    assert_eq!(first.page_size(), Some(PageSize::K16));
    assert!(!first.lacks_start() && !first.lacks_end());
    assert!(BootLog::split("U-Boot 2024.01\nHit any key\n").is_empty());
}

#[test]
fn a_log_that_was_cut_is_known_from_an_excerpt() {
    let cut = BootLog::of("[ 0.0] Zone ranges:\n[ 0.0] Kernel command line: quiet\n");
    assert!(cut.lacks_start() && !cut.lacks_end());
    let early = format!("[ 0.0] Linux version 6.6.0 (x)\n[ 0.0] {LINE}\n[ 0.0] Zone ran");
    let early = BootLog::of(&early);
    assert!(!early.lacks_start() && early.lacks_end());
    let excerpt = BootLog::of(LINE);
    assert!(!excerpt.lacks_start() && !excerpt.lacks_end());
}

#[test]
fn ram_and_the_default_pool_are_told() {
    let text = "Linux version 6.6.0 (x)\n[ 0.0] cma: Reserved 5 MiB at 0x1 on node -1\n\
                [ 0.0] Early memory node ranges\n\
                [ 0.0]   node   0: [mem 0x0000000040000000-0x000000004fffffff]\n\
                [ 0.0]   node   0: [mem 0x0000000050000000-0x000000005fffffff]\n\
                [ 0.0] Initmem setup node 0\n";
    let boot = BootLog::of(text);
    assert_eq!(boot.ram(), [Span::new(0x4000_0000, 0x2000_0000).unwrap()]);
    assert_eq!(boot.default_cma(), Some(5 * MIB));
    let none = "Linux version 6.6.0 (x)\nKernel command line: quiet\n";
    assert_eq!(BootLog::of(none).default_cma(), Some(0));
    assert_eq!(BootLog::of("Linux version 6.6.0 (x)\n").default_cma(), None);
    assert_eq!(BootLog::of("Linux version 6.6.0 (x)\nKernel command line: cma=0\n").default_cma(), None);
}
