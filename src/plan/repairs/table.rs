//! The table of repairs: the one line that a new one needs besides its file.

/// Passes every repair to the macro `$use`: its file, the variant of [`RepairKind`](super::RepairKind) and
/// what that is about, in the order in which the planner makes them: first what makes the tree readable, then
/// what must stay where it is, then what can give way.
macro_rules! with_repairs {
    ($use:ident) => {
        $use! {
            /// Rewrite the cells of `/reserved-memory` to the root's, and every tuple in it.
            rewrite_cells: RewriteCells,
            /// Add the empty `ranges` without which Linux ignores every region.
            add_ranges: AddRanges,
            /// Move every region of a second `/reserved-memory` into the first, the only one that Linux
            /// reads.
            gather: Gather(node: NodeId),
            /// Move every region of a node with nearly that name into `/reserved-memory`.
            respell: Respell(node: NodeId),
            /// Move a region that is nested too deep up to where Linux reads it.
            hoist: Hoist(node: NodeId),
            /// Add the tree's `cma=` to the load options that have replaced its bootargs.
            keep_cma: KeepCma,
            /// Remove an initrd from `/chosen` that is not the one of this EFI boot.
            drop_initrd: DropInitrd,
            /// Remove the `status` for which Linux passes over a region.
            enable: Enable(node: NodeId),
            /// Disable a region of no use that nothing refers to.
            disable: Disable(node: NodeId),
            /// Put back a required carveout, by its index in the policy.
            restore: Restore(carveout: usize),
            /// Reserve the memory in which processors wait for their release.
            reserve_release: ReserveRelease,
            /// Give regions to what only `/memreserve/` protects, where the EFI stub deletes that.
            keep_memreserve: KeepMemreserve,
            /// Put guards beside a required carveout, by its index in the policy.
            guard: Guard(carveout: usize),
            /// Keep protecting what a moved carveout left after.
            keep_vacated: KeepVacated,
            /// Drop the flags that contradict what else the region says: `reusable` beside `no-map`, where
            /// protection wins, and what no `restricted-dma-pool` can have.
            drop_flags: DropFlags(node: NodeId),
            /// Write the one tuple of a region in the cells that hold: its author wrote it in others, and the
            /// unit address says which.
            rewrite_reg: RewriteReg(node: NodeId),
            /// Add `no-map` to a region that is of no use while Linux maps it.
            add_no_map: AddNoMap(node: NodeId),
            /// Drop the `size` that means nothing beside `reg`.
            drop_size: DropSize(node: NodeId),
            /// Give each further `reg` tuple a node of its own.
            split_reg: SplitReg(node: NodeId),
            /// Round a region outward to whole pages.
            round_outward: RoundOutward(node: NodeId),
            /// Move the later of two overlapping regions, and what follows it, upward.
            shift: Shift(node: NodeId),
            /// Align a static CMA pool for the kernel's pageblock.
            align_pool: AlignPool(node: NodeId),
            /// Move a static CMA pool off memory that UEFI firmware keeps.
            move_pool: MovePool(node: NodeId),
            /// Give a dynamic region the fixed address that the planner chose.
            pin: Pin(node: NodeId),
            /// Reserve a place for the log that outlives the stage.
            persistent_log: PersistentLog,
            /// Reserve the memory of the sentinel.
            place_sentinel: PlaceSentinel,
            /// Settle which of node and `cma=` says where the default CMA pool is, and place it.
            settle_cma: SettleCma,
            /// Drop `/memreserve/` entries that carveouts cover.
            fold_memreserve: FoldMemreserve,
            /// Hold the memory of a region in the EFI map, so that it is not given away before Linux reserves
            /// it.
            hold: Hold(node: NodeId),
            /// Correct a unit address, and follow the node wherever its path is written.
            rename: Rename(node: NodeId),
        }
    };
}
