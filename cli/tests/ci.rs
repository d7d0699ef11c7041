//! The recipes for CI services and hooks: every file is what its service reads, and every command in them
//! does what the page says. `action.rs` runs the action, and `recipes.rs` what is for builds of systems.

mod tools;
mod workdir;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_yaml_ng::Value;

use tools::have_dtc;
use workdir::WorkDir;

const GOOD: &str = r#"/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	memory@40000000 { device_type = "memory"; reg = <0x0 0x40000000 0x1 0x0>; };
	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		camera@84300000 { reg = <0x0 0x84300000 0x0 0x500000>; no-map; };
		modem@84800000 { reg = <0x0 0x84800000 0x0 0x1900000>; no-map; };
	};
};
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn yaml(path: &str) -> Value {
    serde_yaml_ng::from_slice(&fs::read(root().join(path)).unwrap()).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A project with good boards, as sources and as blobs, and a `make` that has built them already.
struct Project(WorkDir);

impl Project {
    fn new() -> Self {
        let project = Self(WorkDir::new());
        for directory in ["boards", "arch/arm64/boot/dts/acme", "bin"] {
            fs::create_dir_all(project.path(directory)).unwrap();
        }
        project.put("boards/board.dts", GOOD);
        let dtb = project.compile("boards/board.dts");
        for name in ["boards/board.dtb", "boards/old.dtb", "arch/arm64/boot/dts/acme/board.dtb"] {
            project.put(name, &dtb);
        }
        project.put("bin/make", "#!/bin/sh\n");
        fs::set_permissions(project.path("bin/make"), fs::Permissions::from_mode(0o755)).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        self.0.put(name, content);
    }

    fn compile(&self, name: &str) -> Vec<u8> {
        Command::new("dtc").args(["-q", "-O", "dtb"]).arg(self.path(name)).output().unwrap().stdout
    }

    /// Runs a script as CI services do: by bash, stopping at the first failure.
    fn script(&self, script: &str, variables: &[(&str, &str)]) -> Output {
        let tool = Path::new(env!("CARGO_BIN_EXE_ringfence")).parent().unwrap().display();
        let path = format!("{}:{tool}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).env("PATH", path);
        bash.envs(variables.iter().copied()).current_dir(self.0.dir()).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Returns the fenced blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(ToString::to_string).collect()
}

#[test]
fn the_hooks_take_the_files_that_they_are_given() {
    if !have_dtc() {
        return;
    }
    let project = Project::new();
    project.put("board.policy.toml", "mode = \"fix\"\n");
    project.put("policy.toml", "mode = \"audit\"\n");
    fs::copy(project.path("boards/board.dts"), project.path("boards/base.dts")).unwrap();
    project.put("board.toml", "mode = \"fix\"\n");
    project.put("acme-board.toml", "mode = \"fix\"\n");
    let overlay = "/dts-v1/;\n/plugin/;\n&{/} { model = \"with an overlay\"; };\n";
    project.put("boards/model.dtso", overlay);
    let files = [
        ("ringfence", "", "boards/board.dts boards/old.dtb"),
        ("ringfence-overlay", "--base boards/base.dts", "boards/model.dtso"),
        ("ringfence-policy", "", "board.policy.toml policy.toml board.toml acme-board.toml"),
    ];
    let hooks = yaml(".pre-commit-hooks.yaml");
    assert_eq!(hooks.as_sequence().unwrap().len(), files.len());
    for (hook, (id, args, files)) in hooks.as_sequence().unwrap().iter().zip(files) {
        assert_eq!((&hook["id"], &hook["language"]), (&id.into(), &"system".into()));
        let pattern = hook["files"].as_str().unwrap();
        let output = project.script(&format!("{} {args} {files}", hook["entry"].as_str().unwrap()), &[]);
        assert!(output.status.success(), "{id}: {}", said(&output));
        for file in files.split(' ') {
            let grep = format!("echo {file} | grep -qE '{pattern}'");
            assert!(project.script(&grep, &[]).status.success(), "{id} would not be asked about {file}");
        }
    }
}

#[test]
fn every_recipe_on_the_page_runs() {
    if !have_dtc() {
        return;
    }
    let project = Project::new();
    let scripts = blocks("docs/ci.md", "sh");
    assert!(scripts.len() >= 4, "{scripts:#?}");
    for script in scripts {
        let output = project.script(&script, &[]);
        assert!(output.status.success(), "{script}\n{}", said(&output));
    }
}

#[test]
fn every_yaml_on_the_page_is_one_and_its_commands_run() {
    if !have_dtc() {
        return;
    }
    let action = yaml("action.yml");
    let project = Project::new();
    let mut uses = 0;
    let blocks = blocks("docs/ci.md", "yaml");
    assert!(blocks.len() >= 4);
    for block in blocks {
        let value: Value =
            serde_yaml_ng::from_str(&block).unwrap_or_else(|error| panic!("{error}:\n{block}"));
        for node in all(&value) {
            for script in node["script"].as_sequence().into_iter().flatten() {
                let output = project.script(script.as_str().unwrap(), &[]);
                assert!(output.status.success(), "{script:?}: {}", said(&output));
            }
            if node["uses"].as_str().is_some_and(|uses| uses.starts_with("OWNER/ringfence@")) {
                uses += 1;
                for (input, _) in node["with"].as_mapping().unwrap() {
                    assert!(action["inputs"].get(input).is_some(), "{input:?} is no input of the action");
                }
                assert!(node["with"].get("paths").is_some());
            }
        }
    }
    assert!(uses >= 2 && project.path("ringfence.xml").exists());
}

/// Returns every mapping in a document.
fn all(value: &Value) -> Vec<&Value> {
    match value {
        Value::Mapping(mapping) => std::iter::once(value).chain(mapping.values().flat_map(all)).collect(),
        Value::Sequence(list) => list.iter().flat_map(all).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_configuration_on_its_page_is_one() {
    let blocks = blocks("docs/config.md", "toml");
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("acme.toml"), "mode = \"fix\"\n").unwrap();
    fs::create_dir(directory.path().join("out")).unwrap();
    let mut image = [0; 64];
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    fs::write(directory.path().join("out/Image"), image).unwrap();
    fs::write(directory.path().join("out/initrd.img"), "initrd").unwrap();
    for block in blocks {
        let file = directory.path().join("ringfence.toml");
        let config = ringfence_cli::project::config::Config::parse(&file, &block)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((config.boards.len(), config.suppressions.len(), config.kernels.len()), (1, 1, 2));
    }
}
