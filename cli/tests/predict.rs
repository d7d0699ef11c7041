//! Predictions against what booted kernels did: every region of every scenario, the default CMA pool,
//! `CmaTotal` and the lines that the kernel printed. What differs is in `predict/differences.toml`, each
//! with its reason.

mod tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::fdt::{Edits, Tree, rewrite};
use ringfence::pipeline::{Context, Surveyed};
use ringfence::predict::{
    BootLog, DefaultCma, Difference, Observed, Prediction, RegionOutcome, predict, verify,
};
use ringfence::profile::{Build, KernelProfile, PageSize, Room};
use ringfence::span::Span;
use serde_json::Value;

use tools::have_dtc;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../qemu/scenarios")
}

/// Returns the extra command line after a `+` in a scenario's name.
fn append(suffix: &str) -> &'static str {
    match suffix {
        "cma256M" => "cma=256M",
        "cma64M_at_range" => "cma=64M@0x90000000-0xa0000000",
        "cma64M_at_fixed" => "cma=64M@0x90000000",
        "cma_over_carveout" => "cma=64M@0x84000000",
        "cma0" => "cma=0",
        "cma_huge" => "cma=8G",
        "cma_odd" => "cma=5M",
        "cma_bad" => "cma=64Q",
        "cma_over_kernel" => "cma=64M@0x40000000",
        "cma_over_initrd" => "cma=64M@0x48000000",
        "cma_high" => "cma=64M@0x110000000-0x130000000",
        "mem1G" => "mem=1G",
        "stress" | "none" | "numa2" => "",
        other => panic!("unknown suffix {other}"),
    }
}

/// What QEMU makes of `/memory` for two nodes of 2 GiB.
const TWO_NODES: &str = "/ {
    memory@40000000 { reg = <0 0x40000000 0 0x80000000>; numa-node-id = <0>; };
    memory@c0000000 { device_type = \"memory\"; reg = <0 0xc0000000 0 0x80000000>; numa-node-id = <1>; };
};
";

/// Returns the tree of a scenario as QEMU hands it over: compiled, with the command line in it.
fn tree_of(name: &str) -> Vec<u8> {
    let (stem, suffixes) = name.split_once('+').unwrap_or((name, ""));
    let dts =
        ["good", "broken", "extra", "more"].map(|dir| scenarios().join(dir).join(format!("{stem}.dts")));
    let dts = dts.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("no source of {stem}"));
    let mut source = std::fs::read_to_string(dts).unwrap();
    if suffixes.split('+').any(|suffix| suffix == "numa2") {
        source += TWO_NODES;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, source).unwrap();
    // Where the source's own includes are found, and the others'.
    let output = Command::new("dtc")
        .args(["-q", "-q", "-f", "-I", "dts", "-O", "dtb", "-i"])
        .arg(scenarios())
        .arg("-i")
        .arg(dts.parent().unwrap())
        .arg(file.path())
        .output()
        .unwrap();
    let tree = Tree::parse(&output.stdout).unwrap();
    let mut line = String::from("console=ttyAMA0 earlycon");
    for suffix in suffixes.split('+').filter(|suffix| !suffix.is_empty()) {
        line += &format!(" {}", append(suffix));
    }
    let mut edits = Edits::new();
    edits.set(tree.find("/chosen").unwrap().id(), "bootargs", format!("{line}\0").into_bytes());
    rewrite(&tree, &edits).unwrap()
}

/// Returns the profile after a kernel's name in the recordings, how it was built, and where its image ended,
/// as far as that matters.
fn kernel(name: &str) -> (KernelProfile, u64) {
    let (version, page) = name.split_once('-').unwrap_or((name, "4k"));
    let profile = *KernelProfile::for_version(version).unwrap().profile;
    let profile = profile.with_page(match page {
        "16k" => PageSize::K16,
        "64k" => PageSize::K64,
        _ => PageSize::K4,
    });
    let end = match (name, page) {
        ("6.1", _) => 0x41cb_0000,
        ("6.12", _) => 0x4244_0000,
        (_, "16k") => 0x42c0_0000,
        _ => 0x42ad_0000,
    };
    // Those that Debian does not have are built with little more than what is tested; the last one without
    // EFI.
    let build = match name {
        "5.4.301" | "5.15.215" | "6.6.150" => Build { cma_areas: 8, ..profile.build },
        "7.3.4-64k" => Build { cma_areas: 7, room: Room { memory: 128, reserved: 128 }, ..profile.build },
        _ => profile.build,
    };
    (KernelProfile { build, ..profile }, end)
}

fn predicted(scenario: &str, name: &str) -> Prediction {
    let dtb = tree_of(scenario);
    let tree = Tree::parse(&dtb).unwrap();
    let (profile, end) = kernel(name);
    let at = Span::from_ends(0x4020_0000, end).unwrap();
    let placed = |base, end| Some(Position::Fixed(Span::from_ends(base, end).unwrap()));
    let facts = BootFacts {
        kernel: Some(Kernel { position: Position::Fixed(at), text_offset: 0, image_size: at.len() }),
        initrd: placed(0x4800_0000, 0x480f_1800),
        dtb: placed(0x4820_0000, 0x4820_8800),
        ..BootFacts::default()
    };
    let surveyed = Surveyed::of(tree, Context { policy: None, profile: &profile, facts: &facts });
    predict(surveyed.analysis())
}

/// Returns an outcome in the words of the recordings.
fn in_words(outcome: &RegionOutcome) -> String {
    let Some(span) = outcome.span else { return "zero".into() };
    let share = |part: u64, whole: u64| part * 100 / whole;
    match (outcome.ram, outcome.no_map, outcome.withheld) {
        (0, ..) => "not RAM".into(),
        (ram, ..) if outcome.removed == ram => "not RAM".into(),
        (ram, no_map, _) if no_map == ram && ram == span.len() => "NOMAP".into(),
        (ram, no_map, _) if no_map == ram => format!("NOMAP ({}% of it is RAM)", share(ram, span.len())),
        (ram, _, withheld) if withheld == ram => "reserved".into(),
        (_, _, 0) => "FREE (unprotected)".into(),
        (ram, _, withheld) => format!("reserved {}% only", share(withheld, ram)),
    }
}

fn golden() -> BTreeMap<String, BTreeMap<String, Value>> {
    let mut all = BTreeMap::<String, BTreeMap<String, Value>>::new();
    for file in ["golden.json", "golden-more.json"] {
        let text = std::fs::read_to_string(scenarios().join(file)).unwrap();
        let boots: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_str(&text).unwrap();
        for (scenario, kernels) in boots {
            all.entry(scenario).or_default().extend(kernels);
        }
    }
    all
}

/// How lines of a recording begin that are about other things, such as the crashes that some end in.
const OTHER_LINES: &[&str] = &[
    "BUG:",
    "Internal error",
    "Kernel panic",
    "Memory limited",
    "Unable to handle",
    "WARNING:",
    "cma: cma_alloc",
];

/// Lines of a recording.
fn lines(value: &Value) -> Vec<String> {
    let lines = value.as_array().into_iter().flatten().map(|line| line.as_str().unwrap());
    lines.filter(|line| !OTHER_LINES.iter().any(|other| line.starts_with(other))).map(String::from).collect()
}

/// Returns the same as one text.
fn text(value: &Value) -> String {
    lines(value).iter().map(|line| format!("{line}\n")).collect()
}

fn verified(prediction: &Prediction, boot: &Value) -> Vec<Difference> {
    let (log, iomem) = (text(&boot["log"]), text(&boot["iomem"]));
    let log = BootLog::of(&log);
    verify(prediction, &Observed { log: &log, iomem: (!iomem.is_empty()).then_some(iomem.as_str()) })
}

/// Returns every difference between prediction and recording, as `scenario kernel: what`.
fn differences() -> (usize, usize, Vec<String>) {
    let golden = golden();
    let (mut boots, mut regions, mut found) = (0, 0, Vec::new());
    for (scenario, by_kernel) in &golden {
        for (name, boot) in by_kernel {
            boots += 1;
            let prediction = predicted(scenario, name);
            let mut differ = |what: &str, was: &str, predicted: &str| {
                if was != predicted {
                    found.push(format!("{scenario} {name} {what}: was {was}, predicted {predicted}"));
                }
            };
            for (region, effective) in boot["effective"].as_object().unwrap() {
                // A boot that died before it printed its memory.
                if effective == "?" {
                    continue;
                }
                regions += 1;
                let outcome = prediction.regions.iter().find(|outcome| outcome.name == *region);
                differ(region, effective.as_str().unwrap(), &outcome.map_or("unknown".into(), in_words));
            }
            let (died, panics) = (boot["ok"] == false, prediction.panic.is_some());
            differ("end", if died { "died" } else { "lived" }, if panics { "died" } else { "lived" });
            // A kernel that dies before it has a console has printed nothing.
            if panics && lines(&boot["log"]).is_empty() {
                continue;
            }
            let (mut was, mut log) = (lines(&boot["log"]), prediction.log.clone());
            if let DefaultCma::Somewhere { .. } = prediction.cma {
                // Where it is was not predicted, so the line about it is not either.
                log.extend(was.iter().filter(|line| line.starts_with("cma: Reserved")).cloned());
            }
            // The same of pools of nodes, whose lines are between others.
            if prediction.node_pools.iter().any(|pool| pool.span.is_none()) {
                was.retain(|line| !line.starts_with("cma: Reserved") || log.contains(line));
            }
            differ("log", &format!("{was:#?}"), &format!("{log:#?}"));
            if let Some(total) = boot["meminfo"]["CmaTotal"].as_str() {
                differ("CmaTotal", total, &format!("{} kB", prediction.cma_total >> 10));
            }
        }
    }
    (boots, regions, found)
}

/// Reasons for differences, by `scenario kernel what`.
fn explained() -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/predict/differences.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

#[test]
fn predictions_are_what_kernels_did_or_the_difference_is_explained() {
    if !have_dtc() {
        return;
    }
    let (boots, regions, found) = differences();
    for difference in &found {
        println!("{difference}");
    }
    println!("{boots} boots, {regions} region states, {} differences", found.len());
    let explained = explained();
    let unexplained: Vec<&String> = found
        .iter()
        .filter(|difference| !explained.contains_key(difference.split(':').next().unwrap()))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let stale: Vec<&String> =
        explained.keys().filter(|key| !found.iter().any(|d| d.starts_with(&format!("{key}:")))).collect();
    assert!(stale.is_empty(), "explained, but no difference any more: {stale:#?}");
}

#[test]
fn a_boot_that_went_as_predicted_verifies() {
    if !have_dtc() {
        return;
    }
    let (mut held, explained) = (0, explained());
    for (scenario, by_kernel) in &golden() {
        for (name, boot) in by_kernel {
            let about = format!("{scenario} {name} ");
            let prediction = predicted(scenario, name);
            // A kernel that dies early has printed nothing, and explained differences have a text.
            let silent = prediction.panic.is_some() && lines(&boot["log"]).is_empty();
            if silent || explained.keys().any(|key| key.starts_with(&about) && key.ends_with(" log")) {
                continue;
            }
            let differences = verified(&prediction, boot);
            assert!(differences.is_empty(), "{about}: {differences:#?}");
            held += 1;
        }
    }
    println!("{held} boots verified");
    assert!(held > 700);
}

#[test]
fn a_boot_that_went_otherwise_is_told_apart() {
    if !have_dtc() {
        return;
    }
    let golden = golden();
    let names = |differences: Vec<Difference>| -> Vec<String> {
        differences.iter().map(ToString::to_string).filter(|text| !text.contains("printed")).collect()
    };
    // The carveout that one boot lost is named with its bytes.
    let lost =
        names(verified(&predicted("q01-qcom-carveouts", "6.12"), &golden["b03-deleted-carveout"]["6.12"]));
    assert_eq!(
        lost,
        ["wpss@0x84800000: 0x84800000..0x86100000 (25 MiB) should be unmapped, but is System RAM"]
    );
    let shrunk =
        names(verified(&predicted("q01-qcom-carveouts", "7.3"), &golden["b02-shrunk-carveout"]["7.3"]));
    assert_eq!(
        shrunk,
        [
            "adsp@86100000: 0x88100000..0x88900000 (8 MiB) should be unmapped, but is System RAM",
            "not predicted: OF: reserved mem: 0x0000000086100000..0x00000000880fffff (32768 KiB) nomap \
             non-reusable adsp@86100000",
        ]
    );
    // 6.1 places the two pools the other way round.
    let swapped = names(verified(&predicted("q05-qcom-full", "6.12"), &golden["q05-qcom-full"]["6.1"]));
    assert!(
        swapped.iter().any(|text| text.contains("my_cma") || text.contains("0x00000000fe800000")),
        "{swapped:?}"
    );
}

/// The two commands, from the outside.
#[test]
fn the_tool_predicts_and_verifies() {
    if !have_dtc() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let golden = golden();
    let boot = &golden["q05-qcom-full"]["6.12"];
    std::fs::write(dir.path().join("board.dtb"), tree_of("q05-qcom-full")).unwrap();
    std::fs::write(dir.path().join("boot.log"), text(&boot["log"])).unwrap();
    std::fs::write(dir.path().join("iomem.txt"), text(&boot["iomem"])).unwrap();
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_ringfence")).current_dir(&dir).args(args).output().unwrap()
    };
    let json = run(&["predict", "--no-config", "--format", "json", "--kernel", "6.12", "board.dtb"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["schema"], &json["profile"]), (&Value::from(1), &Value::from("6.12")));
    assert_eq!(json["regions"][5]["base"], "0xff000000");
    assert_eq!(json["regions"][5]["state"], "cma");
    assert_eq!(json["cma"]["base"], "0xf9c00000");
    let held = ["--boot-log", "boot.log", "--iomem", "iomem.txt", "board.dtb"];
    let as_told = run(&[&["verify", "--no-config", "--kernel", "6.12"], &held[..]].concat());
    assert_eq!(as_told.status.code(), Some(0), "{}", String::from_utf8_lossy(&as_told.stdout));
    let otherwise = run(&[&["verify", "--no-config", "--kernel", "6.1"], &held[..]].concat());
    assert_eq!(otherwise.status.code(), Some(1));
}

#[test]
fn a_policy_names_the_kernel_where_nothing_else_does() {
    if !have_dtc() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("board.dtb"), tree_of("q05-qcom-full")).unwrap();
    let predicted = |policy: &str, more: &[&str]| {
        std::fs::write(dir.path().join("policy.toml"), policy).unwrap();
        let mut tool = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        tool.current_dir(&dir).args(["predict", "--no-config", "--policy", "policy.toml"]);
        let output = tool.args(more).arg("board.dtb").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().next().map_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned(), String::from)
    };
    assert_eq!(predicted("kernel = \"6.6.92\"\n", &[]), "Linux 6.6 ends up with");
    assert_eq!(predicted("kernel = \"6.6\"\n", &["--kernel", "7.3"]), "Linux 7.3 ends up with");
    assert_eq!(predicted("", &[]), "Linux 6.12 ends up with");
    assert!(predicted("kernel = \"six\"\n", &[]).contains("not a version of Linux"));
}

/// A kernel's own configuration in the place of Debian's.
#[test]
fn the_configuration_of_a_kernel_decides_its_pool_and_pages() {
    if !have_dtc() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("board.dtb"), tree_of("q01-qcom-carveouts")).unwrap();
    let config = "# Linux/arm64 6.6.31 Kernel Configuration\nCONFIG_ARM64=y\nCONFIG_CMA=y\nCONFIG_DMA_CMA=y\n\
                  CONFIG_CMA_SIZE_MBYTES=16\nCONFIG_CMA_SIZE_SEL_MBYTES=y\nCONFIG_EFI=y\n";
    let predicted = |config: &str| {
        std::fs::write(dir.path().join("config"), config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        let args = ["predict", "--no-config", "--format", "json", "--kernel-config", "config", "board.dtb"];
        let output = command.current_dir(&dir).args(args).output().unwrap();
        (
            serde_json::from_slice::<Value>(&output.stdout),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let json = predicted(config).0.unwrap();
    assert_eq!(json["profile"], "6.6");
    assert!(
        json["log"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("Reserved 16 MiB"))
    );
    let none = predicted(&config.replace("CONFIG_DMA_CMA=y", "# CONFIG_DMA_CMA is not set")).0.unwrap();
    assert_eq!(none["cma"], Value::Null);
    let share = predicted(&config.replace("SEL_MBYTES", "SEL_PERCENTAGE"));
    assert!(share.1.contains("give its size with --cma-default"), "{}", share.1);
    assert!(predicted("hello").1.contains("not the configuration of an arm64 kernel"));
}
