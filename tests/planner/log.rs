//! A place for the log that outlives the stage.

use crate::board::*;
use crate::cma::wanting;
use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::fdt::Tree;
use ringfence::policy::{PersistentLog, Policy, Via};
use ringfence::prove::Refusal;
use ringfence::ramoops;
use ringfence::span::{GIB, MIB, Span};

fn keeping(size: u64, base: Option<u64>) -> Policy {
    Policy { log: Some(PersistentLog { size, base }), ..requiring([]) }
}

#[test]
fn the_log_gets_a_place_at_the_top_of_ram_before_the_pools_and_once() {
    let dtb = board([chosen("quiet"), reserved([carveout("dsp", 1000, 24)])]);
    let policy = Policy { cma: wanting(Via::Node, 64, None).cma, ..keeping(64 << 10, None) };
    let proven = fix(&dtb, Some(&policy)).unwrap();
    let log = Span::new(RAM + 1000 * MIB - (128 << 10), 128 << 10).unwrap();
    let spans: Vec<Span> = proven.map().enabled().flat_map(|region| region.spans().to_vec()).collect();
    assert!(spans.contains(&log), "{spans:x?}");
    let tree = Tree::parse(proven.dtb()).unwrap();
    let region = ramoops::find(&tree, proven.map()).unwrap();
    assert!(!region.no_map, "the stage and Linux both write to it");
    assert_eq!(ramoops::zones(&tree, region).unwrap().console, Span::new(log.base(), 64 << 10).unwrap());
    // Another pass finds it there.
    assert_eq!(fix(proven.dtb(), Some(&policy)).unwrap().dtb(), proven.dtb());
}

#[test]
fn the_log_lies_at_the_same_place_wherever_the_loader_puts_a_small_kernel() {
    let place = |mib: u64| {
        let at = Span::new(RAM + mib * MIB, 8 * MIB).unwrap();
        let kernel = Kernel { position: Position::Movable(at), text_offset: 0, image_size: 16 * MIB };
        let facts = BootFacts { kernel: Some(kernel), ..BootFacts::default() };
        let proven = fix_at_boot(&board([]), Some(&keeping(64 << 10, None)), &facts).unwrap();
        proven.map().enabled().next().unwrap().spans().to_vec()
    };
    assert_eq!(place(2), place(512));
    assert_eq!(place(2), [Span::from_ends(RAM + GIB - (128 << 10), RAM + GIB).unwrap()]);
}

#[test]
fn a_log_whose_base_is_taken_is_stuck() {
    let base = RAM + 64 * MIB;
    let dtb = board([reserved([carveout("dsp", 64, 1)])]);
    assert!(matches!(fix(&dtb, Some(&keeping(64 << 10, Some(base)))), Err(Refusal::PlacementFailure(_))));
    let free = fix(&dtb, Some(&keeping(64 << 10, Some(base + MIB)))).unwrap();
    assert_eq!(free.map().enabled().last().unwrap().spans(), [Span::new(base + MIB, 128 << 10).unwrap()]);
}

#[test]
fn a_ramoops_that_is_there_keeps_the_log() {
    let own = region("ramoops", 64, 1).prop_str("compatible", "ramoops").prop_u32("console-size", 0x8_0000);
    let dtb = board([reserved([own])]);
    let proven = fix(&dtb, Some(&keeping(64 << 10, None))).unwrap();
    assert_eq!(proven.dtb(), dtb, "nothing is left to do");
}
