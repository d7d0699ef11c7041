//! How a processor is set up so that Linux at EL1 finds it as it would without anybody at EL2: the values of
//! the registers of EL2, by what the ID registers say. The list is that of Linux itself
//! (arch/arm64/include/asm/el2_setup.h, 7.0: `init_el2_state` and `finalise_el2_state`).

/// The ID registers that decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// ID_AA64PFR0_EL1.
    pub pfr0: u64,
    /// ID_AA64PFR1_EL1.
    pub pfr1: u64,
    /// ID_AA64PFR2_EL1.
    pub pfr2: u64,
    /// ID_AA64DFR0_EL1.
    pub dfr0: u64,
    /// ID_AA64ISAR1_EL1.
    pub isar1: u64,
    /// ID_AA64ISAR2_EL1.
    pub isar2: u64,
    /// ID_AA64MMFR0_EL1.
    pub mmfr0: u64,
    /// ID_AA64MMFR1_EL1.
    pub mmfr1: u64,
    /// ID_AA64MMFR3_EL1.
    pub mmfr3: u64,
    /// ID_AA64MMFR4_EL1.
    pub mmfr4: u64,
    /// ID_AA64SMFR0_EL1.
    pub smfr0: u64,
}

const fn field(register: u64, shift: u32) -> u64 {
    register >> shift & 0xf
}

/// Returns `bits` where `feature` is there, else 0.
const fn when(feature: bool, bits: u64) -> u64 {
    if feature { bits } else { 0 }
}

impl Ids {
    /// Tells whether there is SVE.
    #[must_use]
    pub const fn has_sve(&self) -> bool {
        field(self.pfr0, 32) != 0
    }

    /// Tells whether there is SME.
    #[must_use]
    pub const fn has_sme(&self) -> bool {
        field(self.pfr1, 24) != 0
    }

    /// Tells whether there is a PMU of Arm's.
    #[must_use]
    pub const fn has_pmu(&self) -> bool {
        !matches!(field(self.dfr0, 8), 0 | 0xf)
    }

    /// Tells whether there is a statistical profiling extension.
    #[must_use]
    pub const fn has_spe(&self) -> bool {
        field(self.dfr0, 32) != 0
    }

    /// Tells whether there is a trace buffer.
    #[must_use]
    pub const fn has_trbe(&self) -> bool {
        field(self.dfr0, 44) != 0
    }

    /// Tells whether trace can be filtered.
    #[must_use]
    pub const fn has_trace_filter(&self) -> bool {
        field(self.dfr0, 40) != 0
    }

    /// Tells whether there is a branch record buffer.
    #[must_use]
    pub const fn has_brbe(&self) -> bool {
        field(self.dfr0, 52) != 0
    }

    /// Tells whether there are limited ordering regions.
    #[must_use]
    pub const fn has_lor(&self) -> bool {
        field(self.mmfr1, 16) != 0
    }

    /// Tells whether the GIC has system registers.
    #[must_use]
    pub const fn has_gic_registers(&self) -> bool {
        field(self.pfr0, 24) != 0
    }

    /// Tells whether there is memory partitioning.
    #[must_use]
    pub const fn has_mpam(&self) -> bool {
        field(self.pfr0, 40) != 0 || field(self.pfr1, 16) != 0
    }

    /// Tells whether there are guarded control stacks.
    #[must_use]
    pub const fn has_gcs(&self) -> bool {
        field(self.pfr1, 44) != 0
    }

    /// Tells whether there are allocation tags in memory.
    #[must_use]
    pub const fn has_mte(&self) -> bool {
        field(self.pfr1, 8) > 1
    }

    /// Tells whether there are activity monitors.
    #[must_use]
    pub const fn has_amu(&self) -> bool {
        field(self.pfr0, 44) != 0
    }

    /// Tells whether there is HCRX_EL2.
    #[must_use]
    pub const fn has_hcrx(&self) -> bool {
        field(self.mmfr1, 40) != 0
    }

    /// Tells whether there are fine-grained traps.
    #[must_use]
    pub const fn has_fgt(&self) -> bool {
        field(self.mmfr0, 56) != 0
    }

    /// Tells whether there are more of them.
    #[must_use]
    pub const fn has_fgt2(&self) -> bool {
        field(self.mmfr0, 56) >= 2
    }

    /// Returns HCR_EL2: stage 2 on, firmware calls come here, EL1 is AArch64.
    #[must_use]
    pub const fn hcr(&self) -> u64 {
        /// VM, SWIO, TSC, RW.
        const ALWAYS: u64 = 1 | 1 << 1 | 1 << 19 | 1 << 31;
        let pauth = self.isar1 & 0xff00_0ff0 != 0 || self.isar2 & 0xff00 != 0;
        let csv2 = field(self.pfr0, 56);
        let context = csv2 >= 2 || csv2 == 1 && field(self.pfr1, 32) >= 2;
        ALWAYS
            | when(pauth, 3 << 40) // APK, API
            | when(self.has_mte(), 1 << 56) // ATA
            | when(context, 1 << 53) // EnSCXT
    }

    /// Returns CPTR_EL2: FP, SVE and SME are Linux' own.
    #[must_use]
    pub const fn cptr(&self) -> u64 {
        0x33ff & !when(self.has_sve(), 1 << 8) & !when(self.has_sme(), 1 << 12)
    }

    /// Returns SMCR_EL2: the longest vectors, and what else streaming mode has.
    #[must_use]
    pub const fn smcr(&self) -> u64 {
        let fa64 = self.smfr0 >> 63 != 0;
        let zt0 = field(self.smfr0, 56) != 0;
        0xf | when(fa64, 1 << 31) | when(zt0, 1 << 30)
    }

    /// Returns MDCR_EL2: all counters of the PMU, and the buffers of profiling and trace, belong to EL1.
    /// `counters` is PMCR_EL0.N, `own_trace` whether the trace buffer is not a higher level's.
    #[must_use]
    pub const fn mdcr(&self, counters: u64, own_trace: bool) -> u64 {
        when(self.has_pmu(), counters & 0x1f)
            | when(self.has_spe(), 3 << 12)
            | when(self.has_trbe() && own_trace, 3 << 24)
    }

    /// Returns HCRX_EL2.
    #[must_use]
    pub const fn hcrx(&self) -> u64 {
        let ls64 = field(self.isar1, 60);
        when(field(self.isar2, 16) != 0, 1 << 11) // MSCEn
            | when(field(self.mmfr3, 0) != 0, 1 << 14) // TCR2En
            | when(field(self.mmfr3, 4) != 0, 1 << 15) // SCTLR2En
            | when(self.has_gcs(), 1 << 22)
            | when(field(self.pfr2, 32) != 0, 1 << 23) // EnFPM
            | when(ls64 >= 1, 1 << 1) // EnALS
            | when(ls64 >= 2, 1 << 2) // EnASR
    }

    /// Returns HFGRTR_EL2 and HFGWTR_EL2: traps that are on unless their bit is set.
    #[must_use]
    pub const fn hfgrtr(&self) -> u64 {
        when(self.has_sme(), 3 << 54)
            | when(field(self.mmfr3, 8) != 0, 3 << 57) // PIR, PIRE0
            | when(field(self.mmfr3, 16) != 0, 3 << 59) // POR of EL0 and EL1
            | when(self.has_gcs(), 3 << 52)
    }

    /// Returns HFGITR_EL2.
    #[must_use]
    pub const fn hfgitr(&self) -> u64 {
        when(self.has_brbe(), 3 << 55) | when(self.has_gcs(), 7 << 57)
    }

    /// Returns HDFGRTR_EL2 and HDFGWTR_EL2.
    #[must_use]
    pub const fn hdfgrtr(&self) -> u64 {
        // nPMSNEVFR; nBRBDATA, nBRBCTL, nBRBIDR.
        when(field(self.dfr0, 32) >= 3, 1 << 62) | when(self.has_brbe(), 7 << 59)
    }

    /// Returns HDFGRTR2_EL2 and HDFGWTR2_EL2; `fds` is PMSIDR_EL1.FDS.
    #[must_use]
    pub const fn hdfgrtr2(&self, fds: bool) -> u64 {
        let pmu = self.has_pmu() && field(self.dfr0, 8) >= 9;
        when(pmu, 7 << 2) | when(self.has_spe() && fds, 1 << 19)
    }

    /// Returns the number of a feature that the sentinel does not know how to set up, for [`feature`], if the
    /// processor has one.
    #[must_use]
    pub const fn unknown(&self) -> Option<u8> {
        match () {
            () if field(self.mmfr4, 24) & 8 != 0 => Some(1),
            () if field(self.pfr2, 12) != 0 => Some(2),
            () if field(self.mmfr0, 56) > 2 => Some(3),
            () if field(self.mmfr1, 40) > 1 => Some(4),
            () if field(self.pfr1, 24) > 3 => Some(5),
            () if field(self.pfr1, 44) > 1 => Some(6),
            () if field(self.pfr0, 32) > 1 => Some(7),
            () if field(self.dfr0, 52) > 2 => Some(8),
            () if field(self.pfr0, 8) == 0 => Some(9),
            () => None,
        }
    }
}

/// Returns the name of a feature that [`Ids::unknown`] found.
#[must_use]
pub fn feature(number: u8) -> &'static str {
    match number {
        1 => "HCR_EL2.E2H fixed to 1",
        2 => "GICv5 (ID_AA64PFR2_EL1.GCIE)",
        3 => "fine-grained traps newer than FEAT_FGT2 (ID_AA64MMFR0_EL1.FGT)",
        4 => "a newer HCRX_EL2 (ID_AA64MMFR1_EL1.HCX)",
        5 => "an SME newer than 2.2 (ID_AA64PFR1_EL1.SME)",
        6 => "newer guarded control stacks (ID_AA64PFR1_EL1.GCS)",
        7 => "a newer SVE (ID_AA64PFR0_EL1.SVE)",
        8 => "a newer branch record buffer (ID_AA64DFR0_EL1.BRBE)",
        9 => "no EL2",
        _ => "a feature that this version does not name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A processor of Armv8.0 with EL2 and GICv3, as Cortex-A72.
    const PLAIN: Ids = Ids {
        pfr0: 0x1100_2222,
        pfr1: 0,
        pfr2: 0,
        dfr0: 0x1030_5106,
        isar1: 0,
        isar2: 0,
        mmfr0: 0x1124,
        mmfr1: 0,
        mmfr3: 0,
        mmfr4: 0,
        smfr0: 0,
    };

    #[test]
    fn a_plain_processor_gets_the_plain_values() {
        assert_eq!(PLAIN.unknown(), None);
        assert_eq!(PLAIN.hcr(), 0x8008_0003);
        assert_eq!(PLAIN.cptr(), 0x33ff);
        assert_eq!(PLAIN.mdcr(6, true), 6);
        assert_eq!((PLAIN.hcrx(), PLAIN.hfgrtr(), PLAIN.hfgitr(), PLAIN.hdfgrtr()), (0, 0, 0, 0));
    }

    #[test]
    fn each_feature_sets_its_bits_and_no_others() {
        let sve = Ids { pfr0: PLAIN.pfr0 | 1 << 32, ..PLAIN };
        assert_eq!(sve.cptr(), 0x32ff);
        let sme = Ids { pfr1: 1 << 24, smfr0: 1 << 63, ..sve };
        assert_eq!((sme.cptr(), sme.smcr(), sme.hfgrtr()), (0x22ff, 0x8000_000f, 3 << 54));
        let pauth = Ids { isar1: 1 << 4, ..PLAIN };
        assert_eq!(pauth.hcr(), 0x8008_0003 | 3 << 40);
        let mte = Ids { pfr1: 2 << 8, ..PLAIN };
        assert_eq!(mte.hcr(), 0x8008_0003 | 1 << 56);
        let gcs = Ids { pfr1: 1 << 44, ..PLAIN };
        assert_eq!((gcs.hcrx(), gcs.hfgrtr(), gcs.hfgitr()), (1 << 22, 3 << 52, 7 << 57));
        let brbe = Ids { dfr0: PLAIN.dfr0 | 1 << 52, ..PLAIN };
        assert_eq!((brbe.hfgitr(), brbe.hdfgrtr()), (3 << 55, 7 << 59));
        let spe = Ids { dfr0: PLAIN.dfr0 | 3 << 32 | 1 << 44, ..PLAIN };
        assert_eq!((spe.mdcr(4, true), spe.mdcr(4, false)), (4 | 3 << 12 | 3 << 24, 4 | 3 << 12));
        assert_eq!((spe.hdfgrtr(), spe.hdfgrtr2(true), spe.hdfgrtr2(false)), (1 << 62, 1 << 19, 0));
        let fpm = Ids { pfr2: 1 << 32, ..PLAIN };
        assert_eq!(fpm.hcrx(), 1 << 23);
        let pmu = Ids { dfr0: 9 << 8, ..PLAIN };
        assert_eq!(pmu.hdfgrtr2(false), 0b11100);
    }

    #[test]
    fn what_is_not_known_has_a_name() {
        let cases = [
            Ids { mmfr4: 0xf << 24, ..PLAIN },
            Ids { pfr2: 1 << 12, ..PLAIN },
            Ids { mmfr0: 3 << 56, ..PLAIN },
            Ids { mmfr1: 2 << 40, ..PLAIN },
            Ids { pfr1: 4 << 24, ..PLAIN },
            Ids { pfr1: 2 << 44, ..PLAIN },
            Ids { pfr0: PLAIN.pfr0 | 2 << 32, ..PLAIN },
            Ids { dfr0: 3 << 52, ..PLAIN },
            Ids { pfr0: PLAIN.pfr0 & !0xf00, ..PLAIN },
        ];
        for (number, ids) in (1..).zip(cases) {
            assert_eq!(ids.unknown(), Some(number));
            assert!(!feature(number).contains("does not name"));
        }
    }
}
