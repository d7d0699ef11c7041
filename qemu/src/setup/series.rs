//! The kernels that the proving ground boots: which Debian packages hold them, and what they need of a board.

use crate::workspace::Workspace;
use ringfence::profile::{KernelProfile, PageSize};
use std::path::PathBuf;

/// A Debian kernel series that the proving ground boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Series {
    /// Linux 6.1, Debian 12's own.
    V6_1,
    /// Linux 6.12, Debian 13's, and in Debian 12's backports.
    V6_12,
    /// The newest Linux 7 of Debian 13's backports.
    V7,
    /// The same, built for pages of 16 KiB.
    V7Pages16K,
}

impl Series {
    /// All of them, oldest first.
    pub(crate) const ALL: [Self; 4] = [Self::V6_1, Self::V6_12, Self::V7, Self::V7Pages16K];

    /// The names that command lines take, in the order of [`ALL`](Self::ALL).
    pub(crate) const NAMES: [&str; 4] = ["6.1", "6.12", "7", "7-16k"];

    /// The name that command lines use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V7 => "7",
            Self::V7Pages16K => "7-16k",
        }
    }

    /// Finds the series of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|series| series.name() == name)
    }

    /// Debian suites that hold it, the first that has one wins.
    pub(crate) fn suites(self) -> &'static [&'static str] {
        match self {
            Self::V6_1 => &["bookworm"],
            Self::V6_12 => &["bookworm-backports", "trixie"],
            Self::V7 | Self::V7Pages16K => &["trixie-backports"],
        }
    }

    /// How the names of the packages with its image begin: all but the rest of the version and the flavour.
    pub(crate) fn package_prefix(self) -> &'static str {
        match self {
            Self::V6_1 => "linux-image-6.1.",
            Self::V6_12 => "linux-image-6.12.",
            // Since these, `linux-image-…` holds no file and asks for this one.
            Self::V7 | Self::V7Pages16K => "linux-binary-7.",
        }
    }

    /// How they end: the smallest flavour that boots on `virt`.
    pub(crate) fn flavour(self) -> &'static str {
        if self == Self::V7Pages16K { "-arm64-16k" } else { "-cloud-arm64" }
    }

    /// Megabytes to fetch.
    pub(crate) fn megabytes(self) -> u32 {
        match self {
            Self::V6_1 => 21,
            Self::V6_12 => 28,
            Self::V7 => 11,
            Self::V7Pages16K => 12,
        }
    }

    /// The point release that set-up has, such as `6.12.95`, from the name of its package.
    pub(crate) fn release(self, ws: &Workspace) -> Option<String> {
        let package = std::fs::read_to_string(self.image(ws).with_file_name("package")).ok()?;
        let version = package.strip_prefix(self.package_prefix())?.split(['-', '+', '\n']).next()?;
        Some(format!("{}.{version}", self.family()))
    }

    /// Where set-up keeps its kernel image.
    pub(crate) fn image(self, ws: &Workspace) -> PathBuf {
        self.dir(ws).join("Image")
    }

    /// Where set-up keeps the modules that its initramfs may load, in a directory named after the release.
    pub(crate) fn modules(self, ws: &Workspace) -> PathBuf {
        self.dir(ws).join("modules")
    }

    /// Tells whether the package with its image holds its modules, too.
    pub(crate) fn has_modules(self) -> bool {
        self.package_prefix().starts_with("linux-image-")
    }

    fn dir(self, ws: &Workspace) -> PathBuf {
        ws.cache().join(format!("linux-{}", self.name()))
    }

    /// The name that the core has for kernels like it.
    fn family(self) -> &'static str {
        match self {
            Self::V7Pages16K => "7",
            _ => self.name(),
        }
    }

    fn page(self) -> PageSize {
        if self == Self::V7Pages16K { PageSize::K16 } else { PageSize::K4 }
    }

    /// What the core knows about a release of it.
    pub(crate) fn profile(self, release: &str) -> Option<KernelProfile> {
        KernelProfile::named(release).map(|profile| profile.with_page(self.page()))
    }

    /// The options by which the tool is told of a release of it.
    pub(crate) fn tool_options(self, release: &str) -> [String; 2] {
        [format!("--kernel={release}"), format!("--page={}k", self.page().bytes() >> 10)]
    }

    /// What QEMU is told where its usual processor cannot run this kernel. Of two `-cpu` it takes the last.
    pub(crate) fn processor(self) -> Vec<String> {
        // A Cortex-A72 has no pages of 16 KiB; this one boots three times as fast as `max`.
        if self == Self::V7Pages16K { ["-cpu", "cortex-a76"].map(String::from).to_vec() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_has_a_name_and_a_profile_of_its_own() {
        assert_eq!(Series::ALL.map(Series::name), Series::NAMES);
        for series in Series::ALL {
            assert_eq!(Series::named(series.name()), Some(series));
            assert!(series.package_prefix().contains(&format!("-{}.", series.family())), "{series:?}");
            assert!(series.profile(series.family()).is_some_and(|profile| profile.page == series.page()));
        }
        assert_eq!(Series::V7Pages16K.tool_options("7.3.4"), ["--kernel=7.3.4", "--page=16k"]);
        assert_eq!(Series::V6_12.tool_options("6.12.95"), ["--kernel=6.12.95", "--page=4k"]);
    }
}
