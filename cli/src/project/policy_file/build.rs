//! Makes the policy out of TOML.

use std::ops::Range;

use ringfence::policy::{
    Allow, Carveout, CmaWant, Key, PersistentLog, Policy, PolicyError, ProtectedRange, Requirement, Sentinel,
    TreePolicy, UNCLAIMED, Watch,
};
use ringfence::span::Span;

use super::reader::{self, Fault, Section, Value, address, wrong_type};

pub(crate) fn policy(text: &str) -> Result<Policy, Fault> {
    let document = reader::document(text)?;
    let root = Section::root("the policy", &document);
    root.only(&[
        "mode",
        "on-error",
        "board",
        "boundary",
        "guard",
        "carveout",
        "protected",
        "cma",
        "log",
        "sentinel",
        "tree",
        "allow",
    ])?;
    let required = carveouts(&root)?.into_iter().chain(ranges(&root)?);
    let (requirements, places): (Vec<Requirement>, Vec<Range<usize>>) = required.unzip();
    let cma = root.get("cma").map(|value| cma(&Section::of("[cma]", value)?)).transpose()?;
    let log = root.get("log").map(|value| log(&Section::of("[log]", value)?)).transpose()?;
    let sentinel =
        root.get("sentinel").map(|value| sentinel(&Section::of("[sentinel]", value)?)).transpose()?;
    let tree = root.get("tree").map(|value| tree(&Section::of("[tree]", value)?)).transpose()?;
    let policy = Policy {
        board: root.text("board")?,
        mode: root.word("mode")?.unwrap_or_default(),
        on_error: root.word("on-error")?.unwrap_or_default(),
        requirements,
        boundary: root.size("boundary")?,
        guard: root.size("guard")?,
        cma,
        log,
        sentinel,
        tree: tree.unwrap_or_default(),
        allow: root
            .get("allow")
            .map(|value| allow(&Section::of("[allow]", value)?))
            .transpose()?
            .unwrap_or_default(),
    };
    policy.validate().map_err(|error| blame(&error, &root, &policy, &places))?;
    Ok(policy)
}

fn carveouts(root: &Section<'_, '_>) -> Result<Vec<(Requirement, Range<usize>)>, Fault> {
    root.list("carveout", "[[carveout]]")?.into_iter().map(carveout).collect()
}

fn carveout(section: Section<'_, '_>) -> Result<(Requirement, Range<usize>), Fault> {
    section.only(&["node", "label", "base", "size", "no-map"])?;
    let key = match (section.text("node")?, section.text("label")?) {
        (Some(path), None) => Key::Path(path),
        (None, Some(label)) => Key::Label(label.strip_prefix('&').unwrap_or(&label).to_string()),
        (None, None) => {
            return Err(Fault::new(section.span, "[[carveout]] names no node", "add `node` or `label`"));
        }
        (Some(_), Some(_)) => {
            let second = section.require("label")?.span();
            return Err(Fault::new(
                second,
                "[[carveout]] names its node twice",
                "`node` or `label`, not both",
            ));
        }
    };
    section.require("size")?;
    let required = Carveout {
        key,
        base: section.address("base")?,
        size: section.size("size")?.unwrap_or_default(),
        no_map: section.flag("no-map")?.unwrap_or(true),
    };
    Ok((required.into(), section.span))
}

fn ranges(root: &Section<'_, '_>) -> Result<Vec<(Requirement, Range<usize>)>, Fault> {
    root.list("protected", "[[protected]]")?.into_iter().map(protected).collect()
}

fn protected(section: Section<'_, '_>) -> Result<(Requirement, Range<usize>), Fault> {
    section.only(&["name", "base", "size"])?;
    for key in ["name", "base", "size"] {
        section.require(key)?;
    }
    let name = section.text("name")?.unwrap_or_default();
    let (base, size) = (section.address("base")?, section.size("size")?);
    match ProtectedRange::new(name, base.unwrap_or_default(), size.unwrap_or_default()) {
        Ok(range) => Ok((range.into(), section.span)),
        Err(error) => Err(Fault::new(section.span, error.to_string(), "required here")),
    }
}

fn cma(section: &Section<'_, '_>) -> Result<CmaWant, Fault> {
    section.only(CMA_KEYS)?;
    cma_want(section)
}

/// The keys of `[cma]`.
pub(crate) const CMA_KEYS: &[&str] = &["size", "alignment", "range", "via"];

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

fn log(section: &Section<'_, '_>) -> Result<PersistentLog, Fault> {
    section.only(&["size", "base"])?;
    let default = PersistentLog::default();
    Ok(PersistentLog { size: section.size("size")?.unwrap_or(default.size), base: section.address("base")? })
}

fn sentinel(section: &Section<'_, '_>) -> Result<Sentinel, Fault> {
    section.only(&["on-access", "carveouts", "console", "base"])?;
    let carveouts = match section.get("carveouts") {
        Some(value) if value.get_ref().is_str() => match reader::text(value, "carveouts")? {
            UNCLAIMED => Watch::Unclaimed,
            _ => {
                let label = "`\"unclaimed\"`, or a list of paths and labels";
                return Err(Fault::new(value.span(), "unknown `carveouts`", label));
            }
        },
        Some(_) => {
            Watch::Named(section.texts("carveouts")?.into_iter().map(|(text, _)| Key::parse(text)).collect())
        }
        None => Watch::Unclaimed,
    };
    Ok(Sentinel {
        on_access: section.word("on-access")?.unwrap_or_default(),
        carveouts,
        console: section.word("console")?.unwrap_or_default(),
        base: section.address("base")?,
    })
}

fn tree(section: &Section<'_, '_>) -> Result<TreePolicy, Fault> {
    section.only(&["merge", "bootargs", "take"])?;
    Ok(TreePolicy {
        merge: section.word("merge")?.unwrap_or_default(),
        bootargs: section.word("bootargs")?.unwrap_or_default(),
        take: section.texts("take")?.into_iter().map(|(text, _)| text.to_string()).collect(),
    })
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

fn allow(section: &Section<'_, '_>) -> Result<Allow, Fault> {
    let names: Vec<&str> = Allow::SWITCHES.iter().map(|switch| switch.name).collect();
    section.only(&names)?;
    let mut allow = Allow::default();
    for switch in Allow::SWITCHES {
        *(switch.field)(&mut allow) = section.flag(switch.name)?.unwrap_or_default();
    }
    Ok(allow)
}

/// Finds the lines that a contradiction is about.
fn blame(error: &PolicyError, root: &Section<'_, '_>, policy: &Policy, places: &[Range<usize>]) -> Fault {
    let entry = |name: &str| {
        let last = policy.requirements.iter().rposition(|requirement| requirement.to_string() == name)?;
        places.get(last).cloned()
    };
    let place = match error {
        PolicyError::BadKey { key } | PolicyError::Overlap { second: key, .. } => entry(&key.to_string()),
        PolicyError::Twice { what } | PolicyError::Empty { what } | PolicyError::Wraps { what, .. } => {
            entry(what)
        }
        _ => None,
    };
    let key = match error {
        PolicyError::Malformed { node, .. } if node == "log" => "log",
        PolicyError::Malformed { node, .. } if node == "sentinel" => "sentinel",
        PolicyError::BadKey { .. } => "sentinel",
        PolicyError::BadPlace { .. } => "tree",
        PolicyError::Malformed { .. } => "board",
        _ => "cma",
    };
    let place = place.or_else(|| root.get(key).map(toml::Spanned::span)).unwrap_or(root.span.clone());
    Fault::new(place, error.to_string(), "required here")
}

#[cfg(test)]
mod tests;
