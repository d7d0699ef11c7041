//! Finds the instructions at which an erratum of a processor could strike, in the code as it was linked:
//! whatever a compiler or linker was asked to do about it, and in libraries and assembly too.
//!
//! Source: Cortex-A53 MPCore Software Developers Errata Notice (ARM-EPM-048406). The encodings are those of
//! the Architecture Reference Manual (DDI 0487), C4.1.

use crate::profile::Symbols;
use anyhow::{Context, Result, bail, ensure};
use object::elf::{FileHeader64, SHF_EXECINSTR, SHT_SYMTAB};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{Endianness, elf};
use std::collections::BTreeMap;

/// An instruction word at its address.
#[derive(Clone, Copy, Debug)]
struct Instruction {
    address: u64,
    word: u32,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Looked {
    /// How many instructions there are.
    pub(crate) instructions: usize,
    /// At how many places an erratum can strike in a library that came compiled.
    pub(crate) in_libraries: usize,
}

/// Whose functions these are by their symbols, where they come compiled with an installed target.
const LIBRARIES: [&str; 3] = ["core::", "alloc::", "compiler_builtins::"];

/// Checks that neither erratum 835769 nor 843419 of the Cortex-A53 can strike. With `compiled_libraries` the
/// functions of Rust's libraries are only counted: nobody here can compile them with the workarounds.
///
/// # Errors
/// When one can, with every place, or when it is not an ELF file with code.
pub(crate) fn check(file: &[u8], compiled_libraries: bool) -> Result<Looked> {
    let code = instructions(file)?;
    ensure!(!code.is_empty(), "no code");
    let symbols = Symbols::of(file)?;
    let of_library = |function: &str| compiled_libraries && is_of_library(function);
    let mut in_libraries = 0;
    let found: Vec<String> = code
        .iter()
        .enumerate()
        .filter_map(|(at, first)| {
            let erratum = erratum(code.get(at..)?)?;
            let function = symbols.at(first.address).map_or("?", |(name, _)| name);
            if of_library(function) {
                in_libraries += 1;
                return None;
            }
            Some(format!("  {erratum} at {:#x} in {function}", first.address))
        })
        .collect();
    if !found.is_empty() {
        bail!("errata of the Cortex-A53 can strike at {} places:\n{}", found.len(), found.join("\n"));
    }
    Ok(Looked { instructions: code.len(), in_libraries })
}

/// Returns whether a function is one of Rust's libraries: by its path, by a trait of theirs for a type of
/// theirs or of the language's own (`<&str as core::fmt::Display>::fmt`), or by a name that compilers call.
fn is_of_library(function: &str) -> bool {
    let is_theirs = |path: &str| LIBRARIES.iter().any(|library| path.starts_with(library));
    let path = function.trim_start_matches('<');
    if let Some((of, how)) = path.split_once(" as ") {
        return is_theirs(how) && (!of.contains("::") || is_theirs(of));
    }
    is_theirs(path) || function == "memset" || function.starts_with("__") && !function.contains("::")
}

/// Returns the erratum that can strike at the first of these instructions.
fn erratum(code: &[Instruction]) -> Option<u32> {
    let [first, rest @ ..] = code else { return None };
    // What follows it in memory, with no data between.
    let word = |nth: usize| {
        let next: &Instruction = rest.get(nth - 1)?;
        (next.address == first.address + 4 * nth as u64).then_some(next.word)
    };
    if is_load_or_store(first.word) && word(1).is_some_and(is_long_multiply_accumulate) {
        return Some(835_769);
    }
    let ends_page = matches!(first.address & 0xfff, 0xff8 | 0xffc);
    if ends_page && is_adrp(first.word) && word(1).is_some_and(|second| passes_843419(second, rd(first.word)))
    {
        let uses = |nth| word(nth).is_some_and(|word| is_load_or_store_at(word, rd(first.word)));
        if uses(2) || uses(3) && !word(2).is_some_and(is_branch) {
            return Some(843_419);
        }
    }
    None
}

/// Returns the register that an instruction names first, for most its result.
const fn rd(word: u32) -> u32 {
    word & 0x1f
}

/// Returns the register that a load or store takes its address from.
const fn rn(word: u32) -> u32 {
    word >> 5 & 0x1f
}

/// Returns whether it is of the group of loads and stores, prefetches included.
const fn is_load_or_store(word: u32) -> bool {
    word >> 25 & 0b0101 == 0b0100
}

/// Returns whether it is a 64-bit multiply that adds a register (MADD, MSUB, and their kin with 32-bit
/// factors). Adding the zero register is a plain multiply, which is safe.
const fn is_long_multiply_accumulate(word: u32) -> bool {
    word >> 24 == 0x9b && matches!(word >> 21 & 7, 0b000 | 0b001 | 0b101) && word >> 10 & 0x1f != 31
}

const fn is_adrp(word: u32) -> bool {
    word & 0x9f00_0000 == 0x9000_0000
}

/// Returns whether it is a branch or makes an exception: of their group, but not a system instruction.
const fn is_branch(word: u32) -> bool {
    word >> 26 & 0b111 == 0b101 && word >> 22 != 0b11_0101_0100
}

/// Returns whether it can be the second of the four instructions of erratum 843419: a load or store that
/// leaves `register` as it is. A pair that is loaded cannot.
const fn passes_843419(word: u32, register: u32) -> bool {
    let is_pair = word >> 27 & 0b111 == 0b101;
    let is_vector = word >> 26 & 1 == 1;
    // As in loads of literals too, where bit 22 is part of the address.
    let is_literal = word >> 27 & 0b111 == 0b011 && word >> 24 & 1 == 0;
    let is_load = is_literal || word >> 22 & 0b11 != 0;
    let loads_pair = is_pair && word >> 22 & 1 == 1;
    let writes = is_load && !is_vector && rd(word) == register;
    is_load_or_store(word) && !loads_pair && !writes
}

/// Returns whether it is a load or store whose address is `register` and an immediate.
const fn is_load_or_store_at(word: u32, register: u32) -> bool {
    word >> 27 & 0b111 == 0b111 && word >> 24 & 0b11 == 0b01 && rn(word) == register
}

/// Returns the instructions of all sections with code, ascending. Data among them is left out: the mapping
/// symbols `$x` and `$d` tell where it is (ELF for the Arm 64-bit Architecture, 5.5.4).
fn instructions(file: &[u8]) -> Result<Vec<Instruction>> {
    let header = FileHeader64::<Endianness>::parse(file).context("not an ELF file")?;
    let endian = header.endian().context("of no known byte order")?;
    ensure!(header.e_machine(endian) == elf::EM_AARCH64, "not for AArch64");
    let sections = header.sections(endian, file)?;
    let symbols = sections.symbols(endian, file, SHT_SYMTAB)?;
    let marks: BTreeMap<u64, bool> = symbols
        .iter()
        .filter_map(|symbol| match symbol.name(endian, symbols.strings()).ok()?.get(..2)? {
            b"$x" => Some((symbol.st_value(endian), true)),
            b"$d" => Some((symbol.st_value(endian), false)),
            _ => None,
        })
        .collect();
    let mut all = Vec::new();
    for section in sections.iter().filter(|s| s.sh_flags(endian) & u64::from(SHF_EXECINSTR) != 0) {
        let base = section.sh_addr(endian);
        for (index, bytes) in section.data(endian, file)?.chunks_exact(4).enumerate() {
            let address = base + 4 * index as u64;
            let word = bytes.iter().rev().fold(0_u32, |word, &byte| word << 8 | u32::from(byte));
            if marks.range(..=address).next_back().is_none_or(|(_, is_code)| *is_code) {
                all.push(Instruction { address, word });
            }
        }
    }
    all.sort_by_key(|instruction| instruction.address);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_compiled_libraries_are_told_from_ours() {
        for theirs in [
            "core::fmt::write",
            "<alloc::string::String as core::fmt::Write>::write_str",
            "<&str as core::fmt::Display>::fmt",
            "<u64 as core::fmt::LowerHex>::fmt",
            "alloc::raw_vec::finish_grow",
            "compiler_builtins::mem::memset",
            "memset",
            "__multi3",
        ] {
            assert!(is_of_library(theirs), "{theirs}");
        }
        for ours in [
            "ringfence::fdt::blob::Blob::check",
            "<ringfence::span::Span as core::fmt::Display>::fmt",
            "<alloc::vec::Vec<T> as ringfence::order::Sort>::sort",
            "memcpy",
            "stage_main",
            "?",
        ] {
            assert!(!is_of_library(ours), "{ours}");
        }
    }

    fn at(base: u64, words: &[u32]) -> Option<u32> {
        let addresses = (base..).step_by(4);
        let code: Vec<_> =
            addresses.zip(words).map(|(address, &word)| Instruction { address, word }).collect();
        erratum(&code)
    }

    const NOP: u32 = 0xd503_201f;
    /// str x1, [x4]
    const STORE: u32 = 0xf900_0081;

    #[test]
    fn a_long_multiply_accumulate_right_behind_memory_is_found() {
        // madd x0, x2, x1, x3; msub; smaddl x0, w1, w2, x3; smsubl; umaddl; umsubl
        for word in [0x9b01_0c40, 0x9b01_8c40, 0x9b22_0c20, 0x9b22_8c20, 0x9ba2_0c20, 0x9ba2_8c20] {
            // ldr x5, [x6]; ldp x29, x30, [sp], #16; prfm pldl1keep, [x0]; str q0, [x0]; stlr x1, [x0];
            // ldr x0, literal; ldaxr x0, [x1]; and the pair whose result is a factor
            let memory = [
                STORE,
                0xf940_00c5,
                0xa8c1_7bfd,
                0xf980_0000,
                0x3d80_0000,
                0xc89f_fc01,
                0x5800_0080,
                0xc85f_fc20,
                0xf940_0041,
            ];
            for first in memory {
                assert_eq!(at(0x1000, &[first, word]), Some(835_769), "{first:#x} {word:#x}");
            }
            assert_eq!(at(0x1000, &[STORE, NOP, word]), None);
            assert_eq!(at(0x1000, &[0x8b01_0000, word]), None, "add x0, x0, x1");
        }
        // madd w0, w2, w1, w3; mul x0, x2, x1; smulh x0, x1, x2; umulh; umull x0, w1, w2
        for word in [0x1b01_0c40, 0x9b01_7c40, 0x9b42_7c20, 0x9bc2_7c20, 0x9ba2_7c20] {
            assert_eq!(at(0x1000, &[STORE, word]), None, "{word:#x}");
        }
    }

    #[test]
    fn an_address_at_the_end_of_a_page_is_found() {
        // adrp x8, .; ldr x0, [x8]; str x9, [x8, #8]; b .
        let (adrp, load, late, branch) = (0x9000_0008, 0xf940_0100, 0xf900_0509, 0x1400_0000);
        for base in [0x1ff8, 0x1ffc] {
            assert_eq!(at(base, &[adrp, STORE, load]), Some(843_419));
            assert_eq!(at(base, &[adrp, STORE, NOP, late]), Some(843_419));
            assert_eq!(at(base, &[adrp, STORE, branch, late]), None);
            assert_eq!(at(base, &[adrp, NOP, load]), None);
            assert_eq!(at(base, &[adrp, STORE, NOP, NOP, load]), None);
            // ldr x8, [x8] gives the address anew; ldp x0, x1, [x2] cannot
            assert_eq!(at(base, &[adrp, 0xf940_0108, load]), None);
            assert_eq!(at(base, &[adrp, 0xa940_0440, load]), None);
            // stp x0, x1, [x2]; ldr x3, [x4]; ldr q8, [x4], which is not x8
            for second in [0xa900_0440, 0xf940_0083, 0x3dc0_0088] {
                assert_eq!(at(base, &[adrp, second, load]), Some(843_419), "{second:#x}");
            }
        }
        assert_eq!(at(0x1ff4, &[adrp, STORE, load]), None);
    }
}
