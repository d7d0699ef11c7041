//! What is accepted is copied and edited without losing anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringfence_fuzz::roundtrip(bytes));
