//! `ringfence predict`.

use std::path::Path;

use ringfence::fdt::Tree;
use ringfence::pipeline::Surveyed;
use ringfence::predict::{DefaultCma, OfferedHeap, Prediction, predict};
use serde_json::{Value, json};

use super::{Outcome, tree};
use crate::args::{Boot, Plain, Predict};
use crate::failure::Failure;
use crate::project::job::Job;
use crate::terminal;
use crate::terminal::style::BOLD;

pub(super) fn predicted(args: &Predict) -> Result<Outcome, Failure> {
    let told = Told::of(&args.boot, &args.input)?;
    terminal::out(&match args.format {
        Plain::Human => told.human(),
        Plain::Json => told.json(),
    })?;
    Ok(Outcome::Clean)
}

/// Refuses several kernels.
pub(super) fn one_kernel(boot: &Boot) -> Result<(), Failure> {
    match boot.kernel.as_slice() {
        [one, other, ..] => Err(Failure::new(format!("one kernel at a time, not {one} and {other}"))
            .with_help("run the command once for each kernel")),
        _ => Ok(()),
    }
}

/// The failure of a prediction without RAM.
pub(super) fn no_ram(path: &Path) -> Failure {
    Failure::of(path, "no /memory node states RAM")
        .with_help("give the banks with --ram BASE:SIZE: the prediction depends on them")
}

/// A prediction with the paths of its regions.
pub(super) struct Told {
    pub(super) prediction: Prediction,
    paths: Vec<String>,
    pub(super) profile: String,
}

impl Told {
    fn of(boot: &Boot, path: &Path) -> Result<Self, Failure> {
        one_kernel(boot)?;
        let (job, dtb) = tree::read(&Job::from_args(boot)?, path)?;
        Self::predict(&job, &dtb, path)?.ok_or_else(|| no_ram(path))
    }

    /// Predicts for the first kernel of a job; `None` when the RAM is not known.
    pub(super) fn predict(job: &Job, dtb: &[u8], path: &Path) -> Result<Option<Self>, Failure> {
        let tree = Tree::parse(dtb).map_err(|error| Failure::of(path, error))?;
        let context = job.context();
        let surveyed = Surveyed::of(tree, context);
        if !surveyed.map().ram.is_known() {
            return Ok(None);
        }
        let prediction = predict(surveyed.analysis());
        let tree = surveyed.tree();
        let paths = prediction.regions.iter().map(|outcome| tree.node(outcome.node).path()).collect();
        Ok(Some(Self { prediction, paths, profile: context.profile.since.family().to_string() }))
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
        for pool in &self.prediction.node_pools {
            let place = pool.span.map_or_else(
                || format!("{} place unknown", ringfence::span::Size(pool.size)),
                |span| span.to_string(),
            );
            out += &format!("  cma       {place}  pool of NUMA node {}\n", pool.node);
        }
        if self.prediction.heaps.iter().any(|heap| heap.is_pool) {
            out += &format!("\n{BOLD}and offers, if it is built with DMA-BUF heaps{BOLD:#}\n");
            self.prediction.heaps.iter().for_each(|heap| out += &heap_line(heap));
        }
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
        let heaps = self.prediction.heaps.iter().filter(|heap| !heap.is_refused).map(|heap| {
            json!({
                "name": heap.name,
                "base": heap.span.map(|span| hex(span.base())),
                "end": heap.span.map(|span| hex(span.end())),
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
            "node_pools": self.prediction.node_pools.iter().map(|pool| json!({
                "node": pool.node,
                "size": hex(pool.size),
                "base": pool.span.map(|span| hex(span.base())),
            })).collect::<Vec<_>>(),
            "heaps": heaps.collect::<Vec<_>>(),
            "cmdline": String::from_utf8_lossy(&self.prediction.cmdline),
        });
        format!("{document:#}\n")
    }
}

/// Returns the line of a heap: its device, and what it allocates from.
fn heap_line(heap: &OfferedHeap) -> String {
    let from = match heap.span {
        _ if heap.is_refused => "not registered: its name is taken".to_string(),
        Some(span) => span.to_string(),
        None if heap.is_pool => "the default pool, place unknown".to_string(),
        None => "any free memory".to_string(),
    };
    format!("  /dev/dma_heap/{:<20} {from}\n", heap.name)
}
