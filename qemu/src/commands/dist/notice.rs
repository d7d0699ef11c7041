//! The notice about software of others that is linked into what a release carries: each crate, with its
//! licence and the texts that must be passed on with it, each text once.
//!
//! It is made here and not by `cargo about`, which counts procedural macros as linked, and compiles for
//! minutes where it is not installed.

use super::Listed;
use crate::workspace::Workspace;
use allowed::Allowed;
use anyhow::{Result, bail, ensure};
use std::fmt::Write as _;
use texts::Text;

mod allowed;
mod linked;
mod runtime;
mod texts;

/// The name of the notice in an archive, a package and a wheel.
pub(crate) const NOTICE: &str = "LICENSE-THIRD-PARTY";

/// A part of a program that is the work of others.
struct Component {
    /// With the version, if there is one.
    name: String,
    licence: String,
    source: String,
    texts: Vec<Text>,
}

/// Returns the notice of a program.
///
/// # Errors
/// When a crate has no licence file, or a licence that `deny.toml` does not allow. All such crates are named.
pub(crate) fn notice(ws: &Workspace, listed: Listed) -> Result<String> {
    let allowed = Allowed::read(ws)?;
    let (mut components, mut refused) = (Vec::new(), String::new());
    for package in linked::linked(ws, listed)? {
        match component(&allowed, &package) {
            Ok(component) => components.push(component),
            Err(error) => write!(refused, "\n  {}: {error:#}", package.id())?,
        }
    }
    if !refused.is_empty() {
        bail!("crates that cannot be distributed:{refused}");
    }
    ensure!(!components.is_empty(), "no crate is linked into {}", listed.package().0);
    components.extend(runtime::components(listed)?);
    render(listed, &components)
}

/// Returns name and version of each crate that a notice must name.
pub(crate) fn crates(ws: &Workspace, listed: Listed) -> Result<Vec<String>> {
    let named = |package: linked::Crate| format!("{} {}", package.name, package.version);
    Ok(linked::linked(ws, listed)?.into_iter().map(named).collect())
}

fn component(allowed: &Allowed, package: &linked::Crate) -> Result<Component> {
    Ok(Component {
        name: format!("{} {}", package.name, package.version),
        licence: allowed.expression(package)?,
        source: format!("https://crates.io/crates/{}/{}", package.name, package.version),
        texts: texts::of(package)?,
    })
}

/// Writes the components, and then the texts in the order in which those name them.
fn render(listed: Listed, components: &[Component]) -> Result<String> {
    let mut texts: Vec<(String, Vec<String>, &str)> = Vec::new();
    let mut out = format!(
        "Software of others in {}\n\n\
         ringfence is licensed under Apache-2.0 or MIT. Its programs contain the components below,\n\
         each under a licence of its own. The texts that a component names by their numbers follow\n\
         the list.\n",
        listed.title()
    );
    for component in components {
        let mut numbers = String::new();
        for text in &component.texts {
            let (words, whence) = (texts::words(&text.text), format!("{}: {}", component.name, text.name));
            let at = texts.iter().position(|(known, ..)| *known == words).unwrap_or(texts.len());
            match texts.get_mut(at) {
                Some((_, all, _)) => all.push(whence),
                None => texts.push((words, vec![whence], &text.text)),
            }
            write!(numbers, " {}", at + 1)?;
        }
        write!(out, "\n{}\n    Licence: {}\n", component.name, component.licence)?;
        write!(out, "    Source:  {}\n    Texts:  {numbers}\n", component.source)?;
    }
    for (number, (_, whence, text)) in texts.iter().enumerate() {
        let line = "-".repeat(80);
        write!(out, "\n{line}\nText {}\n    {}\n{line}\n\n{text}", number + 1, whence.join("\n    "))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
