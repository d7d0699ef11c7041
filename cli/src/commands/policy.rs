//! `ringfence policy`.

use std::path::Path;

use ringfence::policy::{Policy, Word, digest};

use super::Outcome;
use crate::args;
use crate::failure::Failure;
use crate::{bundle, policy_file, write_out};

pub(super) fn run(args: &args::Policy) -> Result<Outcome, Failure> {
    match args {
        args::Policy::Init { .. } => return Err(Failure::new("not yet")),
        args::Policy::Check { policy } => {
            let loaded = policy_file::load(policy)?;
            anstream::println!("{}: {}", policy.display(), summary(&loaded));
        }
        args::Policy::Build { policy, output } => {
            write_out::write(output, &bundle::policy_blob(policy)?)?;
        }
        args::Policy::Show { policy } => show(policy)?,
    }
    Ok(Outcome::Clean)
}

fn show(path: &Path) -> Result<(), Failure> {
    let policy = policy_file::load(path)?;
    let blob = policy.to_blob().map_err(|error| Failure::of(path, error))?;
    let digest = digest(&blob).map_err(|error| Failure::of(path, error))?;
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    anstream::println!("# sha256 {hex}\n{}", policy_file::to_toml(&policy).trim_end());
    Ok(())
}

/// What the policy demands, on one line.
fn summary(policy: &Policy) -> String {
    let carveouts = match policy.carveouts.len() {
        1 => "1 carveout".to_string(),
        count => format!("{count} carveouts"),
    };
    let cma = policy.cma.map_or("no say in CMA".to_string(), |cma| {
        format!("CMA {} via {}", ringfence::span::Size(cma.size), cma.via.word())
    });
    format!("mode {}, on error {}, {carveouts}, {cma}", policy.mode.word(), policy.on_error.word())
}
