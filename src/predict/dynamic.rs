//! Finds places for dynamic regions as the kernel does (drivers/of/of_reserved_mem.c,
//! `__reserved_mem_alloc_size`).

use super::failure::FailureKind;
use super::kernel::Kernel;
use super::memblock::Memblock;
use crate::ledger::Direction;
use crate::profile::{DynamicNoMap, DynamicOverflow, WindowEdge};
use crate::span::{MIB, Span};
use crate::survey::{Dynamic, Extent, RegError, Region};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// `SMP_CACHE_BYTES`: the default alignment of a dynamic region.
const CACHE_LINE: u64 = 64;
/// The lowest address that the allocator returns.
const LOWEST: u64 = 4 << 10;
/// Most dynamic regions that are placed.
const TABLE: usize = 64;

impl Kernel<'_> {
    /// From 6.12.13 on: place and set up the dynamic regions in the order of the tree.
    pub(super) fn dynamic_in_order(&mut self) {
        let mut count = 0;
        for (index, region) in self.enabled() {
            let wanted = matches!(region.extent, Extent::Dynamic(_) | Extent::Malformed { .. });
            if !wanted
                || !region.spans().is_empty()
                || !self.has_size(region)
                || self.analysis.tree.node(region.node).has_prop("reg")
            {
                continue;
            }
            if self.is_skipped(region) {
                self.say_skipped(region);
                continue;
            }
            count += 1;
            if count > TABLE && self.profile.dynamic_overflow == DynamicOverflow::Panics {
                self.panic = Some("stack-protector: Kernel stack is corrupted in: fdt_scan_reserved_mem");
                return;
            }
            if count > TABLE {
                let line =
                    format!("OF: reserved mem: too many defined dynamic regions, skip '{}'", region.name);
                self.fail(FailureKind::TableFull, Some(region.node), line);
                continue;
            }
            if let Some(span) = self.allocate(index, region) {
                self.register(index, region, span.into());
            }
        }
    }

    /// Finds a place for a dynamic region (`__reserved_mem_alloc_size`).
    pub(super) fn allocate(&mut self, index: usize, region: &Region) -> Option<Span> {
        let dynamic = match &region.extent {
            Extent::Dynamic(dynamic) => dynamic.clone(),
            // Of this property a kernel checks no more than the length.
            Extent::Malformed { property: "alloc-ranges", error }
                if self.profile.ignores_bad_ranges || !matches!(error, RegError::Length { .. }) =>
            {
                self.without_ranges(region)?
            }
            Extent::Malformed { property, .. } if *property != "reg" => {
                let line = match *property {
                    "alloc-ranges" => {
                        format!("invalid alloc-ranges property in '{}', skipping node.", region.name)
                    }
                    _ => format!("invalid {property} property in '{}' node.", region.name),
                };
                let line = format!("OF: reserved mem: {line}");
                self.fail(FailureKind::Malformed, Some(region.node), line);
                return None;
            }
            _ => return None,
        };
        let align = dynamic.align.unwrap_or(CACHE_LINE);
        let align = if region.is_cma() { align.max(self.profile.cma_align()) } else { align };
        let (free, size) = (self.memblock.free_pieces(dynamic.size), dynamic.size);
        let find = |start, end, direction| Memblock::find_in(&free, size, align, start, end, direction);
        let found = match self.windows(region) {
            None => find(LOWEST, u64::MAX, Direction::TopDown),
            Some(windows) => windows.into_iter().find_map(|(start, end)| {
                // An end of 0 stands for that of memory (`MEMBLOCK_ALLOC_ACCESSIBLE`).
                let limit = if end == 0 { u64::MAX } else { end };
                find(start.max(LOWEST), limit, self.direction(start, end))
            }),
        };
        let Some(span) = found else {
            self.say_unplaced(FailureKind::Unplaced, region, dynamic.size);
            return None;
        };
        let removes = region.no_map && self.profile.dynamic_no_map == DynamicNoMap::Removed;
        let mut held = if removes { self.remove(span) } else { self.reserve(span) };
        if held && region.no_map && !removes {
            held = self.mark_no_map(span);
            if !held {
                self.memblock.free(span);
            }
        }
        if !held {
            self.say_unplaced(FailureKind::NoRoom, region, dynamic.size);
            return None;
        }
        self.placed.push((index, span));
        Some(span)
    }

    fn say_unplaced(&mut self, kind: FailureKind, region: &Region, size: u64) {
        let name = &region.name;
        let size = match self.profile.log.unplaced_size {
            true => format!(": size {} MiB", size / MIB),
            false => String::new(),
        };
        let line = format!("OF: reserved mem: failed to allocate memory for node '{name}'{size}");
        self.fail(kind, Some(region.node), line);
    }

    fn without_ranges(&self, region: &Region) -> Option<Dynamic> {
        let node = self.analysis.tree.node(region.node);
        let number = |name| node.prop(name).and_then(|prop| prop.as_u64());
        Some(Dynamic {
            size: number("size")?,
            align: number("alignment").filter(|&a| a != 0),
            windows: Vec::new(),
        })
    }

    /// Returns the windows in which a kernel looks for a place, each from its start to its end, which may
    /// wrap; `None` where any place will do.
    fn windows(&self, region: &Region) -> Option<Vec<(u64, u64)>> {
        let ranges = self.analysis.tree.node(region.node).prop("alloc-ranges")?;
        let tuples = match self.analysis.map.cells.tuples(ranges.value) {
            Err(RegError::Empty) => Vec::new(),
            tuples => tuples.ok()?,
        };
        Some(tuples.into_iter().map(|(start, size)| (start, start.wrapping_add(size))).collect())
    }

    /// From 6.6 on, a window that starts at a region is filled from below, unless it also ends at one.
    fn direction(&self, start: u64, end: u64) -> Direction {
        let touches = |span: Span, address| span.base() <= address && address <= span.end();
        let at = |address: u64| match self.profile.window_edge {
            WindowEdge::Ignored => false,
            WindowEdge::DynamicRegion => self.placed.iter().any(|(_, span)| touches(*span, address)),
            WindowEdge::AnyRegion => self.table.iter().any(|entry| {
                let placed = self.placed.iter().find(|(index, _)| *index == entry.index);
                let span = placed.map(|(_, span)| *span).or_else(|| Span::new(entry.base, entry.size));
                span.is_some_and(|span| touches(span, address))
            }),
        };
        if at(start) && !at(end) { Direction::BottomUp } else { Direction::TopDown }
    }
}
