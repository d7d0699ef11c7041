//! Every command in `docs/maps.md` is run, and prints what stands there.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_page_shows_what_the_tool_prints() {
    if Command::new("dtc").arg("-v").output().is_err() {
        println!("SKIPPED: dtc is missing (Debian: device-tree-compiler)");
        return;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = here.join("../docs/maps.md");
    // The page's examples are about the trees of the golden tests.
    let dir = tempfile::tempdir().unwrap();
    let trees = dir.path().join("maps.in");
    fs::create_dir(&trees).unwrap();
    for tree in ["old.dts", "new.dts"] {
        fs::copy(here.join("tests/golden/maps.in").join(tree), trees.join(tree)).unwrap();
    }
    let copy = dir.path().join("maps.md");
    // trycmd knows no redirection; the page itself is looked at by other tests.
    let text = fs::read_to_string(&page).unwrap();
    let redirected = "$ ringfence map --fix --unsafe --format html new.dts > map.html\n";
    assert!(text.contains(redirected));
    fs::write(&copy, text.replace(redirected, "$ ringfence map --fix --unsafe --format html new.dts\n...\n"))
        .unwrap();
    {
        trycmd::TestCases::new().case(&copy);
    }
    if std::env::var("TRYCMD").is_ok_and(|word| word == "overwrite") {
        let new = fs::read_to_string(&copy).unwrap();
        fs::write(
            &page,
            new.replace("$ ringfence map --fix --unsafe --format html new.dts\n...\n", redirected),
        )
        .unwrap();
    }
}
