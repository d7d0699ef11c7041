//! The UARTs that the stage can write to, one file for each kind.
//!
//! The loader has set the UART up: baud rate, clocks and pins are left as they are. A new kind is its file
//! and a row of the table below.

mod cadence;
mod exynos;
#[cfg(test)]
mod fake;
mod geni;
mod hardware;
mod imx;
mod lpuart;
mod meson;
mod msm;
mod mvebu;
mod ns16550;
mod pl011;
mod scif;
mod table;
#[cfg(test)]
mod tests;

pub use hardware::{Condition, DRAIN_TIME, Hardware, READY_TIME, Register, TimedOut, send_each};
use table::uarts;

uarts! {
    /// 8250, 16550 and compatible UARTs.
    ns16550::Ns16550,
    /// Arm PrimeCell PL011 and SBSA UARTs.
    pl011::Pl011,
    /// Cadence UARTs, as on Zynq and Zynq UltraScale+.
    cadence::Cadence,
    /// Qualcomm GENI debug UARTs.
    geni::Geni,
    /// Qualcomm MSM UARTs with a data mover, older than GENI.
    msm::Msm,
    /// i.MX UARTs.
    imx::Imx,
    /// Low-power UARTs of i.MX.
    lpuart::ImxLpuart,
    /// Low-power UARTs of Layerscape.
    lpuart::Lpuart,
    /// Amlogic Meson UARTs.
    meson::Meson,
    /// Renesas SCIF and HSCIF.
    scif::Scif,
    /// Renesas SCIF of RZ/G2L and newer.
    scif::RzScif,
    /// Marvell Armada 3700 UARTs.
    mvebu::Mvebu,
    /// Samsung UARTs of Exynos.
    exynos::Exynos,
}

/// How the registers of an 8250 are laid out, and how wide the accesses of a Samsung UART are. Other kinds
/// have one layout and ignore this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Registers are `1 << shift` bytes apart.
    pub shift: u32,
    /// Bytes in one access: 1, 2 or 4.
    pub width: u32,
}

impl Layout {
    /// Registers of a byte, one beside the other.
    pub const BYTES: Self = Self { shift: 0, width: 1 };
    /// Registers of four bytes.
    pub const WORDS: Self = Self { shift: 2, width: 4 };

    /// Returns the layout, unless there are no such accesses or distances.
    #[must_use]
    pub fn checked(self) -> Option<Self> {
        (self.shift <= 4 && matches!(self.width, 1 | 2 | 4)).then_some(self)
    }
}

/// One kind of UART: the names by which it is found, and how it is driven.
pub trait Uart {
    /// `compatible` strings.
    const COMPATIBLES: &'static [&'static str];
    /// Names that follow `earlycon=` (`EARLYCON_DECLARE` in Linux' drivers), at least one.
    const EARLYCONS: &'static [&'static str];
    /// Bytes from the first register to behind the last one that is used, whatever the layout.
    const LEN: u64 = 0x100;
    /// What Linux calls its terminals, without the number: the name after `console=`.
    const TTY: &'static str;

    /// Returns the layout of the registers where neither the node nor the command line states one.
    fn layout(_name: &str) -> Layout {
        Layout::BYTES
    }

    /// Opens the transmitter of a UART that starts closed.
    fn open(_uart: &impl Hardware) {}

    /// Sends `text`, waiting for room where there is none.
    ///
    /// # Errors
    /// [`TimedOut`] when there was no room for [`READY_TIME`]; the rest of the text is not sent.
    fn write(uart: &impl Hardware, layout: Layout, text: &[u8]) -> Result<(), TimedOut>;

    /// Returns the condition under which the last byte has left.
    fn is_idle(layout: Layout) -> Condition;

    /// Does what the hardware would do on an access, and returns what it would read.
    #[cfg(test)]
    fn model(fake: &fake::Fake, access: fake::Access) -> u32;
}
