//! The notices about software of others against what cargo links.

use crate::commands::dist::{Listed, crates};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Checks the notices of a release, and returns what was seen.
pub(super) fn check(ws: &Workspace, dist: &Path) -> Result<String> {
    let mut seen = Vec::new();
    for listed in super::listed(dist) {
        let file = listed.notice();
        let text = fs::read_to_string(dist.join(&file)).with_context(|| file.clone())?;
        seen.push(check_one(ws, listed, &text).with_context(|| file.clone())?);
    }
    Ok(seen.join("\n"))
}

fn check_one(ws: &Workspace, listed: Listed, text: &str) -> Result<String> {
    ensure!(!text.contains(&ws.root.display().to_string()), "it has a path of this machine");
    let (named, texts) = read(text)?;
    let linked = crates(ws, listed)?;
    let missing: Vec<&String> = linked.iter().filter(|package| !named.contains(package.as_str())).collect();
    ensure!(missing.is_empty(), "it lacks {missing:?}");
    let count = linked.len();
    Ok(format!("{}: all {count} crates that are linked, with {texts} licence texts", listed.notice()))
}

/// Returns the components that a notice names, each with a licence, and how many texts it has: those that the
/// components name, and no other.
fn read(text: &str) -> Result<(BTreeSet<&str>, usize)> {
    let rule = format!("\n{}\nText ", "-".repeat(80));
    let (list, texts) = text.split_once(&rule).context("it has no texts")?;
    let (mut named, mut wanted) = (BTreeSet::new(), BTreeSet::new());
    // The title and what the notice is are before the components.
    for component in list.split("\n\n").skip(2) {
        let mut lines = component.trim().lines();
        let name = lines.next().unwrap_or_default();
        let mut field = |key: &str| -> Result<&str> {
            let line = lines.next().and_then(|line| line.trim_start().strip_prefix(key));
            Ok(line.with_context(|| format!("{name}: no {key}"))?.trim())
        };
        ensure!(!field("Licence:")?.is_empty() && !field("Source:")?.is_empty(), "{name}: no licence");
        for number in field("Texts:")?.split(' ').filter(|number| !number.is_empty()) {
            wanted.insert(number.parse::<usize>().with_context(|| name.to_owned())?);
        }
        named.insert(name);
    }
    let there = texts.split(&rule).count();
    ensure!(wanted.into_iter().eq(1..=there), "the components name other texts than its {there}");
    Ok((named, there))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dist::{Arch, notice};

    #[test]
    fn a_notice_that_lacks_a_crate_or_a_text_is_refused() {
        let (ws, listed) = (Workspace::locate(), Listed::Stage);
        let text = notice(&ws, listed).unwrap();
        let seen = check_one(&ws, listed, &text).unwrap();
        assert!(seen.starts_with("LICENSE-THIRD-PARTY-stage: all ") && seen.ends_with(" licence texts"));
        let refused = |text: &str| format!("{:#}", check_one(&ws, listed, text).unwrap_err());
        assert!(refused(&text.replace("\nuefi 0", "\nefi 0")).contains("it lacks [\"uefi 0"));
        let last = text.rfind("\nText ").unwrap() - 81;
        assert!(refused(&text[..last]).contains("the components name other texts"));
        assert!(refused(&text.replacen("Licence: MIT", "", 1)).contains("no Licence:"));
        assert!(refused(&format!("{text}{}", ws.root.display())).contains("a path of this machine"));
        let other = check_one(&ws, Listed::Tool(Arch::X86_64), &text).unwrap_err();
        assert!(other.to_string().contains("\"clap "), "{other}");
    }
}
