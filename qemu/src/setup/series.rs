//! The kernels that the proving ground boots: which Debian packages hold them or their sources, and what they
//! need of a board.
//!
//! To add a kernel, write its constant and name it in [`Series::ALL`]; in [`Series::MORE`] if the tests do
//! not boot it, or in [`Series::FROM_SOURCES`] if it is built from sources.

use super::build;
use crate::workspace::Workspace;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ringfence::profile::{KernelProfile, NodePools, PageSize, Room};
use std::path::PathBuf;

/// A kernel that the proving ground boots: a series of Debian's, or one that it builds itself.
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
    /// The files in `qemu/kernels` with its configuration, if it is built from sources; then the packages are
    /// of sources, for any flavour.
    pub(super) configs: &'static [&'static str],
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
        configs: &[],
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
    /// Linux 5.10, Debian 11's own.
    pub(crate) const V5_10: Self = Self {
        name: "5.10",
        family: "5.10",
        suites: &["bullseye"],
        package_prefix: "linux-image-5.10.",
        megabytes: 39,
        long_term: false,
        ..Self::V6_1
    };
    /// Linux 6.18, once the newest of Debian 13's backports.
    const V6_18: Self = Self {
        name: "6.18",
        family: "6.18",
        suites: &["trixie-backports"],
        package_prefix: "linux-image-6.18.",
        megabytes: 30,
        long_term: false,
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
            "o08-flags-as-is",
            "o09-status-as-is",
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

    /// Linux 7.3 with what allocates from pools: heaps, a restricted pool, compressed swap.
    pub(crate) const BUILT: Self = Self {
        name: "built",
        family: "7.3",
        package_prefix: "linux-source-7.3",
        flavour: "",
        megabytes: 167,
        configs: &["base.config", "numa.config", "devices.config", "pages-4k.config"],
        ..Self::V7
    };
    const BUILT_16K: Self = Self {
        name: "built-16k",
        page: PageSize::K16,
        processor: Self::V7_PAGES_16K.processor,
        scenarios: Self::V7_PAGES_16K.scenarios,
        configs: &["base.config", "numa.config", "devices.config", "pages-16k.config"],
        ..Self::BUILT
    };
    const BUILT_64K: Self = Self {
        name: "built-64k",
        page: PageSize::K64,
        configs: &["base.config", "numa.config", "devices.config", "pages-64k.config"],
        ..Self::BUILT_16K
    };
    const BUILT_7_2: Self = Self {
        name: "built-7.2",
        family: "7.2",
        package_prefix: "linux-source-7.2",
        configs: &["base.config", "numa.config", "devices.config", "pages-4k.config"],
        ..Self::BUILT
    };
    const BUILT_6_12: Self = Self {
        name: "built-6.12",
        family: "6.12",
        suites: &["trixie"],
        package_prefix: "linux-source-6.12",
        megabytes: 152,
        configs: &["base.config", "devices.config", "pages-4k.config"],
        ..Self::BUILT
    };
    const BUILT_6_1: Self = Self {
        name: "built-6.1",
        family: "6.1",
        suites: &["bookworm"],
        package_prefix: "linux-source-6.1",
        megabytes: 139,
        configs: &["base.config", "pages-4k.config"],
        ..Self::BUILT
    };
    const BUILT_5_10: Self = Self {
        name: "built-5.10",
        family: "5.10",
        suites: &["bullseye"],
        package_prefix: "linux-source-5.10",
        megabytes: 123,
        ..Self::BUILT_6_1
    };

    /// Those that come ready from Debian, oldest first. The tests boot them.
    pub(crate) const ALL: [Self; 4] = [Self::V6_1, Self::V6_12, Self::V7, Self::V7_PAGES_16K];
    /// Those that only `cargo xtask boots` boots.
    pub(crate) const MORE: [Self; 2] = [Self::V5_10, Self::V6_18];
    /// Those that `cargo xtask kernels` builds, the one that the tests boot first.
    pub(crate) const FROM_SOURCES: [Self; 7] = [
        Self::BUILT,
        Self::BUILT_16K,
        Self::BUILT_64K,
        Self::BUILT_7_2,
        Self::BUILT_6_12,
        Self::BUILT_6_1,
        Self::BUILT_5_10,
    ];

    /// Returns every kernel, those from sources last.
    pub(crate) fn every() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::MORE).chain(Self::FROM_SOURCES)
    }

    /// Tells whether it is built from sources.
    pub(crate) fn is_built(self) -> bool {
        !self.configs.is_empty()
    }

    /// Returns the name that command lines use.
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// Parses the name of a series.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        let named = |name: String| Self::named(&name).ok_or("not a series");
        PossibleValuesParser::new(Self::every().map(Self::name)).try_map(named)
    }

    /// Finds the series of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::every().find(|series| series.name == name)
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
        if self.is_built() {
            let release = std::fs::read_to_string(self.dir(ws).join(build::RELEASE)).ok()?;
            return Some(release.trim_end().to_owned());
        }
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

    /// Returns the directory that set-up keeps it in.
    pub(super) fn dir(self, ws: &Workspace) -> PathBuf {
        ws.cache().join(format!("linux-{}", self.name()))
    }

    /// Returns what the core knows about a release of it.
    pub(crate) fn profile(self, release: &str) -> Option<KernelProfile> {
        let mut profile = KernelProfile::for_version(release).ok()?.profile.with_page(self.page);
        if self.is_built() {
            // Without the interrupt controller's tables there are no entries for them.
            profile.build.room = Room { reserved: 128, ..profile.build.room };
            profile.build.clears_on_alloc = false;
            profile.build.maps_single_pages = false;
            let has = |config| self.configs.contains(&config);
            profile.build.restricted_pools = has("devices.config");
            if !has("numa.config") {
                profile.node_pools = NodePools::None;
            }
        }
        Some(profile)
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
        for series in Series::ALL.into_iter().chain(Series::MORE) {
            assert_eq!(Series::named(series.name()), Some(series));
            assert!(series.package_prefix().contains(&format!("-{}.", series.family)), "{series:?}");
        }
        for series in Series::every() {
            assert_eq!(Series::named(series.name()), Some(series));
            assert!(series.profile(series.family).is_some_and(|profile| profile.page == series.page()));
        }
        assert_eq!(Series::V7_PAGES_16K.tool_options("7.3.4"), ["--kernel=7.3.4", "--page=16k"]);
        assert_eq!(Series::V6_12.tool_options("6.12.95"), ["--kernel=6.12.95", "--page=4k"]);
    }
}
