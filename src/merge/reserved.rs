//! Reservations: what the loader's tree protects stays protected at least as strongly.

use super::ram::free_name;
use super::{MergeError, Merging, Protection};
use crate::facts::Reservation;
use crate::fdt::NewNode;
use crate::ledger;
use crate::order;
use crate::span::{KIB, Span};
use crate::survey::Extent;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The granule in which loaders reserve.
const PAGE: u64 = 4 * KIB;
/// The name of a node for an entry of `/memreserve/`.
const MEMRESERVE: &str = "memreserve";

impl Merging<'_, '_, '_, '_> {
    /// Adds a node for each range that the bundle's tree protects less than the loader's, and returns what
    /// the loader's tree reserves.
    pub(super) fn reserved(&mut self) -> Result<Vec<Reservation>, MergeError> {
        let all = self.reservations();
        let own = Protection::of(&self.map);
        let firm: Vec<&Reservation> = all.iter().filter(|reservation| reservation.no_map).collect();
        let soft: Vec<&Reservation> = all.iter().filter(|reservation| !reservation.no_map).collect();
        let mut open = missing(&firm, own.of_strength(true), own.weaker(true));
        let firm_spans = firm.iter().map(|reservation| reservation.span);
        let covered = ledger::union(own.of_strength(false).iter().copied().chain(firm_spans).collect());
        open.extend(missing(&soft, &covered, own.weaker(false)));
        self.add(open)?;
        Ok(all)
    }

    /// Returns what the loader's tree reserves in the RAM of this boot, where that is known, ascending.
    fn reservations(&mut self) -> Vec<Reservation> {
        let mut all: Vec<Reservation> = Vec::new();
        for region in self.loader_map.enabled() {
            let what = match &region.extent {
                Extent::Static(_) if region.is_cma() => "a pool of its own",
                Extent::Static(spans) => {
                    let one = |&span| Reservation { span, no_map: region.no_map, name: region.name.clone() };
                    all.extend(spans.iter().map(one));
                    continue;
                }
                Extent::Dynamic(_) => "no place yet",
                Extent::Nowhere | Extent::Malformed { .. } => "unreadable",
            };
            self.account.left.push(format!("{} ({what})", region.name));
        }
        let own = self.own_things();
        let entries = self.loader_map.memreserve.iter().filter(|entry| !own.contains(&entry.outward(PAGE)));
        all.extend(entries.map(|&span| Reservation { span, no_map: false, name: MEMRESERVE.to_string() }));
        let ram = self.ram_of_boot();
        if ram.is_known() {
            let within = |one: &Reservation| {
                ram.within(one.span).map(|span| Reservation { span, ..one.clone() }).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(within).collect();
        }
        order::stable_sort_by_key(&mut all, |reservation| reservation.span);
        all
    }

    /// Returns what a loader reserves for its own: the initrd, the bundle, its tree, in whole pages.
    fn own_things(&self) -> Vec<Option<Span>> {
        let own = [self.loader_map.chosen.initrd, self.loader.bundle, self.loader.dtb];
        own.into_iter().flatten().map(|span| span.outward(PAGE)).collect()
    }

    /// Adds nodes to `/reserved-memory`, which is made where there is none.
    fn add(&mut self, missing: Vec<(Span, &Reservation)>) -> Result<(), MergeError> {
        if missing.is_empty() {
            return Ok(());
        }
        let cells = self.map.region_cells();
        let mut names: Vec<String> = self.map.regions.iter().map(|region| region.name.clone()).collect();
        order::sort(&mut names);
        let mut nodes = Vec::new();
        for (span, reservation) in missing {
            let name = name(span, reservation);
            let name =
                free_name(&name, |name| names.binary_search_by(|known| known.as_str().cmp(name)).is_ok());
            let reg =
                cells.encode_span(span).ok_or_else(|| MergeError::Cells { what: name.clone(), span })?;
            let node = NewNode::new(&name).prop("reg", reg);
            nodes.push(if reservation.no_map { node.prop_empty("no-map") } else { node });
            let place = names.binary_search(&name).unwrap_or_else(|place| place);
            names.insert(place, name.clone());
            self.account.taken.push(name);
        }
        match &self.map.reserved {
            Some(reserved) => nodes.into_iter().for_each(|node| self.edits.add_node(reserved.node, node)),
            None => {
                let mut node = NewNode::new("reserved-memory")
                    .prop_u32("#address-cells", cells.address)
                    .prop_u32("#size-cells", cells.size)
                    .prop_empty("ranges");
                node.children = nodes;
                self.edits.add_node(self.own.root().id(), node);
            }
        }
        Ok(())
    }
}

/// Returns the name of a node for `span`, all or a part of a reservation.
fn name(span: Span, reservation: &Reservation) -> String {
    let (base, unit) = reservation.name.split_once('@').unwrap_or((&reservation.name, ""));
    match span.base() == reservation.span.base() && !unit.is_empty() {
        true => reservation.name.clone(),
        false => format!("{base}@{:x}", span.base()),
    }
}

/// Returns what of each of the ascending reservations is neither in `protected` nor in `weaker`, both
/// ascending and disjoint. What two of them share is returned once.
fn missing<'r>(
    reservations: &[&'r Reservation],
    protected: &[Span],
    weaker: &[Span],
) -> Vec<(Span, &'r Reservation)> {
    let mut missing = Vec::new();
    let mut done = 0;
    for reservation in reservations {
        let span = reservation.span;
        let Some(rest) = Span::from_ends(span.base().max(done), span.end()) else { continue };
        done = rest.end();
        let open = ledger::subtract(&[rest], ledger::meeting(protected, rest));
        let open = ledger::subtract(&open, ledger::meeting(weaker, rest));
        missing.extend(open.into_iter().map(|span| (span, *reservation)));
    }
    missing
}
