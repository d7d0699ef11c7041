//! Whatever the bytes, checking and reading them ends, and does not panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringfence_fuzz::structure(bytes));
