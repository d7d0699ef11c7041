//! What became of each mutant, on disk, so that a run that was interrupted can go on.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does not build.
    Unviable,
    /// A test failed, or ran for too long.
    Caught,
    /// It passed the tests of its own module; the others are still to come.
    Passed,
    /// It passed every test.
    Missed,
}

impl Verdict {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Unviable, "unviable"),
        (Self::Caught, "caught"),
        (Self::Passed, "passed"),
        (Self::Missed, "missed"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(verdict, _)| *verdict == self).map_or("", |(_, word)| word)
    }
}

/// The record of one part of one module, in a directory of its own. `verdicts.txt` has a line for each
/// mutant; `uncaught.txt` has the word for those that the round under way does not catch, whose lists
/// cargo-mutants keeps beside it.
pub(super) struct Record {
    dir: PathBuf,
    verdicts: BTreeMap<String, Verdict>,
}

impl Record {
    /// Opens the record; empty, unless the run before is to be resumed.
    pub(super) fn open(dir: PathBuf, resume: bool) -> Result<Self> {
        if !resume {
            ignore_absent(fs::remove_dir_all(&dir))?;
        }
        fs::create_dir_all(&dir)?;
        let mut record = Self { verdicts: BTreeMap::new(), dir };
        for line in record.lines("verdicts.txt")? {
            if let Some((word, name)) = line.split_once(' ')
                && let Some(verdict) = named(word)
            {
                record.verdicts.insert(name.to_owned(), verdict);
            }
        }
        record.absorb()?;
        Ok(record)
    }

    /// Returns the directory that cargo-mutants is given.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns what became of a mutant; `None` where it is untried.
    pub(super) fn verdict(&self, name: &str) -> Option<Verdict> {
        self.verdicts.get(name).copied()
    }

    /// Prepares a round that leaves out these mutants, and in which `uncaught` is what no test notices.
    pub(super) fn begin<'n>(
        &self,
        left_out: impl Iterator<Item = &'n String>,
        uncaught: Verdict,
    ) -> Result<()> {
        let out = self.dir.join("mutants.out");
        ignore_absent(fs::remove_dir_all(&out))?;
        fs::create_dir_all(&out)?;
        let names: String = left_out.map(|name| format!("{name}\n")).collect();
        fs::write(out.join("previously_caught.txt"), names)?;
        Ok(fs::write(self.dir.join("uncaught.txt"), uncaught.as_str())?)
    }

    /// Enters what the last round has tried, also one that was interrupted.
    pub(super) fn absorb(&mut self) -> Result<()> {
        let Some(uncaught) = self.lines("uncaught.txt")?.first().and_then(|word| named(word)) else {
            return Ok(());
        };
        let lists = [
            ("caught", Verdict::Caught),
            ("timeout", Verdict::Caught),
            ("unviable", Verdict::Unviable),
            ("missed", uncaught),
        ];
        let path = self.dir.join("verdicts.txt");
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        for (list, verdict) in lists {
            for name in self.lines(&format!("mutants.out/{list}.txt"))? {
                writeln!(file, "{} {name}", verdict.as_str())?;
                self.verdicts.insert(name, verdict);
            }
        }
        Ok(fs::remove_file(self.dir.join("uncaught.txt"))?)
    }

    /// Returns the lines of a file that may be missing.
    fn lines(&self, name: &str) -> Result<Vec<String>> {
        let path = self.dir.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(String::from).collect()),
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(why) => Err(why).with_context(|| path.display().to_string()),
        }
    }
}

fn named(word: &str) -> Option<Verdict> {
    Verdict::ALL.iter().find(|(_, known)| *known == word).map(|(verdict, _)| *verdict)
}

fn ignore_absent(result: std::io::Result<()>) -> std::io::Result<()> {
    result.or_else(|why| if why.kind() == ErrorKind::NotFound { Ok(()) } else { Err(why) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_interrupted_goes_on() {
        let dir = std::env::temp_dir().join(format!("ringfence-mutants-{}", std::process::id()));
        let record = Record::open(dir.clone(), false).unwrap();
        let names = ["a", "b", "c", "d"].map(String::from);
        record.begin(names[3..].iter(), Verdict::Passed).unwrap();
        let left_out = fs::read_to_string(dir.join("mutants.out/previously_caught.txt")).unwrap();
        assert_eq!(left_out, "d\n");
        fs::write(dir.join("mutants.out/caught.txt"), "a\n").unwrap();
        fs::write(dir.join("mutants.out/missed.txt"), "b\n").unwrap();
        let mut record = Record::open(dir.clone(), true).unwrap();
        let verdicts = |record: &Record| names.each_ref().map(|name| record.verdict(name));
        assert_eq!(verdicts(&record), [Some(Verdict::Caught), Some(Verdict::Passed), None, None]);
        record.begin([].iter(), Verdict::Missed).unwrap();
        fs::write(dir.join("mutants.out/missed.txt"), "b\n").unwrap();
        record.absorb().unwrap();
        let record = Record::open(dir.clone(), true).unwrap();
        assert_eq!(verdicts(&record), [Some(Verdict::Caught), Some(Verdict::Missed), None, None]);
        assert_eq!(verdicts(&Record::open(dir.clone(), false).unwrap()), [None; 4]);
        fs::remove_dir_all(dir).unwrap();
    }
}
