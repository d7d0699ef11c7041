//! The rules: one folder each, gathered in one table.
//!
//! To add a rule, write its folder (`mod.rs` with a [`Doc`] and a `check`, `bad.dts`, `good.dts`) and name it in the
//! catalogue below.

mod misplaced;
mod near;
mod report;
mod required;
mod sink;

pub(crate) use near::is_near;
pub use report::Report;
pub(crate) use rf213_release_address::unreserved as unreserved_release_pages;
pub(crate) use rf309_needs_no_map::needs_no_map;
pub use sink::{MAX_PER_RULE, Sink};

use crate::analysis::Analysis;
use crate::finding::{Finding, RuleId, Severity};
use alloc::vec::Vec;

/// How a rule looks at a analysis and reports.
pub type Check = fn(&Analysis<'_, '_>, &mut Sink);

/// What a rule knows about itself, for people. The stage never refers to it, so it costs no byte there.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// Stable number.
    pub id: RuleId,
    /// What must hold, in a few words.
    pub title: &'static str,
    /// The worst that the rule reports.
    pub severity: Severity,
    /// The kernel profiles on which it bites, by their names; empty where only people are misled.
    pub kernels: &'static [&'static str],
    /// What which kernel does when it does not hold.
    pub why: &'static str,
    /// The body of a device tree that breaks the rule, as DTS.
    pub bad: &'static str,
    /// The same made right.
    pub good: &'static str,
    /// A policy, as TOML, under which the examples are judged; empty for none.
    pub policy: &'static str,
    /// What the planner does about it; empty when nothing can be done without its author.
    pub repair: &'static str,
}

/// Every kernel that a rule may name.
pub const ALL_KERNELS: &[&str] = &["6.1", "6.6", "6.12", "6.18", "7"];

macro_rules! catalogue {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// Every rule's check, in the order of the numbers.
        pub static CHECKS: &[(RuleId, Check)] = &[$(($module::DOC.id, $module::check)),*];

        /// Every rule's documentation, in the order of the numbers.
        pub static DOCS: &[Doc] = &[$($module::DOC),*];
    };
}

catalogue! {
    rf101_cells,
    rf102_ranges_missing,
    rf103_malformed,
    rf104_several_tuples,
    rf105_ranges_content,
    rf106_no_ram,
    rf107_one_reserved_memory,
    rf108_misspelled_parent,
    rf109_nested,
    rf110_status,
    rf111_reg_and_size,
    rf112_root_cells,
    rf113_memory_type,
    rf114_banks,
    rf115_count,
    rf116_blob_size,
    rf117_blocks,
    rf118_efi,
    rf201_overlap,
    rf202_memreserve,
    rf203_partly_in_ram,
    rf204_outside_ram,
    rf205_over_boot,
    rf206_boot_place,
    rf207_page_alignment,
    rf208_ram_over_device,
    rf209_memreserve_list,
    rf210_memreserve_dynamic,
    rf211_framebuffer,
    rf212_ramoops,
    rf213_release_address,
    rf214_memreserve_alone,
    rf215_address_space,
    rf216_partial_pages,
    rf217_initrd_reach,
    rf301_no_map_reusable,
    rf302_pool_alignment,
    rf303_pool_outside_ram,
    rf304_default_twice,
    rf305_dynamic,
    rf306_unplaceable,
    rf307_restricted_flags,
    rf308_coherent_mapped,
    rf309_needs_no_map,
    rf310_default_flags,
    rf311_cma_count,
    rf312_dynamic_pool,
    rf313_default_reach,
    rf401_required_missing,
    rf402_required_moved,
    rf403_required_shrunk,
    rf404_required_disabled,
    rf405_required_flag,
    rf406_cma_wanted,
    rf407_board,
    rf408_log,
    rf409_boundary,
    rf410_guard,
    rf411_protected,
    rf501_cma_over,
    rf502_cma_value,
    rf503_bootargs_length,
    rf504_memory_cap,
    rf505_crashkernel,
    rf506_cma_window,
    rf507_elfcorehdr,
    rf508_seed,
    rf509_initrd_ends,
    rf601_unit_address,
    rf602_dangling,
    rf603_disabled_region,
    rf604_shared_region,
    rf605_misspelled_flag,
}

/// Judge a analysis by every rule, in the order of their numbers.
#[must_use]
pub fn judge(analysis: &Analysis<'_, '_>) -> Vec<Finding> {
    let mut sink = Sink::default();
    for (_, check) in CHECKS {
        sink.next_rule();
        check(analysis, &mut sink);
    }
    sink.into_findings()
}

/// Find a rule's documentation by its number.
#[must_use]
pub fn doc(id: RuleId) -> Option<&'static Doc> {
    DOCS.iter().find(|doc| doc.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::KernelProfile;

    #[test]
    fn rules_name_kernels_that_there_are() {
        let known = |name: &&str| KernelProfile::for_version(name).is_ok_and(|choice| !choice.is_nearest);
        assert!(ALL_KERNELS.iter().all(known));
        assert!(DOCS.iter().flat_map(|doc| doc.kernels).all(|kernel| ALL_KERNELS.contains(kernel)));
    }
}
