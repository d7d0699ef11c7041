//! Makes the policy out of TOML. Every mistake is reported, not only the first.

use ringfence::policy::{
    Allow, Carveout, CmaWant, ConsoleEvidence, Key, OnRunning, PersistentLog, Policy, PolicyError,
    ProtectedRange, Requirement, Sentinel, TreePolicy, UNCLAIMED, Watch,
};
use ringfence::span::Span;

use super::reader::{self, Fault, Faults, Section, Value, address, wrong_type};

/// Every table of a policy with the keys that it knows, for the schema that editors use.
pub const KEYS: &[(&str, &[&str])] = &[ROOT, CARVEOUT, PROTECTED, CMA, LOG, CONSOLE, SENTINEL, TREE];

const ROOT: (&str, &[&str]) = (
    "the policy",
    &[
        "mode",
        "on-error",
        "board",
        "kernel",
        "boundary",
        "guard",
        "carveout",
        "protected",
        "cma",
        "log",
        "console",
        "watchdog",
        "sentinel",
        "tree",
        "allow",
    ],
);
const CARVEOUT: (&str, &[&str]) = ("[[carveout]]", &["node", "label", "base", "size", "no-map"]);
const PROTECTED: (&str, &[&str]) = ("[[protected]]", &["name", "base", "size"]);
const CMA: (&str, &[&str]) = ("[cma]", &["size", "alignment", "range", "via"]);
const LOG: (&str, &[&str]) = ("[log]", &["size", "base"]);
const CONSOLE: (&str, &[&str]) = ("[console]", &["require"]);
const WATCHDOG: (&str, &[&str]) = ("[watchdog]", &["on-running"]);
const SENTINEL: (&str, &[&str]) = ("[sentinel]", &["on-access", "carveouts", "console", "base"]);
const TREE: (&str, &[&str]) = ("[tree]", &["merge", "bootargs", "take"]);

/// The keys of `[cma]`.
pub(crate) const CMA_KEYS: &[&str] = CMA.1;

pub(crate) fn policy(text: &str) -> Result<Policy, Vec<Fault>> {
    let document = reader::document(text)?;
    let root = Section::root(ROOT.0, &document);
    let mut faults = Faults::default();
    faults.extend(root.unknown(ROOT.1));
    let mut required = Vec::new();
    for section in faults.take(root.list("carveout", CARVEOUT.0)) {
        required.extend(carveout(&section, &mut faults).map(|carveout| (carveout, section)));
    }
    for section in faults.take(root.list("protected", PROTECTED.0)) {
        required.extend(protected(&section, &mut faults).map(|range| (range, section)));
    }
    let table = |key: &str, name| root.get(key).map(|value| Section::of(name, value)).transpose();
    let cma = faults.take(table("cma", CMA.0)).and_then(|section| {
        faults.extend(section.unknown(CMA.1));
        faults.ok(cma_want(&section))
    });
    let log = faults.take(table("log", LOG.0)).map(|section| {
        faults.extend(section.unknown(LOG.1));
        let default = PersistentLog::default();
        let size = faults.take(section.size("size"));
        PersistentLog { size: size.unwrap_or(default.size), base: faults.take(section.address("base")) }
    });
    let console = faults.take(table("console", CONSOLE.0)).map(|section| {
        faults.extend(section.unknown(CONSOLE.1));
        faults.take(section.word::<ConsoleEvidence>("require")).unwrap_or_default()
    });
    let watchdog = faults.take(table("watchdog", WATCHDOG.0)).map(|section| {
        faults.extend(section.unknown(WATCHDOG.1));
        faults.take(section.word::<OnRunning>("on-running")).unwrap_or_default()
    });
    let sentinel = faults.take(table("sentinel", SENTINEL.0)).map(|section| sentinel(&section, &mut faults));
    let tree = faults.take(table("tree", TREE.0)).map(|section| tree(&section, &mut faults));
    let allow = faults.take(table("allow", "[allow]")).map(|section| allow(&section, &mut faults));
    let (requirements, sections): (Vec<Requirement>, Vec<_>) = required.into_iter().unzip();
    let policy = Policy {
        board: faults.take(root.text("board")),
        kernel: faults.take(root.text("kernel")),
        mode: faults.take(root.word("mode")).unwrap_or_default(),
        on_error: faults.take(root.word("on-error")).unwrap_or_default(),
        requirements,
        boundary: faults.take(root.size("boundary")),
        guard: faults.take(root.size("guard")),
        cma,
        log,
        console: console.unwrap_or_default(),
        watchdog: watchdog.unwrap_or_default(),
        sentinel,
        tree: tree.unwrap_or_default(),
        allow: allow.unwrap_or_default(),
    };
    policy.contradictions(&mut |at, error| {
        let section = at.and_then(|at| sections.get(at));
        faults.push(blame(&error, &root, section));
    });
    faults.none_or(policy)
}

/// Reads one required region. What is wrong with it is reported, and there is none then.
fn carveout(section: &Section<'_, '_>, faults: &mut Faults) -> Option<Requirement> {
    faults.extend(section.unknown(CARVEOUT.1));
    let key = match (faults.take(section.text("node")), faults.take(section.text("label"))) {
        (Some(path), None) => Some(Key::Path(path)),
        (None, Some(label)) => Some(Key::Label(label.strip_prefix('&').unwrap_or(&label).to_string())),
        (None, None) if section.get("node").or(section.get("label")).is_some() => None,
        (None, None) => {
            let span = section.span.clone();
            faults.push(Fault::new(span, "[[carveout]] names no node", "add `node` or `label`"));
            None
        }
        (Some(_), Some(_)) => {
            let second = section.get("label").map_or(section.span.clone(), toml::Spanned::span);
            let label = "`node` or `label`, not both";
            faults.push(Fault::new(second, "[[carveout]] names its node twice", label));
            None
        }
    };
    faults.ok(section.require("size"));
    let base = faults.take(section.address("base"));
    let size = faults.take(section.size("size"));
    let no_map = faults.take(section.flag("no-map")).unwrap_or(true);
    Some(Carveout { key: key?, base, size: size?, no_map }.into())
}

/// Reads one range, as [`carveout`].
fn protected(section: &Section<'_, '_>, faults: &mut Faults) -> Option<Requirement> {
    faults.extend(section.unknown(PROTECTED.1));
    for key in PROTECTED.1 {
        faults.ok(section.require(key));
    }
    let name = faults.take(section.text("name"));
    let (base, size) = (faults.take(section.address("base")), faults.take(section.size("size")));
    match ProtectedRange::new(name?, base?, size?) {
        Ok(range) => Some(range.into()),
        Err(error) => {
            faults.push(blame(&error, section, Some(section)));
            None
        }
    }
}

/// Reads the CMA requirement from a table that may have other keys.
pub(crate) fn cma_want(section: &Section<'_, '_>) -> Result<CmaWant, Fault> {
    section.require("size")?;
    Ok(CmaWant {
        size: section.size("size")?.unwrap_or_default(),
        align: section.size("alignment")?,
        range: section.get("range").map(range).transpose()?,
        via: section.word("via")?.unwrap_or_default(),
    })
}

fn sentinel(section: &Section<'_, '_>, faults: &mut Faults) -> Sentinel {
    faults.extend(section.unknown(SENTINEL.1));
    let carveouts = match section.get("carveouts") {
        Some(value) if value.get_ref().is_str() => {
            if faults.take(reader::text(value, "carveouts")) != UNCLAIMED {
                let label = "`\"unclaimed\"`, or a list of paths and labels";
                faults.push(Fault::new(value.span(), "unknown `carveouts`", label));
            }
            Watch::Unclaimed
        }
        Some(_) => {
            let named = faults.take(section.texts("carveouts"));
            Watch::Named(named.into_iter().map(|(text, _)| Key::parse(text)).collect())
        }
        None => Watch::Unclaimed,
    };
    Sentinel {
        on_access: faults.take(section.word("on-access")).unwrap_or_default(),
        carveouts,
        console: faults.take(section.word("console")).unwrap_or_default(),
        base: faults.take(section.address("base")),
    }
}

fn tree(section: &Section<'_, '_>, faults: &mut Faults) -> TreePolicy {
    faults.extend(section.unknown(TREE.1));
    TreePolicy {
        merge: faults.take(section.word("merge")).unwrap_or_default(),
        bootargs: faults.take(section.word("bootargs")).unwrap_or_default(),
        take: faults.take(section.texts("take")).into_iter().map(|(text, _)| text.to_string()).collect(),
    }
}

fn range(value: Value<'_, '_>) -> Result<Span, Fault> {
    let ends = value.get_ref().as_array().map(|list| list.iter().collect::<Vec<_>>());
    let Some([base, end]) = ends.as_deref() else {
        return Err(wrong_type(value, "range", "[base, end], the end not included"));
    };
    Span::from_ends(address(base, "range")?, address(end, "range")?).ok_or_else(|| {
        Fault::new(
            value.span(),
            "`range` is empty",
            "the first is the base, the second the end, not included",
        )
    })
}

fn allow(section: &Section<'_, '_>, faults: &mut Faults) -> Allow {
    let names: Vec<&str> = Allow::SWITCHES.iter().map(|switch| switch.name).collect();
    faults.extend(section.unknown(&names));
    let mut allow = Allow::default();
    for switch in Allow::SWITCHES {
        *(switch.field)(&mut allow) = faults.take(section.flag(switch.name)).unwrap_or_default();
    }
    allow
}

/// Finds the value that a contradiction is about: a key of one requirement, or of the policy.
fn blame(error: &PolicyError, root: &Section<'_, '_>, required: Option<&Section<'_, '_>>) -> Fault {
    let keys: &[&str] = match error {
        PolicyError::Empty { what } if required.is_none() && what == "cma" => &["cma.size"],
        PolicyError::Empty { .. } => &["size"],
        PolicyError::Wraps { .. } | PolicyError::Overlap { .. } => &["base"],
        PolicyError::Malformed { node, name } if node == "sentinel" => match name.as_str() {
            "base" => &["sentinel.base"],
            _ => &["sentinel.carveouts"],
        },
        PolicyError::BadKey { .. } if required.is_none() => &["sentinel.carveouts"],
        PolicyError::BadKey { .. } | PolicyError::BadName { .. } | PolicyError::Twice { .. } => {
            &["node", "label", "name"]
        }
        PolicyError::Bounds { key, .. } => &[*key],
        PolicyError::BadPlace { .. } => &["tree.take"],
        PolicyError::UnknownKernel => &["kernel"],
        PolicyError::RangeTooSmall { .. } => &["cma.range"],
        _ => &["board"],
    };
    let section = required.unwrap_or(root);
    let place = keys.iter().find_map(|key| section.place(key)).unwrap_or(section.span.clone());
    Fault::new(place, error.to_string(), "")
}

#[cfg(test)]
mod tests;
