//! Adds the tree's `cma=` to the command line that has replaced it.

use super::Repair;
use crate::bootargs::{self, MAX_LEN};
use crate::plan::gather::Gathering;
use crate::plan::{RepairKind, Repaired};
use alloc::format;
use alloc::string::String;

pub(super) const REPAIR: Repair<()> = Repair::safe("keep-cma").gathers(add);

fn add(gathering: &mut Gathering<'_, '_, '_>, (): ()) {
    let analysis = gathering.analysis;
    let replaced = analysis.facts.efi.as_ref().and_then(|efi| efi.replaced.as_deref());
    let Some(arg) = replaced.and_then(bootargs::cma) else { return };
    let own = analysis.map.chosen.bootargs.as_deref().unwrap_or_default();
    let mut line = bootargs::with_cma(own, Some(&arg));
    if line.len() > MAX_LEN || bootargs::cma(&line) != Some(arg) {
        let why = "bootargs have no room for `cma=`, or a quote that never closes";
        return gathering.changes.fail("/chosen", why);
    }
    let what = format!("bootargs say `{}` again", String::from_utf8(arg.to_bytes()).unwrap_or_default());
    line.push(0);
    let repaired = Repaired::new(RepairKind::KeepCma, "/chosen", what);
    gathering.changes.repair(alloc::vec![repaired], |edits| edits.set_chosen("bootargs", line));
}
