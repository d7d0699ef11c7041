//! `cargo xtask recipes`: the recipes for CI services, builds of systems, editors and documents, run or
//! linted by the programs that read them. Where such a program cannot be had, a test runs what it would run.

mod book;

use crate::setup::{self, Consent, Need, Tool};
use crate::shell::{capture, run as run_command};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Recipe {
    /// The action for GitHub, by a runner of the project's own
    Action,
    /// The commands and files of the page about CI
    Page,
    /// The hooks, by pre-commit
    PreCommit,
    /// The component, by gitlab-ci-local
    Gitlab,
    /// The package, by make in the words of Buildroot, and the tasks of the layer, by a shell
    Buildroot,
    /// The layer, by oelint-adv
    Yocto,
    /// The extension, by vsce
    Vscode,
    /// The comparison, with dt-validate and lopper
    Comparison,
    /// The book, by mdBook
    Book,
}

/// Options of `cargo xtask recipes`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Run only this one
    #[arg(long, value_enum)]
    only: Option<Recipe>,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

impl Recipe {
    fn needs(self) -> Vec<Need> {
        match self {
            Self::Action | Self::Page | Self::Buildroot => vec![Need::Dtc, Need::Cpp],
            Self::Vscode => vec![Need::Tool(Tool::Vsce)],
            Self::PreCommit => vec![Need::Dtc, Need::Tool(Tool::PreCommit)],
            Self::Gitlab => vec![Need::Dtc, Need::Rsync, Need::Tool(Tool::GitlabCiLocal)],
            Self::Yocto => vec![Need::Tool(Tool::OelintAdv)],
            Self::Comparison => vec![Need::Dtc, Need::Tool(Tool::DtSchema), Need::Tool(Tool::Lopper)],
            Self::Book => vec![Need::Tool(Tool::MdBook)],
        }
    }

    fn run(self, ws: &Workspace) -> Result<String> {
        match self {
            Self::Action => tests(ws, "action"),
            Self::Page => tests(ws, "ci"),
            Self::Buildroot => tests(ws, "recipes"),
            Self::Vscode => vscode(ws),
            Self::PreCommit => pre_commit(ws),
            Self::Gitlab => gitlab(ws),
            Self::Yocto => yocto(ws),
            Self::Comparison => comparison(ws),
            Self::Book => book::make(ws),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When a recipe does not do what it should, or its program cannot be had.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    for recipe in Recipe::value_variants() {
        if options.only.is_none_or(|only| only == *recipe) {
            setup::ensure(ws, &recipe.needs(), consent)?;
            let name = recipe.to_possible_value().context("a recipe without a name")?;
            let seen = recipe.run(ws).with_context(|| name.get_name().to_owned())?;
            println!("ok   {:<12} {seen}", name.get_name());
        }
    }
    Ok(())
}

/// A project in git that uses a recipe: a board that is right, and one that is not.
struct Project {
    directory: PathBuf,
    path: String,
}

impl Project {
    fn new(ws: &Workspace, name: &str) -> Result<Self> {
        run_command(ws.cargo().args(["build", "--quiet", "--package", "ringfence-cli"]))?;
        let directory = ws.scratch("recipes")?.join(name);
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(directory.join("boards"))?;
        let board = fs::read_to_string(ws.root.join("cli/tests/book/board.dts"))?;
        fs::write(directory.join("boards/grown.dts"), &board)?;
        fs::write(directory.join("boards/good.dts"), board.replace("0x700000", "0x500000"))?;
        let overlay = "/dts-v1/;\n/plugin/;\n&camera_mem { reg = <0x0 0x84300000 0x0 0x700000>; };\n";
        fs::write(directory.join("boards/larger.dtso"), overlay)?;
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", ws.target.join("debug").display());
        Ok(Self { directory, path })
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.directory).env("PATH", &self.path);
        command
    }

    fn commit(&self) -> Result<()> {
        capture(self.command("git").args(["init", "--quiet", "--initial-branch", "main"]))?;
        capture(self.command("git").args(["add", "--all"]))?;
        let who = ["-c", "user.name=recipes", "-c", "user.email=recipes@localhost"];
        capture(self.command("git").args(who).args(["commit", "--quiet", "--message", "Boards"])).map(drop)
    }
}

/// Returns what a command that must fail has printed.
fn refused(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(!output.status.success(), "`{}` succeeded:\n{said}", crate::shell::words(command));
    Ok(said)
}

/// Tries the hooks of the last commit, as a project does.
fn pre_commit(ws: &Workspace) -> Result<String> {
    let project = Project::new(ws, "pre-commit")?;
    fs::write(project.directory.join("board.toml"), "mode = \"fix\"\n")?;
    project.commit()?;
    let hook = |id: &str, file: &str| {
        let mut command = project.command(Tool::PreCommit.program(ws));
        command.env("PRE_COMMIT_HOME", project.directory.join(".git/pre-commit"));
        command.arg("try-repo").arg(&ws.root).args([id, "--files", file]);
        command
    };
    capture(&mut hook("ringfence", "boards/good.dts"))?;
    let said = refused(&mut hook("ringfence", "boards/grown.dts"))?;
    ensure!(said.contains("RF201"), "{said}");
    // Without its base an overlay has no memory map; the hook is asked, and says so.
    let said = refused(&mut hook("ringfence-overlay", "boards/larger.dtso"))?;
    ensure!(said.contains("--base"), "{said}");
    capture(&mut hook("ringfence-policy", "board.toml"))?;
    Ok("try-repo: three hooks are asked about their files; the grown camera is refused".into())
}

fn gitlab(ws: &Workspace) -> Result<String> {
    for (board, holds) in [("good", true), ("grown", false)] {
        let project = Project::new(ws, "gitlab")?;
        fs::create_dir_all(project.directory.join("templates"))?;
        fs::copy(ws.root.join("templates/check.yml"), project.directory.join("templates/check.yml"))?;
        let pipeline = format!(
            "include:\n  - local: templates/check.yml\n    inputs:\n      paths: boards/{board}.dts\n      \
             args: --kernel 6.12\n"
        );
        fs::write(project.directory.join(".gitlab-ci.yml"), pipeline)?;
        project.commit()?;
        let mut service = project.command(Tool::GitlabCiLocal.program(ws));
        service.args(["--force-shell-executor", "--no-color", "--remote-variables", ""]);
        service.args(["--variable", "GIT_REMOTE=none", "ringfence"]);
        match holds {
            true => drop(capture(&mut service)?),
            false => {
                let said = refused(&mut service)?;
                ensure!(said.contains("RF201"), "{said}");
            }
        }
        let found = below(&project.directory, "gl-code-quality-report.json")?;
        let report = fs::read_to_string(found.context("no report of code quality")?)?;
        ensure!(report.contains("RF201") != holds, "{report}");
    }
    Ok("the component passes a good board, and fails a grown one with a report".into())
}

/// Finds a file by its name.
fn below(directory: &Path, name: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|file| file == name) {
            return Ok(Some(path));
        }
        if path.is_dir()
            && let Some(found) = below(&path, name)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Returns a fresh copy of a folder of the sources.
fn copied(ws: &Workspace, folder: &str) -> Result<PathBuf> {
    let from = ws.root.join(folder);
    let copy = ws.scratch("recipes")?.join(from.file_name().context("a folder has a name")?);
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    super::dist::copy_all(&from, &copy)?;
    Ok(copy)
}

/// Lints the layer with the sums of a release beside its recipes.
fn yocto(ws: &Workspace) -> Result<String> {
    let layer = copied(ws, "packaging/yocto/meta-ringfence")?;
    let mut sums = String::new();
    for name in ["x86_64", "aarch64", "stage"] {
        sums += &format!("SRC_URI[{name}.sha256sum] = \"{}\"\n", "0".repeat(64));
    }
    fs::write(layer.join("recipes-devtools/ringfence/ringfence-sums.inc"), sums)?;
    let mut lint = Command::new(Tool::OelintAdv.program(ws));
    lint.args(["--quiet", "--hide", "info", "--suppress", "oelint.vars.homepageping"]);
    for kind in ["bb", "bbclass"] {
        let files = capture(Command::new("find").arg(&layer).args(["-name", &format!("*.{kind}")]))?;
        lint.args(files.lines());
    }
    let output = lint.arg(layer.join("conf/layer.conf")).output()?;
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !said.trim().is_empty() {
        bail!("oelint-adv: {said}");
    }
    Ok("no error and no warning in recipes, class and layer".into())
}

fn comparison(ws: &Workspace) -> Result<String> {
    let mut path = Vec::new();
    for tool in [Tool::DtSchema, Tool::Lopper] {
        path.extend(tool.program(ws).parent().map(Path::to_path_buf));
    }
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let said = tested(ws, "comparison", &std::env::join_paths(path)?)?;
    let ran = said.lines().find(|line| line.starts_with("ran: "));
    Ok(ran.with_context(|| said.clone())?.to_owned())
}

/// Checks that the recipes fetch the files of a release by their names and sums.
pub(crate) fn fetch_release(ws: &Workspace, dist: &Path) -> Result<String> {
    let mut tests = ws.cargo();
    tests.args(["test", "--quiet", "--package", "ringfence-cli", "--test", "action", "--test", "recipes"]);
    let said = capture(tests.args(["--", "--ignored"]).env("RINGFENCE_RELEASE", dist))?;
    let passed = said.matches("test result: ok. ").count();
    ensure!(passed == 2 && !said.contains("ok. 0 passed"), "{said}");
    Ok("recipes: the action, GitLab, Buildroot and Yocto fetch these archives by their names and sums".into())
}

/// Runs one of the tool's tests, and returns how many cases it has.
fn tests(ws: &Workspace, name: &str) -> Result<String> {
    let said = tested(ws, name, &std::env::var_os("PATH").unwrap_or_default())?;
    let passed = said.lines().find_map(|line| line.strip_prefix("test result: ok. ")?.split(';').next());
    let passed = passed.filter(|passed| *passed != "0 passed").with_context(|| said.clone())?;
    Ok(format!("cli/tests/{name}.rs: {passed}"))
}

/// Runs one of the tool's tests with all that it needs, and returns what it printed.
fn tested(ws: &Workspace, name: &str, path: &OsStr) -> Result<String> {
    let mut tests = ws.cargo();
    tests.args(["test", "--quiet", "--package", "ringfence-cli", "--test", name, "--", "--nocapture"]);
    let said = capture(tests.env("PATH", path))?;
    ensure!(!said.contains("SKIPPED"), "{said}");
    Ok(said)
}

/// Packs the extension as its page says, out of the sources.
fn vscode(ws: &Workspace) -> Result<String> {
    let extension = copied(ws, "editors/vscode")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&extension);
    capture(&mut npm)?;
    let mut vsce = Command::new(Tool::Vsce.program(ws));
    capture(vsce.args(["package", "--allow-missing-repository"]).current_dir(&extension))?;
    let packed = format!("ringfence-{}.vsix", env!("CARGO_PKG_VERSION"));
    let size = fs::metadata(extension.join(&packed)).with_context(|| packed.clone())?.len();
    Ok(format!("{packed}, {size} bytes"))
}
