//! Finds the console in the device tree: `stdout-path` first, then `earlycon=` in the bootargs.

use ringfence::bootargs;
use ringfence::fdt::{Bus, Node, Tree};
use ringfence::span::Span;

/// The UARTs that the stage can write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Arm PrimeCell PL011 and SBSA UARTs.
    Pl011,
    /// 8250, 16550 and what behaves like them.
    Ns16550,
    /// Cadence UART, as on Zynq and Zynq UltraScale+.
    Cadence,
    /// Qualcomm GENI debug UART.
    Geni,
    /// Qualcomm MSM UART with a data mover, before GENI.
    Msm,
}

/// Everything needed to write to a console that the loader has set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Console {
    /// How it is driven.
    pub kind: Kind,
    /// Its registers, as the CPU sees them.
    pub registers: Span,
    /// Registers are `1 << shift` bytes apart (8250 only).
    pub shift: u32,
    /// Bytes in one access: 1 or 4 (8250 only).
    pub width: u32,
}

/// The console of QEMU's `virt` board, for builds that speak before a device tree names one.
pub const QEMU_VIRT: Option<Console> = match Span::new(0x900_0000, 0x1000) {
    Some(registers) => Some(Console { kind: Kind::Pl011, registers, shift: 0, width: 1 }),
    None => None,
};

/// `compatible` strings and the driver each stands for: the next UART is one line here.
const DRIVERS: &[(&str, Kind)] = &[
    ("arm,pl011", Kind::Pl011),
    ("arm,sbsa-uart", Kind::Pl011),
    ("ns16550a", Kind::Ns16550),
    ("ns16550", Kind::Ns16550),
    ("ns8250", Kind::Ns16550),
    ("snps,dw-apb-uart", Kind::Ns16550),
    ("cdns,uart-r1p8", Kind::Cadence),
    ("cdns,uart-r1p12", Kind::Cadence),
    ("xlnx,xuartps", Kind::Cadence),
    ("qcom,geni-debug-uart", Kind::Geni),
    ("qcom,msm-uartdm", Kind::Msm),
    (BCM2835_AUX, Kind::Ns16550),
];

/// The Raspberry Pi's mini UART: an 8250 whose registers are words, which its node does not say
/// (drivers/tty/serial/8250/8250_bcm2835aux.c).
const BCM2835_AUX: &str = "brcm,bcm2835-aux-uart";

/// `earlycon=` names and the driver each stands for (drivers/tty/serial, `EARLYCON_DECLARE`).
const EARLYCONS: &[(&[u8], Kind)] = &[
    (b"pl011", Kind::Pl011),
    (b"uart8250", Kind::Ns16550),
    (b"uart", Kind::Ns16550),
    (b"ns16550a", Kind::Ns16550),
    (b"cdns", Kind::Cadence),
    (b"qcom_geni", Kind::Geni),
    (b"msm_serial_dm", Kind::Msm),
];

/// Registers that an `earlycon=` is taken to have, in bytes: it names only their start.
const EARLYCON_LEN: u64 = 0x1000;

/// Find the console of a board, or `None` when it has none that the stage can drive.
#[must_use]
pub fn find(tree: &Tree<'_>) -> Option<Console> {
    let chosen = tree.find("/chosen")?;
    from_stdout_path(tree, chosen).or_else(|| from_earlycon(chosen.prop("bootargs")?.value))
}

fn from_stdout_path(tree: &Tree<'_>, chosen: Node<'_, '_>) -> Option<Console> {
    let path = chosen.prop("stdout-path").or_else(|| chosen.prop("linux,stdout-path"))?.as_str()?;
    // `serial0:115200n8`: options follow the first colon.
    let node = tree.resolve(path.split(':').next()?)?;
    let &(compatible, kind) = node
        .prop("compatible")?
        .strings()
        .find_map(|name| DRIVERS.iter().find(|(compatible, _)| *compatible == name))?;
    let number = |name| node.prop(name).and_then(|p| p.as_u32());
    let (shift, width) = if compatible == BCM2835_AUX { (2, 4) } else { (0, 1) };
    let whole = Bus::of(node)?.registers(node).next()??;
    let base = whole.base().checked_add(u64::from(number("reg-offset").unwrap_or(0)))?;
    Some(Console {
        kind,
        registers: Span::from_ends(base, whole.end())?,
        shift: number("reg-shift").filter(|&shift| shift <= 4).unwrap_or(shift),
        width: number("reg-io-width").filter(|width| [1, 4].contains(width)).unwrap_or(width),
    })
}

/// Read `earlycon=NAME,[mmio|mmio32|mmio32native,]ADDRESS[,OPTIONS]` (Documentation/admin-guide).
fn from_earlycon(line: &[u8]) -> Option<Console> {
    let line = line.split(|&byte| byte == 0).next()?;
    let mut fields = bootargs::last_value(line, b"earlycon")?.split(|&byte| byte == b',');
    let name = fields.next()?;
    let kind = EARLYCONS.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind)?;
    let mut field = fields.next()?;
    let (mut shift, mut width) = (0, 1);
    if field.starts_with(b"mmio") {
        if field.starts_with(b"mmio32") {
            (shift, width) = (2, 4);
        }
        field = fields.next()?;
    }
    Some(Console { kind, registers: Span::new(hexadecimal(field)?, EARLYCON_LEN)?, shift, width })
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X"))?;
    u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::{NewNode, build};

    fn board(chosen: NewNode) -> Vec<u8> {
        let reg = |base: u64| [base.to_be_bytes(), 0x1000_u64.to_be_bytes()].concat();
        let pl011 = NewNode::new("pl011@9000000")
            .prop("compatible", b"arm,pl011\0arm,primecell\0".to_vec())
            .prop("reg", reg(0x900_0000));
        let dw = NewNode::new("serial@fe650000")
            .prop("compatible", b"rockchip,rk3568-uart\0snps,dw-apb-uart\0".to_vec())
            .prop("reg", reg(0xfe65_0000))
            .prop_u32("reg-shift", 2)
            .prop_u32("reg-io-width", 4);
        let mini = NewNode::new("serial@3f215040")
            .prop("compatible", b"brcm,bcm2835-aux-uart\0".to_vec())
            .prop("reg", reg(0x3f21_5040));
        let msm = NewNode::new("serial@78b0000")
            .prop("compatible", b"qcom,msm-uartdm-v1.4\0qcom,msm-uartdm\0".to_vec())
            .prop("reg", reg(0x78b_0000))
            .prop_u32("reg-offset", 0x100);
        let root = NewNode::new("")
            .prop_u32("#address-cells", 2)
            .prop_u32("#size-cells", 2)
            .child(NewNode::new("aliases").prop_str("serial0", "/pl011@9000000"))
            .child(pl011)
            .child(dw)
            .child(mini)
            .child(msm)
            .child(chosen);
        build(&root, 0, &[]).unwrap()
    }

    fn found(chosen: NewNode) -> Option<Console> {
        find(&Tree::parse(&board(chosen)).unwrap())
    }

    fn chosen() -> NewNode {
        NewNode::new("chosen")
    }

    fn pl011() -> Option<Console> {
        Some(Console {
            kind: Kind::Pl011,
            registers: Span::new(0x900_0000, 0x1000).unwrap(),
            shift: 0,
            width: 1,
        })
    }

    #[test]
    fn stdout_path_may_be_a_path_or_an_alias_with_options() {
        assert_eq!(found(chosen().prop_str("stdout-path", "/pl011@9000000")), pl011());
        assert_eq!(found(chosen().prop_str("stdout-path", "serial0:115200n8")), pl011());
        assert_eq!(found(chosen().prop_str("stdout-path", "/nothing")), None);
    }

    #[test]
    fn an_8250_tells_how_its_registers_lie() {
        let console = found(chosen().prop_str("stdout-path", "/serial@fe650000:1500000")).unwrap();
        assert_eq!((console.kind, console.shift, console.width), (Kind::Ns16550, 2, 4));
    }

    #[test]
    fn a_mini_uart_has_words_for_registers_though_its_node_does_not_say() {
        let console = found(chosen().prop_str("stdout-path", "/serial@3f215040")).unwrap();
        assert_eq!((console.kind, console.shift, console.width), (Kind::Ns16550, 2, 4));
    }

    #[test]
    fn registers_may_start_behind_an_offset() {
        let console = found(chosen().prop_str("stdout-path", "/serial@78b0000")).unwrap();
        assert_eq!((console.kind, console.registers), (Kind::Msm, Span::new(0x78b_0100, 0xf00).unwrap()));
    }

    #[test]
    fn earlycon_is_the_second_choice() {
        let args = |line| found(chosen().prop_str("bootargs", line));
        assert_eq!(args("quiet earlycon=pl011,0x9000000 root=/dev/vda"), pl011());
        assert_eq!(
            args("earlycon=pl011,mmio32,0x9000000").map(|c| c.registers),
            pl011().map(|c| c.registers)
        );
        let uart = args("earlycon=uart8250,mmio32,0xfe650000,1500000n8").unwrap();
        assert_eq!(
            (uart.kind, uart.registers.base(), uart.shift, uart.width),
            (Kind::Ns16550, 0xfe65_0000, 2, 4)
        );
        assert_eq!(args("earlycon"), None);
        assert_eq!(args("earlycon=pl011,nonsense"), None);
    }

    #[test]
    fn no_chosen_is_no_console() {
        let root = NewNode::new("");
        assert_eq!(find(&Tree::parse(&build(&root, 0, &[]).unwrap()).unwrap()), None);
    }
}
