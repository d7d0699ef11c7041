//! The argument of `--console`.

use ringfence_boot::console::Console;
use ringfence_boot::uart::{Kind, Layout};

use crate::number;

/// End of the physical addresses that the stage maps.
const PHYSICAL_END: u64 = 1 << 48;

/// Reads `KIND[,mmio32]@ADDR` as the stage reads it in its image: `KIND,mmio32,ADDR`.
///
/// The address is the one of a device tree's node, so it is hexadecimal with `0x` and without.
///
/// # Errors
/// Describes the mistake.
pub(super) fn console(text: &str) -> Result<String, String> {
    let (kind, address) = text.trim().split_once('@').ok_or("write KIND@ADDR, such as pl011@0x9000000")?;
    let base = number::unit_address(address)?;
    let named = format!("{kind},{base:#x}");
    let Some(console) = Console::named(named.as_bytes()) else {
        let kinds: Vec<&str> = Kind::ALL.iter().flat_map(|kind| kind.earlycons()).copied().collect();
        let name = kind.split(',').next().unwrap_or_default();
        return Err(match kinds.contains(&name) {
            true => format!("`{kind}`: after the kind, only mmio, mmio16 or mmio32"),
            false => format!("`{name}` is not a kind of UART; the stage drives {}", kinds.join(", ")),
        });
    };
    // Registers of a byte are the smallest block, of eight bytes.
    let align = if console.layout == Layout::BYTES { 8 } else { 16 };
    match base {
        0 => Err("no UART is at address 0".to_owned()),
        _ if console.pages().is_none_or(|pages| pages.end() > PHYSICAL_END) => {
            Err(format!("{base:#x} is beyond the 48 bits of a physical address that the stage maps"))
        }
        _ if !base.is_multiple_of(align) => {
            Err(format!("{base:#x} is not a multiple of {align}, as the first register of this UART is"))
        }
        _ => Ok(named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::payload::console_slot;

    #[test]
    fn a_console_is_a_kind_and_an_address() {
        assert_eq!(console("pl011@0x9000000"), Ok("pl011,0x9000000".to_string()));
        assert_eq!(console("uart8250,mmio32@0xfe650000"), Ok("uart8250,mmio32,0xfe650000".to_string()));
        assert!(console("pl012@0x9000000").unwrap_err().contains("cdns, qcom_geni"));
        assert!(console("pl011,mmio64@0").unwrap_err().contains("mmio32"));
        assert!(console("pl011").is_err() && console("pl011@here").is_err());
    }

    /// Whatever the stage can drive can be given to an image, and the stage reads it as it was meant.
    #[test]
    fn every_name_of_every_kind_is_taken_and_read_by_the_stage() {
        for &kind in Kind::ALL {
            for name in kind.earlycons() {
                let text = console(&format!("{name}@0xfe650000")).unwrap();
                let layout = kind.layout(name);
                assert_eq!(
                    Console::named(text.as_bytes()),
                    Some(Console { kind, base: 0xfe65_0000, layout }),
                    "{text}"
                );
                let mut image = vec![0; console_slot::SLOT.end];
                image[console_slot::SLOT.start..][..console_slot::MAGIC.len()]
                    .copy_from_slice(&console_slot::MAGIC);
                console_slot::set(&mut image, &text).unwrap();
                assert_eq!(console_slot::get(&image[console_slot::SLOT]), Some(text.as_bytes()));
            }
        }
    }

    #[test]
    fn an_address_is_read_as_that_of_a_node_and_must_be_one() {
        assert_eq!(console("pl011@9000000"), console("pl011@0x9000000"));
        assert_eq!(console(" cdns@ff000000 "), Ok("cdns,0xff000000".to_string()));
        assert_eq!(console("bcm2835aux@0xfe215040"), Ok("bcm2835aux,0xfe215040".to_string()));
        assert!(console("pl011@").unwrap_err().contains("the address is missing"));
        assert!(console("pl011@0x").unwrap_err().contains("the address is missing"));
        assert!(console("pl011@-1").unwrap_err().contains("`-1` is not a hexadecimal number"));
        assert!(console("pl011@0").unwrap_err().contains("no UART is at address 0"));
        assert!(console("pl011@0x9000002").unwrap_err().contains("is not a multiple of"));
        assert!(console("uart8250,mmio@0x3f8a1").unwrap_err().contains("not a multiple of 8"));
        assert!(
            console("qcom_geni@fffffffff800").unwrap_err().contains("beyond the 48 bits"),
            "its last ones"
        );
        for far in ["1000000000000", "0xffffffffffffffff", "0xfffffffffffff000"] {
            assert!(console(&format!("pl011@{far}")).unwrap_err().contains("beyond the 48 bits"), "{far}");
        }
        assert!(console("pl011@0x10000000000000000").unwrap_err().contains("64 bits"));
    }
}
