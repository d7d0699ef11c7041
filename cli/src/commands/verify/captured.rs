//! What was captured of a boot: files that the user names, or what a running board shows.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Verify;
use crate::failure::Failure;
use crate::input::capture;

/// What is known about a boot besides the prediction.
pub(super) struct Captured {
    /// The tree that was booted.
    pub(super) tree: PathBuf,
    /// The kernel's log.
    pub(super) log: String,
    /// What messages call the log.
    pub(super) log_name: String,
    /// `/proc/iomem`, and what messages call it.
    pub(super) iomem: Option<(String, String)>,
    /// The kernel's version, when the board tells it apart from the log.
    pub(super) version: Option<String>,
    /// The kernel's command line, likewise.
    pub(super) cmdline: Option<String>,
    /// The kernel's configuration, likewise.
    pub(super) config: Option<PathBuf>,
}

impl Captured {
    /// Reads what the command line names.
    ///
    /// # Errors
    /// When a part of it cannot be read.
    pub(super) fn read(args: &Verify) -> Result<Self, Failure> {
        if args.live {
            return Self::live(args);
        }
        let (Some(log), Some(tree)) = (&args.boot_log, &args.input) else {
            return Err(Failure::new("no log and no tree to compare").with_help("give --boot-log LOG INPUT"));
        };
        Ok(Self {
            tree: tree.clone(),
            log: capture::read(log)?,
            log_name: log.display().to_string(),
            iomem: args.iomem.as_deref().map(named).transpose()?,
            version: None,
            cmdline: None,
            config: None,
        })
    }

    /// Reads the files of a running board, or those that were copied from one.
    fn live(args: &Verify) -> Result<Self, Failure> {
        let root = args.root.as_deref().unwrap_or(Path::new("/"));
        let line = |path: &str| {
            let text = capture::read(&root.join(path)).ok()?;
            Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
        };
        let version = line("proc/sys/kernel/osrelease");
        let boot_config = version.as_ref().map(|version| format!("boot/config-{version}"));
        if !root.is_dir() {
            return Err(Failure::of(root, "no such directory"));
        }
        let configs = ["proc/config.gz".to_owned()].into_iter().chain(boot_config);
        let iomem = match &args.iomem {
            Some(path) => named(path)?,
            None => named(&root.join("proc/iomem"))?,
        };
        let (log, log_name) = match (&args.boot_log, &args.root) {
            (Some(path), _) => (capture::read(path)?, path.display().to_string()),
            (None, None) => (dmesg()?, "dmesg".to_owned()),
            (None, Some(root)) => copied_log(root)?,
        };
        Ok(Self {
            tree: args.input.clone().unwrap_or_else(|| root.join("sys/firmware/fdt")),
            log,
            log_name,
            iomem: Some(iomem),
            cmdline: line("proc/cmdline"),
            config: configs.map(|path| root.join(path)).find(|path| path.is_file()),
            version,
        })
    }
}

/// Reads a text, and keeps its name.
fn named(path: &Path) -> Result<(String, String), Failure> {
    Ok((path.display().to_string(), capture::read(path)?))
}

/// Returns the kernel's log, as the system's own `dmesg` reads it.
fn dmesg() -> Result<String, Failure> {
    let help = "run it as root, or give the log with --boot-log";
    let failed = |why: String| Failure::new(format!("dmesg: {why}")).with_help(help);
    let output = Command::new("dmesg").output().map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// Where the log is in copies of a board's files: of the user, of distributions, of `sosreport`.
const LOGS: &[&str] = &["dmesg", "dmesg.txt", "var/log/dmesg", "sos_commands/kernel/dmesg"];

fn copied_log(root: &Path) -> Result<(String, String), Failure> {
    let found = LOGS.iter().map(|name| root.join(name)).find(|path| path.is_file());
    let path = found.ok_or_else(|| {
        Failure::of(root, format!("no log here: none of {}", LOGS.join(", ")))
            .with_help("give the log with --boot-log")
    })?;
    Ok((capture::read(&path)?, path.display().to_string()))
}
