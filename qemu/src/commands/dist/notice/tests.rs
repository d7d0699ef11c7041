use super::*;
use crate::commands::dist::Arch;
use std::fs;
use std::path::PathBuf;

const DENY: &str = r#"
[licenses]
allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
exceptions = [{ crate = "fdt", allow = ["MPL-2.0"] }]
"#;

/// Makes a crate with these files in scratch space.
fn made(name: &str, licence: Option<&str>, files: &[(&str, &str)]) -> linked::Crate {
    let directory = Workspace::locate().scratch("notice-test").unwrap().join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(directory.join("LICENSES")).unwrap();
    for (file, text) in files {
        fs::write(directory.join(file), text).unwrap();
    }
    let manifest_path: PathBuf = directory.join("Cargo.toml");
    let package = serde_json::json!({
        "name": name, "version": "1.2.3", "license": licence, "license_file": null,
        "authors": ["Jo Doe"], "manifest_path": manifest_path, "source": "registry",
    });
    serde_json::from_value(package).unwrap()
}

fn names(package: &linked::Crate) -> Vec<String> {
    texts::of(package).unwrap().into_iter().map(|text| text.name).collect()
}

#[test]
fn a_licence_that_is_not_allowed_is_an_error() {
    let allowed = Allowed::parse(DENY).unwrap();
    let expression = |name: &str, licence: Option<&str>| {
        allowed.expression(&made(name, licence, &[])).map_err(|error| format!("{error:#}"))
    };
    for (name, licence) in [
        ("plain", "MIT"),
        ("either", "0BSD OR MIT OR Apache-2.0"),
        ("old", "MIT/Apache-2.0"),
        ("with", "Apache-2.0 WITH LLVM-exception"),
        ("fdt", "MPL-2.0"),
    ] {
        assert_eq!(expression(name, Some(licence)).unwrap(), licence.replace('/', " OR "), "{name}");
    }
    for (name, licence, said) in [
        ("copyleft", Some("GPL-3.0-only"), "deny.toml does not allow GPL-3.0-only"),
        ("both", Some("MIT AND GPL-3.0-only"), "deny.toml does not allow MIT AND GPL-3.0-only"),
        ("another", Some("MPL-2.0"), "deny.toml does not allow MPL-2.0"),
        ("own", Some("Mine"), "\"Mine\" is not an SPDX expression"),
        ("unstated", None, "the manifest states no licence"),
    ] {
        let error = expression(name, licence).unwrap_err();
        assert!(error.starts_with(said), "{name}: {error}");
    }
    // A form of exception that cargo-deny knows and this does not.
    assert!(Allowed::parse(&DENY.replace("crate = \"fdt\"", "name = \"fdt\"")).is_err());
}

#[test]
fn the_licence_files_of_a_crate_are_found() {
    let files = [
        ("LICENSE-MIT", "MIT"),
        ("License.md", "both"),
        ("NOTICE", "by Jo"),
        ("LICENSES/Zlib.txt", "Zlib"),
        ("license.rs", "fn main() {}"),
        ("README.md", "read"),
    ];
    let found = ["LICENSE-MIT", "LICENSES/Zlib.txt", "License.md", "NOTICE"];
    assert_eq!(names(&made("found", None, &files)), found);
    for (name, files) in [("absent", [].as_slice()), ("noticed", &[("NOTICE", "by Jo")])] {
        let error = texts::of(&made(name, None, files)).unwrap_err().to_string();
        assert!(error.starts_with("the package has no licence file"), "{error}");
    }
    let error = texts::of(&made("empty", None, &[("LICENSE", " \n")])).unwrap_err().to_string();
    assert_eq!(error, "LICENSE is empty");
}

#[test]
fn a_crate_without_a_file_has_the_standard_text_with_its_authors() {
    let text = texts::of(&made("hexfloat2", None, &[])).unwrap().remove(0);
    assert_eq!(text.name, "MIT, the standard text");
    assert!(text.text.contains("Copyright (c) Jo Doe\n"), "{}", text.text);
    let error = texts::of(&made("hexfloat2", None, &[("LICENSE", "MIT")])).unwrap_err().to_string();
    assert!(error.contains("remove it from WITHOUT_FILE"), "{error}");
    assert!(texts::standard("MIT", &[]).is_err());
    // Each is linked into the tool, and its expression has that licence.
    let ws = Workspace::locate();
    let linked = linked::linked(&ws, Listed::Tool(Arch::X86_64)).unwrap();
    for (name, licence) in texts::WITHOUT_FILE {
        let package = linked.iter().find(|package| package.name == name);
        let alone = Allowed::parse(&format!("[licenses]\nallow = [{licence:?}]")).unwrap();
        alone.expression(package.unwrap_or_else(|| panic!("{name} is not linked"))).unwrap();
    }
}

#[test]
fn a_text_is_written_once() {
    let component = |name: &str, text: &str| Component {
        name: name.into(),
        licence: "MIT".into(),
        source: "https://example.org".into(),
        texts: vec![Text { name: "LICENSE".into(), text: text.into() }],
    };
    let all = [component("a 1.0.0", "some\nwords\n"), component("b 1.0.0", "other\n")];
    let again = component("c 1.0.0", "some words\n");
    let notice = render(Listed::Stage, &all.into_iter().chain([again]).collect::<Vec<_>>()).unwrap();
    assert!(notice.contains("c 1.0.0\n    Licence: MIT\n    Source:  https://example.org\n    Texts:   1\n"));
    assert!(notice.contains("Text 1\n    a 1.0.0: LICENSE\n    c 1.0.0: LICENSE\n"), "{notice}");
    assert_eq!(notice.matches("some").count(), 1, "{notice}");
}

#[test]
fn the_notices_of_this_project_are_whole() {
    let ws = Workspace::locate();
    for (listed, has, lacks) in [
        (Listed::Tool(Arch::X86_64), "GNU C library", "linked_list_allocator"),
        (Listed::Stage, "linked_list_allocator 0.", "GNU C library"),
    ] {
        let notice = notice(&ws, listed).unwrap();
        assert!(notice.contains(has) && !notice.contains(lacks), "{}", listed.title());
        assert!(!notice.contains(&ws.root.display().to_string()));
    }
}
