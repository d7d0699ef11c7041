//! The book: made by mdBook, and every link in its pages is followed.

use crate::setup::Tool;
use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Pages that mdBook makes of the others, with their links.
const MADE: [&str; 3] = ["404.html", "print.html", "toc.html"];

/// Makes the book and checks it.
///
/// # Errors
/// When mdBook fails, or a link has no target.
pub(super) fn make(ws: &Workspace) -> Result<String> {
    let book = ws.target.join("book");
    if book.exists() {
        fs::remove_dir_all(&book)?;
    }
    let mut mdbook = Command::new(Tool::MdBook.program(ws));
    capture(mdbook.arg("build").arg(ws.root.join("docs")).arg("--dest-dir").arg(&book))?;
    ensure!(book.join("index.html").is_file(), "{} has no index.html", book.display());
    let pages = pages(&book)?;
    let links = check(&book, &pages)?;
    Ok(format!("{} pages, {links} links with a target: {}", pages.len(), book.join("index.html").display()))
}

/// Returns the pages by name.
fn pages(book: &Path) -> Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(book)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".html") && !MADE.contains(&name.as_str()) {
            pages.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(pages)
}

/// Checks that every link to a part of the book has a target, and returns how many there are.
fn check(book: &Path, pages: &BTreeMap<String, String>) -> Result<usize> {
    let (mut count, mut broken) = (0, Vec::new());
    for (page, text) in pages {
        for link in ["href=\"", "src=\""].iter().flat_map(|attribute| text.split(attribute).skip(1)) {
            let link = link.split('"').next().context("an attribute without an end")?;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            // What has a scheme is elsewhere.
            if file.contains(':') {
                continue;
            }
            count += 1;
            let file = if file.is_empty() { page } else { file };
            let is_there = match pages.get(file) {
                Some(target) => anchor.is_empty() || target.contains(&format!("id=\"{anchor}\"")),
                None => book.join(file).exists(),
            };
            if !is_there {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    ensure!(broken.is_empty(), "links without a target:\n  {}", broken.join("\n  "));
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_without_a_target_is_named() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = "<a href=\"b.html#x\">b</a> <a href=\"https://e.org/#y\">e</a> <img src=\"Cargo.toml\">";
        let page = |more: &str| (String::from("a.html"), format!("{page}{more}"));
        let other = (String::from("b.html"), String::from("<h2 id=\"x\">"));
        assert_eq!(check(here, &BTreeMap::from([page(""), other.clone()])).unwrap(), 2);
        for (link, name) in [
            ("<a href=\"b.html#no\">", "a.html: b.html#no"),
            ("<a href=\"#x\">", "a.html: #x"),
            ("<img src=\"no.svg\">", "a.html: no.svg"),
        ] {
            let error = check(here, &BTreeMap::from([page(link), other.clone()])).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
