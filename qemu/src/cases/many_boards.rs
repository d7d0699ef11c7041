//! A bundle of other tools, for several boards: whose configuration boots, and what becomes of its parts.

use super::at_stage::{DTB_AT, LIMIT, PAYLOAD_AT, STAGE_AT, edited, entered, says, set_slot};
use super::{Case, TestBed, refused};
use crate::assertions;
use crate::boards::tree;
use crate::machine::Board;
use crate::shell::piped_through_zstd;
use anyhow::{Context, Result, anyhow, ensure};
use ringfence::fdt::{NewNode, build};
use ringfence::span::Span;

/// The carveout of the tree for this board, which only that tree has.
const OWN: (u64, u64) = (0x6000_0000, 0x20_0000);

/// Returns the boots.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("many-boards-own-configuration", own_configuration),
        Case::new("many-boards-tie", |bed, name| {
            let confs = [conf("conf-1", "fdt-own"), conf("conf-2", "fdt-own")];
            let transcript = bed.boot(name, &board(bed, name, None, &confs)?, LIMIT)?;
            says(refused(&transcript)?, "configurations conf-1, conf-2 match this board equally")
        }),
    ]
}

/// The default is for another board. The kernel is a zstd frame, and of two ramdisks the first is passed on
/// as it is, whatever its label says.
fn own_configuration(bed: &TestBed, name: &str) -> Result<String> {
    let other = conf("conf-other", "fdt-other");
    let own = conf("conf-own", "fdt-own").prop_strs("ramdisk", &["ramdisk-1", "ramdisk-2"]);
    let transcript = bed.boot(name, &board(bed, name, Some("conf-other"), &[other, own])?, LIMIT)?;
    assertions::payload_entered(&transcript)?;
    let has = |words: &str| -> Result<String> {
        let line = transcript.stage().find(|line| line.contains(words));
        line.map(str::to_owned).with_context(|| format!("no line with `{words}`:\n{}", transcript.tail(16)))
    };
    has(&format!("nomap non-reusable own@{:x}", OWN.0))?;
    has("tree: the bundle's")?;
    let initrd = has("hand-off: ")?;
    ensure!(!initrd.contains(" initrd 0x0 "), "the ramdisk is not passed on: {initrd}");
    has("the ramdisk ramdisk-2 is not used, because there is one before it")
}

fn conf(name: &str, fdt: &str) -> NewNode {
    NewNode::new(name).prop_str("kernel", "kernel").prop_str("fdt", fdt)
}

/// Returns a board with a bundle of these configurations in its slot.
fn board(bed: &TestBed, name: &str, default: Option<&str>, confs: &[NewNode]) -> Result<Board> {
    let image = |name: &str, data: &[u8], label: &str| {
        let crc = crc32fast::hash(data).to_be_bytes();
        let hash = NewNode::new("hash-1").prop_str("algo", "crc32").prop("value", crc);
        NewNode::new(name).prop("data", data).prop_str("compression", label).child(hash)
    };
    let own = edited(bed, |tree, edits| {
        let reg = [OWN.0, OWN.1].map(u64::to_be_bytes).concat();
        let region = NewNode::new(&format!("own@{:x}", OWN.0)).prop("reg", reg).prop_empty("no-map");
        if let Some(reserved) = tree.find("/reserved-memory") {
            edits.add_node(reserved.id(), region);
        }
    })?;
    let other = edited(bed, |tree, edits| {
        edits.set(tree.root().id(), "compatible", b"vendor,other-board\0".to_vec());
    })?;
    let images = NewNode::new("images")
        .child(image("kernel", &piped_through_zstd(&[], &bed.payload()?.image)?, "zstd"))
        .child(image("ramdisk-1", b"\x1f\x8b\x08 as Linux reads it", "gzip"))
        .child(image("ramdisk-2", b"070701", "none"))
        .child(image("fdt-own", &own, "none"))
        .child(image("fdt-other", &other, "none"));
    let mut configurations = NewNode::new("configurations");
    configurations.children = confs.to_vec();
    if let Some(default) = default {
        configurations = configurations.prop_str("default", default);
    }
    let bundle = build(&NewNode::new("").child(images).child(configurations), 0, &[]);
    let bundle = bundle.map_err(|error| anyhow!("{error}"))?;
    let slot = Span::new(PAYLOAD_AT, bundle.len() as u64).context("the bundle is empty")?;
    let loader = edited(bed, |tree, edits| set_slot(tree, edits, slot))?;
    let file = |what: &str, bytes: &[u8]| tree::keep(&bed.ws.scratch_file("many-boards", name, what)?, bytes);
    let files =
        [(bed.full()?.image, STAGE_AT), (file("dtb", &loader)?, DTB_AT), (file("itb", &bundle)?, PAYLOAD_AT)];
    entered(bed, name, DTB_AT, files.to_vec())
}
