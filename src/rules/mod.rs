//! The rules: one folder each, gathered in one table.
//!
//! To add a rule, write its folder (`mod.rs` with a [`Doc`] and a `check`, `bad.dts`, `good.dts`) and name it
//! in the catalogue below.

mod advice;
mod doc;
mod efi_map;
mod near;
mod registers;
mod report;
mod required;
mod sink;

pub use doc::{Doc, Kernels, Predicted};
pub(crate) use near::is_near;
pub use report::{Report, Subject, Text};
pub(crate) use rf108_misspelled_reserved_memory::is_misspelled as is_misspelled_reserved_memory;
pub(crate) use rf213_unreserved_release_address::unreserved as unreserved_release_pages;
pub(crate) use rf706_memreserve_free_in_efi_map::lost_entries;
pub use sink::{MAX_PER_RULE, Sink};

use crate::analysis::Analysis;
use crate::finding::{Finding, RuleId, Severity};
use alloc::string::ToString;
use alloc::vec::Vec;
use doc::from;

/// How a rule looks at an analysis and reports.
type Check = fn(&Analysis<'_, '_>, &mut Sink);

/// A rule as [`judge`] runs it, without its documentation.
struct Rule {
    id: RuleId,
    severity: Severity,
    predicted: Predicted,
    check: Check,
}

macro_rules! catalogue {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// Every rule, in the order of the numbers.
        static RULES: &[Rule] = &[
            $(Rule {
                id: $module::DOC.id,
                severity: $module::DOC.severity,
                predicted: $module::DOC.predicted,
                check: $module::check,
            }),*
        ];

        /// Every rule's documentation, in the order of the numbers.
        pub static DOCS: &[Doc] = &[$($module::DOC),*];

        /// The folders of the rules, in the order of the numbers.
        #[cfg(test)]
        const FOLDERS: &[&str] = &[$(stringify!($module)),*];
    };
}

catalogue! {
    rf101_cells_mismatch,
    rf102_missing_ranges,
    rf103_malformed_region,
    rf104_several_tuples,
    rf105_nonempty_ranges,
    rf106_no_ram,
    rf107_second_reserved_memory,
    rf108_misspelled_reserved_memory,
    rf109_nested_region,
    rf110_misleading_status,
    rf111_reg_and_size,
    rf112_root_cells,
    rf113_missing_device_type,
    rf114_ram_banks,
    rf115_too_many_regions,
    rf116_oversized_tree,
    rf117_too_many_blocks,
    rf118_dynamic_under_efi,
    rf201_overlap,
    rf202_memreserve_over_region,
    rf203_partly_in_ram,
    rf204_beyond_ram,
    rf205_over_boot_data,
    rf206_boot_placement,
    rf207_partial_page_carveout,
    rf208_ram_over_device,
    rf209_overlapping_memreserve,
    rf210_dynamic_over_memreserve,
    rf211_framebuffer_too_large,
    rf212_ramoops_records,
    rf213_unreserved_release_address,
    rf214_memreserve_only,
    rf215_beyond_address_space,
    rf216_partial_page_region,
    rf217_initrd_out_of_reach,
    rf218_firmware_outside_region,
    rf301_no_map_and_reusable,
    rf302_misaligned_pool,
    rf303_pool_outside_ram,
    rf304_competing_default_pools,
    rf305_dynamic_region,
    rf306_unplaceable_region,
    rf307_restricted_pool_flags,
    rf308_mapped_coherent_pool,
    rf309_missing_no_map,
    rf310_ineffective_default_flag,
    rf311_too_many_pools,
    rf312_dynamic_pool_size,
    rf313_default_pool_out_of_reach,
    rf314_heap_name_taken,
    rf401_required_missing,
    rf402_required_moved,
    rf403_required_shrunk,
    rf404_required_disabled,
    rf405_required_mapped,
    rf406_wrong_default_pool,
    rf407_wrong_board,
    rf408_missing_log_region,
    rf409_off_boundary,
    rf410_missing_guard,
    rf411_unprotected_range,
    rf412_unresolved_label,
    rf501_misplaced_cma,
    rf502_cma_value,
    rf503_long_bootargs,
    rf504_beyond_memory_limit,
    rf505_misplaced_crashkernel,
    rf506_cma_window,
    rf507_elfcorehdr,
    rf508_kaslr_seed_length,
    rf509_incomplete_initrd,
    rf510_unplaceable_cma,
    rf601_unit_address,
    rf602_dangling_memory_region,
    rf603_disabled_region_in_use,
    rf604_shared_region,
    rf605_misspelled_flag,
    rf606_unexplained_failure,
    rf701_efi_ram_mismatch,
    rf702_over_efi_firmware,
    rf703_over_efi_in_use,
    rf704_free_in_efi_map,
    rf705_pool_reserved_by_efi,
    rf706_memreserve_free_in_efi_map,
    rf707_cma_lost_to_load_options,
    rf708_stale_initrd,
    rf801_missing_sentinel_memory,
    rf802_watched_carveout_in_use,
    rf803_sentinel_without_el2,
    rf804_sentinel_excludes_kvm,
    rf805_sentinel_without_iommu,
    rf806_nothing_to_watch,
    rf901_unprotected_by_bundle,
    rf902_other_board,
}

/// Checks an analysis by every rule, in the order of their numbers.
#[must_use]
pub fn judge(analysis: &Analysis<'_, '_>) -> Vec<Finding> {
    let mut sink = Sink::new(analysis.facts.detail);
    for rule in RULES {
        sink.next_rule(rule.id, rule.severity);
        (rule.check)(analysis, &mut sink);
    }
    sink.into_findings()
}

/// Tells whether a rule explains failures that a kernel is predicted to have.
fn is_predicted(id: RuleId) -> bool {
    RULES.iter().any(|rule| rule.id == id && rule.predicted != Predicted::Never)
}

/// Finds a rule's documentation by its number.
#[must_use]
pub fn doc(id: RuleId) -> Option<&'static Doc> {
    DOCS.iter().find(|doc| doc.id == id)
}

/// Finds a rule's documentation by its number or its name, as in `RF201`, `rf201` or `overlap`.
#[must_use]
pub fn find(text: &str) -> Option<&'static Doc> {
    DOCS.iter().find(|doc| doc.name == text || doc.id.to_string().eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_called_by_the_number_and_the_name_of_its_rule() {
        for (doc, folder) in DOCS.iter().zip(FOLDERS) {
            let name = alloc::format!("{}_{}", doc.id, doc.name).to_lowercase().replace('-', "_");
            assert_eq!(name, *folder);
        }
    }

    #[test]
    fn a_rule_is_found_by_its_number_and_by_its_name() {
        for text in ["RF201", "rf201", "overlap"] {
            assert_eq!(find(text).map(|doc| doc.id), Some(RuleId(201)), "{text}");
        }
        assert!(find("rf999").is_none() && find("").is_none());
    }
}
