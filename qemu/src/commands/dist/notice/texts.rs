//! The licence texts of crates, each once.

use super::linked::Crate;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// Crates whose package has no licence file, and the licence under which they are taken. Its standard text is
/// written instead, with the authors that the manifest names where the text has a place for them.
pub(super) const WITHOUT_FILE: [(&str, &str); 4] = [
    ("cbor-edn", "Apache-2.0"),
    ("defmt-decoder", "Apache-2.0"),
    ("defmt-json-schema", "Apache-2.0"),
    ("hexfloat2", "MIT"),
];

/// Beginnings of the names of files that are a licence, in capitals.
const LICENCES: [&str; 4] = ["LICENSE", "LICENCE", "COPYING", "UNLICENSE"];
/// Of files that must be passed on with it.
const NOTICES: [&str; 2] = ["COPYRIGHT", "NOTICE"];
/// What has such a name and is none.
const PROGRAMS: [&str; 5] = ["rs", "toml", "json", "py", "sh"];

/// Where a text is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// The file's name, or what is known of the text.
    pub(super) name: String,
    pub(super) text: String,
}

/// Returns the texts of a crate, sorted by their names.
///
/// # Errors
/// When it has no licence file and is not among [`WITHOUT_FILE`], or the reverse.
pub(super) fn of(package: &Crate) -> Result<Vec<Text>> {
    let directory = package.manifest_path.parent().context("a manifest without a directory")?;
    let mut files = named(directory, &[LICENCES.as_slice(), &NOTICES].concat())?;
    files.extend(package.license_file.iter().map(|file| directory.join(file)));
    files.sort();
    files.dedup();
    let begins = |file: &Path| LICENCES.iter().any(|name| begins_with(file, name));
    let is_licensed = package.license_file.is_some() || files.iter().any(|file| begins(file));
    let known = WITHOUT_FILE.iter().find(|(name, _)| *name == package.name);
    if is_licensed {
        ensure!(known.is_none(), "the package has a licence file now: remove it from WITHOUT_FILE");
    }
    let mut texts = files.iter().map(|file| read(directory, file)).collect::<Result<Vec<Text>>>()?;
    if let Some((_, id)) = known {
        texts.push(standard(id, &package.authors)?);
    } else if !is_licensed {
        bail!(
            "the package has no licence file: ask its authors, or name the licence whose standard text \
             applies in WITHOUT_FILE"
        );
    }
    Ok(texts)
}

/// Returns a licence's standard text, held by these authors.
///
/// # Errors
/// When SPDX has no such licence, or the text wants a holder and there is none.
pub(super) fn standard(id: &str, authors: &[String]) -> Result<Text> {
    let licence = spdx::license_id(id).with_context(|| format!("{id} is not a licence"))?;
    let name = format!("{id}, the standard text");
    const HOLDER: &str = "<year> <copyright holders>";
    let text = licence.text();
    ensure!(!text.contains(HOLDER) || !authors.is_empty(), "{id} wants a holder, and no author is named");
    Ok(Text { name, text: lines(&text.replace(HOLDER, &authors.join(", "))) })
}

/// Returns the files of a directory with such a name, those below `LICENSES` (reuse.software) with them.
fn named(directory: &Path, beginnings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        let is_named = beginnings.iter().any(|beginning| begins_with(&path, beginning));
        let is_program = path.extension().is_some_and(|known| PROGRAMS.iter().any(|other| known == *other));
        if is_named && path.is_dir() {
            files.extend(named(&path, &[""])?);
        } else if is_named && !is_program {
            files.push(path);
        }
    }
    Ok(files)
}

fn begins_with(path: &Path, beginning: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    let is_below = path.parent().is_some_and(|directory| directory.ends_with("LICENSES"));
    name.starts_with(beginning) || is_below
}

fn read(directory: &Path, file: &Path) -> Result<Text> {
    let name = file.strip_prefix(directory).unwrap_or(file).display().to_string();
    let text = fs::read(file).with_context(|| name.clone())?;
    let text = String::from_utf8(text).with_context(|| format!("{name} is not UTF-8"))?;
    ensure!(!text.trim().is_empty(), "{name} is empty");
    Ok(Text { name, text: lines(&text) })
}

/// Returns a text with the line ends of this system, without blanks that nobody sees.
fn lines(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned() + "\n"
}

/// Returns the words of a text: two texts that differ in how they are broken into lines are one.
pub(super) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
