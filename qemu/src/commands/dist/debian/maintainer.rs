//! Who makes a package, and its changelog, in which Debian names them too.

use super::super::Release;
use crate::shell::capture;
use anyhow::{Result, ensure};
use std::process::Command;

/// The variables by which Debian's own tools know who makes a package.
const NAME: &str = "DEBFULLNAME";
const ADDRESS: &str = "DEBEMAIL";
/// An address that says of itself that it is none (RFC 2606): the project is published by others.
const NO_ADDRESS: &str = "ringfence@ringfence.invalid";

/// Returns the name and the address of the person who makes a package.
///
/// # Errors
/// When a variable holds what a control file cannot.
pub(super) fn maintainer() -> Result<String> {
    let (name, address) = (variable(NAME), variable(ADDRESS));
    field(name.as_deref().unwrap_or("The ringfence authors"), address.as_deref().unwrap_or(NO_ADDRESS))
}

/// Prints how the packages get an address, if they have none.
pub(in crate::commands::dist) fn warn_without_address() {
    if variable(ADDRESS).is_none() {
        println!("the Debian packages name no address of a maintainer; set {ADDRESS} to yours");
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn field(name: &str, address: &str) -> Result<String> {
    let is_plain = |text: &str| !text.contains(|c: char| c.is_control() || "<>,".contains(c));
    ensure!(is_plain(name), "{NAME} is not a name: {name:?}");
    let is_address = is_plain(address) && !address.contains(' ') && address.contains('@');
    ensure!(is_address, "{ADDRESS} is not an address: {address:?}");
    Ok(format!("{name} <{address}>"))
}

/// Returns a changelog in Debian's form, which leads to the project's own.
pub(super) fn changelog(release: &Release<'_>, package: &str, maintainer: &str) -> Result<String> {
    let mut date = Command::new("date");
    let date = capture(date.args(["--utc", "--rfc-email", "--date", &format!("@{}", release.epoch)]))?;
    Ok(format!(
        "{package} ({version}) unstable; urgency=medium\n\n  * Release {version}. \
         The changes are listed in\n    /usr/share/doc/{package}/CHANGELOG.md.\n\n -- {maintainer}  {date}",
        version = release.version,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_file_gets_one_name_and_one_address() {
        assert_eq!(field("Jo Doe", "jo@acme.example").unwrap(), "Jo Doe <jo@acme.example>");
        for (name, address) in
            [("Jo\nDepends: x", "jo@acme.example"), ("Jo", "jo"), ("Jo", "jo@a b"), ("J>", "j@a")]
        {
            assert!(field(name, address).is_err(), "{name} {address}");
        }
    }
}
