//! `cargo xtask kernels`: builds small arm64 kernels from Debian's sources, once.

use crate::setup::{self, Consent, Need, Series};
use crate::workspace::Workspace;
use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Options of `cargo xtask kernels`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The kernels (default: the one that the tests boot)
    #[arg(value_name = "NAME", value_parser = parser())]
    names: Vec<Series>,
    /// Print their names and whether they are there, and build nothing
    #[arg(long)]
    list: bool,
    /// Keep the unpacked sources and the objects, some 2 GB, for the next build
    #[arg(long)]
    keep: bool,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

fn parser() -> impl TypedValueParser<Value = Series> {
    let names = PossibleValuesParser::new(Series::FROM_SOURCES.map(Series::name));
    names.try_map(|name| Series::named(&name).ok_or("not a kernel"))
}

/// Runs the command.
///
/// # Errors
/// When set-up or a build fails.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    if options.list {
        for series in Series::FROM_SOURCES {
            let state = series.release(ws).filter(|_| Need::Kernel(series).is_met(ws));
            println!("{:<12} {}", series.name(), state.unwrap_or_else(|| "not built".into()));
        }
        return Ok(());
    }
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let named = if options.names.is_empty() { &[Series::BUILT][..] } else { &options.names };
    for &series in named {
        setup::ensure(ws, &[Need::Kernel(series)], consent)?;
        println!("{}: Linux {}", series.name(), series.release(ws).unwrap_or_default());
    }
    if !options.keep {
        setup::remove_sources(ws)?;
    }
    Ok(())
}
