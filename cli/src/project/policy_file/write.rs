//! Writes a policy as the TOML that people would write.

use std::fmt::Write;

use ringfence::policy::{
    Allow, ConsoleEvidence, Key, OnRunning, Policy, Requirement, Sentinel, TreePolicy, UNCLAIMED, Watch, Word,
};
use ringfence::span::Size;

/// Returns the policy as TOML, with the words of the file format explained.
#[must_use]
pub fn to_toml(policy: &Policy) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, policy);
    out
}

fn write(out: &mut String, policy: &Policy) -> std::fmt::Result {
    commented(out, &format!("mode = {}", quoted(policy.mode.as_str())), "audit | fix | strict")?;
    commented(
        out,
        &format!("on-error = {}", quoted(policy.on_error.as_str())),
        "halt | reset | boot-manager | continue",
    )?;
    if let Some(board) = &policy.board {
        writeln!(out, "board = {}", quoted(board))?;
    }
    if let Some(kernel) = &policy.kernel {
        writeln!(out, "kernel = {}", quoted(kernel))?;
    }
    for (name, bytes) in [("boundary", policy.boundary), ("guard", policy.guard)] {
        if let Some(bytes) = bytes {
            writeln!(out, "{name} = {}", size(bytes))?;
        }
    }
    for requirement in &policy.requirements {
        match requirement {
            Requirement::Carveout(carveout) => {
                writeln!(out, "\n[[carveout]]")?;
                match &carveout.key {
                    Key::Path(path) => writeln!(out, "node = {}", quoted(path))?,
                    Key::Label(label) => writeln!(out, "label = {}", quoted(label))?,
                }
                if let Some(base) = carveout.base {
                    writeln!(out, "base = \"{base:#x}\"")?;
                }
                writeln!(out, "size = {}\nno-map = {}", size(carveout.size), carveout.no_map)?;
            }
            Requirement::ProtectedRange(range) => {
                writeln!(out, "\n[[protected]]\nname = {}", quoted(&range.name))?;
                writeln!(out, "base = \"{:#x}\"\nsize = {}", range.span.base(), size(range.span.len()))?;
            }
        }
    }
    if let Some(cma) = &policy.cma {
        writeln!(out, "\n[cma]\nsize = {}", size(cma.size))?;
        if let Some(align) = cma.align {
            writeln!(out, "alignment = {}", size(align))?;
        }
        if let Some(range) = cma.range {
            writeln!(
                out,
                "range = [\"{:#x}\", \"{:#x}\"]   # the end is not included",
                range.base(),
                range.end()
            )?;
        }
        writeln!(out, "via = {}", quoted(cma.via.as_str()))?;
    }
    if let Some(log) = &policy.log {
        writeln!(out, "\n[log]\nsize = {}", size(log.size))?;
        if let Some(base) = log.base {
            writeln!(out, "base = \"{base:#x}\"")?;
        }
    }
    if policy.console != ConsoleEvidence::default() {
        writeln!(out, "\n[console]")?;
        commented(out, &format!("require = {}", quoted(policy.console.as_str())), "any | earlycon")?;
    }
    if policy.watchdog != OnRunning::default() {
        writeln!(out, "\n[watchdog]")?;
        let on_running = format!("on-running = {}", quoted(policy.watchdog.as_str()));
        commented(out, &on_running, "ignore | report | pet | disable")?;
    }
    if let Some(sentinel) = &policy.sentinel {
        write_sentinel(out, sentinel)?;
    }
    if policy.tree != TreePolicy::default() {
        writeln!(out, "\n[tree]")?;
        let TreePolicy { merge, bootargs, take } = &policy.tree;
        commented(out, &format!("merge = {}", quoted(merge.as_str())), "all | reservations | none")?;
        commented(out, &format!("bootargs = {}", quoted(bootargs.as_str())), "loader | bundle | append")?;
        if !take.is_empty() {
            let take: Vec<String> = take.iter().map(|place| quoted(place)).collect();
            writeln!(out, "take = [{}]", take.join(", "))?;
        }
    }
    writeln!(out, "\n[allow]")?;
    for switch in Allow::SWITCHES {
        commented(out, &format!("{} = {}", switch.name, policy.allow.is_on(switch)), switch.about)?;
    }
    Ok(())
}

fn write_sentinel(out: &mut String, sentinel: &Sentinel) -> std::fmt::Result {
    writeln!(out, "\n[sentinel]")?;
    let on_access = format!("on-access = {}", quoted(sentinel.on_access.as_str()));
    commented(out, &on_access, "abort | log | halt | reset")?;
    match &sentinel.carveouts {
        Watch::Unclaimed => writeln!(out, "carveouts = {}", quoted(UNCLAIMED))?,
        Watch::Named(keys) => {
            let names: Vec<String> = keys.iter().map(|key| quoted(&key.to_string())).collect();
            writeln!(out, "carveouts = [{}]", names.join(", "))?;
        }
    }
    commented(out, &format!("console = {}", quoted(sentinel.console.as_str())), "ring | uart")?;
    if let Some(base) = sentinel.base {
        writeln!(out, "base = \"{base:#x}\"")?;
    }
    Ok(())
}

/// Returns a line with a comment, the comments of short lines one below the other.
fn commented(out: &mut String, line: &str, comment: &str) -> std::fmt::Result {
    writeln!(out, "{line:<22} # {comment}")
}

/// In the largest binary unit that is exact, or else in hexadecimal.
fn size(bytes: u64) -> String {
    match bytes % 1024 {
        0 if bytes > 0 => format!("\"{}\"", Size(bytes)),
        _ => format!("\"{bytes:#x}\""),
    }
}

/// Quotes as a TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}
