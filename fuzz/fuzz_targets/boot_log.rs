//! Whatever the bytes of a boot log and of `/proc/iomem`, reading them and comparing them with a prediction
//! ends and does not panic.
#![no_main]

use ringfence::facts::BootFacts;
use ringfence::pipeline::{Context, survey};
use ringfence::predict::{BootLog, Observed, predict, verify};
use ringfence::profile::RELEASES;

/// The tree that is predicted for.
const TREE: &[u8] = include_bytes!("../../tests/fixtures/carveouts.dtb");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let profile = &RELEASES[usize::from(*first) % RELEASES.len()];
    let text = String::from_utf8_lossy(rest);
    let (text, iomem) = text.split_once('\0').map_or((&*text, None), |(text, iomem)| (text, Some(iomem)));
    let facts = BootFacts::default();
    let context = Context { policy: None, profile, facts: &facts };
    let prediction = predict(survey(TREE, context).expect("the fixture is sound").analysis());
    for log in BootLog::split(text).iter().chain([&BootLog::of(text)]) {
        for difference in verify(&prediction, &Observed { log, iomem }) {
            assert!(!difference.to_string().is_empty());
        }
    }
});
