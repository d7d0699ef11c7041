//! The help, the manual and the completions say what the tool does.

use std::process::Command;

use clap::{CommandFactory, Parser};
use ringfence_cli::args::Cli;

fn run(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn commands() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_string()).collect()
}

/// Returns the command lines in a help text, without comments and shell syntax.
fn examples(help: &str) -> Vec<Vec<String>> {
    let lines = help.lines().filter(|line| line.starts_with("  ringfence "));
    let words = |line: &str| {
        let line = line.trim().split("  ").next().unwrap_or_default();
        let words = line.split_whitespace().take_while(|word| !matches!(*word, ">" | "|"));
        words.map(ToString::to_string).collect()
    };
    lines.map(words).collect()
}

#[test]
fn every_example_in_the_help_is_a_command_line() {
    let mut help = vec![run(&["--help"])];
    help.extend(commands().iter().map(|command| run(&[command, "--help"])));
    let examples: Vec<Vec<String>> = help.iter().flat_map(|help| examples(help)).collect();
    assert!(examples.len() > 20, "{examples:#?}");
    for example in examples {
        if let Err(error) = Cli::try_parse_from(&example) {
            panic!("{}: {error}", example.join(" "));
        }
    }
}

#[test]
fn the_commands_that_take_files_show_examples() {
    for command in commands().iter().filter(|command| !matches!(command.as_str(), "rules" | "explain")) {
        assert!(run(&[command, "--help"]).contains("Example"), "{command}");
    }
}

#[test]
fn every_command_is_completed_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        assert!(script.contains("no-config"), "{shell}: options, too");
    }
}

#[test]
fn every_command_has_a_page_in_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    run(&["man", "--directory", directory.path().to_str().unwrap()]);
    let page = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(page("ringfence.1").contains("Exit codes"), "{}", page("ringfence.1"));
    for command in commands() {
        let page = page(&format!("ringfence-{command}.1"));
        assert!(page.contains(&format!("ringfence\\-{command}")), "{page}");
    }
    assert_eq!(run(&["man", "check"]), page("ringfence-check.1"));
    let unknown = Command::new(env!("CARGO_BIN_EXE_ringfence")).args(["man", "chek"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `check`?"));
}

#[test]
fn no_page_refers_to_a_missing_one_and_completions_know_rules_and_kernels() {
    let dir = tempfile::tempdir().unwrap();
    run(&["man", "--directory", dir.path().to_str().unwrap()]);
    let pages = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = pages.collect();
    let names: Vec<_> = pages.iter().map(|page| page.file_stem().unwrap().to_str().unwrap()).collect();
    assert!(names.contains(&"ringfence-policy-init"), "{names:?}");
    for page in &pages {
        let text = std::fs::read_to_string(page).unwrap().replace('\\', "");
        for (before, _) in text.match_indices("(1)").map(|(at, _)| text.split_at(at)) {
            let name = before.rsplit(|c: char| c.is_whitespace()).next().unwrap();
            assert!(names.contains(&name), "{} refers to {name}(1)", page.display());
        }
    }
    let script = run(&["completions", "bash"]);
    assert!(["RF201", "missing-ranges", "6.12"].iter().all(|word| script.contains(word)));
}
