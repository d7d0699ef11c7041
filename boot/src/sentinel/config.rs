//! What the sentinel is told, in its own words.

use crate::console::Console;
use crate::uart::Kind;
use alloc::string::String;
use ringfence::fdt::Tree;
use ringfence::policy;
use ringfence_sentinel::abi::{OnAccess, Uart, allow};
use ringfence_sentinel::report::Out;
use ringfence_sentinel::ring::Reader;

/// How many accesses of the boot before are logged.
const MAX_PREVIOUS: usize = 16;

/// Returns what happens on an access.
#[must_use]
pub const fn on_access(wanted: policy::OnAccess) -> OnAccess {
    match wanted {
        policy::OnAccess::Abort => OnAccess::Abort,
        policy::OnAccess::Log => OnAccess::Log,
        policy::OnAccess::Halt => OnAccess::Halt,
        policy::OnAccess::Reset => OnAccess::Reset,
    }
}

/// Returns the firmware calls that pass on this board, as flags of [`allow`].
#[must_use]
pub fn allowed(tree: &Tree<'_>) -> u64 {
    let has =
        |is_it: fn(&str) -> bool| tree.props_named("compatible").any(|(_, list)| list.strings().any(is_it));
    let amlogic = has(|name| name == "amlogic,meson-gxbb-sm");
    let qualcomm = has(|name| name.starts_with("qcom,scm"));
    let flag = |on, flag| if on { flag } else { 0 };
    flag(amlogic, allow::AMLOGIC_MEMORY) | flag(!qualcomm, allow::NO_QUALCOMM)
}

/// Returns the registers of a console that the sentinel can drive: those that take a byte when one register
/// says so.
#[must_use]
pub fn uart(console: &Console) -> Option<Uart> {
    let (status, mask, ready, data, width) = match console.kind {
        Kind::Pl011 => (0x18, 1 << 5, 0, 0, 4),
        Kind::Cadence => (0x2c, 1 << 4, 0, 0x30, 4),
        Kind::Ns16550 if console.layout.width != 2 => {
            (5 << console.layout.shift, 1 << 5, 1 << 5, 0, console.layout.width.into())
        }
        _ => return None,
    };
    let at = |offset: u64| console.base.checked_add(offset);
    Some(Uart { status: at(status)?, data: at(data)?, mask, ready, width })
}

/// Logs the last accesses of the boot before, which a warm reset leaves in memory.
pub fn previous(ring: Reader<'_>, mut line: impl FnMut(&str)) {
    let events = ring.events();
    let count = ring.events().count();
    for event in events.skip(count.saturating_sub(MAX_PREVIOUS)) {
        let mut text = Line(String::from("before this boot: "));
        event.write(event.hole.and_then(|hole| ring.name(hole)), &mut text);
        line(&text.0);
    }
}

struct Line(String);

impl Out for Line {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uart::Layout;

    #[test]
    fn the_registers_of_a_console_are_where_its_driver_has_them() {
        let console = |kind, layout| Console { kind, base: 0x1000, layout };
        let pl011 = uart(&console(Kind::Pl011, Layout::BYTES)).unwrap();
        assert_eq!((pl011.status, pl011.data, pl011.width), (0x1018, 0x1000, 4));
        let mini = uart(&console(Kind::Ns16550, Layout::WORDS)).unwrap();
        assert_eq!((mini.status, mini.mask, mini.ready, mini.width), (0x1014, 0x20, 0x20, 4));
        let bytes = uart(&console(Kind::Ns16550, Layout::BYTES)).unwrap();
        assert_eq!((bytes.status, bytes.width), (0x1005, 1));
        assert_eq!(uart(&console(Kind::Geni, Layout::BYTES)), None);
    }
}
