//! The children of `/reserved-memory`.

use super::reg::{Cells, RegError};
use super::reserved::ReservedMemory;
use crate::fdt::{Node, NodeId, Tree};
use crate::span::Span;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The place of a region among the children of `/reserved-memory`, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegionIndex(pub usize);

/// The place of a tuple in the `reg` of its region, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TupleIndex(pub usize);

impl TupleIndex {
    /// The tuple that keeps what must be unique.
    pub const FIRST: Self = Self(0);
}

/// One child of `/reserved-memory`.
#[derive(Clone, Debug)]
pub struct Region {
    /// The node.
    pub node: NodeId,
    /// Its path.
    pub path: String,
    /// Its name with the unit address, as kernel logs show it.
    pub name: String,
    /// Its place, or its request for one.
    pub extent: Extent,
    /// `no-map`: a carveout that Linux must not even map.
    pub no_map: bool,
    /// `reusable`: Linux may use the memory until the owner wants it.
    pub reusable: bool,
    /// Whether Linux looks at it: its own `status` is absent, `ok` or `okay`.
    pub enabled: bool,
    /// The kind of DMA pool.
    pub pool: Pool,
    /// `linux,cma-default`
    pub cma_default: bool,
    /// Its phandle, if it has one.
    pub phandle: Option<u32>,
}

/// The kind of DMA pool that `compatible` selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Not a DMA pool.
    None,
    /// `shared-dma-pool`: CMA when `reusable`, coherent otherwise.
    Shared,
    /// `restricted-dma-pool`
    Restricted,
}

/// The place of a region, or its request for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// `reg`: every tuple, in order, at least one.
    Static(Vec<Span>),
    /// `size` without `reg`: the kernel chooses a place.
    Dynamic(Dynamic),
    /// Neither: legal for nodes with `iommu-addresses`, otherwise meaningless.
    Nowhere,
    /// A property that cannot be read.
    Malformed {
        /// `reg`, `size`, `alignment` or `alloc-ranges`.
        property: &'static str,
        /// The fault.
        error: RegError,
    },
}

/// The request of a dynamic region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// Size in bytes.
    pub size: u64,
    /// Alignment in bytes; `None` where the property is absent or 0.
    pub align: Option<u64>,
    /// Windows it may be in, in order of preference; empty means anywhere.
    pub windows: Vec<Span>,
}

impl Region {
    /// Returns whether Linux makes it a CMA pool: `shared-dma-pool`, `reusable`, and not `no-map`
    /// (kernel/dma/contiguous.c, `rmem_cma_setup`).
    #[must_use]
    pub fn is_cma(&self) -> bool {
        self.pool == Pool::Shared && self.reusable && !self.no_map
    }

    /// Returns the spans of a static region, or nothing.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        match &self.extent {
            Extent::Static(spans) => spans,
            _ => &[],
        }
    }

    /// Returns the spans of a static region with their indices.
    pub fn indexed_spans(&self) -> impl Iterator<Item = (TupleIndex, Span)> {
        self.spans().iter().enumerate().map(|(index, &span)| (TupleIndex(index), span))
    }
}

impl Region {
    /// Returns whether the region may get `no-map` without a contradiction to its other properties.
    #[must_use]
    pub fn may_be_unmapped(&self) -> bool {
        !(self.no_map || self.reusable || self.cma_default) && self.pool != Pool::Restricted
    }

    /// Returns the bytes that it asks for without a place; 0 where it has one.
    #[must_use]
    pub fn dynamic_size(&self) -> u64 {
        match &self.extent {
            Extent::Dynamic(dynamic) => dynamic.size,
            _ => 0,
        }
    }

    /// Returns whether Linux reads the property `name`, one of those that say where the region is.
    #[must_use]
    pub fn reads(&self, name: &str) -> bool {
        match self.extent {
            Extent::Static(_) => name == "reg",
            Extent::Dynamic(_) | Extent::Malformed { .. } => true,
            Extent::Nowhere => false,
        }
    }

    /// Returns the span of a region whose `reg` does not fit `cells`, where it can be read only one
    /// way.
    #[must_use]
    pub fn decode_by_unit_address(&self, node: Node<'_, '_>, cells: Cells) -> Option<Span> {
        let Extent::Malformed { property: "reg", error: RegError::Length { .. } } = self.extent else {
            return None;
        };
        let unit = node.unit_address()?;
        let unit = u64::from_str_radix(unit.strip_prefix("0x").unwrap_or(unit), 16).ok()?;
        cells.decode_by_unit_address(node.prop("reg")?.value, unit)
    }

    /// Reads `node` as a child of a `/reserved-memory` with these cells.
    #[must_use]
    pub fn read(node: Node<'_, '_>, cells: Cells) -> Self {
        region(node, cells)
    }
}

pub(super) fn regions(tree: &Tree<'_>, reserved: &ReservedMemory, root: Cells) -> Vec<Region> {
    let cells = reserved.cells(root);
    tree.node(reserved.node).children().map(|node| region(node, cells)).collect()
}

fn region(node: Node<'_, '_>, cells: Cells) -> Region {
    let pool = node.prop("compatible").map_or(Pool::None, |compatible| {
        compatible.strings().fold(Pool::None, |pool, name| match name {
            "shared-dma-pool" => Pool::Shared,
            "restricted-dma-pool" => Pool::Restricted,
            _ => pool,
        })
    });
    Region {
        node: node.id(),
        path: node.path(),
        name: node.name().to_string(),
        extent: extent(node, cells),
        no_map: node.prop("no-map").is_some(),
        reusable: node.prop("reusable").is_some(),
        enabled: node.is_enabled(),
        pool,
        cma_default: node.prop("linux,cma-default").is_some(),
        phandle: node.phandle(),
    }
}

/// `reg` wins over `size`, as in `__reserved_mem_reserve_reg` (drivers/of/of_reserved_mem.c).
fn extent(node: Node<'_, '_>, cells: Cells) -> Extent {
    if let Some(reg) = node.prop("reg") {
        return match cells.spans(reg.value) {
            Ok(spans) => Extent::Static(spans),
            Err(error) => Extent::Malformed { property: "reg", error },
        };
    }
    match dynamic(node, cells) {
        Ok(Some(dynamic)) => Extent::Dynamic(dynamic),
        Ok(None) => Extent::Nowhere,
        Err((property, error)) => Extent::Malformed { property, error },
    }
}

/// Reads `size`, `alignment` and `alloc-ranges`. `size` takes the size cells and `alignment` the *address*
/// cells (drivers/of/of_reserved_mem.c, `__reserved_mem_alloc_size`).
fn dynamic(node: Node<'_, '_>, cells: Cells) -> Result<Option<Dynamic>, (&'static str, RegError)> {
    let number = |name: &'static str, count: u32| -> Result<Option<u64>, (&'static str, RegError)> {
        let Some(prop) = node.prop(name) else { return Ok(None) };
        let tuple = count.saturating_mul(4) as usize;
        match prop.as_u64() {
            Some(value) if prop.value.len() == tuple => Ok(Some(value)),
            _ => Err((name, RegError::Length { len: prop.value.len(), tuple })),
        }
    };
    let Some(size) = number("size", cells.size)? else { return Ok(None) };
    if size == 0 {
        return Err(("size", RegError::ZeroSize { base: 0 }));
    }
    let align = number("alignment", cells.address)?.filter(|&align| align != 0);
    let windows = match node.prop("alloc-ranges") {
        None => Vec::new(),
        Some(ranges) => cells.spans(ranges.value).map_err(|error| ("alloc-ranges", error))?,
    };
    Ok(Some(Dynamic { size, align, windows }))
}
