//! `ringfence init`: a commented `ringfence.toml` for a project.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::Outcome;
use crate::args::Init;
use crate::failure::Failure;
use crate::project::config::NAME;
use crate::{terminal, write_out};

/// Maximum depth at which sources and trees are looked for.
const MAX_DEPTH: usize = 6;

pub(super) fn run(args: &Init) -> Result<Outcome, Failure> {
    let directory = args.directory.as_deref().unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(Failure::of(directory, "no such directory"));
    }
    let path = directory.join(NAME);
    if path.exists() && !args.force {
        return Err(Failure::of(&path, "exists already").with_help("use --force to overwrite it"));
    }
    let inputs = inputs(directory);
    write_out::write(&path, text(&inputs).as_bytes())?;
    let what = match inputs.as_slice() {
        [] => "name the trees of the project in `inputs`, then run `ringfence check`".to_owned(),
        _ => format!("`ringfence check` checks {}", inputs.join(" and ")),
    };
    terminal::err(&format!("{}: written; {what}\n", path.display()));
    Ok(Outcome::Clean)
}

/// Patterns of the device trees below a directory: its blobs, or else the sources that name a board.
fn inputs(directory: &Path) -> Vec<String> {
    let ends = |path: &Path, ending| path.extension().is_some_and(|extension| extension == ending);
    let hidden = |entry: &walkdir::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    let walk = WalkDir::new(directory).max_depth(MAX_DEPTH).sort_by_file_name().into_iter();
    let files = walk.filter_entry(move |entry| entry.depth() == 0 || !hidden(entry)).filter_map(Result::ok);
    let files: Vec<PathBuf> = files.map(walkdir::DirEntry::into_path).collect();
    for ending in ["dts", "dtb"] {
        let of_kind = files.iter().filter(|path| ends(path, ending));
        let mut patterns: Vec<String> = of_kind
            .filter_map(|path| {
                let parent = path.strip_prefix(directory).ok()?.parent()?;
                Some(parent.join(format!("*.{ending}")).display().to_string())
            })
            .collect();
        patterns.dedup();
        if !patterns.is_empty() {
            return patterns;
        }
    }
    Vec::new()
}

fn text(inputs: &[String]) -> String {
    let list: Vec<String> = inputs.iter().map(|input| format!("{input:?}")).collect();
    let inputs = match list.as_slice() {
        [] => "# inputs = [\"boards/*.dts\"]".to_owned(),
        _ => format!("inputs = [{}]", list.join(", ")),
    };
    format!(
        "# What `ringfence check` checks by default: files, directories, or patterns of them.\n\
         {inputs}\n\
         \n\
         # Directories with the headers of sources.\n\
         # include = [\"include\"]\n\
         \n\
         # The kernels that the boards boot; with a page size as in \"6.12:64k\".\n\
         # kernels = [\"6.1\", \"6.12\"]\n\
         \n\
         # Other severities: error, warning, note or off; rules by number, name or prefix.\n\
         [severity]\n\
         # RF305 = \"note\"\n\
         \n\
         # What a board requires and where its boot loader puts things. The first that matches is used.\n\
         # [[board]]\n\
         # match = \"boards/acme-*.dts*\"\n\
         # base = \"boards/acme-base.dts\"     # what overlays (.dtso) are applied to\n\
         # policy = \"acme.toml\"               # `ringfence policy init TREE -o acme.toml` writes one\n\
         # ram = \"0x40000000:4GiB\"\n\
         # [board.boot-map]\n\
         # kernel = \"0x40200000:@Image\"\n\
         # initrd = \"0x48000000:64MiB\"\n\
         # dtb = \"0x4c000000:64KiB\"\n\
         \n\
         # Findings that were looked at and accepted. In a source, a comment next to the node does the \
         same:\n\
         # /* ringfence: allow(RF201) one firmware owns both */\n\
         # [[suppress]]\n\
         # rule = \"RF201\"\n\
         # node = \"/reserved-memory/camera@*\"\n\
         # reason = \"one firmware owns both\"\n\
         # until = 2027-03-31\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::Config;

    #[test]
    fn what_is_written_is_a_configuration_also_without_its_comment_marks() {
        let path = Path::new("ringfence.toml");
        let text = text(&["boards/*.dts".to_owned()]);
        assert!(Config::parse(path, &text).is_ok_and(|config| config.inputs == ["boards/*.dts"]));
        let example = text.lines().filter_map(|line| {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let is_toml = bare.starts_with('[') || bare.contains(" = ");
            // The policy and the kernel are files that are not there.
            (is_toml && !bare.starts_with("policy") && !bare.contains("@Image")).then(|| format!("{bare}\n"))
        });
        let example: String = example.collect();
        assert!(Config::parse(path, &example).is_ok(), "{example}");
    }
}
