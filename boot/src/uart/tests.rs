//! What holds for every kind.

use super::fake::{BYTE_TIME, DEPTH, Fake};
use super::{DRAIN_TIME, Hardware, Kind, Layout, READY_TIME, Register, TimedOut};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Returns each kind with each layout that its names give.
fn kinds() -> Vec<(Kind, Layout)> {
    let names = |kind: Kind| [kind.compatibles(), kind.earlycons()].concat();
    let mut all = Vec::new();
    for &kind in Kind::ALL {
        for layout in names(kind).into_iter().map(|name| kind.layout(name)) {
            if !all.contains(&(kind, layout)) {
                all.push((kind, layout));
            }
        }
    }
    all
}

#[test]
fn text_longer_than_the_fifo_arrives_whole_and_in_order() {
    for (kind, layout) in kinds() {
        let uart = Fake::new(kind);
        kind.open(&uart);
        let lines: Vec<Vec<u8>> =
            (0..9).map(|n| (0..40 * n).map(|i| b' ' + (i % 90) as u8).collect()).collect();
        for line in &lines {
            assert_eq!(kind.write(&uart, layout, line), Ok(()), "{kind:?}");
        }
        assert_eq!(uart.text(), lines.concat(), "{kind:?}");
    }
}

#[test]
fn a_flush_waits_until_the_last_byte_has_left() {
    for (kind, layout) in kinds() {
        let uart = Fake::new(kind);
        kind.open(&uart);
        kind.write(&uart, layout, b"the end").unwrap();
        assert!(!uart.is_empty(), "{kind:?}");
        assert_eq!(kind.flush(&uart, layout), Ok(()), "{kind:?}");
        assert!(uart.is_empty(), "{kind:?}");
    }
}

#[test]
fn what_the_loader_wrote_last_is_not_lost() {
    for (kind, layout) in kinds() {
        let uart = Fake::new(kind);
        uart.push_all(b"Starting kernel ...\r\n");
        kind.open(&uart);
        kind.write(&uart, layout, b"ringfence").unwrap();
        assert_eq!(uart.text(), b"Starting kernel ...\r\nringfence", "{kind:?}");
    }
}

#[test]
fn a_uart_that_never_gets_ready_is_given_up_within_one_bound() {
    for (kind, layout) in kinds() {
        // Without a clock registers read as zeros or as ones, and one of the two means that there is no room.
        let takes = |value| {
            let uart = Fake::stuck(kind, value);
            kind.open(&uart);
            let opened = uart.microseconds();
            assert!(opened <= READY_TIME + 10, "{kind:?}");
            let result = kind.write(&uart, layout, &[b'.'; 1000]);
            assert!(uart.microseconds() - opened <= READY_TIME + 4 * 1000, "{kind:?} at {value:#x}");
            result
        };
        assert!([takes(0), takes(u32::MAX)].contains(&Err(TimedOut)), "{kind:?}");
    }
}

#[test]
fn a_full_fifo_drains_within_the_bound_at_9600_baud() {
    const { assert!(DRAIN_TIME > DEPTH as u64 * BYTE_TIME * 12) };
}

#[test]
fn a_clock_that_stands_still_does_not_hang_the_boot() {
    struct Stopped(Cell<u32>);
    impl Hardware for Stopped {
        fn read(&self, _: u64, _: u32) -> u32 {
            self.0.set(self.0.get() + 1);
            0
        }
        fn write(&self, _: u64, _: u32, _: u32) {}
        fn microseconds(&self) -> u64 {
            7
        }
    }
    let uart = Stopped(Cell::new(0));
    assert_eq!(Register::word(0).has(1).wait(&uart, READY_TIME), Err(TimedOut));
    assert!(uart.0.get() <= 1_000_001);
}

#[test]
fn no_name_belongs_to_two_kinds() {
    for names in [Kind::compatibles, Kind::earlycons] {
        let mut seen = BTreeSet::new();
        for &kind in Kind::ALL {
            names(kind).iter().for_each(|name| assert!(seen.insert(*name), "{name} names {kind:?} too"));
        }
    }
}
