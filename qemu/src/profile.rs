//! Names the functions in which the stage spends its instructions.

use anyhow::{Context, Result};
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, Sym};
use object::{Endianness, elf};
use std::collections::{BTreeMap, HashMap};

/// The functions and other symbols of an ELF file, by address.
#[derive(Clone, Debug)]
pub(crate) struct Symbols {
    functions: BTreeMap<u64, String>,
    /// All, of which several may have one address.
    addresses: HashMap<String, u64>,
}

impl Symbols {
    /// Reads them. Addresses begin with the image's first byte.
    ///
    /// # Errors
    /// When it is not an ELF file with symbols.
    pub(crate) fn of(file: &[u8]) -> Result<Self> {
        let header = FileHeader64::<Endianness>::parse(file).context("not an ELF file")?;
        let endian = header.endian().context("of no known byte order")?;
        let sections = header.sections(endian, file)?;
        let symbols = sections.symbols(endian, file, elf::SHT_SYMTAB)?;
        let (mut functions, mut addresses) = (BTreeMap::new(), HashMap::new());
        for symbol in symbols.iter() {
            let name = symbol.name(endian, symbols.strings()).unwrap_or_default();
            // Names with a `$` mark code and data within functions.
            if !name.is_empty() && !name.starts_with(b"$") && symbol.st_shndx(endian) != elf::SHN_UNDEF {
                // Without the hash that keeps equal names of two builds apart.
                let name = format!("{:#}", rustc_demangle::demangle(&String::from_utf8_lossy(name)));
                addresses.insert(name.clone(), symbol.st_value(endian));
                // What is absolute is a size, not a place.
                if symbol.st_shndx(endian) != elf::SHN_ABS {
                    functions.insert(symbol.st_value(endian), name);
                }
            }
        }
        Ok(Self { functions, addresses })
    }

    /// Returns the address of a symbol.
    pub(crate) fn address(&self, wanted: &str) -> Option<u64> {
        self.addresses.get(wanted).copied()
    }

    /// Returns the symbol that an address belongs to, and how far it is behind its start.
    pub(crate) fn at(&self, address: u64) -> Option<(&str, u64)> {
        let (start, name) = self.functions.range(..=address).next_back()?;
        Some((name, address - start))
    }
}

/// Sums counts by function, the most expensive first. Offsets are from the image's first byte.
///
/// # Errors
/// As for [`Symbols::of`].
pub(crate) fn by_function(file: &[u8], counts: &[(u64, u64)]) -> Result<Vec<(String, u64)>> {
    let symbols = Symbols::of(file)?;
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (offset, count) in counts {
        let function = symbols.at(*offset).map_or("?", |(name, _)| name);
        *sums.entry(function).or_default() += count;
    }
    let mut sums: Vec<_> = sums.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(sums)
}
