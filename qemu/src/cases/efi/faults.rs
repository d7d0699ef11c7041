//! Faults that only an EFI boot has: each shows how Linux alone takes them, and what becomes of them behind
//! ringfence.

use super::{Case, EfiBoot, EfiLoader, Form, LIMIT, boots, keeps, line, map, refuses, usual};
use crate::job;
use crate::machine::Ram;
use crate::setup::Release;
use crate::test_bed::TestBed;
use crate::transcript::Transcript;
use crate::{assertions, dtc, reserved_nodes};
use anyhow::{Context, Result, ensure};
use ringfence::efi::EfiKind;
use std::fs;
use std::path::PathBuf;

/// A fault in the usual tree, booted by EDK2 of Debian 12.
#[derive(Clone, Copy)]
struct Fault {
    name: &'static str,
    /// What is replaced in the source.
    change: &'static [(&'static str, &'static str)],
    loader: EfiLoader,
    /// Whether the loader installs the tree: QEMU takes an initrd and RAM out of one that it is given.
    by_loader: bool,
    harm: Harm,
    outcome: Outcome,
    /// Whether it is left to the long tests.
    is_long: bool,
}

/// How Linux alone shows the harm.
#[derive(Clone, Copy)]
enum Harm {
    /// A line of its console.
    Line(&'static str),
    /// The same, of a Linux that does not come up.
    Fatal(&'static str),
    /// Lines of `/proc/iomem` that start so are not there.
    NotReserved(&'static str),
}

/// What becomes of it behind ringfence.
#[derive(Clone, Copy)]
enum Outcome {
    /// Every carveout holds, and is listed as reserved; ringfence prints the line.
    Kept(&'static str),
    /// Every carveout holds, though the firmware uses a part of it until Linux starts.
    KeptInUse(&'static str),
    /// The boot is refused for the reason.
    Refused(&'static str),
}

const FAULTS: &[Fault] = &[
    // Where EDK2 puts the kernel.
    Fault {
        name: "efi-kernel-in-carveout",
        change: &[
            ("camera@64300000", "camera@76000000"),
            ("0x64300000 0x0 0x500000", "0x76000000 0x0 0x500000"),
        ],
        loader: EfiLoader::Direct,
        by_loader: false,
        harm: Harm::Line("failed to reserve memory for node 'camera@76000000'"),
        outcome: Outcome::Kept("RF704 error /reserved-memory/camera@76000000"),
        is_long: false,
    },
    // Over the code of runtime services, and something free before it.
    Fault {
        name: "efi-runtime-in-carveout",
        change: &[
            ("camera@64300000", "camera@7c400000"),
            ("0x64300000 0x0 0x500000", "0x7c400000 0x0 0x100000"),
        ],
        loader: EfiLoader::Direct,
        by_loader: false,
        harm: Harm::Line("failed to reserve memory for node 'camera@7c400000'"),
        outcome: Outcome::Refused("RF702 error /reserved-memory/camera@7c400000"),
        is_long: true,
    },
    Fault {
        name: "efi-runtime-in-pool",
        change: &[
            ("adsp-heap {", "adsp-heap@7c400000 {"),
            ("alloc-ranges = <0x0 0x00000000 0x0 0xffffffff>;", ""),
            ("alignment = <0x0 0x400000>;", ""),
            ("size = <0x0 0xc00000>;", "reg = <0x0 0x7c400000 0x0 0xc00000>;"),
        ],
        loader: EfiLoader::Direct,
        by_loader: false,
        harm: Harm::Line("BUG: Bad page state"),
        outcome: Outcome::Refused("RF702 error /reserved-memory/adsp-heap@7c400000"),
        is_long: true,
    },
    // Over the table of memory attributes, among what boot services use until Linux starts.
    Fault {
        name: "efi-table-in-carveout",
        change: &[
            ("camera@64300000", "camera@7e700000"),
            ("0x64300000 0x0 0x500000", "0x7e700000 0x0 0x100000"),
        ],
        loader: EfiLoader::SystemdBoot,
        by_loader: false,
        harm: Harm::Line("failed to reserve memory for node 'camera@7e700000'"),
        outcome: Outcome::Refused("[EFI table], which Linux keeps: Linux refuses the whole region"),
        is_long: true,
    },
    // The first pages are the stack of the firmware.
    Fault {
        name: "efi-boot-data-in-carveout",
        change: &[
            ("camera@64300000", "camera@44000000"),
            ("0x64300000 0x0 0x500000", "0x44000000 0x0 0x500000"),
        ],
        loader: EfiLoader::Direct,
        by_loader: false,
        harm: Harm::Line("efi:   0x000044000000-0x00004401ffff [Boot Data"),
        outcome: Outcome::KeptInUse("RF703 warning /reserved-memory/camera@44000000"),
        is_long: true,
    },
    Fault {
        name: "efi-stale-initrd",
        change: &[(
            "reserved-memory {",
            "chosen { linux,initrd-start = <0x0 0x50000000>; linux,initrd-end = <0x0 0x50400000>; }; \
             reserved-memory {",
        )],
        loader: EfiLoader::SystemdBoot,
        by_loader: true,
        harm: Harm::Fatal("VFS: Unable to mount root fs"),
        outcome: Outcome::Kept("RF708 error /chosen"),
        is_long: true,
    },
    Fault {
        name: "efi-ram-mismatch",
        change: &[(
            "reserved-memory {",
            "memory@40000000 { reg = <0x0 0x40000000 0x0 0x20000000>; }; reserved-memory {",
        )],
        loader: EfiLoader::SystemdBoot,
        by_loader: true,
        harm: Harm::Line("node   0: [mem 0x0000000066100000-"),
        outcome: Outcome::Kept("RF701 warning /memory@40000000: lacks 512 MiB at 0x60000000"),
        is_long: true,
    },
    Fault {
        name: "efi-lost-cma",
        change: &[("reserved-memory {", "chosen { bootargs = \"cma=96M\"; }; reserved-memory {")],
        loader: EfiLoader::SystemdBoot,
        by_loader: false,
        harm: Harm::Line("cma: Reserved 64 MiB at"),
        outcome: Outcome::Kept("repair: /chosen: bootargs say `cma=96M` again"),
        is_long: false,
    },
    Fault {
        name: "efi-memreserve",
        change: &[("/dts-v1/;", "/dts-v1/;\n/memreserve/ 0x50000000 0x200000;")],
        loader: EfiLoader::Direct,
        by_loader: false,
        harm: Harm::NotReserved("50000000-501fffff"),
        outcome: Outcome::Kept("repair: /memreserve/: reserved 0x50000000..0x50200000"),
        is_long: true,
    },
];

/// Returns each fault alone, then behind ringfence.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &fault in FAULTS {
        let alone = Case::new(format!("{}-alone", fault.name), move |bed, name| fault.alone(bed, name));
        let behind = Case::new(fault.name, move |bed, name| fault.behind(bed, name));
        // What is refused ends soon.
        let is_short = matches!(fault.outcome, Outcome::Refused(_)) || !fault.is_long;
        cases.push(if fault.is_long { alone.long() } else { alone });
        cases.push(if is_short { behind } else { behind.long() });
    }
    cases.push(Case::new("efi-back-to-boot-manager", back_to_boot_manager).long());
    cases.push(Case::new("efi-pool-moves-off-table", pool_moves).long());
    cases.push(Case::new("efi-no-payload-refused", |bed, name| {
        let boot = EfiBoot { kernel: bed.stage()?.image, ..usual(bed)? };
        // The image starts itself as the kernel, and the second one has no payload.
        refuses(bed, name, &boot, "no payload")
    }));
    cases
}

impl Fault {
    /// Fails unless Linux alone shows the harm.
    fn alone(&self, bed: &TestBed, name: &str) -> Result<String> {
        let boot = EfiBoot { form: Form::Alone, ..self.boot(bed, name)? };
        let transcript = bed.boot(name, &boot.ready(bed, name)?, LIMIT)?;
        match self.harm {
            Harm::Fatal(text) => line(&transcript, text).map(str::to_owned),
            Harm::Line(text) => {
                assertions::came_up(&transcript)?;
                line(&transcript, text).map(str::to_owned)
            }
            Harm::NotReserved(span) => {
                assertions::came_up(&transcript)?;
                let found = iomem(&transcript, span);
                ensure!(found.is_none(), "Linux keeps it: {found:?}");
                Ok(format!("{span} is ordinary memory"))
            }
        }
    }

    /// Fails unless ringfence keeps the carveouts, or refuses the boot.
    fn behind(&self, bed: &TestBed, name: &str) -> Result<String> {
        let boot = self.boot(bed, name)?;
        let (transcript, seen, says) = match self.outcome {
            Outcome::Refused(reason) => return refuses(bed, name, &boot, reason),
            Outcome::Kept(says) => {
                let (transcript, seen) = keeps(bed, name, &boot)?;
                (transcript, seen, says)
            }
            Outcome::KeptInUse(says) => {
                let (transcript, seen) = boots(bed, name, &boot)?;
                (transcript, seen, says)
            }
        };
        let said = line(&transcript, says)?;
        if let Harm::NotReserved(span) = self.harm {
            iomem(&transcript, span).with_context(|| format!("Linux does not keep {span}"))?;
        }
        Ok(format!("{seen}; {}", said.trim_start_matches("ringfence: ")))
    }

    fn boot(&self, bed: &TestBed, name: &str) -> Result<EfiBoot> {
        let dtb = tree(bed, name, self.change)?;
        let devicetree = self.by_loader.then(|| dtb.clone());
        let (release, loader) = (Release::Bookworm, self.loader);
        Ok(EfiBoot { release, policy: None, dtb, devicetree, loader, ..usual(bed)? })
    }
}

/// A pool is over a table that Linux keeps, and the policy permits to move it: to where nothing is that the
/// firmware or the kernel's stub passes to Linux.
fn pool_moves(bed: &TestBed, name: &str) -> Result<String> {
    const MOVED: &[(&str, &str)] = &[
        ("adsp-heap {", "adsp-heap@7e800000 {"),
        ("alloc-ranges = <0x0 0x00000000 0x0 0xffffffff>;", ""),
        ("alignment = <0x0 0x400000>;", ""),
        ("size = <0x0 0xc00000>;", "reg = <0x0 0x7e800000 0x0 0xc00000>;"),
    ];
    let policy = bed.ws.scratch_file("efi", name, "toml")?;
    fs::write(&policy, "allow.shift = true\n")?;
    let dtb = tree(bed, name, MOVED)?;
    let boot = EfiBoot { release: Release::Bookworm, dtb, policy: Some(policy), ..usual(bed)? };
    let (transcript, seen) = keeps(bed, name, &boot)?;
    line(&transcript, "ringfence: RF702 error /reserved-memory/adsp-heap@7e800000")?;
    let regions = reserved_nodes::regions(transcript.section("reserved-memory"))?;
    let pool = regions.iter().find(|region| region.name.starts_with("adsp-heap"));
    let pool = *pool.and_then(|pool| pool.spans.first()).context("Linux does not have the pool")?;
    ensure!(pool.base() != 0x7e80_0000, "the pool has not moved");
    let tables =
        line(&transcript, "efi: SMBIOS")?.split_whitespace().filter_map(|word| word.split_once("=0x"));
    for (table, at) in tables {
        let at = u64::from_str_radix(at, 16)?;
        ensure!(!pool.contains(at), "{table} is at {at:#x}, in the pool at {pool}");
    }
    ensure!(
        map(&transcript)?.within(pool).all(|range| range.kind == EfiKind::BootData),
        "{pool} is not held"
    );
    Ok(format!("{seen}; the pool is at {pool}"))
}

/// Two carveouts overlap, and the policy wants the boot manager to go on: it starts its next option.
fn back_to_boot_manager(bed: &TestBed, name: &str) -> Result<String> {
    let dtb = tree(bed, name, &[("0x64300000 0x0 0x500000", "0x64300000 0x0 0x600000")])?;
    let policy = bed.ws.scratch_file("efi", name, "toml")?;
    fs::write(&policy, "on-error = \"boot-manager\"\n")?;
    let boot = EfiBoot { dtb, policy: Some(policy), ..usual(bed)? };
    let went_on = |text: &str| text.contains("BdsDxe: starting Boot");
    let transcript = bed.boot_until(name, &boot.ready(bed, name)?, LIMIT, Some(&went_on))?;
    line(&transcript, "HALT RF201 error")?;
    line(&transcript, "BdsDxe: starting Boot").map(|line| line.trim().to_owned())
}

/// Returns the line of `/proc/iomem` for a reserved span.
fn iomem<'t>(transcript: &'t Transcript, span: &str) -> Option<&'t String> {
    let lines = transcript.section("iomem").iter();
    lines.into_iter().find(|line| line.trim_start().starts_with(span) && line.ends_with("reserved"))
}

/// Returns the usual tree with some of its source replaced.
pub(super) fn tree(bed: &TestBed, name: &str, change: &[(&str, &str)]) -> Result<PathBuf> {
    let usual = job::default_tree(&bed.ws, Ram::GIB);
    let mut source = fs::read_to_string(&usual)?;
    for (from, to) in change {
        ensure!(source.contains(from), "the usual tree has no `{from}`");
        source = source.replace(from, to);
    }
    let parent = usual.parent().context("a tree is in a directory")?;
    source = source.replace("virt.dtsi", &parent.join("virt.dtsi").display().to_string());
    let file = bed.ws.scratch_file("efi", name, "dts")?;
    fs::write(&file, source)?;
    dtc::compile(&bed.ws, &file)
}
