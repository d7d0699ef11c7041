//! `ringfence policy`.

use std::path::Path;

use ringfence::facts::BootFacts;
use ringfence::finding::Severity;
use ringfence::pipeline::{self, Context};
use ringfence::policy::{Policy, Word, digest};
use ringfence::profile::KernelProfile;

use super::Outcome;
use crate::args;
use crate::failure::Failure;
use crate::project::policy_file;
use crate::{bundle, input, terminal, write_out};

pub(super) fn run(args: &args::Policy) -> Result<Outcome, Failure> {
    match args {
        args::Policy::Init { known_good, output, force } => {
            return init(known_good, output.as_deref(), *force);
        }
        args::Policy::Check { policies } => {
            for policy in policies {
                let loaded = policy_file::load(policy)?;
                terminal::out(&format!("{}: {}\n", policy.display(), summary(&loaded)))?;
            }
        }
        args::Policy::Build { policy, output } => {
            write_out::write(output, &bundle::policy_blob(policy)?)?;
        }
        args::Policy::Show { policy } => show(policy)?,
    }
    Ok(Outcome::Clean)
}

fn init(known_good: &Path, output: Option<&Path>, force: bool) -> Result<Outcome, Failure> {
    let output = output.unwrap_or(Path::new("-"));
    let dtb = input::read(known_good)?;
    write_out::keep_apart(output)?;
    if output.exists() && !force && !input::is_stdin(output) {
        return Err(Failure::of(output, "exists already").with_help("use --force to overwrite it"));
    }
    let (profile, facts) = (KernelProfile::default(), BootFacts::default());
    let context = Context { policy: None, profile: &profile, facts: &facts };
    let judged = pipeline::survey(&dtb, context).map_err(|error| Failure::of(known_good, error))?.judge();
    let errors = judged.findings().iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        let why = format!("not known to be good: `ringfence check` finds errors in it ({errors})");
        return Err(Failure::of(known_good, why).with_help("repair it first, with `ringfence fix`"));
    }
    let policy = policy_file::from_tree(judged.surveyed().tree(), judged.surveyed().map());
    policy.validate().map_err(|error| Failure::of(known_good, error))?;
    write_out::write(output, policy_file::to_toml(&policy).as_bytes())?;
    Ok(Outcome::Clean)
}

fn show(path: &Path) -> Result<(), Failure> {
    let policy = policy_file::load(path)?;
    let blob = policy.to_blob().map_err(|error| Failure::of(path, error))?;
    let digest = digest(&blob).map_err(|error| Failure::of(path, error))?;
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    terminal::out(&format!("# sha256 {hex}\n{}", policy_file::to_toml(&policy)))
}

/// Returns the requirements of the policy, on one line.
fn summary(policy: &Policy) -> String {
    let carveouts = match policy.requirements.len() {
        1 => "1 carveout".to_string(),
        count => format!("{count} carveouts"),
    };
    let cma = policy.cma.map_or("CMA not constrained".to_string(), |cma| {
        format!("CMA {} via {}", ringfence::span::Size(cma.size), cma.via.as_str())
    });
    format!("mode {}, on error {}, {carveouts}, {cma}", policy.mode.as_str(), policy.on_error.as_str())
}
