//! Whatever the text, reading it as a policy or as `ringfence.toml` ends and does not panic; a policy that is
//! accepted is written and read back the same, as TOML and as a blob.
#![no_main]

use ringfence::policy::Policy;
use ringfence_cli::project::config::Config;
use ringfence_cli::project::policy_file::{parse, to_toml};
use std::path::Path;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(failure) = Config::parse(Path::new("ringfence.toml"), text) {
        assert!(!failure.to_string().is_empty());
    }
    let Ok(policy) = parse("policy.toml", text) else { return };
    let written = to_toml(&policy);
    match parse("policy.toml", &written) {
        Ok(again) => assert_eq!(again, policy, "{written}"),
        Err(failure) => panic!("{failure}\n{written}"),
    }
    let blob = policy.to_blob().expect("a policy of this size fits a tree");
    assert_eq!(Policy::from_blob(&blob), Ok(policy));
});
