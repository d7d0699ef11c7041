//! The kernels that the proving ground boots: which Debian packages hold them, and what they need of a board.
//!
//! To add a kernel, write its constant and name it in [`Series::ALL`].

use crate::workspace::Workspace;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ringfence::profile::{KernelProfile, PageSize};
use std::path::PathBuf;

/// A Debian kernel series that the proving ground boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    /// The name that command lines use.
    name: &'static str,
    /// The name that the core has for kernels like it.
    family: &'static str,
    /// Debian suites that hold it, the first that has one wins.
    suites: &'static [&'static str],
    /// How the names of the packages with its image begin: all but the rest of the version and the flavour.
    package_prefix: &'static str,
    /// How they end: the smallest flavour that boots on `virt`.
    flavour: &'static str,
    /// Megabytes to fetch.
    megabytes: u32,
    page: PageSize,
    /// Arguments for QEMU if its usual processor cannot run this kernel. Of two `-cpu` the last one counts.
    processor: &'static [&'static str],
    /// Whether it is booted in every form of payload and on every board; else in the usual forms only.
    pub(crate) long_term: bool,
    /// The repaired scenarios that the tests boot with it; `None` means all.
    scenarios: Option<&'static [&'static str]>,
}

impl Series {
    /// Linux 6.1, Debian 12's own.
    pub(crate) const V6_1: Self = Self {
        name: "6.1",
        family: "6.1",
        suites: &["bookworm"],
        package_prefix: "linux-image-6.1.",
        flavour: "-cloud-arm64",
        megabytes: 21,
        page: PageSize::K4,
        processor: &[],
        long_term: true,
        scenarios: None,
    };
    /// Linux 6.12, Debian 13's, and in Debian 12's backports.
    pub(crate) const V6_12: Self = Self {
        name: "6.12",
        family: "6.12",
        suites: &["bookworm-backports", "trixie"],
        package_prefix: "linux-image-6.12.",
        megabytes: 28,
        ..Self::V6_1
    };
    /// The newest Linux 7 of Debian 13's backports.
    pub(crate) const V7: Self = Self {
        name: "7",
        family: "7",
        suites: &["trixie-backports"],
        // Since these, `linux-image-…` is empty and depends on this one.
        package_prefix: "linux-binary-7.",
        megabytes: 11,
        long_term: false,
        // A good tree of each kind of pool, and what kernels of this family treat otherwise than older ones.
        scenarios: Some(&[
            "q04-my-cma",
            "q05-qcom-full",
            "b01-overlap",
            "b04-misaligned-cma",
            "b05-nomap-reusable",
            "e20-unaligned-4k",
        ]),
        ..Self::V6_1
    };
    /// The same, built for pages of 16 KiB.
    pub(crate) const V7_PAGES_16K: Self = Self {
        name: "7-16k",
        flavour: "-arm64-16k",
        megabytes: 12,
        page: PageSize::K16,
        // A Cortex-A72 has no pages of 16 KiB; this one boots three times as fast as `max`.
        processor: &["-cpu", "cortex-a76"],
        scenarios: Some(&["q04-my-cma", "e20-unaligned-4k"]),
        ..Self::V7
    };

    /// All of them, oldest first.
    pub(crate) const ALL: [Self; 4] = [Self::V6_1, Self::V6_12, Self::V7, Self::V7_PAGES_16K];

    /// Returns the name that command lines use.
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// Parses the name of a series.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        let named = |name: String| Self::named(&name).ok_or("not a series");
        PossibleValuesParser::new(Self::ALL.map(Self::name)).try_map(named)
    }

    /// Finds the series of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|series| series.name == name)
    }

    /// Returns the Debian suites that hold it, the first that has one wins.
    pub(crate) fn suites(self) -> &'static [&'static str] {
        self.suites
    }

    /// Returns how the names of its packages begin.
    pub(crate) fn package_prefix(self) -> &'static str {
        self.package_prefix
    }

    /// Returns how the names of its packages end.
    pub(crate) fn flavour(self) -> &'static str {
        self.flavour
    }

    /// Returns the megabytes to fetch.
    pub(crate) fn megabytes(self) -> u32 {
        self.megabytes
    }

    /// Returns the size of its pages.
    pub(crate) fn page(self) -> PageSize {
        self.page
    }

    /// Tells whether the tests boot a repaired scenario with it.
    pub(crate) fn tries(self, scenario: &str) -> bool {
        self.scenarios.is_none_or(|tried| tried.contains(&scenario))
    }

    /// Returns the point release that set-up has, such as `6.12.95`, from the name of its package.
    pub(crate) fn release(self, ws: &Workspace) -> Option<String> {
        let package = std::fs::read_to_string(self.image(ws).with_file_name("package")).ok()?;
        let version = package.strip_prefix(self.package_prefix())?.split(['-', '+', '\n']).next()?;
        Some(format!("{}.{version}", self.family))
    }

    /// Returns how the names of the packages with its device trees begin.
    pub(crate) fn trees_prefix(self) -> &'static str {
        if self.has_modules() { self.package_prefix } else { "linux-base-7." }
    }

    /// Returns where set-up keeps its device trees.
    pub(crate) fn trees(self, ws: &Workspace) -> PathBuf {
        ws.cache().join(format!("corpus-{}", self.name()))
    }

    /// Returns where set-up keeps its kernel image.
    pub(crate) fn image(self, ws: &Workspace) -> PathBuf {
        self.dir(ws).join("Image")
    }

    /// Returns where set-up keeps the modules that its initramfs may load, in a directory named after the
    /// release.
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

    /// Returns what the core knows about a release of it.
    pub(crate) fn profile(self, release: &str) -> Option<KernelProfile> {
        KernelProfile::for_version(release).ok().map(|choice| choice.profile.with_page(self.page))
    }

    /// Returns the tool's options for a release of it.
    pub(crate) fn tool_options(self, release: &str) -> [String; 2] {
        [format!("--kernel={release}"), format!("--page={}k", self.page.bytes() >> 10)]
    }

    /// Returns the arguments for QEMU if its usual processor cannot run this kernel.
    pub(crate) fn processor(self) -> Vec<String> {
        self.processor.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_has_a_name_and_a_profile_of_its_own() {
        for series in Series::ALL {
            assert_eq!(Series::named(series.name()), Some(series));
            assert!(series.package_prefix().contains(&format!("-{}.", series.family)), "{series:?}");
            assert!(series.profile(series.family).is_some_and(|profile| profile.page == series.page()));
        }
        assert_eq!(Series::V7_PAGES_16K.tool_options("7.3.4"), ["--kernel=7.3.4", "--page=16k"]);
        assert_eq!(Series::V6_12.tool_options("6.12.95"), ["--kernel=6.12.95", "--page=4k"]);
    }
}
