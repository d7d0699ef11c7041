//! `/reserved-memory` as each family of kernels reads it.

use super::PAGE_TABLES;
use super::failure::FailureKind;
use super::kernel::{Entry, Held, Kernel};
use super::order::kernel_sort;
use crate::bootargs;
use crate::claims::ClaimKind;
use crate::profile::{CmaArgument, DynamicOrder, ElfCoreHdr, IgnoredTuples, Memreserve, NoMap, Tuples};
use crate::span::{MIB, Span};
use crate::survey::{Extent, Ranges, RegError, Region};
use alloc::format;
use alloc::vec::Vec;

impl<'k> Kernel<'k> {
    /// Handles the tree's reservations in the order of this family.
    pub(super) fn reserve_regions(&mut self) {
        if self.profile.memreserve == Memreserve::First {
            self.memreserve();
        }
        if self.reading.reserved.is_none() && self.profile.log.no_node {
            self.say("OF: reserved mem: Reserved memory: No reserved-memory node in the DT");
        }
        let readable = self.is_readable();
        self.elfcorehdr(ElfCoreHdr::First);
        if readable {
            self.reserve_static();
        }
        if self.profile.memreserve == Memreserve::BeforeDynamic {
            self.memreserve();
        }
        self.elfcorehdr(ElfCoreHdr::AfterStatic);
        match self.profile.two_phases {
            true if readable => self.dynamic_in_order(),
            false if readable => self.set_up_table(),
            _ => {}
        }
        if self.profile.memreserve == Memreserve::Last {
            self.memreserve();
        }
        self.elfcorehdr(ElfCoreHdr::Last);
        self.map_memory();
        if self.profile.two_phases && readable {
            self.register_static();
            self.report_overlaps();
        }
    }

    /// Sets up the linear map. The marks around the kernel and the page tables are the last that memblock
    /// must have entries for (`paging_init`).
    fn map_memory(&mut self) {
        if let Some(why) = self.end_of_mark() {
            self.panic.get_or_insert(why);
        }
        if !self.memblock.has_room(PAGE_TABLES) {
            self.panic.get_or_insert(match self.profile.panics_when_full {
                true => "memblock: cannot resize reserved array",
                false => "Failed to allocate page table page",
            });
        }
        self.memblock.unbind();
    }

    /// Returns why the kernel panics where it cannot mark its own text as unmapped, if it does.
    fn end_of_mark(&self) -> Option<&'static str> {
        let profile = self.profile;
        match profile.panics_when_full {
            _ if !profile.marks_kernel => None,
            true => (!self.memblock.can_mark_twice()).then_some("memblock: cannot resize memory array"),
            // Without its mark the kernel is mapped twice, the second time with smaller blocks.
            false if self.maps_single_pages() => None,
            false => (!self.memblock.can_mark_once()).then_some("Kernel BUG at __create_pgd_mapping"),
        }
    }

    /// Tells whether the linear map is made of single pages (arch/arm64/mm/mmu.c, `parse_rodata`).
    fn maps_single_pages(&self) -> bool {
        let cmdline = self.analysis.map.chosen.bootargs.as_deref().unwrap_or_default();
        match bootargs::last_value(cmdline, b"rodata") {
            Some(b"full") => true,
            Some(value) if bootargs::boolean(value).is_some() => false,
            _ => self.profile.build.maps_single_pages,
        }
    }

    /// Reserves the header of a crashed kernel at the point where this kernel does, unless it is reserved.
    fn elfcorehdr(&mut self, now: ElfCoreHdr) {
        if self.profile.elfcorehdr != now {
            return;
        }
        for header in self.claimed(ClaimKind::ElfCoreHdr) {
            if !self.memblock.is_reserved(header) {
                self.reserve(header);
            }
        }
    }

    fn memreserve(&mut self) {
        // The EFI stub has deleted them all.
        if self.reading.is_efi {
            return;
        }
        for entries in self.claimed(ClaimKind::Memreserve) {
            self.reserve(entries);
        }
    }

    /// Checks cells and `ranges`, as a kernel does whenever it walks the node: once, or in both phases.
    fn is_readable(&mut self) -> bool {
        let Some(reserved) = &self.reading.reserved else { return false };
        let readable = reserved.cells_match(self.analysis.map.cells) && reserved.ranges != Ranges::Missing;
        if !readable {
            let line = format!("{}Reserved memory: unsupported node format, ignoring", self.profile.log.scan);
            for _ in 0..if self.profile.two_phases { 2 } else { 1 } {
                self.fail(FailureKind::Ignored, None, line.as_str());
            }
        }
        readable
    }

    /// Returns the regions that this kernel reads, with their indices.
    pub(super) fn enabled(&self) -> impl Iterator<Item = (usize, &'k Region)> + use<'k> {
        self.reading.enabled()
    }

    /// Returns whether `cma=` replaces the default pool of the tree before anything of it is
    /// reserved.
    pub(super) fn is_skipped(&self, region: &Region) -> bool {
        let is_meant = match self.profile.cma_argument {
            CmaArgument::Ignored | CmaArgument::FreesNode => false,
            CmaArgument::SkipsNode => true,
            CmaArgument::SkipsPool => region.is_cma(),
        };
        is_meant && region.cma_default && self.arg.is_some()
    }

    /// Makes the first pass: reserves every static region, in the order of the tree.
    fn reserve_static(&mut self) {
        for (index, region) in self.enabled() {
            match &region.extent {
                Extent::Static(_) if self.is_skipped(region) => self.say_skipped(region),
                Extent::Static(_)
                | Extent::Malformed {
                    property: "reg",
                    error: RegError::ZeroSize { .. } | RegError::Wraps { .. },
                } => self.reserve_tuples(index, region),
                Extent::Malformed { property: "reg", error: RegError::Length { .. } }
                    if self.profile.log.bad_reg_lines > 0 =>
                {
                    self.say_skipping(region);
                }
                Extent::Dynamic(_) | Extent::Malformed { .. }
                    if !self.profile.two_phases && self.has_size(region) =>
                {
                    self.remember(Entry { index, base: 0, size: 0 });
                }
                _ => {}
            }
        }
    }

    /// Reserves every tuple of a `reg`, or the first, whatever its size.
    fn reserve_tuples(&mut self, index: usize, region: &Region) {
        let mut tuples = self.tuples(region);
        if self.profile.tuples == Tuples::FirstOnly {
            tuples.truncate(1);
        }
        for &(base, size) in &tuples {
            match Held::new(base, size) {
                Some(held) => self.reserve_one(region, held),
                None => self.say_refused(FailureKind::Malformed, region, base, 0),
            }
        }
        // A first size of 0 makes the region look like a dynamic one later.
        if let Some(&(base, size)) = tuples.first().filter(|_| !self.profile.two_phases) {
            self.remember(Entry { index, base, size });
        }
    }

    /// Returns the tuples of a `reg` that can be read, whatever they say.
    fn tuples(&self, region: &Region) -> Vec<(u64, u64)> {
        let reg = self.analysis.tree.node(region.node).prop("reg").map_or(&[][..], |reg| reg.value);
        self.analysis.map.cells.tuples(reg).unwrap_or_default()
    }

    /// Returns the spans of a static region, as far as a kernel reserves them.
    pub(super) fn spans(&self, region: &Region) -> Vec<Span> {
        match region.extent {
            Extent::Malformed {
                property: "reg",
                error: RegError::ZeroSize { .. } | RegError::Wraps { .. },
            } => {
                let tuples = self.tuples(region).into_iter();
                tuples.filter_map(|(base, size)| Some(Held::new(base, size)?.span)).collect()
            }
            _ => region.spans().to_vec(),
        }
    }

    fn say_skipping(&mut self, region: &Region) {
        let line = format!(
            "{}Reserved memory: invalid reg property in '{}', skipping node.",
            self.profile.log.scan, region.name
        );
        self.fail(FailureKind::Malformed, Some(region.node), line);
    }

    pub(super) fn has_size(&self, region: &Region) -> bool {
        self.analysis.tree.node(region.node).has_prop("size")
    }

    pub(super) fn say_skipped(&mut self, region: &Region) {
        self.fail(FailureKind::Replaced, Some(region.node), self.profile.log.skipped_node);
    }

    fn say_refused(&mut self, kind: FailureKind, region: &Region, base: u64, size: u64) {
        let line = format!(
            "{}Reserved memory: failed to reserve memory for node '{}': base {base:#018x}, size {} MiB",
            self.profile.log.scan,
            region.name,
            size / MIB
        );
        self.fail(kind, Some(region.node), line);
    }

    /// Reserves one tuple (`early_init_dt_reserve_memory_arch`).
    fn reserve_one(&mut self, region: &Region, Held { span, size }: Held) {
        let held = match (region.no_map, self.profile.no_map) {
            (false, _) => self.reserve(span),
            (true, NoMap::Removed) => self.remove(span),
            (true, no_map) => {
                let counts = no_map == NoMap::RefusedOverReserved || self.memblock.is_memory(span);
                let is_refused = counts && self.memblock.is_reserved(span);
                if is_refused {
                    return self.say_refused(FailureKind::Refused, region, span.base(), size);
                }
                self.mark_no_map(span)
            }
        };
        if !held {
            self.say_refused(self.refusal(), region, span.base(), size);
        }
    }

    /// Enters a region into the table, and returns whether there was room. Without, it is never set up.
    pub(super) fn remember(&mut self, entry: Entry) -> bool {
        let room = self.profile.region_limit.is_none_or(|limit| self.table.len() < limit);
        if room {
            self.table.push(entry);
        } else {
            let node = self.reading.regions.get(entry.index).map(|region| region.node);
            self.fail(FailureKind::TableFull, node, self.profile.log.table_full);
        }
        room
    }

    /// Up to 6.12.12: sort the table, report overlaps, then place and set up in that order.
    fn set_up_table(&mut self) {
        let mut table = core::mem::take(&mut self.table);
        match self.profile.dynamic_order {
            DynamicOrder::HeapSort => kernel_sort(&mut table, |a, b| (a.base, a.size) <= (b.base, b.size)),
            DynamicOrder::Tree => table.sort_by_key(|entry| (entry.base, entry.size)),
        }
        self.table = table.clone();
        self.report_overlaps_of(&table);
        for entry in table {
            let Some(region) = self.reading.regions.get(entry.index) else { continue };
            let held = match Held::new(entry.base, entry.size) {
                Some(held) => Some(held),
                None => self.allocate(entry.index, region).map(Held::from),
            };
            if let Some(held) = held {
                self.set_up(entry.index, region, held);
            }
        }
    }

    /// From 6.12.13 on, after the linear map: set up the static regions in the order of the tree. Those that
    /// were refused are set up all the same.
    fn register_static(&mut self) {
        for (index, region) in self.enabled() {
            if let Extent::Malformed { property: "reg", error: RegError::Length { .. } } = region.extent
                && self.profile.log.bad_reg_lines > 1
            {
                self.say_skipping(region);
            }
            let tuples = self.tuples(region);
            let [(base, size), rest @ ..] = &tuples[..] else { continue };
            if self.is_skipped(region) {
                if self.profile.log.skipped_twice {
                    self.say_skipped(region);
                }
                continue;
            }
            if !rest.is_empty() {
                self.say_ignored(region, rest.len());
                if self.profile.tuples == Tuples::AllNoneKnown {
                    continue;
                }
            }
            if let Some(held) = Held::new(*base, *size) {
                self.register(index, region, held);
            }
        }
    }

    fn say_ignored(&mut self, region: &Region, rest: usize) {
        let name = &region.name;
        let line = match self.profile.log.ignored_tuples {
            IgnoredTuples::Silent => return,
            IgnoredTuples::Counted => format!(
                "OF: reserved mem: fdt_scan_reserved_mem_reg_nodes() ignores {rest} regions in node '{name}'"
            ),
            IgnoredTuples::FirstUsed => format!(
                "OF: reserved mem: Reserved memory: node '{name}' has {} <base size> entries, \
                 only the first is used",
                rest + 1
            ),
        };
        self.fail(FailureKind::Tuples, Some(region.node), line);
    }

    /// Enters a region into the table and sets it up, in the second of the two phases.
    pub(super) fn register(&mut self, index: usize, region: &Region, held: Held) {
        if self.remember(Entry { index, base: held.span.base(), size: held.size })
            && !self.set_up(index, region, held)
            && self.profile.forgets_failed
        {
            self.table.pop();
        }
    }

    fn report_overlaps(&mut self) {
        let mut table = self.table.clone();
        table.sort_by_key(|entry| (entry.base, entry.size));
        self.report_overlaps_of(&table);
    }

    /// Only neighbours of the sorted table are compared, so that overlaps with later ones are missed.
    fn report_overlaps_of(&mut self, table: &[Entry]) {
        for pair in table.windows(2) {
            let [a, b] = pair else { continue };
            // An end that wraps is one, too.
            let (end_a, end_b) = (a.base.wrapping_add(a.size), b.base.wrapping_add(b.size));
            if end_a <= b.base {
                continue;
            }
            let name = |entry: &Entry| {
                self.reading.regions.get(entry.index).map_or("", |region| region.name.as_str())
            };
            let line = format!(
                "{} ({:#018x}--{end_a:#018x}) overlaps with {} ({:#018x}--{end_b:#018x})",
                name(a),
                a.base,
                name(b),
                b.base
            );
            let node = |entry: &Entry| self.reading.regions.get(entry.index).map(|region| region.node);
            self.fail(FailureKind::Overlap, node(a), "OF: reserved mem: OVERLAP DETECTED!");
            self.fail(FailureKind::Overlap, node(b), line);
        }
    }
}
