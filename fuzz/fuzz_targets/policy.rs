//! Whatever the bytes, reading a policy ends and does not panic; what is accepted is written and read back
//! the same.
#![no_main]

use ringfence::policy::Policy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(policy) = Policy::from_blob(bytes) else { return };
    let blob = policy.to_blob().expect("what was accepted can be written");
    assert_eq!(Policy::from_blob(&blob), Ok(policy));
});
