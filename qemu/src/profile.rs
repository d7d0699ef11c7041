//! Names the functions in which the stage spends its instructions.

use anyhow::{Context, Result};
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, Sym};
use object::{Endianness, elf};
use std::collections::BTreeMap;

/// Sums counts by function, the most expensive first. Offsets are from the image's first byte, which is where
/// the ELF file's addresses begin.
pub(crate) fn by_function(file: &[u8], counts: &[(u64, u64)]) -> Result<Vec<(String, u64)>> {
    let header = FileHeader64::<Endianness>::parse(file).context("not an ELF file")?;
    let endian = header.endian().context("of no known byte order")?;
    let sections = header.sections(endian, file)?;
    let symbols = sections.symbols(endian, file, elf::SHT_SYMTAB)?;
    let mut functions = BTreeMap::new();
    for symbol in symbols.iter() {
        let name = symbol.name(endian, symbols.strings()).unwrap_or_default();
        // Names with a `$` mark code and data within functions.
        if !name.is_empty() && !name.starts_with(b"$") && symbol.st_shndx(endian) != elf::SHN_UNDEF {
            // Without the hash that keeps equal names of two builds apart.
            let name = format!("{:#}", rustc_demangle::demangle(&String::from_utf8_lossy(name)));
            functions.insert(symbol.st_value(endian), name);
        }
    }
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (offset, count) in counts {
        let function = functions.range(..=offset).next_back().map_or("?", |(_, name)| name.as_str());
        *sums.entry(function).or_default() += count;
    }
    let mut sums: Vec<_> = sums.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(sums)
}
