//! Whatever the bytes, reading a bundle ends, does not panic, and points at bytes that are there.
#![no_main]

use ringfence::fit::Fit;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(fit) = Fit::parse(bytes) else { return };
    if let Ok(end) = fit.end() {
        assert!(end <= bytes.len() as u64);
    }
    let Ok(config) = fit.select(&["vendor,board"]) else { return };
    for image in config.images() {
        let start = image.data_offset as usize;
        assert_eq!(bytes.get(start..start + image.data.len()), Some(image.data));
        let _ = image.verify();
    }
});
