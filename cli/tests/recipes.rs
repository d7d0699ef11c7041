//! What is in `packaging/` for builds of whole systems: the Buildroot package and the Yocto layer, as far as
//! they can be run without either. `cargo xtask recipes` lints the layer, too.

mod workdir;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use workdir::WorkDir;

const BOARD: &str = include_str!("book/board.dts");

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(packaging().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn have(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| Command::new(program).arg("--version").output().is_err());
    if let Some(missing) = missing {
        println!("SKIPPED: {missing} is missing");
    }
    missing.is_none()
}

/// A build directory with a kernel's trees, its image, and a policy that the trees satisfy or not.
fn kernel(camera: &str) -> WorkDir {
    let build = WorkDir::new();
    let source = BOARD.replace("0x700000", camera);
    build.put("arch/arm64/boot/dts/acme/board.dts", source);
    let blob = build.path("arch/arm64/boot/dts/acme/board.dtb");
    let mut dtc = Command::new("dtc");
    dtc.args(["-q", "-O", "dtb", "-o"]).arg(&blob).arg(build.path("arch/arm64/boot/dts/acme/board.dts"));
    assert!(dtc.status().unwrap().success());
    let mut image = vec![0; 0x1_0000];
    image[0x10..0x18].copy_from_slice(&0x50_0000_u64.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    build.put("arch/arm64/boot/Image", image);
    build.put("policy.toml", "mode = \"fix\"\n[cma]\nsize = \"16 MiB\"\n");
    build
}

/// Runs a shell function of the class in a build directory, with BitBake's variables as BitBake puts them in.
fn task(build: &WorkDir, name: &str, variables: &[(&str, &str)]) -> Output {
    let class = read("yocto/meta-ringfence/classes/ringfence.bbclass");
    let body = class.split(&format!("{name}() {{\n")).nth(1).and_then(|rest| rest.split("\n}").next());
    let mut body = body.unwrap_or_else(|| panic!("no task {name}")).to_owned();
    let defaults = class.lines().filter_map(|line| line.split_once(" ??= "));
    let defaults = defaults.map(|(name, value)| (name, value.trim_matches('"')));
    for (variable, value) in
        variables.iter().copied().chain([("B", "."), ("DEPLOYDIR", "deploy")]).chain(defaults)
    {
        body = body.replace(&format!("${{{variable}}}"), value);
    }
    assert!(!body.contains("${"), "{body}");
    let tool = Path::new(env!("CARGO_BIN_EXE_ringfence")).parent().unwrap();
    let path = format!("{}:{}", tool.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &body]).env("PATH", path).current_dir(build.dir()).output().unwrap()
}

#[test]
fn the_class_checks_the_kernels_trees_and_packs_a_bundle() {
    if !have(&["dtc"]) {
        return;
    }
    let build = kernel("0x500000");
    let checked = task(&build, "do_ringfence_check", &[]);
    assert!(checked.status.success(), "{}", said(&checked));
    let held = task(&build, "do_ringfence_check", &[("RINGFENCE_POLICY", "policy.toml")]);
    assert!(!held.status.success() && said(&held).contains("RF406"), "the policy is used: {}", said(&held));
    let spoilt = task(&kernel("0x700000"), "do_ringfence_check", &[]);
    assert!(!spoilt.status.success() && said(&spoilt).contains("RF201"), "{}", said(&spoilt));

    let without = task(&build, "do_ringfence_bundle", &[]);
    assert!(without.status.success() && !build.path("ringfence.itb").exists(), "{}", said(&without));
    build.put("initrd.img", "ramdisk");
    let settings = [
        ("RINGFENCE_DTB", "acme/board.dtb"),
        ("RINGFENCE_POLICY", "policy.toml"),
        ("RINGFENCE_INITRD", "initrd.img"),
    ];
    let packed = task(&build, "do_ringfence_bundle", &settings);
    assert!(packed.status.success(), "{}", said(&packed));
    build.assert_output(&["show", "ringfence.itb"], 0, &["kernel", "initrd", "policy", "dtb"]);
    assert!(task(&build, "do_deploy:append", &[]).status.success());
    assert!(build.path("deploy/ringfence.itb").is_file());
}

#[test]
fn recipes_are_of_this_version_and_name_the_archives_of_a_release() {
    let version = env!("CARGO_PKG_VERSION");
    let layer = "yocto/meta-ringfence";
    let tool = read(&format!("{layer}/recipes-devtools/ringfence/ringfence-native_{version}.bb"));
    assert!(tool.contains("/v${PV}/ringfence-${PV}-${BUILD_ARCH}-linux.tar.gz;name=${BUILD_ARCH}\""));
    let stage = read(&format!("{layer}/recipes-bsp/ringfence/ringfence-stage_{version}.bb"));
    assert!(stage.contains("/v${PV}/ringfence-stage-${PV}.tar.gz;name=stage\""));
    let license = fs::read(packaging().join("../LICENSE-MIT")).unwrap();
    let sum = Command::new("md5sum").arg(packaging().join("../LICENSE-MIT")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    let include = read(&format!("{layer}/recipes-devtools/ringfence/ringfence.inc"));
    assert!(!license.is_empty() && include.contains(&format!("md5={}", &sum[..32])), "the licence changed");
    let buildroot = read("buildroot/package/ringfence/ringfence.mk");
    assert!(buildroot.contains(&format!("RINGFENCE_VERSION = {version}\n")));
    let component = fs::read_to_string(packaging().join("../templates/check.yml")).unwrap();
    assert!(component.contains(&format!("      default: {version}\n")));
}

/// Buildroot's part, in the words that the package uses: what its file sets is done as Buildroot does it.
const BUILDROOT: &str = r#"
qstrip = $(strip $(subst ",,$(1)))
INSTALL = install
HOST_DIR = host
BINARIES_DIR = images
LINUX_DIR = .
LINUX_TARGET_BUILD = linux-built
HOSTARCH = x86_64
BR2_PACKAGE_RINGFENCE_RELEASES = "https://host.example/releases"
BR2_PACKAGE_RINGFENCE_CHECK = y
BR2_PACKAGE_RINGFENCE_CHECK_ARGS = "--fail-on error"
define generic-package
urls += $(RINGFENCE_SITE)/$(RINGFENCE_SOURCE)
images-installed: host-ringfence linux-built
	$$(RINGFENCE_INSTALL_IMAGES_CMDS)
endef
define host-generic-package
urls += $(RINGFENCE_SITE)/$(HOST_RINGFENCE_SOURCE)
host-ringfence:
	$$(HOST_RINGFENCE_INSTALL_CMDS)
endef
all: images-installed
include $(BR2_EXTERNAL_RINGFENCE_PATH)/external.mk
linux-built:
	$(foreach hook,$(LINUX_POST_BUILD_HOOKS),$($(hook)))
urls:
	@printf '%s\n' $(urls)
"#;

/// Runs the package's file in a build directory, with what its archives hold beside it.
fn buildroot(build: &WorkDir, target: &str, settings: &[&str]) -> Output {
    build.put("Makefile", BUILDROOT);
    for file in ["ringfence.img", "ringfence-full.img", "ringfence-sentinel.img"] {
        build.put(file, "image");
    }
    fs::copy(env!("CARGO_BIN_EXE_ringfence"), build.path("ringfence")).unwrap();
    fs::set_permissions(build.path("ringfence"), fs::Permissions::from_mode(0o755)).unwrap();
    build.put("images/Image", build.read("arch/arm64/boot/Image"));
    build.put("images/board.dtb", build.read("arch/arm64/boot/dts/acme/board.dtb"));
    let mut make = Command::new("make");
    make.args([target, "@D=."])
        .arg(format!("BR2_EXTERNAL_RINGFENCE_PATH={}/buildroot", packaging().display()));
    make.args(settings).current_dir(build.dir()).output().unwrap()
}

#[test]
fn the_buildroot_package_installs_checks_and_packs() {
    if !have(&["dtc", "make"]) {
        return;
    }
    let build = kernel("0x500000");
    let urls = buildroot(&build, "urls", &[]);
    let version = env!("CARGO_PKG_VERSION");
    let site = format!("https://host.example/releases/v{version}");
    let expected =
        format!("{site}/ringfence-stage-{version}.tar.gz\n{site}/ringfence-{version}-x86_64-linux.tar.gz\n");
    assert_eq!(said(&urls), expected);
    let built = buildroot(&build, "all", &[]);
    assert!(built.status.success(), "{}", said(&built));
    assert!(build.path("images/ringfence.img").is_file() && !build.path("images/ringfence.itb").exists());

    let settings = ["BR2_PACKAGE_RINGFENCE_BUNDLE_DTB=\"board.dtb\"", "BR2_PACKAGE_RINGFENCE_CHECK="];
    let policy = format!("BR2_PACKAGE_RINGFENCE_POLICY=\"{}\"", build.path("policy.toml").display());
    let built = buildroot(&build, "all", &[&settings[..], &[policy.as_str()]].concat());
    assert!(built.status.success(), "{}", said(&built));
    build.assert_output(&["show", "images/ringfence.itb"], 0, &["kernel", "policy", "dtb"]);

    let spoilt = buildroot(&kernel("0x700000"), "all", &[]);
    assert!(!spoilt.status.success() && said(&spoilt).contains("RF201"), "{}", said(&spoilt));
}

/// Buildroot's manual wants these of a `Config.in`: symbols of the package's name, tabs, and help of at most
/// 72 columns, a tab as eight.
#[test]
fn the_buildroot_package_has_its_form() {
    let config = read("buildroot/package/ringfence/Config.in");
    let mut symbols = Vec::new();
    for line in config.lines() {
        let columns: usize = line.chars().map(|c| if c == '\t' { 8 } else { 1 }).sum();
        assert!(!line.starts_with(' ') && line.trim_end() == line, "{line:?}");
        assert!(
            columns <= 72 || line.trim_start().starts_with(['d', 'b', 's']),
            "{line:?}: {columns} columns"
        );
        symbols.extend(line.strip_prefix("config "));
    }
    let make = read("buildroot/package/ringfence/ringfence.mk");
    assert!(symbols.iter().all(|symbol| symbol.starts_with("BR2_PACKAGE_RINGFENCE")), "{symbols:?}");
    for symbol in &symbols[1..] {
        assert!(make.contains(symbol), "{symbol} does nothing");
    }
    for used in make.split("BR2_").skip(1) {
        let end = used.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap();
        let name = format!("BR2_{}", &used[..end]);
        assert!(symbols.contains(&name.as_str()), "{name} is in no Config.in");
    }
    assert!(config.matches("\nif ").count() == config.matches("\nendif").count());
    assert_eq!(read("buildroot/external.desc").lines().next(), Some("name: RINGFENCE"));
}

/// Returns the directory of a release, and the processors that it has the tool for.
fn release() -> (PathBuf, Vec<&'static str>) {
    let release = PathBuf::from(std::env::var_os("RINGFENCE_RELEASE").expect("the directory of a release"));
    let mut processors = vec![std::env::consts::ARCH];
    for (name, debian) in [("x86_64", "amd64"), ("aarch64", "arm64")] {
        let deb = format!("ringfence_{}_{debian}.deb", env!("CARGO_PKG_VERSION"));
        if release.join(deb).exists() && !processors.contains(&name) {
            processors.push(name);
        }
    }
    (release, processors)
}

/// Checks that an archive of a release has a file below its one directory.
fn has(release: &Path, archive: &str, directory: &str, files: &[&str]) {
    let listed = Command::new("tar").arg("-tzf").arg(release.join(archive)).output().unwrap();
    for file in files {
        let name = format!("{directory}/{file}");
        assert!(said(&listed).lines().any(|line| line == name), "{archive} has no {name}");
    }
}

#[test]
#[ignore = "needs the files of a release: `cargo xtask packages` runs it"]
fn the_recipes_of_buildroot_and_yocto_fetch_the_files_of_a_release() {
    let (release, processors) = release();
    let version = env!("CARGO_PKG_VERSION");
    let mut images = vec!["ringfence.img", "ringfence-full.img", "ringfence-sentinel.img"];
    let package = read("buildroot/package/ringfence/ringfence.mk");
    let licences = package.lines().find_map(|line| line.strip_prefix("RINGFENCE_LICENSE_FILES = "));
    images.extend(licences.unwrap().split(' '));
    let sums = fs::read_to_string(release.join("SHA256SUMS")).unwrap();
    let sum = |file: &str| {
        let line = sums.lines().find(|line| line.ends_with(&format!("  {file}")));
        line.unwrap_or_else(|| panic!("no {file}"))[..64].to_owned()
    };
    let (hashes, include) =
        (fs::read_to_string(release.join("ringfence.hash")), release.join("ringfence-sums.inc"));
    let (hashes, include) = (hashes.unwrap(), fs::read_to_string(include).unwrap());
    for licence in licences.unwrap().split(' ') {
        assert!(hashes.lines().any(|known| known.ends_with(&format!("  {licence}"))), "{hashes}");
    }
    let layer = "yocto/meta-ringfence";
    for processor in processors {
        let urls = buildroot(&kernel("0x500000"), "urls", &[&format!("HOSTARCH={processor}")]);
        let urls = said(&urls);
        let files: Vec<&str> = urls.lines().map(|url| url.rsplit('/').next().unwrap()).collect();
        assert_eq!(files.len(), 2);
        for file in files {
            let line = format!("sha256  {}  {file}", sum(file));
            assert!(hashes.lines().any(|known| known == line), "{hashes}");
            let is_stage = file.contains("stage");
            let inside = if is_stage { &images[..] } else { &["ringfence", "LICENSE-MIT"] };
            has(&release, file, file.strip_suffix(".tar.gz").unwrap(), inside);
        }
        for recipe in ["recipes-devtools/ringfence/ringfence-native", "recipes-bsp/ringfence/ringfence-stage"]
        {
            let recipe = read(&format!("{layer}/{recipe}_{version}.bb"));
            let recipe = recipe.replace("${PV}", version).replace("${BUILD_ARCH}", processor);
            let uri = recipe.lines().find(|line| line.starts_with("SRC_URI")).unwrap();
            let (file, name) =
                uri.rsplit('/').next().unwrap().trim_end_matches('"').split_once(";name=").unwrap();
            let line = format!("SRC_URI[{name}.sha256sum] = \"{}\"", sum(file));
            assert!(include.lines().any(|known| known == line), "{include}");
            let unpacked = recipe.lines().find_map(|line| line.strip_prefix("S = \"${UNPACKDIR}/")).unwrap();
            let used = recipe.split("${S}/").skip(1).map(|rest| rest.split(' ').next().unwrap());
            let used: Vec<&str> = used.chain(["LICENSE-MIT"]).collect();
            has(&release, file, unpacked.trim_end_matches('"'), &used);
        }
    }
}

#[test]
#[ignore = "needs the files of a release: `cargo xtask packages` runs it"]
fn the_component_for_gitlab_installs_the_files_of_a_release() {
    assert!(have(&["dtc", "curl"]));
    let (release, processors) = release();
    let server = WorkDir::new();
    let version = env!("CARGO_PKG_VERSION");
    std::os::unix::fs::symlink(&release, server.path(&format!("v{version}"))).unwrap();
    let component = fs::read_to_string(packaging().join("../templates/check.yml")).unwrap();
    let (_, job) = component.split_once("\n---\n").unwrap();
    let job: serde_yaml_ng::Value = serde_yaml_ng::from_str(job).unwrap();
    let (_, job) = job.as_mapping().unwrap().iter().next().unwrap();
    let script = job["before_script"][0].as_str().unwrap();
    for processor in processors {
        let machine = WorkDir::new();
        machine.put("uname", format!("#!/bin/sh\necho {processor}\n"));
        fs::set_permissions(machine.path("uname"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", machine.dir().display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["-eo", "pipefail", "-c", &format!("{script}\ntest -x \"$(command -v ringfence)\"")]);
        bash.env("PATH", path).env("TMPDIR", machine.dir()).env("RINGFENCE_VERSION", version);
        bash.env("RINGFENCE_RELEASES", format!("file://{}", server.dir().display()));
        let installed = bash.output().unwrap();
        assert!(installed.status.success(), "{processor}: {}", said(&installed));
    }
}
