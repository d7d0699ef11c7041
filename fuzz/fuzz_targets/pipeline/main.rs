//! The whole pipeline on trees, policy, boot facts and kernels drawn from the bytes: whatever is proven keeps
//! every invariant.
#![no_main]

mod draw;

#[path = "../../../tests/invariants/check.rs"]
mod check;
#[allow(dead_code)]
#[path = "../../../tests/invariants/generate/mod.rs"]
mod generate;
#[path = "../../../tests/invariants/reading.rs"]
mod reading;

use libfuzzer_sys::arbitrary::Unstructured;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(case) = draw::case(&mut Unstructured::new(bytes)) else { return };
    for promise in [check::promises, check::edits_and_repairs] {
        if let Err(broken) = promise(&case) {
            // The case is Rust for `tests/invariants/found.rs`.
            panic!("{broken}\n{case:?}");
        }
    }
});
