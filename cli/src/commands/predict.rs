//! `ringfence predict` and `ringfence verify`.

use std::path::Path;

use ringfence::fdt::Tree;
use ringfence::predict::{DefaultCma, Observed, Prediction, predict, verify};
use ringfence::survey::MemoryMap;
use serde_json::{Value, json};

use super::{Outcome, tree};
use crate::args::{Boot, Plain, Predict, Verify};
use crate::failure::Failure;
use crate::project::job::Job;
use crate::terminal::style::BOLD;
use crate::{input, terminal};

pub(super) fn predicted(args: &Predict) -> Result<Outcome, Failure> {
    let told = Told::of(&args.boot, &args.input)?;
    terminal::out(&match args.format {
        Plain::Human => told.human(),
        Plain::Json => told.json(),
    })?;
    Ok(Outcome::Clean)
}

pub(super) fn verified(args: &Verify) -> Result<Outcome, Failure> {
    let told = Told::of(&args.boot, &args.input)?;
    let log = text(&args.boot_log)?;
    let iomem = args.iomem.as_deref().map(text).transpose()?;
    let differences = verify(&told.prediction, &Observed { log: &log, iomem: iomem.as_deref() });
    if differences.is_empty() {
        terminal::out(&format!(
            "{}: the boot matches the prediction for {}\n",
            args.input.display(),
            told.profile
        ))?;
        return Ok(Outcome::Clean);
    }
    terminal::out(&differences.iter().map(|difference| format!("{difference}\n")).collect::<String>())?;
    Ok(Outcome::Findings)
}

/// Logs come from serial lines: bytes that are not text are replaced.
fn text(path: &Path) -> Result<String, Failure> {
    match input::read_any(path)?.as_slice() {
        [] => Err(Failure::of(path, "the file is empty")),
        bytes => Ok(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// A prediction with the paths of its regions.
struct Told {
    prediction: Prediction,
    paths: Vec<String>,
    profile: String,
}

impl Told {
    fn of(boot: &Boot, path: &Path) -> Result<Self, Failure> {
        if let [one, other, ..] = boot.kernel.as_slice() {
            return Err(Failure::new(format!("one kernel at a time, not {one} and {other}"))
                .with_help("run the command once for each kernel"));
        }
        let job = Job::from_args(boot)?;
        let (job, dtb) = tree::read(&job, path)?;
        let tree = Tree::parse(&dtb).map_err(|error| Failure::of(path, error))?;
        let context = job.context();
        let map = MemoryMap::survey(&tree, context.facts);
        if !map.ram.is_known() {
            return Err(Failure::of(path, "no /memory node states RAM")
                .with_help("give the banks with --ram BASE:SIZE: the prediction depends on them"));
        }
        let prediction = predict(&tree, &map, context.facts, context.profile, &context.profile.build);
        let paths = prediction.regions.iter().map(|outcome| tree.node(outcome.node).path()).collect();
        Ok(Self { prediction, paths, profile: context.profile.since.family().to_string() })
    }

    fn human(&self) -> String {
        let mut out = format!("{BOLD}Linux {} ends up with{BOLD:#}\n", self.profile);
        for (outcome, path) in self.prediction.regions.iter().zip(&self.paths) {
            let span = outcome.span.map_or_else(|| "nowhere".to_string(), |span| span.to_string());
            out += &format!("  {:8}  {span}  {path}\n", outcome.state.name());
        }
        out += &match self.prediction.cma {
            DefaultCma::None => String::new(),
            DefaultCma::At(span) => format!("  cma       {span}  default pool\n"),
            DefaultCma::Somewhere { size, .. } => {
                format!("  cma       {} place unknown  default pool\n", ringfence::span::Size(size))
            }
        };
        out += &format!("\n{BOLD}and prints{BOLD:#}\n");
        self.prediction.log.iter().for_each(|line| out += &format!("  {line}\n"));
        if let Some(why) = self.prediction.panic {
            out += &format!("\n{BOLD}and panics:{BOLD:#} {why}\n");
        }
        out
    }

    fn json(&self) -> String {
        let hex = |address: u64| format!("{address:#x}");
        let regions = self.prediction.regions.iter().zip(&self.paths).map(|(outcome, path)| {
            json!({
                "node": path,
                "base": outcome.span.map(|span| hex(span.base())),
                "end": outcome.span.map(|span| hex(span.end())),
                "state": outcome.state.name(),
            })
        });
        let cma = match self.prediction.cma {
            DefaultCma::At(span) => json!({ "base": hex(span.base()), "end": hex(span.end()) }),
            DefaultCma::None | DefaultCma::Somewhere { .. } => Value::Null,
        };
        let document = json!({
            "schema": 1,
            "profile": self.profile,
            "log": self.prediction.log,
            "panic": self.prediction.panic,
            "regions": regions.collect::<Vec<_>>(),
            "cma": cma,
            "cmdline": String::from_utf8_lossy(&self.prediction.cmdline),
        });
        format!("{document:#}\n")
    }
}
