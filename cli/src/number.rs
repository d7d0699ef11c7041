//! Addresses and sizes as people write them.

use ringfence::span::{GIB, KIB, MIB};

/// Reads an address: hexadecimal with `0x`, or decimal; `_` may separate digits.
///
/// # Errors
/// Describes the mistake, for a label under the value.
pub fn address(text: &str) -> Result<u64, String> {
    let digits: String = text.trim().chars().filter(|&c| c != '_').collect();
    if matches!(digits.as_str(), "" | "0x" | "0X") {
        return Err("a number is missing; write 0x84300000 or a decimal one".to_owned());
    }
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u64::from_str_radix(hex, 16),
        Some(_) => return Err(format!("`{text}` is not a hexadecimal number")),
        None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse(),
        None => return Err(format!("`{text}` is not a number; write 0x84300000 or a decimal one")),
    };
    parsed.map_err(|_| format!("`{text}` does not fit into 64 bits"))
}

/// Reads an address as the name of a node has it: hexadecimal, with `0x` or without.
///
/// # Errors
/// Describes the mistake.
pub fn unit_address(text: &str) -> Result<u64, String> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").or(digits.strip_prefix("0X")).unwrap_or(digits);
    if digits.is_empty() {
        return Err(
            "the address is missing; write it as in the name of a node, 9000000 or 0x9000000".to_owned()
        );
    }
    address(&format!("0x{digits}")).map_err(|why| why.replace(&format!("`0x{digits}`"), &format!("`{text}`")))
}

/// Reads a size in bytes: a number as [`address`] does, or one with a binary unit (`5 MiB`, `64K`, `1G`).
///
/// # Errors
/// Describes the mistake, for a label under the value.
pub fn size(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    if trimmed.starts_with("0x") || trimmed.starts_with("0X") {
        return address(trimmed);
    }
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(trimmed.len());
    let (digits, unit) = trimmed.split_at(split);
    let factor = match unit.trim() {
        "" | "B" | "bytes" => 1,
        "K" | "KiB" => KIB,
        "M" | "MiB" => MIB,
        "G" | "GiB" => GIB,
        "kB" | "KB" | "MB" | "GB" => {
            return Err(format!("`{}` is a decimal unit; use KiB, MiB or GiB", unit.trim()));
        }
        _ => return Err(format!("`{text}` is not a size; write 5 MiB, 64K or 0x500000")),
    };
    if digits.is_empty() {
        return Err(format!("`{text}` is not a size; write 5 MiB, 64K or 0x500000"));
    }
    address(digits)?.checked_mul(factor).ok_or_else(|| format!("`{text}` does not fit into 64 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ringfence::span::Size;

    #[test]
    fn sizes_take_the_units_that_people_use() {
        for text in ["5 MiB", "5MiB", "5M", "5120K", "0x500000", "0x50_0000", "5242880", "5_242_880 bytes"] {
            assert_eq!(size(text), Ok(5 * MIB), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_refused_with_the_reason() {
        assert!(size("5 MB").unwrap_err().contains("decimal unit"));
        assert!(size("1.5 MiB").unwrap_err().contains("not a size"));
        assert!(size("99999999999 GiB").unwrap_err().contains("64 bits"));
        assert!(size("").is_err() && size("MiB").is_err() && size("-1").is_err());
        assert!(address("84300000h").is_err());
        assert!(address("0x+1").is_err());
    }

    proptest! {
        #[test]
        fn a_printed_size_is_read_back(bytes: u64) {
            prop_assert_eq!(size(&Size(bytes).to_string()), Ok(bytes));
        }
    }
}
