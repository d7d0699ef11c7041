//! `ringfence report`.

use std::fs;
use std::path::{Path, PathBuf};

use ringfence::fdt::Tree;
use ringfence::plan::REPORT;
use ringfence::policy::digest;
use serde_json::{Map, Value, json};

use super::Outcome;
use crate::args::{Plain, Report};
use crate::failure::Failure;
use crate::input::{self, Options};
use crate::project::policy_file;
use crate::terminal;
use crate::terminal::style::{BOLD, ERROR};
use crate::terminal::text::plural;

/// Where Linux shows the tree that it was booted with.
const LIVE: &[&str] = &["/sys/firmware/devicetree/base", "/proc/device-tree", "/sys/firmware/fdt"];
/// Longest property that is read of a directory, in bytes.
const MAX_LEN: u64 = 1 << 20;

pub(super) fn run(args: &Report) -> Result<Outcome, Failure> {
    let path = match &args.source {
        Some(path) => path.clone(),
        None => LIVE.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
            Failure::new("this machine was not booted with a device tree")
                .with_help("name a dump: a .dtb, or a copy of /proc/device-tree")
        })?,
    };
    let report = Node::read(&path)?.ok_or_else(|| {
        Failure::of(&path, format!("no {REPORT}: ringfence did not boot this kernel"))
            .with_help("the stage leaves a report in every tree that it hands to Linux")
    })?;
    let expected = match &args.policy {
        None => None,
        Some(policy) => {
            let blob = policy_file::load(policy)?.to_blob().map_err(|error| Failure::of(policy, error))?;
            Some(digest(&blob).map_err(|error| Failure::of(policy, error))?)
        }
    };
    let is_other = expected.is_some_and(|digest| report.get("policy-digest") != Some(&digest[..]));
    terminal::out(&match args.format {
        Plain::Human => report.human(),
        Plain::Json => report.json(),
    })?;
    if let (true, Some(policy)) = (is_other, &args.policy) {
        let path = policy.display();
        terminal::err(&format!("{ERROR}error{ERROR:#}: {path}: not the policy of this boot\n"));
        return Ok(Outcome::Findings);
    }
    Ok(Outcome::Clean)
}

/// The properties of the report, in their order.
struct Node(Vec<(String, Vec<u8>)>);

impl Node {
    /// Reads the report of a tree, as a blob or as the directory that Linux shows. `None` when it has none.
    fn read(path: &Path) -> Result<Option<Self>, Failure> {
        if path.is_dir() {
            return Self::of_directory(path);
        }
        let input = input::load_one(path, &Options::default())?;
        let tree = Tree::parse(&input.dtb).map_err(|error| Failure::of(path, error))?;
        let props = |node: ringfence::fdt::Node<'_, '_>| {
            Self(node.props().map(|prop| (prop.name.to_owned(), prop.value.to_vec())).collect())
        };
        Ok(tree.find(REPORT).map(props))
    }

    fn of_directory(path: &Path) -> Result<Option<Self>, Failure> {
        // The tree, the root of a board's files, or the node itself.
        let below = |name: &str| path.join(name);
        let trees = [path.to_path_buf(), below("sys/firmware/devicetree/base"), below("proc/device-tree")];
        let nodes = trees.iter().map(|tree| tree.join("chosen/ringfence")).chain([path.to_path_buf()]);
        let Some(node) = nodes.into_iter().find(|node| node.join("repair-count").is_file()) else {
            return Ok(None);
        };
        let failed = |error: std::io::Error| Failure::of(&node, error);
        let mut props = Vec::new();
        for entry in fs::read_dir(&node).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_property = entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_LEN);
            if is_property {
                let name = entry.file_name().to_string_lossy().into_owned();
                props.push((name, fs::read(entry.path()).map_err(failed)?));
            }
        }
        props.sort();
        Ok(Some(Self(props)))
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_slice())
    }

    fn number(&self, name: &str) -> Option<u32> {
        Some(u32::from_be_bytes(self.get(name)?.try_into().ok()?))
    }

    fn strings(&self, name: &str) -> Vec<String> {
        let value = self.get(name).unwrap_or_default();
        let texts = value.split(|&byte| byte == 0).filter(|text| !text.is_empty());
        // A tree is hostile input: a terminal gets printable text only.
        let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        texts.map(|text| String::from_utf8_lossy(text).chars().map(printable).collect()).collect()
    }

    fn hex(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn human(&self) -> String {
        let version = self.strings("version").concat();
        let mut out = format!("{BOLD}ringfence {version} enforced the memory map of this boot{BOLD:#}\n");
        let count = |name, what| plural(self.number(name).unwrap_or(0) as usize, what);
        let (errors, warnings) = (count("errors", "error"), count("warnings", "warning"));
        out += &format!("found    {errors}, {warnings}, {} in the tree as it came\n", count("notes", "note"));
        out += &match self.hex("policy-digest") {
            Some(digest) => format!("policy   sha256 {digest}\n"),
            None => "policy   none\n".to_owned(),
        };
        for line in self.strings("tree") {
            out += &format!("tree     {line}\n");
        }
        if let Some(is_secure) = self.number("secure-boot") {
            out += &format!("secure boot {}\n", if is_secure == 0 { "off" } else { "on" });
        }
        let repairs = self.strings("repairs");
        out += &format!("made     {}\n", count("repair-count", "repair"));
        repairs.iter().for_each(|repair| out += &format!("  {repair}\n"));
        let left = (self.number("repair-count").unwrap_or(0) as usize).saturating_sub(repairs.len());
        if left > 0 {
            out += &format!("  and {left} more, in the log of the stage\n");
        }
        out
    }

    fn json(&self) -> String {
        let mut document = Map::new();
        document.insert("schema".to_owned(), json!(1));
        for name in ["version", "tree"] {
            document.insert(name.to_owned(), json!(self.strings(name).first()));
        }
        for name in ["errors", "warnings", "notes", "repair-count"] {
            document.insert(name.replace('-', "_"), json!(self.number(name)));
        }
        document.insert("policy_digest".to_owned(), json!(self.hex("policy-digest")));
        document.insert("secure_boot".to_owned(), json!(self.number("secure-boot").map(|word| word != 0)));
        document.insert("repairs".to_owned(), json!(self.strings("repairs")));
        format!("{:#}\n", Value::Object(document))
    }
}
