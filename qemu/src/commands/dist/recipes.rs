//! The sums of a release as Buildroot and BitBake want them: files that are put beside their recipes.

use super::Release;
use super::tool::Arch;
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
    // Of the licences, too, which `make legal-info` checks.
    for (digest, file) in sums.iter().filter(|(_, file)| file.starts_with("LICENSE-")) {
        writeln!(buildroot, "sha256  {digest}  {file}")?;
    }
    fs::write(release.dist.join(BUILDROOT), buildroot)?;
    fs::write(release.dist.join(BITBAKE), bitbake)?;
    Ok(())
}
