//! Compiles source: the C preprocessor where there are directives for it, then `dtc`, once for the blob and
//! once for the places.

use std::path::Path;
use std::process::{Command, Output};

use super::compiler::{self, run};
use super::dependencies::{self, Dependencies};
use super::files::describe;
use super::{Options, Positions, includes, is_stdin, kind};
use crate::failure::Failure;

/// Where the compilers read a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In its file.
    File,
    /// In memory; the file has another text, or there is none. What it includes is searched beside its name.
    Memory,
}

/// Compiles a source that was read from `name`, or that is to take the place of it.
///
/// # Errors
/// When the preprocessor or the compiler is missing, or fails.
pub(super) fn compile(
    name: &Path,
    source: &[u8],
    origin: Origin,
    options: &Options,
) -> Result<(Vec<u8>, Option<Positions>), Failure> {
    // `dtc` does not know the byte order mark.
    let text = kind::without_mark(source);
    let in_memory = origin == Origin::Memory || !is_argument(name) || text.len() < source.len();
    let source = text;
    includes::check(name, source, directory(name).unwrap_or(Path::new("")), &options.includes)?;
    let preprocessed = match has_directives(source) {
        true => {
            let text = preprocess(name, in_memory.then_some(source), options)?;
            dependencies::note_marked(&text);
            Some(text)
        }
        false => None,
    };
    // What `dtc` is to read: the file itself, so that it knows its name, or text through a pipe.
    let text = preprocessed.as_deref().or(in_memory.then_some(source));
    let symbols: &[&str] = if options.bare { &[] } else { &["-@"] };
    let read = Dependencies::of(text.unwrap_or(source))?;
    let blob = dtc(name, text, options, &[&["-q", "-O", "dtb"], symbols, &read.args()].concat())?;
    read.note();
    if !blob.status.success() {
        return Err(refusal(name, "dtc", &blob));
    }
    // A compiler without annotations still compiles; findings then have no lines.
    let annotated = dtc(name, text, options, &["-q", "-q", "-O", "dts", "-T", "-T"])?;
    let positions = annotated.status.success().then(|| {
        let mut positions = Positions::parse(&String::from_utf8_lossy(&annotated.stdout));
        positions.rename("<stdin>", name);
        positions.read_files();
        if in_memory {
            positions.keep(&name.display().to_string(), &kind::text(source));
        }
        positions
    });
    Ok((blob.stdout, positions))
}

/// Tells whether a compiler takes a name as that of a file: `-` is its stdin, and `-q.dts` an option.
fn is_argument(name: &Path) -> bool {
    !name.as_os_str().as_encoded_bytes().starts_with(b"-")
}

/// Compiles another text in the place of the source `name`: what it includes is searched where the source is.
///
/// # Errors
/// When the compiler fails.
pub fn compile_as(name: &Path, text: &[u8], options: &Options) -> Result<Vec<u8>, Failure> {
    compile(name, text, Origin::Memory, options).map(|(blob, _)| blob)
}

/// Tells whether a source wants the C preprocessor. `#address-cells` and its like are properties.
fn has_directives(source: &[u8]) -> bool {
    const DIRECTIVES: &[&[u8]] = &[b"include", b"define", b"undef", b"if", b"error", b"pragma"];
    source.split(|&byte| byte == b'\n').any(|line| {
        let directive = line.trim_ascii_start().strip_prefix(b"#").map(<[u8]>::trim_ascii_start);
        directive.is_some_and(|rest| DIRECTIVES.iter().any(|word| is_word(rest, word)))
    })
}

/// `if` is a word of `if X`, `ifdef` and `ifndef`, and not of `if-cells`.
fn is_word(text: &[u8], word: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(word) else { return false };
    let rest = if word == b"if" {
        rest.strip_prefix(b"def").or_else(|| rest.strip_prefix(b"ndef")).unwrap_or(rest)
    } else {
        rest
    };
    rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | b'('))
}

/// Maximum number of lines of a compiler's error that are shown.
const MAX_LINES: usize = 12;

/// Preprocesses as the kernel's build does (scripts/Makefile.lib): no system headers, no predefined macros
/// but `__DTS__`.
fn preprocess(name: &Path, piped: Option<&[u8]>, options: &Options) -> Result<Vec<u8>, Failure> {
    let mut cpp = Command::new("cpp");
    cpp.args(["-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp"]);
    // Through a pipe the preprocessor starts from the working directory.
    if let Some(own) = directory(name).filter(|_| piped.is_some()) {
        cpp.arg("-iquote").arg(own);
    }
    for include in &options.includes {
        cpp.arg("-I").arg(include);
    }
    let file = if piped.is_some() { Path::new("-") } else { name };
    let output = run(cpp.arg(file), piped).map_err(|error| {
        Failure::of(name, format!("cannot run cpp: {}", describe(&error)))
            .with_help("install the C preprocessor (Debian: apt-get install cpp)")
    })?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(refusal(name, "cpp", &output)
            .with_help("give the directories of the headers with -I, for example -I include")),
    }
}

fn dtc(name: &Path, text: Option<&[u8]>, options: &Options, args: &[&str]) -> Result<Output, Failure> {
    let mut dtc = Command::new("dtc");
    dtc.args(["-I", "dts", "-o", "-"]).args(args);
    // Through a pipe `dtc` knows no directory that `/include/` could start from.
    let own = directory(name).filter(|_| text.is_some());
    for include in own.into_iter().chain(options.includes.iter().map(|path| &**path)) {
        dtc.arg("-i").arg(include);
    }
    dtc.arg(if text.is_some() { Path::new("-") } else { name });
    run(&dtc, text).map_err(|error| {
        Failure::of(name, format!("cannot run dtc: {}", describe(&error)))
            .with_help("install the device tree compiler (Debian: apt-get install device-tree-compiler)")
    })
}

/// Returns the directory of a source, `None` for the working directory.
fn directory(name: &Path) -> Option<&Path> {
    name.parent().filter(|parent| !parent.as_os_str().is_empty())
}

fn refusal(name: &Path, program: &str, output: &Output) -> Failure {
    let said = String::from_utf8_lossy(&output.stderr);
    let said =
        if is_stdin(name) { said } else { said.replace("<stdin>", &name.display().to_string()).into() };
    let lines: Vec<&str> = said.trim().lines().collect();
    // A header that includes itself is reported two hundred times.
    let text = match lines.len() {
        // Stopped by a signal, most likely at a limit.
        0 if output.status.code().is_none() => {
            format!("{}: a compiler may take {}", output.status, compiler::limits())
        }
        0 => output.status.to_string(),
        1..=MAX_LINES => lines.join("\n"),
        len => {
            let errors = lines.iter().filter(|line| line.to_lowercase().contains("error"));
            let kept: Vec<&str> = errors.copied().take(MAX_LINES).collect();
            format!("{}\n({} lines left out)", kept.join("\n"), len - kept.len())
        }
    };
    Failure::of(name, format!("{program} failed: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Skips without `dtc`, as every test that compiles.
    #[test]
    fn text_in_memory_takes_the_place_of_the_file() {
        if Command::new("dtc").arg("-v").output().is_err() {
            return println!("SKIPPED: dtc is missing (Debian: device-tree-compiler)");
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("soc.dtsi"), "/ { model = \"beside\"; };\n").unwrap();
        // Not on disk at all, and both ways to include.
        let name = directory.path().join("board.dts");
        for include in ["#include \"soc.dtsi\"", "/include/ \"soc.dtsi\""] {
            let text = format!("/dts-v1/;\n{include}\n");
            let (blob, positions) =
                compile(&name, text.as_bytes(), Origin::Memory, &Options::default()).unwrap();
            assert!(memchr::memmem::find(&blob, b"beside").is_some());
            let place = positions.unwrap().property("/", "model").unwrap();
            assert!(place.file.ends_with("soc.dtsi") && place.line == 1, "{place:?}");
        }
        let broken = compile(&name, b"/dts-v1/;\n/ { x };\n", Origin::Memory, &Options::default());
        let message = broken.unwrap_err().to_string();
        assert!(message.contains(&format!("{}:2", name.display())), "{message}");
    }

    #[test]
    fn properties_are_no_directives() {
        for source in ["#include \"a.dtsi\"", "\t# include <a.h>", "#ifdef X", "#if 1", "x\n#define A 1"] {
            assert!(has_directives(source.as_bytes()), "{source}");
        }
        for source in
            ["#address-cells = <2>;", "\t#if-cells = <1>;", "#include-cells = <0>;", "/include/ \"a\"", "#"]
        {
            assert!(!has_directives(source.as_bytes()), "{source}");
        }
    }
}
