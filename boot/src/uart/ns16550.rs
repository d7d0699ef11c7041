//! 8250, 16550 and their kin (drivers/tty/serial/8250). They differ in how far their registers are apart.

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const DATA: u64 = 0;
const LINE_STATUS: u64 = 5;
const HAS_ROOM: u32 = 1 << 5;
const IS_EMPTY: u32 = 1 << 6;

/// Names of UARTs whose registers are words: the Raspberry Pi's mini UART (8250_bcm2835aux.c), MediaTek
/// (8250_mtk.c).
const WITH_WORDS: &[&str] = &["brcm,bcm2835-aux-uart", "bcm2835aux", "mediatek,mt6577-uart", "mtk8250"];
/// Names of UARTs whose registers are bytes, four bytes apart: TI and Marvell (8250_early.c).
const WITH_GAPS: &[&str] =
    &["ti,am654-uart", "ti,omap4-uart", "ti,omap2-uart", "omap8250", "mrvl,mmp-uart", "mrvl,pxa-uart"];

pub(super) struct Ns16550;

impl Uart for Ns16550 {
    const COMPATIBLES: &'static [&'static str] = &[
        "ns16550a",
        "ns16550",
        "ns8250",
        "snps,dw-apb-uart",
        "brcm,bcm2835-aux-uart",
        "mediatek,mt6577-uart",
        "mrvl,mmp-uart",
        "mrvl,pxa-uart",
        "nvidia,tegra20-uart",
        "ti,am654-uart",
        "ti,omap2-uart",
        "ti,omap4-uart",
    ];
    const EARLYCONS: &'static [&'static str] =
        &["uart8250", "uart", "ns16550", "ns16550a", "bcm2835aux", "mtk8250", "omap8250"];
    const TTY: &'static str = "ttyS";

    fn layout(name: &str) -> Layout {
        match name {
            name if WITH_WORDS.contains(&name) => Layout::WORDS,
            name if WITH_GAPS.contains(&name) => Layout { shift: 2, width: 1 },
            _ => Layout::BYTES,
        }
    }

    fn write(uart: &impl Hardware, layout: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, register(LINE_STATUS, layout).has(HAS_ROOM), register(DATA, layout))
    }

    fn is_idle(layout: Layout) -> Condition {
        register(LINE_STATUS, layout).has(IS_EMPTY)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(5, 1) | Read(0x14, 1 | 4) => {
                fake.flag(!fake.is_full(1), 0x20) | fake.flag(fake.is_empty(), 0x40)
            }
            Write(0, 1 | 4, byte) => fake.push(byte as u8),
            other => fake.unexpected(other),
        }
    }
}

fn register(number: u64, layout: Layout) -> Register {
    Register { offset: number << layout.shift, width: layout.width }
}
