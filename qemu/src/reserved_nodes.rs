//! The reserved-memory nodes of the tree that Linux was given, as the init script prints them.

use anyhow::{Context, Result, bail};
use ringfence::span::Span;

/// One child of `/reserved-memory`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Region {
    /// Its name with the unit address.
    pub(crate) name: String,
    /// Every tuple of its `reg`.
    pub(crate) spans: Vec<Span>,
    /// Not to be mapped.
    pub(crate) no_map: bool,
    /// A pool that Linux may use meanwhile.
    pub(crate) reusable: bool,
    /// Its own status, absent when it has none.
    pub(crate) status: Option<String>,
}

impl Region {
    /// Tells whether Linux honours the node.
    pub(crate) fn is_enabled(&self) -> bool {
        matches!(self.status.as_deref(), None | Some("okay" | "ok"))
    }
}

/// Reads the section `reserved-memory` of a transcript.
///
/// # Errors
/// When a line is not as init prints them, or a `reg` is not a whole number of tuples.
pub(crate) fn regions(lines: &[String]) -> Result<Vec<Region>> {
    let Some((first, rest)) = lines.split_first() else { return Ok(Vec::new()) };
    let cells = first.strip_prefix("cells=").and_then(|cells| cells.split_once(' '));
    let (address, size) = cells.with_context(|| format!("no cells: `{first}`"))?;
    let address = usize::from_str_radix(address, 16).context("#address-cells")?;
    let size = usize::from_str_radix(size, 16).context("#size-cells")?;
    rest.iter().filter(|line| !line.trim().is_empty()).map(|line| region(line, address, size)).collect()
}

fn region(line: &str, address: usize, size: usize) -> Result<Region> {
    let mut words = line.split(' ');
    let mut region = Region { name: words.next().unwrap_or_default().to_owned(), ..Region::default() };
    for word in words {
        // A text value may contain blanks; the name precedes its first word.
        let Some((property, value)) = word.split_once('=') else { continue };
        match property {
            "reg" => region.spans = spans(value, address, size).with_context(|| region.name.clone())?,
            "no-map" => region.no_map = true,
            "reusable" => region.reusable = true,
            "status" => region.status = Some(value.trim_matches('"').to_owned()),
            _ => {}
        }
    }
    Ok(region)
}

/// Reads `reg` from hexadecimal digits, eight a cell.
fn spans(hex: &str, address: usize, size: usize) -> Result<Vec<Span>> {
    let tuple = (address + size) * 8;
    if tuple == 0 || address > 2 || size > 2 || !hex.is_ascii() || !hex.len().is_multiple_of(tuple) {
        bail!("reg `{hex}` is not a whole number of tuples of {address} + {size} cells");
    }
    let mut spans = Vec::new();
    let mut rest = hex;
    while !rest.is_empty() {
        let (here, after) = rest.split_at(tuple);
        rest = after;
        let (base, length) = here.split_at(address * 8);
        let base = u64::from_str_radix(base, 16)?;
        let length = u64::from_str_radix(length, 16)?;
        // A tuple without bytes has nothing to protect, and one that wraps is no place.
        spans.extend(Span::new(base, length));
    }
    Ok(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_read_with_their_flags() {
        let lines = [
            "cells=00000002 00000002",
            "camera@84300000 reg=00000000843000000000000000500000 no-map=",
            "my_cma reg=00000000fdc000000000000001400000 reusable= status=\"disabled\" \
             compatible=\"shared-dma-pool\"",
        ]
        .map(str::to_owned);
        let regions = regions(&lines).unwrap();
        assert_eq!(regions[0].spans, [Span::new(0x8430_0000, 0x50_0000).unwrap()]);
        assert!(regions[0].no_map && regions[0].is_enabled());
        assert!(regions[1].reusable && !regions[1].no_map && !regions[1].is_enabled());
    }

    #[test]
    fn a_tuple_without_bytes_is_no_span() {
        let lines = ["cells=00000002 00000002", "z@90000000 reg=00000000900000000000000000000000 no-map="];
        assert_eq!(regions(&lines.map(str::to_owned)).unwrap()[0].spans, []);
    }

    #[test]
    fn half_a_tuple_is_an_error() {
        let lines = ["cells=00000002 00000002", "x reg=0000000084300000"].map(str::to_owned);
        assert!(regions(&lines).is_err());
        assert_eq!(super::regions(&[]).unwrap(), []);
    }
}
