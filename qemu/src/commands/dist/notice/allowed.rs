//! The licences that `deny.toml` allows, for all crates and for those that it names.

use super::linked::Crate;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};
use std::fs;

/// What is read of `deny.toml`; a key with another meaning would be an exception that is missed.
#[derive(Debug, Deserialize)]
struct Deny {
    licenses: Licences,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

/// Licences for all crates, and more for some.
pub(super) struct Allowed(Licences);

impl Allowed {
    /// Reads the project's `deny.toml`.
    pub(super) fn read(ws: &Workspace) -> Result<Self> {
        Self::parse(&fs::read_to_string(ws.root.join("deny.toml"))?).context("deny.toml")
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        Ok(Self(toml::from_str::<Deny>(text)?.licenses))
    }

    /// Returns the expression of a crate in the words of SPDX.
    ///
    /// # Errors
    /// When it has none, or one that cannot be met with the allowed licences alone.
    pub(super) fn expression(&self, package: &Crate) -> Result<String> {
        let stated = package.license.as_deref().context("the manifest states no licence")?;
        let expression = Expression::parse_mode(stated, ParseMode::LAX)
            .map_err(|error| anyhow::anyhow!("{stated:?} is not an SPDX expression: {}", error.reason))?;
        let more = self.0.exceptions.iter().filter(|exception| exception.name == package.name);
        let all = self.0.allow.iter().chain(more.flat_map(|exception| &exception.allow));
        let all = all.map(|licence| Licensee::parse(licence).with_context(|| licence.clone()));
        let all = all.collect::<Result<Vec<Licensee>>>()?;
        if !expression.evaluate(|wanted| all.iter().any(|licence| licence.satisfies(wanted))) {
            bail!("deny.toml does not allow {stated}");
        }
        // As crates wrote it before 2018.
        Ok(stated.replace('/', " OR "))
    }
}
