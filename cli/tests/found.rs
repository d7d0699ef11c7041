//! Which plain command finds which wrong tree: alone, `ringfence check TREE`; or in its project, whose
//! `ringfence.toml` says what a tree cannot show, namely what the board requires and where its loader puts
//! things.

mod tools;
mod workdir;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use tools::have_dtc;
use workdir::WorkDir;

/// How a tree's defect is found.
enum Found {
    /// By this rule, from the tree alone.
    Alone(&'static str),
    /// By this rule, from the tree alone, for a kernel of this version: the newest of 6.12 is not affected.
    Before(&'static str, &'static str),
    /// By this rule, with what the project knows.
    InProject(&'static str),
    /// Not at all, for it does no harm.
    Harmless,
}
use Found::{Alone, Before, Harmless, InProject};

/// Every tree of `qemu/scenarios/broken` and `extra`.
const TREES: &[(&str, Found)] = &[
    ("broken/b01-overlap", Alone("RF201")),
    ("broken/b02-shrunk-carveout", InProject("RF403")),
    ("broken/b03-deleted-carveout", InProject("RF401")),
    ("broken/b04-misaligned-cma", Alone("RF302")),
    ("broken/b05-nomap-reusable", Alone("RF301")),
    ("broken/b06-out-of-ram", Alone("RF204")),
    ("broken/b08-wrong-cells", Alone("RF101")),
    ("broken/b09-reg-length", Alone("RF103")),
    ("broken/b10-dyn-too-big", Alone("RF306")),
    ("broken/b12-over-initrd-nomap", InProject("RF205")),
    ("extra/e01-overlap-contained", Alone("RF201")),
    ("extra/e03-over-kernel-map", InProject("RF205")),
    ("extra/e04-over-kernel-cma", InProject("RF205")),
    ("extra/e05-over-dtb-nomap", InProject("RF205")),
    ("extra/e07-cross-ram-end", Alone("RF203")),
    ("extra/e08-nomap-typo", Alone("RF605")),
    ("extra/e10-65-regions", Before("6.6", "RF115")),
    ("extra/e11-two-cma-default", Alone("RF304")),
    ("extra/e14-align-npot", Alone("RF306")),
    ("extra/e15-size-zero", Alone("RF103")),
    ("extra/e16-disabled", InProject("RF404")),
    ("extra/e18-dyn-nomap", Alone("RF305")),
    ("extra/e20-unaligned-4k", Before("6.6", "RF207")),
    // 64 MiB that nothing can use, as the tree asks for.
    ("extra/e21-reusable-plain", Harmless),
    ("extra/e23-size-len", Alone("RF103")),
    ("extra/e24-alloc-range-outside", Alone("RF306")),
    ("extra/e25-dangling-region", Alone("RF602")),
    ("extra/e26-reg-and-size", Alone("RF111")),
    // Kernels shorten the name and take the pool.
    ("extra/e27-dup-cma-name-long", Harmless),
    // Linux comes up in what is left.
    ("extra/e29-all-ram-reserved-low", Harmless),
    // Aligned enough for the kernels that are asked about.
    ("extra/e30-cma-2m-aligned", Harmless),
    ("extra/e31-foreign-cells", Alone("RF103")),
    ("extra/e32-restricted-flags", Alone("RF307")),
    ("extra/e33-mapped-firmware", Alone("RF309")),
];

/// What a project says once for all of its trees. QEMU puts things at these places.
const PROJECT: &str = r#"
kernels = ["6.1", "6.12"]

[[board]]
policy = "board.toml"

[board.boot-map]
kernel = "0x40200000:@out/Image"
initrd = "0x48000000:1MiB"
dtb = "0x48200000:64KiB"
"#;

struct Project(WorkDir);

impl Project {
    /// Returns a directory with every scenario, a kernel that takes 34 MiB in memory, and no configuration
    /// yet.
    fn new() -> Self {
        let project = Self(WorkDir::new());
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../qemu/scenarios");
        for directory in ["scenarios/broken", "scenarios/extra", "scenarios/good", "boards", "scenarios/out"]
        {
            fs::create_dir_all(project.path(directory)).unwrap();
        }
        for kind in ["broken", "extra", "good"] {
            for entry in fs::read_dir(scenarios.join(kind)).unwrap() {
                let file = entry.unwrap().path();
                let name = file.file_name().unwrap();
                fs::copy(&file, project.path("scenarios").join(kind).join(name)).unwrap();
            }
        }
        fs::copy(scenarios.join("virt-4g.dtsi"), project.path("scenarios/virt-4g.dtsi")).unwrap();
        fs::copy(scenarios.join("../boards/virt.dtsi"), project.path("boards/virt.dtsi")).unwrap();
        let mut image = vec![0; 0x1000];
        image[0x10..0x18].copy_from_slice(&(34_u64 << 20).to_le_bytes());
        image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
        image[0x38..0x3c].copy_from_slice(b"ARM\x64");
        fs::write(project.path("scenarios/out/Image"), image).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.0.command(args).current_dir(self.path("scenarios")).output().unwrap()
    }

    /// Returns the rules that report a tree, and the exit code.
    fn rules(&self, tree: &str, more: &[&str]) -> (Vec<String>, Option<i32>) {
        let output = self.run(&[&["check", "--format", "json", tree][..], more].concat());
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{tree}: {}", String::from_utf8_lossy(&output.stderr)));
        let findings = report["inputs"][0]["findings"].as_array().unwrap();
        let rules = findings.iter().map(|finding| finding["rule"].as_str().unwrap().to_string());
        (rules.collect(), output.status.code())
    }
}

#[test]
fn every_wrong_tree_is_found_by_a_plain_command() {
    if !have_dtc() {
        return;
    }
    let project = Project::new();
    let mut trees: Vec<String> = ["broken", "extra"]
        .iter()
        .flat_map(|kind| {
            fs::read_dir(project.path("scenarios").join(kind)).unwrap().map(move |entry| (kind, entry))
        })
        .map(|(kind, entry)| {
            format!("{kind}/{}", entry.unwrap().path().file_stem().unwrap().to_str().unwrap())
        })
        .collect();
    trees.sort();
    assert!(trees.iter().eq(TREES.iter().map(|(name, _)| name)), "the table is not about {trees:#?}");

    let alone: Vec<_> = TREES.iter().map(|(name, _)| project.rules(&format!("{name}.dts"), &[])).collect();
    // All that a project has to do once: keep what a good tree has, and say where things are loaded.
    let init = project.run(&["policy", "init", "good/q01-qcom-carveouts.dts", "-o", "board.toml"]);
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    fs::write(project.path("scenarios/ringfence.toml"), PROJECT).unwrap();
    let good = project.rules("good/q01-qcom-carveouts.dts", &[]);
    assert_eq!(good, (vec!["RF601".to_string()], Some(0)), "what is right stays so");

    for ((name, found), (alone, _)) in TREES.iter().zip(alone) {
        let has = |rules: &[String], rule: &str| rules.iter().any(|known| known == rule);
        match found {
            Alone(rule) => assert!(has(&alone, rule), "{name}: {rule} is not in {alone:?}"),
            Before(kernel, rule) => {
                let (rules, _) = project.rules(&format!("{name}.dts"), &["--kernel", kernel]);
                assert!(has(&rules, rule) && !has(&alone, rule), "{name}: {rules:?}, and {alone:?}");
            }
            InProject(rule) => {
                assert!(!has(&alone, rule), "{name}: the tree alone shows it");
                let (rules, code) = project.rules(&format!("{name}.dts"), &[]);
                assert!(has(&rules, rule) && code == Some(1), "{name}: {rule} is not in {rules:?}");
            }
            Harmless => assert!(alone.iter().all(|rule| rule == "RF601"), "{name}: {alone:?}"),
        }
    }
}

#[test]
fn the_command_line_beats_the_projects_boot_map() {
    if !have_dtc() {
        return;
    }
    let project = Project::new();
    let boot_map = PROJECT.replace("policy = \"board.toml\"\n", "");
    fs::write(project.path("scenarios/ringfence.toml"), &boot_map).unwrap();
    let tree = "extra/e03-over-kernel-map.dts";
    let plain = project.run(&["check", tree]);
    assert_eq!(plain.status.code(), Some(1), "{}", String::from_utf8_lossy(&plain.stdout));
    let elsewhere = project.run(&["check", "--boot-map", "kernel=0x60000000:@out/Image", tree]);
    assert_eq!(elsewhere.status.code(), Some(0), "{}", String::from_utf8_lossy(&elsewhere.stdout));
    // Places are proposed anew, whatever the configuration says.
    let plan = project.run(&["plan", "--kernel-image", "out/Image", "--format", "uboot", tree]);
    let said = String::from_utf8_lossy(&plan.stdout).into_owned() + &String::from_utf8_lossy(&plan.stderr);
    assert!(plan.status.success() && !said.contains("kernel_addr_r=0x40200000"), "{said}");

    fs::remove_file(project.path("scenarios/out/Image")).unwrap();
    let missing = project.run(&["check", tree]);
    let said = String::from_utf8_lossy(&missing.stderr);
    assert_eq!(missing.status.code(), Some(2));
    assert!(said.contains("out/Image: no such file") && said.lines().count() <= 3, "{said}");
}
