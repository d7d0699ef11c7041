//! Compares applied overlays with those of `fdtoverlay`, and applies damaged ones.
//!
//! `fdtoverlay` gets no damaged input, because libfdt 1.6.1 then reads outside the blob.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, dead_code, unused_imports, reason = "public in the fuzz crate")]
mod fuzz;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use fuzz::{Random, damage, overlay};
use ringfence::fdt::{Tree, apply_overlay};

/// A directory for the files of one test.
struct Bench {
    dir: PathBuf,
}

impl Bench {
    /// Returns `None`, after a message, if the device tree compiler is missing.
    fn new(name: &str) -> Option<Self> {
        let has = |tool| Command::new(tool).arg("--version").output().is_ok();
        if !has("dtc") || !has("fdtoverlay") {
            println!("SKIPPED: dtc or fdtoverlay is missing (Debian: device-tree-compiler)");
            return None;
        }
        let dir = std::env::temp_dir().join(format!("ringfence-overlay-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Some(Self { dir })
    }

    fn compile(&self, name: &str, source: &str) -> PathBuf {
        let (dts, dtb) = (self.dir.join(format!("{name}.dts")), self.dir.join(name));
        std::fs::write(&dts, source).unwrap();
        let mut dtc = Command::new("dtc");
        let output = dtc.args(["-q", "-@", "-O", "dtb", "-o"]).args([&dtb, &dts]).output().unwrap();
        assert!(output.status.success(), "{}\n{source}", String::from_utf8_lossy(&output.stderr));
        dtb
    }

    /// Returns the result of `fdtoverlay`. It gets room and one overlay for each run, since 1.6.1 does not
    /// always make room for the second.
    fn theirs(&self, base: &Path, overlays: &[PathBuf]) -> Option<Vec<u8>> {
        let (blob, out) = (self.dir.join("roomy.dtb"), self.dir.join("theirs.dtb"));
        for (number, overlay) in overlays.iter().enumerate() {
            let from = if number == 0 { base } else { &out };
            let mut dtc = Command::new("dtc");
            dtc.args(["-q", "-I", "dtb", "-O", "dtb", "-p", "65536", "-o"]).args([&blob, from]);
            assert!(dtc.status().unwrap().success());
            let mut tool = Command::new("fdtoverlay");
            tool.arg("-i").arg(&blob).arg("-o").arg(&out).arg(overlay);
            if !tool.output().unwrap().status.success() {
                return None;
            }
        }
        Some(std::fs::read(&out).unwrap())
    }

    /// Returns a blob as sorted source.
    fn text(&self, blob: &[u8]) -> String {
        let file = self.dir.join("text.dtb");
        std::fs::write(&file, blob).unwrap();
        let output =
            Command::new("dtc").args(["-q", "-s", "-I", "dtb", "-O", "dts"]).arg(&file).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Compares our result with theirs. Returns `false` where both refuse, or where theirs is wrong.
    #[track_caller]
    fn agree(&self, base: &Path, overlays: &[PathBuf], what: &str) -> bool {
        let (ours, theirs) = match (ours(base, overlays), self.theirs(base, overlays)) {
            (Ok(ours), Some(theirs)) => (ours, theirs),
            (Err(_), None) => return false,
            (Ok(_), None) => panic!("fdtoverlay refuses {what}"),
            (Err(error), _) => panic!("{what}: {error}"),
        };
        let before = phandles(&std::fs::read(base).unwrap());
        assert!(before.is_subset(&phandles(&ours)), "a phandle of the base is lost: {what}");
        if !before.is_subset(&phandles(&theirs)) {
            return false;
        }
        assert_eq!(paths(&ours), paths(&theirs), "the order of nodes: {what}");
        let (ours, theirs) = (self.text(&ours), without_slash(&self.text(&theirs)));
        for (number, (our, their)) in ours.lines().zip(theirs.lines()).enumerate() {
            assert_eq!(our, their, "line {number} of {what}");
        }
        assert_eq!(ours.lines().count(), theirs.lines().count(), "{what}");
        true
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn ours(base: &Path, overlays: &[PathBuf]) -> Result<Vec<u8>, String> {
    let mut blob = std::fs::read(base).unwrap();
    for path in overlays {
        let overlay = std::fs::read(path).unwrap();
        let tree = Tree::parse(&blob).map_err(|error| error.to_string())?;
        let overlay = Tree::parse(&overlay).map_err(|error| error.to_string())?;
        blob = apply_overlay(&tree, &overlay).map_err(|error| error.to_string())?;
    }
    Ok(blob)
}

fn paths(blob: &[u8]) -> Vec<String> {
    Tree::parse(blob).unwrap().nodes().map(|node| node.path()).collect()
}

/// Returns all phandles of a tree. libfdt before 1.7 lets an overlay that labels a node of the base again
/// take its phandle away, so that references in the base dangle.
fn phandles(blob: &[u8]) -> BTreeSet<u32> {
    Tree::parse(blob).unwrap().nodes().filter_map(|node| node.phandle()).collect()
}

/// libfdt leaves a `/` after the symbol of a fragment itself.
fn without_slash(text: &str) -> String {
    let line = |line: &str| match line.strip_suffix("/\";") {
        Some(rest) if rest.contains(" = \"/") => format!("{rest}\";\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn hand_written_overlays_come_out_as_from_fdtoverlay() {
    let Some(bench) = Bench::new("hand") else { return };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let base = fixtures.join("carveouts.dtb");
    assert!(bench.agree(&base, &[fixtures.join("overlay.dtbo")], "the fixture"));
    let sources = [
        // References of every kind.
        "&gic { t: timer { interrupts-extended = <&gic 1 2 3>, <&uart 4>; me = <&t>; path = &t; \
         bytes = [00 01]; }; };",
        "&{/soc} { a { x = <&b>; }; b: b { y = <&a2 &b>; }; };\n&{/} { a2: a2 { }; };",
        // Fragments that meet.
        "&uart { status = \"okay\"; x { y = <1>; }; };\n&uart { status = \"fail\"; x { y = <2>; z; }; };",
        // A label of its own.
        "&{/soc} { fresh: fresh { }; user { uses = <&fresh>; }; };",
        // Names without unit addresses, and deep ones.
        "&{/} { memory { reg = <0 1 2 3>; }; soc { serial { d1 { d2 { d3 { d4 = <&gic>; }; }; }; }; }; };",
        // Fragments as written by hand.
        "/ { fragment@0 { target-path = \"/soc\"; __overlay__ { new@1 { u = <&gic>; }; }; };
             fragment@1 { target-path = \"/soc/new@1\"; __overlay__ { below; }; };
             fragment@2 { target-path = \"serial0\"; __overlay__ { alias; }; };
             other { what = \"ever\"; }; };",
        "/ { a { target = <&uart>; __overlay__ { q = <&uart>; }; }; b { target = <&gic>; }; };",
        "/ { frag { target-path = \"/\"; __overlay__ { chosen { bootargs = \"quiet\"; }; }; }; };",
    ];
    let mut all = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let path = bench.compile(&format!("{number}.dtbo"), &format!("/dts-v1/;\n/plugin/;\n{source}\n"));
        assert!(bench.agree(&base, std::slice::from_ref(&path), source));
        all.push(path);
    }
    assert!(bench.agree(&base, &all, "all of them, one after the other"));
}

#[test]
fn generated_overlays_come_out_as_from_fdtoverlay() {
    let Some(bench) = Bench::new("generated") else { return };
    let mut agreed = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut labels = Vec::new();
        let mut source = "/dts-v1/;\n/ {\n".to_string();
        let mut nodes = vec![String::new()];
        write_nodes(&mut source, &mut random, "b", &mut labels, &mut nodes, &[], 3);
        source += "};\n";
        let base = bench.compile("base.dtb", &source);
        let mut overlays = Vec::new();
        for number in 0..1 + random.below(3) {
            let source = overlay_source(&mut random, &format!("o{number}"), &mut labels, &mut nodes);
            overlays.push(bench.compile(&format!("{number}.dtbo"), &source));
        }
        agreed += usize::from(bench.agree(&base, &overlays, &format!("seed {seed}")));
    }
    println!("{agreed} of 60 agree, the others are refused by both");
    assert!(agreed >= 40);
}

/// Returns an overlay of up to four fragments, into nodes known by label or by path.
fn overlay_source(
    random: &mut Random,
    prefix: &str,
    labels: &mut Vec<String>,
    nodes: &mut Vec<String>,
) -> String {
    let mut source = "/dts-v1/;\n/plugin/;\n".to_string();
    let known = labels.clone();
    // dtc itself merges a fragment into a label of the same file, so targets are those of earlier files.
    let targets = nodes.clone();
    for _ in 0..1 + random.below(4) {
        if !known.is_empty() && random.below(2) == 0 {
            source += &format!("&{} {{\n", known[random.below(known.len())]);
            write_nodes(&mut source, random, prefix, labels, &mut vec!["?".into()], &known, 2);
        } else {
            let target = &targets[random.below(targets.len())];
            source += &format!("&{{{}}} {{\n", if target.is_empty() { "/" } else { target });
            let mut below = vec![target.clone()];
            write_nodes(&mut source, random, prefix, labels, &mut below, &known, 2);
            nodes.extend(below.into_iter().skip(1));
        }
        source += "};\n";
    }
    source
}

/// Writes properties and children of the last node of `nodes`, references to known labels among them, and
/// notes what is new.
fn write_nodes(
    source: &mut String,
    random: &mut Random,
    prefix: &str,
    labels: &mut Vec<String>,
    nodes: &mut Vec<String>,
    known: &[String],
    depth: usize,
) {
    let here = nodes.last().cloned().unwrap_or_default();
    for number in 0..random.below(4) {
        let label = |random: &mut Random| match known.len() {
            0 => "7".to_string(),
            len => format!("&{}", known[random.below(len)]),
        };
        *source += &match random.below(4) {
            0 => format!("p{number};\n"),
            1 => format!("p{number} = \"{prefix}\", \"{}\";\n", random.below(9)),
            2 => format!("p{number} = <{} {} 3>;\n", label(random), label(random)),
            _ => format!("p{number} = \"x\", <{}>;\n", label(random)),
        };
    }
    if depth == 0 {
        return;
    }
    for number in 0..random.below(4) {
        let name = match random.below(12) {
            0 => format!("n{number}"),
            1..5 => format!("m{number}"),
            _ => format!("n{number}@{}", random.below(3)),
        };
        let path = format!("{here}/{name}");
        // A label is given to new names only: what a node of the base that is labelled again keeps differs
        // between versions of libfdt.
        if random.below(2) == 0 {
            let label = format!("{prefix}l{}", labels.len());
            let name = format!("{prefix}{}", labels.len());
            *source += &format!("{label}: {name} {{\nme = <&{label}>;\n");
            nodes.push(format!("{here}/{name}"));
            labels.push(label);
        } else {
            *source += &format!("{name} {{\n");
            nodes.push(path);
        }
        write_nodes(source, random, prefix, labels, nodes, known, depth - 1);
        *source += "};\n";
    }
}

/// `RINGFENCE_CORPUS` names a directory of Debian's arm64 kernel package, whose trees have `__symbols__`
/// where there are overlays for them.
#[test]
fn real_overlays_come_out_as_from_fdtoverlay() {
    let (Some(dir), Some(bench)) = (std::env::var_os("RINGFENCE_CORPUS"), Bench::new("real")) else {
        println!("SKIPPED: RINGFENCE_CORPUS is not set");
        return;
    };
    let (mut bases, mut overlays) = (Vec::new(), Vec::new());
    collect(Path::new(&dir), &mut |path| match path.extension().and_then(|extension| extension.to_str()) {
        Some("dtbo") => overlays.push(path),
        Some("dtb") if has_symbols(&path) => bases.push(path),
        _ => {}
    });
    let (mut same, mut other) = (0, 0);
    for overlay in &overlays {
        for base in bases.iter().filter(|base| base.parent() == overlay.parent()) {
            let what = format!("{} on {}", overlay.display(), base.display());
            let agrees = bench.agree(base, std::slice::from_ref(overlay), &what);
            *if agrees { &mut same } else { &mut other } += 1;
        }
    }
    let (overlays, bases) = (overlays.len(), bases.len());
    println!(
        "{overlays} overlays, {bases} bases: {same} pairs agree, \
         {other} refused by both or losing a phandle there"
    );
    assert!(same > 0);
}

fn has_symbols(path: &Path) -> bool {
    Tree::parse(&std::fs::read(path).unwrap()).is_ok_and(|tree| tree.find("/__symbols__").is_some())
}

fn collect(dir: &Path, found: &mut dyn FnMut(PathBuf)) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, found) } else { found(path) }
    }
}

#[test]
fn damaged_overlays_and_bases_are_refused_or_lose_nothing() {
    let base = include_bytes!("fixtures/carveouts.dtb");
    let fixture = include_bytes!("fixtures/overlay.dtbo");
    overlay(base, fixture);
    for seed in 0..4000 {
        overlay(base, &damage(fixture, seed));
        overlay(&damage(base, seed), fixture);
    }
}

#[test]
fn any_tree_as_its_own_overlay_breaks_no_promise() {
    for blob in [&include_bytes!("fixtures/carveouts.dtb")[..], include_bytes!("fixtures/overlay.dtbo")] {
        overlay(blob, blob);
    }
}
