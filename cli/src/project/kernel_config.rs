//! What a kernel's own configuration says: `.config`, or `/proc/config.gz`.

use std::collections::BTreeMap;
use std::path::Path;

use ringfence::profile::{CmaAlignment, DmaLimit, Family, KernelProfile, PageSize, Room};
use ringfence::span::MIB;

use crate::args::Boot;
use crate::failure::Failure;
use crate::input::capture;
use crate::terminal;
use crate::terminal::style::NOTE;

/// A kernel's configuration.
#[derive(Clone, Debug, Default)]
pub struct KernelConfig {
    options: BTreeMap<String, String>,
    version: Option<String>,
}

impl KernelConfig {
    /// Reads the configuration that the command line names. Says on the standard error what it leaves open.
    ///
    /// # Errors
    /// As [`KernelConfig::read`].
    pub(super) fn from_args(args: &Boot) -> Result<Option<Self>, Failure> {
        let Some(path) = &args.kernel_config else { return Ok(None) };
        let config = Self::read(path)?;
        if config.is_share_of_ram() && args.cma_default.is_none() {
            let path = path.display();
            terminal::err(&format!(
                "{NOTE}note{NOTE:#}: {path}: the default CMA pool is a share of RAM: give its size with \
                 --cma-default\n"
            ));
        }
        Ok(Some(config))
    }

    /// Reads a configuration, plain or packed.
    ///
    /// # Errors
    /// When it cannot be read, or is not one of an arm64 kernel.
    fn read(path: &Path) -> Result<Self, Failure> {
        const HELP: &str = "give the .config of the kernel's build, /boot/config-VERSION or /proc/config.gz";
        let config = Self::parse(&capture::read_or(path, HELP)?);
        match config.is_set("ARM64") {
            true => Ok(config),
            false => {
                Err(Failure::of(path, "not the configuration of an arm64 kernel: CONFIG_ARM64 is not set")
                    .with_help(HELP))
            }
        }
    }

    fn parse(text: &str) -> Self {
        let mut config = Self::default();
        for line in text.lines().map(str::trim) {
            // `# Linux/arm64 6.12.95 Kernel Configuration`
            if let Some(rest) = line.strip_prefix("# Linux/") {
                config.version = rest.split_whitespace().nth(1).map(str::to_owned);
            }
            if let Some((name, value)) = line.strip_prefix("CONFIG_").and_then(|line| line.split_once('=')) {
                config.options.insert(name.to_owned(), value.trim_matches('"').to_owned());
            }
        }
        config
    }

    /// Returns the kernel as `--kernel` takes it, if the configuration says which it is of.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    fn is_set(&self, name: &str) -> bool {
        self.options.get(name).is_some_and(|value| value == "y")
    }

    fn number(&self, name: &str) -> Option<u64> {
        let text = self.options.get(name)?;
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
    }

    /// Enters into a profile what the configuration decides.
    pub fn apply(&self, profile: &mut KernelProfile) {
        for (name, page) in [("4K", PageSize::K4), ("16K", PageSize::K16), ("64K", PageSize::K64)] {
            if self.is_set(&format!("ARM64_{name}_PAGES")) || self.is_set(&format!("ARM64_{name}B_PAGES")) {
                profile.page = page;
            }
        }
        if let Some(size) = self.default_cma() {
            profile.build.default_cma = size;
        }
        if let Some(areas) = self.number("CMA_AREAS") {
            // Up to 6.6, the default pool has an area besides (mm/cma.h).
            let besides = u64::from(profile.since.family() <= Family { major: 6, minor: 6 });
            profile.build.cma_areas = usize::try_from(areas + besides).unwrap_or(usize::MAX);
        }
        profile.build.restricted_pools = self.is_set("DMA_RESTRICTED_POOL");
        profile.build.clears_on_alloc = self.is_set("INIT_ON_ALLOC_DEFAULT_ON");
        profile.build.maps_single_pages = self.is_set("RODATA_FULL_DEFAULT_ENABLED");
        profile.dma_limit = match (self.is_set("ZONE_DMA"), self.is_set("ZONE_DMA32"), profile.dma_limit) {
            (false, false, _) => DmaLimit::Unlimited,
            // Linux 5.4 has only the second.
            (true, ..) | (_, _, DmaLimit::IgnoresRanges) => profile.dma_limit,
            (false, true, _) => DmaLimit::Only32Bit,
        };
        // Without huge pages a pageblock is the largest block (include/linux/pageblock-flags.h).
        if !self.is_set("HUGETLB_PAGE") && !self.is_set("TRANSPARENT_HUGEPAGE") {
            profile.cma_alignment = CmaAlignment::LargestBlock;
        }
        let processors = self.number("NR_CPUS").filter(|_| self.is_set("ARM_GIC_V3_ITS"));
        let processors = processors.and_then(|count| usize::try_from(count).ok());
        profile.build.room = match (self.is_set("EFI"), processors) {
            (true, Some(processors)) => Room { reserved: 128 + processors + 1, ..profile.build.room },
            (true, None) => Room { reserved: 128, ..profile.build.room },
            (false, _) => Room { memory: 128, reserved: 128 },
        };
    }

    /// Returns the size of the default pool in bytes; `None` when it is a share of RAM.
    fn default_cma(&self) -> Option<u64> {
        if !self.is_set("CMA") || !self.is_set("DMA_CMA") {
            return Some(0);
        }
        match self.is_set("CMA_SIZE_SEL_MBYTES") {
            true => self.number("CMA_SIZE_MBYTES")?.checked_mul(MIB),
            false => None,
        }
    }

    /// Tells whether the size of the default pool is a share of RAM, which the profile does not know.
    fn is_share_of_ram(&self) -> bool {
        self.default_cma().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "#\n# Linux/arm64 6.6.31 Kernel Configuration\n#\nCONFIG_ARM64=y\n\
                          CONFIG_ARM64_16K_PAGES=y\nCONFIG_CMA=y\nCONFIG_DMA_CMA=y\nCONFIG_CMA_AREAS=7\n\
                          CONFIG_CMA_SIZE_MBYTES=5\nCONFIG_CMA_SIZE_SEL_MBYTES=y\n\
                          # CONFIG_EFI is not set\nCONFIG_NR_CPUS=4\n";

    fn applied(text: &str) -> KernelProfile {
        let mut profile = *KernelProfile::for_version("6.6").unwrap().profile;
        KernelConfig::parse(text).apply(&mut profile);
        profile
    }

    #[test]
    fn pool_areas_pages_and_room_are_those_of_the_configuration() {
        assert_eq!(KernelConfig::parse(CONFIG).version(), Some("6.6.31"));
        let profile = applied(CONFIG);
        assert_eq!((profile.page, profile.build.default_cma), (PageSize::K16, 5 * MIB));
        assert_eq!(profile.build.cma_areas, 8);
        assert!(!profile.build.restricted_pools);
        assert!(applied(&format!("{CONFIG}CONFIG_DMA_RESTRICTED_POOL=y\n")).build.restricted_pools);
        assert_eq!(profile.build.room, Room { memory: 128, reserved: 128 });
        assert_eq!(profile.cma_alignment, CmaAlignment::LargestBlock);
        let zones = |more: &str| applied(&format!("{CONFIG}{more}")).dma_limit;
        assert_eq!(zones(""), DmaLimit::Unlimited);
        assert_eq!(zones("CONFIG_ZONE_DMA32=y\n"), DmaLimit::Only32Bit);
        assert_eq!(zones("CONFIG_ZONE_DMA=y\nCONFIG_ZONE_DMA32=y\n"), DmaLimit::RoundedUp);
        let efi = CONFIG.replace("# CONFIG_EFI is not set", "CONFIG_EFI=y\nCONFIG_ARM_GIC_V3_ITS=y");
        assert_eq!(applied(&efi).build.room.reserved, 133);
    }

    #[test]
    fn a_kernel_without_cma_has_no_pool_and_a_share_of_ram_is_said() {
        assert_eq!(applied(&CONFIG.replace("CONFIG_DMA_CMA=y", "")).build.default_cma, 0);
        let share = CONFIG.replace("SEL_MBYTES", "SEL_PERCENTAGE");
        assert!(KernelConfig::parse(&share).is_share_of_ram());
        assert!(!KernelConfig::parse(CONFIG).is_share_of_ram());
    }
}
