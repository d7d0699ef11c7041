//! Whatever the bytes, applying them as an overlay ends, does not panic, and loses nothing of the base.
#![no_main]

use ringfence::fdt::Blob;

/// The base of an input that brings none.
const BASE: &[u8] = include_bytes!("../../tests/fixtures/carveouts.dtb");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    ringfence_fuzz::overlay(BASE, bytes);
    // Two trees one after the other are a base and its overlay.
    if let Ok(base) = Blob::check(bytes) {
        let len = base.bytes().len();
        ringfence_fuzz::overlay(bytes, bytes.get(len..).unwrap_or_default());
    }
});
