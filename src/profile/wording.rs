//! The words of a kernel's log, as far as they changed.

/// What a kernel prints, where kernels differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wording {
    /// What lines of the scan of `/reserved-memory` begin with: the scan moved from drivers/of/fdt.c to
    /// drivers/of/of_reserved_mem.c.
    pub scan: &'static str,
    /// Whether a tree without `/reserved-memory` is mentioned.
    pub no_node: bool,
    /// How often a `reg` of a wrong length is reported.
    pub bad_reg_lines: usize,
    /// The message about several `reg` tuples.
    pub ignored_tuples: IgnoredTuples,
    /// The line about a region for which the table has no entry.
    pub table_full: &'static str,
    /// Whether the line about a dynamic region without a place shows its size.
    pub unplaced_size: bool,
    /// Whether every region has a line with its place.
    pub region_lines: bool,
    /// The unit in which the size of a coherent pool is printed.
    pub dma_pool_size: SizeUnit,
    /// The line about a default pool that `cma=` replaces before it is reserved.
    pub skipped_node: &'static str,
    /// Whether that line is printed in both passes for a static pool.
    pub skipped_twice: bool,
    /// What lines about the default pool end with.
    pub cma_node: &'static str,
    /// Whether the line about the default pool shows the size that was asked for, not the aligned one.
    pub cma_asked_size: bool,
    /// Whether a default pool for which there is no area has a line about its failure, too.
    pub cma_no_area_fails: bool,
}

/// What a kernel says about the `reg` tuples that it ignores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredTuples {
    /// Nothing.
    Silent,
    /// How many it ignores.
    Counted,
    /// How many there are, and that the first is used.
    FirstUsed,
}

/// The unit of a size in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeUnit {
    /// KiB.
    Kib,
    /// MiB.
    Mib,
}
