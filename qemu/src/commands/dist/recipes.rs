//! The sums of a release as Buildroot and BitBake want them: files that are put beside their recipes.

use super::notice::NOTICE;
use super::tool::Arch;
use super::{Listed, Release};
use anyhow::Result;
use std::fmt::Write as _;
use std::fs;

/// The files.
pub(crate) const SUMS_OF_RECIPES: [&str; 2] = [BUILDROOT, BITBAKE];
const BUILDROOT: &str = "ringfence.hash";
const BITBAKE: &str = "ringfence-sums.inc";

/// Writes `ringfence.hash` and `ringfence-sums.inc` for the archives that the recipes fetch.
pub(super) fn write(release: &Release<'_>, sums: &[(String, String)]) -> Result<()> {
    let (mut buildroot, mut bitbake) = (String::new(), String::new());
    let stage = ("stage", format!("ringfence-stage-{}.tar.gz", release.version));
    let tool =
        |arch: Arch| (arch.name(), format!("ringfence-{}-{}-linux.tar.gz", release.version, arch.name()));
    for (name, archive) in Arch::ALL.map(tool).into_iter().chain([stage]) {
        if let Some((digest, _)) = sums.iter().find(|(_, file)| *file == archive) {
            writeln!(buildroot, "sha256  {digest}  {archive}")?;
            writeln!(bitbake, "SRC_URI[{name}.sha256sum] = \"{digest}\"")?;
        }
    }
    // Of the licences, too, which `make legal-info` checks, by their names in the archive of the stage.
    let stage = Listed::Stage.notice();
    for (file, kept) in
        [("LICENSE-APACHE", "LICENSE-APACHE"), ("LICENSE-MIT", "LICENSE-MIT"), (&stage, NOTICE)]
    {
        if let Some((digest, _)) = sums.iter().find(|(_, known)| known == file) {
            writeln!(buildroot, "sha256  {digest}  {kept}")?;
        }
    }
    fs::write(release.dist.join(BUILDROOT), buildroot)?;
    fs::write(release.dist.join(BITBAKE), bitbake)?;
    Ok(())
}
