//! The sums of a release: of every file, and again in the words of Buildroot and BitBake.

use crate::commands::dist::{Listed, NOTICE, SUMS, SUMS_OF_RECIPES};
use crate::shell::capture;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Checks the sums of a release, and returns what was seen.
pub(super) fn check(dist: &Path) -> Result<String> {
    let text = fs::read_to_string(dist.join(SUMS))
        .with_context(|| format!("{}: run `cargo xtask dist`", dist.display()))?;
    let sums: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once("  ")).collect();
    capture(Command::new("sha256sum").args(["--check", "--strict", "--quiet", SUMS]).current_dir(dist))?;
    for entry in fs::read_dir(dist)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_listed = sums.iter().any(|(_, listed)| *listed == name);
        ensure!(is_listed || name == SUMS, "{SUMS} does not list {name}");
    }
    let mut repeated = 0;
    for recipe in SUMS_OF_RECIPES {
        let text = fs::read_to_string(dist.join(recipe)).with_context(|| recipe.to_owned())?;
        for line in text.lines() {
            let sum = line.split([' ', '"']).find(|word| word.len() == 64).unwrap_or_default();
            // One names the file, the other its kind: the processor, or the stage.
            let kind = line.split(['[', '.']).nth(1).unwrap_or_default();
            // In its archive the notice of the stage has no other beside it.
            let is_notice = |file: &str| line.ends_with(NOTICE) && file == Listed::Stage.notice();
            let is_of =
                |file: &str| line.ends_with(file) || is_notice(file) || file.contains(&format!("-{kind}-"));
            let is_known = sums.iter().any(|(known, file)| *known == sum && is_of(file));
            ensure!(is_known, "{recipe}: {SUMS} has another sum than {line}");
            repeated += 1;
        }
    }
    Ok(format!("{SUMS}: {} files, {repeated} of them again for Buildroot and BitBake", sums.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn a_file_without_a_sum_and_a_wrong_sum_are_named() {
        let dist = Workspace::locate().scratch("sums-test").unwrap();
        let put = |name: &str, text: String| fs::write(dist.join(name), text).unwrap();
        let sum = "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6";
        put("ringfence-stage.tar.gz", "c".into());
        for recipe in SUMS_OF_RECIPES {
            put(recipe, String::new());
        }
        put(SUMS, format!("{sum}  ringfence-stage.tar.gz\n"));
        assert!(check(&dist).unwrap_err().to_string().contains("does not list ringfence"));
        for recipe in SUMS_OF_RECIPES {
            fs::remove_file(dist.join(recipe)).unwrap();
        }
        assert!(check(&dist).unwrap_err().to_string().contains("ringfence.hash"));
        put("ringfence-stage.tar.gz", "d".into());
        assert!(check(&dist).unwrap_err().to_string().contains("sha256sum --check"));
        fs::remove_dir_all(dist).unwrap();
    }
}
