//! Adds the tree's `cma=` to the command line that has replaced it.

use super::Repair;
use crate::bootargs;
use crate::plan::gather::Gathering;
use crate::plan::place::line_with_cma;
use crate::plan::{RepairKind, Repaired};
use alloc::format;
use alloc::string::String;

pub(super) const REPAIR: Repair<()> = Repair::safe("keep-cma").gathers(add);

fn add(gathering: &mut Gathering<'_, '_, '_>, (): ()) {
    let analysis = gathering.analysis;
    let replaced = analysis.facts.efi.as_ref().and_then(|efi| efi.replaced.as_deref());
    let Some(arg) = replaced.and_then(bootargs::cma) else { return };
    let own = analysis.map.chosen.bootargs.as_deref().unwrap_or_default();
    let mut line = match line_with_cma(own, Some(&arg)) {
        Ok(line) => line,
        Err(why) => return gathering.changes.fail("/chosen", why),
    };
    let what = format!("bootargs say `{}` again", String::from_utf8(arg.to_bytes()).unwrap_or_default());
    line.push(0);
    let repaired = Repaired::new(RepairKind::KeepCma, "/chosen", what);
    gathering.changes.repair(alloc::vec![repaired], |edits| edits.set_chosen("bootargs", line));
}
