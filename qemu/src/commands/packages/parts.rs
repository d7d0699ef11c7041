//! The lists of parts against what cargo compiles.

use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What is read of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    bom_format: String,
    spec_version: String,
    metadata: Metadata,
    components: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    component: Part,
}

#[derive(Debug, Deserialize)]
struct Part {
    name: String,
    version: String,
}

/// Checks the lists of a release, and returns what was seen.
pub(super) fn check(ws: &Workspace, dist: &Path) -> Result<String> {
    let mut seen = Vec::new();
    for listed in super::listed(dist) {
        let file = listed.file();
        let text = fs::read_to_string(dist.join(&file)).with_context(|| file.clone())?;
        ensure!(!text.contains(&ws.root.display().to_string()), "{file} has a path of this machine");
        let (named, compiled) =
            (named(&text).with_context(|| file.clone())?, listed.packages(ws, "normal,build")?);
        let missing: Vec<&String> = compiled.difference(&named).collect();
        ensure!(missing.is_empty(), "{file} lacks {missing:?}");
        // cargo-cyclonedx takes the features of the whole workspace, tests with them.
        let more = named.difference(&compiled).count();
        seen.push(format!("{file}: all {} packages that are compiled, and {more} more", compiled.len()));
    }
    Ok(seen.join("\n"))
}

/// Returns the packages of a list, with their versions.
fn named(text: &str) -> Result<BTreeSet<String>> {
    let list: List = serde_json::from_str(text)?;
    let is_known = list.bom_format == "CycloneDX" && list.spec_version == "1.5";
    ensure!(is_known, "{} {}, not CycloneDX 1.5", list.bom_format, list.spec_version);
    let parts = list.components.iter().chain([&list.metadata.component]);
    Ok(parts.map(|part| format!("{} v{}", part.name, part.version)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_of_a_list_are_read() {
        let list = |version: &str| {
            format!(
                r#"{{"bomFormat": "CycloneDX", "specVersion": "{version}",
                    "metadata": {{"component": {{"name": "tool", "version": "1.0.0"}}}},
                    "components": [{{"name": "part", "version": "2.1.0"}}]}}"#
            )
        };
        assert_eq!(named(&list("1.5")).unwrap(), ["part v2.1.0", "tool v1.0.0"].map(String::from).into());
        assert!(named(&list("1.3")).is_err());
        let unnamed = list("1.5").replace(r#""version": "2.1.0""#, r#""other": 0"#);
        assert!(named(&unnamed).is_err());
    }
}
