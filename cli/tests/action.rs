//! The GitHub Action, run by a runner of the project's own: the steps of `action.yml` with their conditions,
//! their environment, and the files through which steps speak to the runner. Steps that use another action
//! are noted and not run.

mod workdir;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml_ng::Value;

use workdir::WorkDir;

const BOARD: &str = include_str!("book/board.dts");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn action() -> Value {
    serde_yaml_ng::from_slice(&fs::read(root().join("action.yml")).unwrap()).unwrap()
}

/// What a run of the action was.
#[derive(Debug, Default)]
struct Run {
    /// The names of steps that ran, in their order, and of those that use another action with what they use.
    steps: Vec<String>,
    output: String,
    code: i32,
}

/// A workspace of a job, and the runner's own directory.
struct Runner {
    workspace: WorkDir,
    temp: WorkDir,
    /// Values of contexts, such as `steps.cache.outputs.cache-hit`.
    context: BTreeMap<String, String>,
    /// Programs of the machine, by directories; without the tool unless a test adds it.
    path: String,
}

impl Runner {
    /// A job on a repository with a spoilt board and a good one.
    fn new(server: &Path) -> Option<Self> {
        for program in ["dtc", "curl"] {
            if Command::new(program).arg("--version").output().is_err() {
                println!("SKIPPED: {program} is missing");
                return None;
            }
        }
        let (workspace, temp) = (WorkDir::new(), WorkDir::new());
        workspace.put("board.dts", BOARD);
        workspace.put("good.dts", BOARD.replace("0x700000", "0x500000"));
        // Compilation is a program that only says that it ran.
        temp.put("machine/cargo", "#!/bin/sh\necho \"cargo $@\"\n");
        make_executable(&temp.path("machine/cargo"));
        let mut context = BTreeMap::new();
        context.insert("github.server_url".to_owned(), format!("file://{}", server.display()));
        context.insert("github.action_repository".to_owned(), "acme/ringfence".to_owned());
        context.insert("runner.temp".to_owned(), temp.dir().display().to_string());
        let path = format!("{}:{}", temp.path("machine").display(), std::env::var("PATH").unwrap());
        Some(Self { workspace, temp, context, path })
    }

    /// Runs the action with these inputs; the others have their defaults.
    fn run(&mut self, inputs: &[(&str, &str)]) -> Run {
        let action = action();
        for (name, input) in action["inputs"].as_mapping().unwrap() {
            let default = input["default"].as_str().unwrap().to_owned();
            self.context.insert(format!("inputs.{}", name.as_str().unwrap()), default);
        }
        for (name, value) in inputs {
            let known = self.context.insert(format!("inputs.{name}"), (*value).to_owned());
            assert!(known.is_some(), "the action has no input {name}");
        }
        // What steps said in an earlier run is of that run; what other actions say is set by the test.
        self.context.retain(|name, _| !name.starts_with("steps.") || name.starts_with("steps.cache."));
        let mut run = Run::default();
        for step in action["runs"]["steps"].as_sequence().unwrap() {
            let condition = step["if"].as_str().unwrap_or("success()");
            let always = condition.contains("always()");
            if (run.code == 0 || always) && self.holds(condition) {
                self.step(step, &mut run);
            }
        }
        run
    }

    fn step(&mut self, step: &Value, run: &mut Run) {
        let name = step["name"].as_str().unwrap();
        if let Some(used) = step["uses"].as_str() {
            run.steps.push(format!("{name} ({used})"));
            return;
        }
        run.steps.push(name.to_owned());
        assert_eq!(step["shell"], "bash", "a composite step needs its shell");
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "an expression in a script injects what it holds: {script}");
        let (outputs, paths) = (self.temp.path("outputs"), self.temp.path("paths"));
        for file in [&outputs, &paths] {
            fs::write(file, "").unwrap();
        }
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.workspace.dir());
        bash.env("PATH", &self.path).env("GITHUB_OUTPUT", &outputs).env("GITHUB_PATH", &paths);
        bash.env("GITHUB_ACTION_PATH", root()).env("RUNNER_TEMP", self.temp.dir());
        bash.env("GITHUB_SERVER_URL", &self.context["github.server_url"]);
        for (variable, value) in step["env"].as_mapping().into_iter().flatten() {
            let value = value.as_str().unwrap();
            let expression = value.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")).unwrap();
            bash.env(variable.as_str().unwrap(), self.context.get(expression).expect(expression));
        }
        let done = bash.output().unwrap();
        run.output += &String::from_utf8_lossy(&done.stdout);
        run.output += &String::from_utf8_lossy(&done.stderr);
        run.code = done.status.code().unwrap();
        for line in fs::read_to_string(&paths).unwrap().lines() {
            self.path = format!("{line}:{}", self.path);
        }
        for line in fs::read_to_string(&outputs).unwrap().lines() {
            let (output, value) = line.split_once('=').unwrap();
            let key = format!("steps.{}.outputs.{output}", step["id"].as_str().unwrap());
            self.context.insert(key, value.to_owned());
        }
    }

    /// Evaluates `A == 'b' && C != 'd'`; what is not set is empty.
    fn holds(&self, condition: &str) -> bool {
        condition.split(" && ").all(|term| {
            let operands = |operator| term.split_once(operator);
            let value = |name: &str| match name.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
                Some(literal) => literal.to_owned(),
                None => self.context.get(name).cloned().unwrap_or_default(),
            };
            match (term, operands(" == "), operands(" != ")) {
                ("always()" | "success()", ..) => true,
                (_, Some((a, b)), _) => value(a) == value(b),
                (_, _, Some((a, b))) => value(a) != value(b),
                _ => panic!("the runner does not know `{term}`"),
            }
        })
    }
}

fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Lays out a release as the service keeps it, with the tool of this build.
fn release(server: &WorkDir) -> PathBuf {
    let name = format!("ringfence-{}-{}-linux", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let directory = format!("acme/ringfence/releases/download/v{}", env!("CARGO_PKG_VERSION"));
    fs::create_dir_all(server.path(&directory).join(&name)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_ringfence"), server.path(&directory).join(&name).join("ringfence")).unwrap();
    let pack = format!("tar -cf - {name} | gzip -1 > {name}.tar.gz && sha256sum {name}.tar.gz > SHA256SUMS");
    let packed = Command::new("sh").args(["-c", &pack]).current_dir(server.path(&directory)).status();
    assert!(packed.unwrap().success());
    server.path(&directory).join(format!("{name}.tar.gz"))
}

#[test]
fn a_release_is_taken_if_its_sum_is_right_and_nothing_is_compiled() {
    let server = WorkDir::new();
    let Some(mut runner) = Runner::new(server.dir()) else { return };
    let archive = release(&server);
    let run = runner.run(&[("paths", "board.dts\n\ngood.dts\n"), ("args", "--kernel\n6.12\n")]);
    assert_eq!(run.steps, ["Download", "Compilers", "Check"], "{}", run.output);
    assert_eq!(run.code, 1);
    assert!(run.output.contains("::error file=board.dts,line=19,"), "{}", run.output);
    assert_eq!(runner.run(&[("paths", "good.dts")]).code, 0, "once it is there, it is used");

    // Bytes that are not those of the release stop the job.
    let mut bytes = fs::read(&archive).unwrap();
    bytes.push(0);
    fs::write(&archive, bytes).unwrap();
    let stopped = |inputs: &[(&str, &str)]| {
        let run = Runner::new(server.dir()).unwrap().run(inputs);
        assert_eq!(
            (run.steps.as_slice(), run.code),
            (["Download".to_owned()].as_slice(), 1),
            "{}",
            run.output
        );
        assert!(run.output.contains("::error::file://") && run.output.contains(".tar.gz"), "{}", run.output);
    };
    stopped(&[("paths", "good.dts")]);
    // There is nothing to upload then.
    stopped(&[("paths", "good.dts"), ("sarif", "out.sarif"), ("upload", "true")]);
    // A release whose sums leave the archive out is none either.
    fs::write(archive.with_file_name("SHA256SUMS"), format!("{}  ringfence.img\n", "0".repeat(64))).unwrap();
    stopped(&[("paths", "good.dts")]);
}

#[test]
fn another_system_than_linux_takes_no_program_of_linux() {
    let server = WorkDir::new();
    let Some(mut runner) = Runner::new(server.dir()) else { return };
    release(&server);
    let uname = "#!/bin/sh\nif [ \"$1\" = -s ]; then echo Darwin; else echo x86_64; fi\n";
    runner.temp.put("machine/uname", uname);
    make_executable(&runner.temp.path("machine/uname"));
    let run = runner.run(&[("paths", "good.dts")]);
    assert!(run.steps.contains(&"Compile".to_owned()), "{}", run.output);
}

/// A job in a container is run by root, without `sudo`.
#[test]
fn compilers_are_installed_with_and_without_sudo() {
    let server = WorkDir::new();
    let Some(mut runner) = Runner::new(server.dir()) else { return };
    release(&server);
    let steps = action();
    let steps = steps["runs"]["steps"].as_sequence().unwrap();
    let step = steps.iter().find(|step| step["name"] == "Compilers").unwrap();
    // A machine with nothing but what is put here.
    runner.temp.put("bare/apt-get", "#!/bin/sh\necho \"apt-get $@\"\n");
    runner.temp.put("bare/sudo", "#!/bin/sh\necho with sudo\n\"$@\"\n");
    let bash = Command::new("sh").args(["-c", "command -v bash"]).output().unwrap();
    std::os::unix::fs::symlink(String::from_utf8(bash.stdout).unwrap().trim(), runner.temp.path("bare/bash"))
        .unwrap();
    std::os::unix::fs::symlink("/bin/sh", runner.temp.path("bare/sh")).unwrap();
    runner.path = runner.temp.path("bare").display().to_string();
    for (user, sudo) in [(0, false), (1000, true)] {
        runner.temp.put("bare/id", format!("#!/bin/sh\necho {user}\n"));
        for program in ["apt-get", "sudo", "id"] {
            make_executable(&runner.temp.path("bare").join(program));
        }
        let mut run = Run::default();
        runner.step(step, &mut run);
        assert_eq!((run.code, run.output.contains("with sudo")), (0, sudo), "{}", run.output);
        assert!(run.output.contains("install -y --no-install-recommends device-tree-compiler cpp"));
    }
    fs::remove_file(runner.temp.path("bare/apt-get")).unwrap();
    let mut run = Run::default();
    runner.step(step, &mut run);
    assert!(run.code == 0 && run.output.contains("::warning::sources (.dts) need dtc"), "{}", run.output);
}

#[test]
fn without_a_release_the_tool_is_compiled_once() {
    let server = WorkDir::new();
    let Some(mut runner) = Runner::new(server.dir()) else { return };
    // The stand-in for cargo installs the tool of this build.
    let tool = runner.temp.path("ringfence/bin");
    let link = format!("ln -sf {} {}/ringfence", env!("CARGO_BIN_EXE_ringfence"), tool.display());
    let compile = format!("#!/bin/sh\necho \"cargo $@\"\n{link}\n");
    runner.temp.put("machine/cargo", compile);
    make_executable(&runner.temp.path("machine/cargo"));
    let run = runner.run(&[("paths", "good.dts")]);
    let steps = ["Download", "Cache (actions/cache@v4)", "Compile", "Compilers", "Check"];
    assert_eq!((run.steps.as_slice(), run.code), (steps.map(String::from).as_slice(), 0), "{}", run.output);
    let install = format!("cargo install --locked --path {}/cli --root", root().display());
    assert!(
        run.output.contains(&install) && run.output.contains("so the tool is compiled"),
        "{}",
        run.output
    );

    let mut runner = Runner::new(server.dir()).unwrap();
    runner.context.insert("steps.cache.outputs.cache-hit".into(), "true".into());
    let run = runner.run(&[("paths", "good.dts")]);
    assert!(!run.steps.contains(&"Compile".to_owned()), "{:?}", run.steps);
}

#[test]
fn inputs_of_the_action_reach_the_check() {
    let server = WorkDir::new();
    let Some(mut runner) = Runner::new(server.dir()) else { return };
    release(&server);
    runner.workspace.put("cma.toml", "mode = \"fix\"\n[cma]\nsize = \"16 MiB\"\n");
    let run = runner.run(&[("paths", "good.dts"), ("policy", "cma.toml"), ("format", "concise")]);
    assert!(
        run.code == 1 && run.output.contains("good.dts") && run.output.contains("RF406"),
        "{}",
        run.output
    );
    let run = runner.run(&[("paths", "board.dts"), ("fail-on", "never")]);
    assert_eq!(run.code, 0, "{}", run.output);
    let write = ["check", "--baseline", "known.json", "--write-baseline", "board.dts"];
    runner.workspace.assert_output(&write, 0, &["1 finding written"]);
    let run = runner.run(&[("paths", "board.dts"), ("baseline", "known.json")]);
    assert_eq!(run.code, 0, "{}", run.output);
    for (baseline, content, word) in
        [("empty.json", Some(""), "empty.json"), ("none.json", None, "none.json")]
    {
        if let Some(content) = content {
            runner.workspace.put(baseline, content);
        }
        let run = runner.run(&[("paths", "board.dts"), ("baseline", baseline)]);
        assert!(run.code == 2 && run.output.contains(word), "{}", run.output);
    }
    runner.workspace.put("ringfence.toml", "inputs = [\"board.dts\"]\n");
    assert_eq!(runner.run(&[]).code, 1, "without paths, those of the project");
}

#[test]
fn paths_are_names_or_patterns_one_a_line() {
    let server = WorkDir::new();
    let Some(mut runner) = Runner::new(server.dir()) else { return };
    release(&server);
    let names = ["a b/good one.dts", "a b/x/bad.dts", "-q.dts", "b[1].dts", "$(touch owned);'\".dts"];
    for name in names {
        let camera = if name.contains("good") { "0x500000" } else { "0x700000" };
        runner.workspace.put(name, BOARD.replace("0x700000", camera));
        let run = runner.run(&[("paths", &format!("  {name}\t\n")), ("format", "concise")]);
        assert_eq!(run.code, i32::from(!name.contains("good")), "{name}: {}", run.output);
        assert!(run.code == 0 || run.output.contains(&format!("{name}:19:")), "{name}: {}", run.output);
    }
    assert!(!runner.workspace.path("owned").exists());
    for (pattern, found) in [("a b/*.dts", 0), ("a b/*/*.dts", 1), ("a b/**/*.dts", 1), ("none/*.dts", 2)] {
        let run = runner.run(&[("paths", pattern), ("format", "concise")]);
        assert_eq!(run.code, found, "{pattern}: {}", run.output);
    }
    let both = runner.run(&[("paths", "a b/**/*.dts"), ("format", "concise"), ("fail-on", "never")]);
    assert_eq!((both.code, both.output.matches("a b/x/bad.dts:19:").count()), (0, 1), "{}", both.output);
}

#[test]
fn sarif_is_written_and_uploaded_even_when_an_input_cannot_be_read() {
    let server = WorkDir::new();
    let Some(mut runner) = Runner::new(server.dir()) else { return };
    release(&server);
    let inputs = [("paths", "board.dts\nmissing.dts"), ("sarif", "out.sarif"), ("upload", "true")];
    let run = runner.run(&inputs);
    assert_eq!(run.code, 2, "what cannot be read is no success: {}", run.output);
    assert_eq!(run.steps.last().unwrap(), "Upload (github/codeql-action/upload-sarif@v3)");
    let sarif: serde_json::Value = serde_json::from_slice(&runner.workspace.read("out.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "RF201");
    let unreadable = &sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    assert!(unreadable["message"]["text"].as_str().unwrap().contains("missing.dts"), "{unreadable}");
    // Without a name the file has one.
    let run = runner.run(&[("paths", "missing.dts"), ("upload", "true")]);
    assert_eq!(run.steps.last().unwrap(), "Upload (github/codeql-action/upload-sarif@v3)");
    assert!(run.code == 2 && runner.workspace.path("ringfence.sarif").exists(), "{}", run.output);
    // A file that cannot be written is not a success, and neither is an old one that stays.
    runner.workspace.put("a/out.sarif", "old");
    for (sarif, args) in [("no/such/directory/out.sarif", ""), ("a/out.sarif", "--no-such-option")] {
        let run = runner.run(&[("paths", "good.dts"), ("sarif", sarif), ("upload", "true"), ("args", args)]);
        assert_eq!((run.steps.last().map(String::as_str), run.code), (Some("Check"), 2), "{}", run.output);
        assert!(run.output.contains("no/such/directory") || run.output.contains("--no-such-option"));
    }
    let run = runner.run(&[("paths", "good.dts"), ("sarif", "out.sarif")]);
    assert!(!run.steps.iter().any(|step| step.starts_with("Upload")), "only on demand");
}

/// The names of the archives are those that `cargo xtask dist` gives them, for each processor that it has.
#[test]
#[ignore = "needs the files of a release: `cargo xtask packages` runs it"]
fn the_action_downloads_the_files_of_a_release() {
    let release = PathBuf::from(std::env::var_os("RINGFENCE_RELEASE").expect("the directory of a release"));
    let server = WorkDir::new();
    let releases = server.path("acme/ringfence/releases/download");
    fs::create_dir_all(&releases).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    std::os::unix::fs::symlink(&release, releases.join(format!("v{version}"))).unwrap();
    for (name, debian) in [("x86_64", "amd64"), ("aarch64", "arm64")] {
        let is_host = std::env::consts::ARCH == name;
        if !is_host && !release.join(format!("ringfence_{version}_{debian}.deb")).exists() {
            continue;
        }
        let mut runner = Runner::new(server.dir()).expect("dtc and curl");
        let uname = format!("#!/bin/sh\nif [ \"$1\" = -s ]; then echo Linux; else echo {name}; fi\n");
        runner.temp.put("machine/uname", uname);
        make_executable(&runner.temp.path("machine/uname"));
        let mut run = Run::default();
        runner.step(&action()["runs"]["steps"][0], &mut run);
        let is_there = runner.temp.path("ringfence/bin/ringfence").is_file();
        let compiles = runner.context.contains_key("steps.download.outputs.compile");
        assert_eq!((run.code, is_there, compiles), (0, true, false), "{name}: {}", run.output);
        if is_host {
            let run = runner.run(&[("paths", "board.dts")]);
            assert!(
                run.code == 1 && run.output.contains("::error file=board.dts,line=19,"),
                "{}",
                run.output
            );
        }
    }
}
