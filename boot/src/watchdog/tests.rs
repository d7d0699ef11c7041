//! Watchdogs that are not there: what their registers mean, and what comes of the time that passes.

use super::{Kind, MAX_WATCHDOGS, Watchdog, find};
use crate::uart::Hardware;
use ringfence::fdt::{NewNode, Tree, build};
use std::cell::Cell;

const CONTROL: u64 = 0x5001_2000;
const REFRESH: u64 = 0x5001_0000;
/// Microseconds until it expires.
const PERIOD: u64 = 10_000_000;

/// A watchdog that a loader has left, running or not.
struct Fake {
    kind: Kind,
    runs: Cell<bool>,
    now: Cell<u64>,
    expires: Cell<u64>,
    /// Whether it has expired once, which alone does not reset the board.
    has_warned: Cell<bool>,
    has_reset: Cell<bool>,
    is_open: Cell<bool>,
}

/// One frame of its registers.
struct Frame<'a> {
    fake: &'a Fake,
    is_refresh: bool,
}

impl Fake {
    fn new(kind: Kind, runs: bool) -> Self {
        let [now, expires] = [0, PERIOD].map(Cell::new);
        let [has_warned, has_reset, is_open] = [false; 3].map(Cell::new);
        Self { kind, runs: Cell::new(runs), now, expires, has_warned, has_reset, is_open }
    }

    fn frames(&self) -> [Frame<'_>; 2] {
        [false, self.kind == Kind::Sbsa].map(|is_refresh| Frame { fake: self, is_refresh })
    }

    fn pass(&self, microseconds: u64) {
        self.now.set(self.now.get() + microseconds);
        while self.runs.get() && self.now.get() >= self.expires.get() {
            // DesignWare's resets at once in the mode that loaders use.
            self.has_reset.set(self.has_reset.get() || self.has_warned.get() || self.kind == Kind::Dw);
            self.has_warned.set(true);
            self.expires.set(self.expires.get() + PERIOD);
        }
    }

    fn restart(&self) {
        self.expires.set(self.now.get() + PERIOD);
        self.has_warned.set(false);
    }
}

impl Hardware for Frame<'_> {
    fn read(&self, offset: u64, width: u32) -> u32 {
        let runs = u32::from(self.fake.runs.get());
        match (self.fake.kind, self.is_refresh, offset, width) {
            (Kind::Sp805, _, 0x000, 4) => 0x1234_5678,
            (Kind::Sp805, _, 0x008, 4) => runs * 3,
            (Kind::Sp805, _, 0xc00, 4) => u32::from(!self.fake.is_open.get()),
            (Kind::Dw, _, 0x00, 4) => runs | 0x1c,
            (Kind::Sbsa, false, 0x000, 4) => runs | u32::from(self.fake.has_warned.get()) << 1,
            other => panic!("read {other:x?}"),
        }
    }

    fn write(&self, offset: u64, width: u32, value: u32) {
        let is_open = self.fake.is_open.get();
        match (self.fake.kind, self.is_refresh, offset, width) {
            (Kind::Sp805, _, 0xc00, 4) => self.fake.is_open.set(value == 0x1acc_e551),
            (Kind::Sp805, _, 0x000 | 0x00c, 4) if is_open => {
                assert!(offset != 0 || value == 0x1234_5678, "another period");
                self.fake.restart();
            }
            (Kind::Sp805, _, 0x008, 4) if is_open => self.fake.runs.set(value & 3 == 3),
            (Kind::Dw, _, 0x0c, 4) if value == 0x76 => self.fake.restart(),
            (Kind::Sbsa, true, 0x000, 4) => self.fake.restart(),
            (Kind::Sbsa, false, 0x000, 4) => self.fake.runs.set(value & 1 != 0),
            other => panic!("wrote {value:#x} to {other:x?}"),
        }
    }

    fn microseconds(&self) -> u64 {
        self.fake.now.get()
    }
}

const KINDS: [Kind; 3] = [Kind::Sp805, Kind::Dw, Kind::Sbsa];

fn watchdog(kind: Kind) -> Watchdog {
    Watchdog { name: "watchdog".into(), kind, frames: [CONTROL, REFRESH] }
}

#[test]
fn one_that_runs_is_told_from_one_that_does_not() {
    for kind in KINDS {
        for runs in [true, false] {
            let fake = Fake::new(kind, runs);
            let frames = fake.frames();
            assert_eq!(watchdog(kind).is_running(frames.each_ref()), runs, "{kind:?}");
        }
    }
}

#[test]
fn one_that_is_petted_in_time_does_not_bite_and_still_runs() {
    for kind in KINDS {
        let fake = Fake::new(kind, true);
        let frames = fake.frames();
        for _ in 0..20 {
            fake.pass(PERIOD * 9 / 10);
            watchdog(kind).pet(frames.each_ref());
        }
        assert!(!fake.has_reset.get() && fake.runs.get(), "{kind:?}");
        assert!(!fake.is_open.get(), "{kind:?} is left open");
        fake.pass(2 * PERIOD);
        assert!(fake.has_reset.get(), "{kind:?} runs on");
    }
}

#[test]
fn one_that_is_stopped_never_bites_and_one_that_cannot_be_says_so() {
    for kind in KINDS {
        let fake = Fake::new(kind, true);
        let has_stopped = watchdog(kind).stop(fake.frames().each_ref());
        assert_eq!(has_stopped, kind != Kind::Dw, "{kind:?}");
        assert!(!fake.is_open.get(), "{kind:?} is left open");
        fake.pass(10 * PERIOD);
        assert_eq!(fake.has_reset.get(), !has_stopped, "{kind:?}");
    }
}

fn node(name: &str, compatible: &[u8], reg: &[u64]) -> NewNode {
    let reg: Vec<u8> = reg.iter().flat_map(|word| word.to_be_bytes()).collect();
    NewNode::new(name).prop("compatible", compatible.to_vec()).prop("reg", reg)
}

fn found(nodes: Vec<NewNode>) -> Vec<Watchdog> {
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let root = nodes.into_iter().fold(root, NewNode::child);
    find(&Tree::parse(&build(&root, 0, &[]).unwrap()).unwrap())
}

#[test]
fn they_are_found_by_their_compatible_strings() {
    let found = found(vec![
        node("watchdog@1", b"arm,sp805\0arm,primecell\0", &[0x2a44_0000, 0x1000]),
        node("watchdog@2", b"rockchip,rk3568-wdt\0snps,dw-wdt\0", &[0xffd0_0200, 0x100]),
        node("watchdog@3", b"arm,sbsa-gwdt\0", &[CONTROL, 0x1000, REFRESH, 0x1000]),
        node("watchdog@4", b"arm,sp805\0", &[0x2a45_0000, 0x1000]).prop_str("status", "disabled"),
        node("watchdog@5", b"arm,sbsa-gwdt\0", &[CONTROL, 0x1000]),
        node("watchdog@6", b"snps,dw-wdt\0", &[0xffd0_0201, 0x100]),
        // Where the registers go on in the next page, or would end beyond the last address.
        node("watchdog@8", b"arm,sp805\0", &[0x2a44_0800, 0x1000]),
        node("watchdog@9", b"arm,sp805\0", &[0xffff_ffff_ffff_f000, 0xfff]),
        node("watchdog@a", b"snps,dw-wdt\0", &[0xffd0_0ff8, 0x100]),
        node("watchdog@7", b"vendor,wdt\0", &[0x2a46_0000, 0x1000]),
    ]);
    let places: Vec<_> = found.iter().map(|one| (one.kind, one.frames)).collect();
    let expected =
        [(Kind::Sp805, [0x2a44_0000; 2]), (Kind::Dw, [0xffd0_0200; 2]), (Kind::Sbsa, [CONTROL, REFRESH])];
    assert_eq!(places, expected);
    let pages: Vec<u64> = found.iter().flat_map(|one| one.pages()).map(|page| page.base()).collect();
    assert_eq!(pages, [0x2a44_0000, 0x2a44_0000, 0xffd0_0000, 0xffd0_0000, CONTROL, REFRESH]);
}

#[test]
fn a_tree_full_of_them_costs_no_more_than_a_few() {
    let many = (0..100).map(|n| node(&format!("w@{n}"), b"arm,sp805\0", &[0x1000 * n, 0x1000])).collect();
    assert_eq!(found(many).len(), MAX_WATCHDOGS);
}
