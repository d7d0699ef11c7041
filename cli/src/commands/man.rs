//! `ringfence man`: manual pages from the definitions of the command line.

use std::path::Path;

use clap::{Command, CommandFactory};

use super::Outcome;
use crate::args::{Cli, Man};
use crate::failure::Failure;
use crate::{suggest, write_out};

pub(super) fn man(args: &Man) -> Result<Outcome, Failure> {
    let pages = pages()?;
    match &args.directory {
        Some(directory) => {
            for (name, page) in &pages {
                write_out::write(&directory.join(format!("{name}.1")), page)?;
            }
        }
        None => {
            let wanted =
                args.command.as_ref().map_or("ringfence".to_string(), |name| format!("ringfence-{name}"));
            let page = pages.iter().find(|(name, _)| *name == wanted);
            let (_, page) = page.ok_or_else(|| {
                let known: Vec<&str> =
                    pages.iter().filter_map(|(name, _)| name.strip_prefix("ringfence-")).collect();
                Failure::new(format!("no manual page for `{}`", wanted.trim_start_matches("ringfence-")))
                    .with_help(suggest::question(wanted.trim_start_matches("ringfence-"), &known))
            })?;
            write_out::write(Path::new("-"), page)?;
        }
    }
    Ok(Outcome::Clean)
}

/// Returns the page of the tool and one of each command, by name.
fn pages() -> Result<Vec<(String, Vec<u8>)>, Failure> {
    // `help` has no page, so none refers to one.
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut commands = Vec::new();
    gather("ringfence", &root, &mut commands);
    commands
        .into_iter()
        .map(|(name, command)| {
            let mut page = Vec::new();
            let man = clap_mangen::Man::new(command);
            man.render(&mut page).map_err(|error| Failure::new(format!("{name}: {error}")))?;
            Ok((name, unfilled(&String::from_utf8_lossy(&page)).into_bytes()))
        })
        .collect()
}

/// Adds a command and those below it, by the name of their page.
fn gather(name: &str, command: &Command, commands: &mut Vec<(String, Command)>) {
    commands.push((name.to_owned(), command.clone()));
    for below in command.get_subcommands().filter(|command| command.get_name() != "help") {
        gather(&format!("{name}-{}", below.get_name()), below, commands);
    }
}

/// Keeps the lines of the examples as they are: a paragraph would be filled.
fn unfilled(page: &str) -> String {
    let Some((before, extra)) = page.split_once(".SH EXTRA\n") else { return page.to_string() };
    let (extra, rest) = extra.split_once(".SH ").map_or((extra, None), |(extra, rest)| (extra, Some(rest)));
    let rest = rest.map_or(String::new(), |rest| format!(".SH {rest}"));
    format!("{before}.SH EXAMPLES AND NOTES\n.nf\n{extra}.fi\n{rest}")
}
