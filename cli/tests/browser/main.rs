//! Opens the page of `ringfence map --format html` in a real Chromium, and points, clicks and types.
//!
//! Without Chromium (Debian: `chromium`; another place: `CHROMIUM=/path`) these tests are skipped and say so;
//! `RINGFENCE_NEED_CHROMIUM=1` makes that a failure. `RINGFENCE_SCREENSHOT=1` takes the picture in
//! `docs/images/map.png` anew.

mod chromium;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use chromium::Page;
use ringfence::fdt::{NewNode, build};

/// Returns a board whose camera grew into its neighbour.
fn board(hostile: bool) -> Vec<u8> {
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop_cells("reg", &[0, 0x4000_0000, 0, 0x8000_0000, 8, 0x8000_0000, 0, 0x8000_0000]);
    let region = |name: &str, base, size| NewNode::new(name).prop_cells("reg", &[0, base, 0, size]);
    let pool = |name: &str, base, size| region(name, base, size).prop_str("compatible", "shared-dma-pool");
    let mut reserved = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges")
        .child(region("cdsp-secure-heap@81800000", 0x8180_0000, 0x1e0_0000).prop_empty("no-map"))
        .child(region("camera@84300000", 0x8430_0000, 0x70_0000).prop_empty("no-map"))
        .child(region("wpss@84800000", 0x8480_0000, 0x190_0000).prop_empty("no-map"))
        .child(region("adsp@86100000", 0x8610_0000, 0x280_0000).prop_empty("no-map"))
        .child(region("mailbox@89800000", 0x8980_0000, 0x1000).prop_empty("no-map"))
        .child(pool("rproc-vdev@89801000", 0x8980_1000, 0x4000).prop_empty("no-map"))
        .child(region("framebuffer@b0000000", 0xb000_0000, 0x230_0000))
        .child(pool("linux,cma@98000000", 0x9800_0000, 0x400_0000).prop_empty("reusable"));
    if hostile {
        reserved = reserved.child(region(HOSTILE, 0xa000_0000, 0x20_0000));
    }
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    build(&root.child(memory).child(reserved), 0, &[]).unwrap()
}

/// A name of characters that trees may hold, which would run a script if it got out of its place.
const HOSTILE: &str = "x\"'><script>alert(1)<!--<b>&lt;@a0000000";

/// Returns the page for a board, in a directory that lives as long as the test.
fn page(name: &str, hostile: bool) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (tree, page) = (dir.path().join(name), dir.path().join("map.html"));
    std::fs::write(&tree, board(hostile)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["map", "--format", "html", "--fix", "--unsafe", "--boot-map", "kernel=0x40200000:40MiB", name])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write(&page, output.stdout).unwrap();
    (dir, page)
}

/// Returns a browser, or prints that there is none, past the test harness.
fn browser() -> Option<String> {
    let found = Page::binary();
    if found.is_none() {
        assert!(
            std::env::var_os("RINGFENCE_NEED_CHROMIUM").is_none(),
            "Chromium is missing and was asked for"
        );
        let _ = writeln!(
            std::io::stderr(),
            "\nSKIPPED: the page was not opened: no Chromium here (Debian: apt-get install chromium)\n"
        );
    }
    found
}

fn details(page: &mut Page) -> String {
    page.text("document.getElementById('details').innerText")
}

fn focused(page: &mut Page) -> String {
    page.text(
        "document.activeElement.querySelector('.name, .gap')?.textContent ?? document.activeElement.tagName",
    )
}

/// Returns a selector for the box of a claim on one of the two maps.
fn find(page: &mut Page, column: u32, name: &str) -> String {
    let id = format!("found-{column}-{}", name.len());
    page.value(&format!(
        "[...document.querySelectorAll('[data-column=\"{column}\"]')].find((item) => \
         item.querySelector('title').textContent.startsWith('Name: ' + {name:?})).id = {id:?}"
    ));
    format!("#{id} .box")
}

#[test]
fn pointing_and_clicking_shows_the_details() {
    let Some(binary) = browser() else { return };
    let (_dir, file) = page("board.dtb", false);
    let mut page = Page::open(&binary, &file, (1500, 1000));
    assert!(details(&mut page).contains("Point at a region"));

    let camera = &find(&mut page, 0, "camera@84300000");
    let cma = &find(&mut page, 1, "linux,cma@98000000");
    page.point(camera);
    let shown = details(&mut page);
    for wanted in ["camera@84300000", "0x84300000..0x84a00000", "7 MiB", "no-map", "Overlaps\nwpss@84800000"]
    {
        assert!(shown.contains(wanted), "no {wanted} in {shown}");
    }

    page.click(camera);
    let kept = details(&mut page);
    assert!(kept.contains("Kept."), "{kept}");
    page.point(cma);
    assert_eq!(details(&mut page), kept, "what was clicked stays");
    page.press("Escape");
    assert!(details(&mut page).contains("Point at a region"));
    page.point(camera);
    page.point(cma);
    assert!(details(&mut page).contains("linux,cma@98000000"));
    assert_eq!(page.noise, [""; 0]);
}

#[test]
fn the_keyboard_alone_reaches_everything() {
    let Some(binary) = browser() else { return };
    let (_dir, file) = page("board.dtb", false);
    let mut page = Page::open(&binary, &file, (1500, 1000));

    page.press("Tab");
    // A scrolling container may take the first stop.
    if focused(&mut page) == "DIV" {
        page.press("Tab");
    }
    page.press("Home");
    let count = page.value("document.querySelectorAll('[data-column=\"0\"]').length").as_u64().unwrap();
    let mut seen = vec![focused(&mut page)];
    for _ in 1..count {
        page.press("ArrowDown");
        seen.push(focused(&mut page));
        let name = seen.last().unwrap().clone();
        let told = details(&mut page);
        assert!(
            name.starts_with("free") || told.contains(name.trim_end_matches('…')),
            "{name} is not told: {told}"
        );
    }
    for wanted in ["kernel", "camera@84300000", "mailbox@89800000", "framebuffer@b0000000"] {
        assert!(seen.iter().any(|name| name == wanted), "{wanted} was not reached: {seen:?}");
    }
    assert_eq!(page.text("document.getElementById('details').getAttribute('aria-live')"), "polite");

    page.press("Home");
    page.press("ArrowDown");
    assert_eq!(focused(&mut page), "kernel");
    page.press("ArrowRight");
    assert_eq!(page.text("document.activeElement.dataset.column"), "1");
    assert_eq!(focused(&mut page), "kernel", "the same on the other map");
    page.press("Enter");
    assert_eq!(page.text("document.activeElement.getAttribute('aria-selected')"), "true");
    page.press("Escape");
    assert_eq!(page.text("document.activeElement.getAttribute('aria-selected')"), "false");
    assert_eq!(page.noise, [""; 0]);
}

#[test]
fn hostile_names_stay_text() {
    let Some(binary) = browser() else { return };
    let (_dir, file) = page("<img src=x onerror=alert(3)>.dtb", true);
    let mut page = Page::open(&binary, &file, (1500, 1000));
    page.press("Tab");
    page.press("End");
    for _ in 0..20 {
        page.press("ArrowUp");
    }
    page.point(".claim.k-reserved .box");
    assert_eq!(page.value("document.querySelectorAll('img').length"), 0);
    assert_eq!(page.value("document.querySelectorAll('script').length"), 1);
    assert_eq!(page.value("document.querySelectorAll('b').length"), 0);
    assert!(page.text("document.body.textContent").contains(HOSTILE), "it is shown as it is");
    assert!(page.text("document.title").contains("<img src=x onerror=alert(3)>"));
    assert_eq!(page.noise, [""; 0], "no request, no dialog, nothing refused");
    // Were the escaping ever to fail, the page's policy still lets no such handler run.
    page.value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.harmed = 1\">')");
    page.value("new Promise((done) => setTimeout(done, 300))");
    assert_eq!(page.text("typeof window.harmed"), "undefined");
}

#[test]
fn labels_are_legible_in_light_and_dark_and_none_lies_over_another() {
    let Some(binary) = browser() else { return };
    let (_dir, file) = page("board.dtb", false);
    let mut page = Page::open(&binary, &file, (1600, 1380));
    page.click("#free");
    assert_ne!(page.text("getComputedStyle(document.querySelector('.gap')).display"), "none");
    let overlaps = page.value(
        "(() => { const all = [...document.querySelectorAll('svg.map text')].filter((t) => t.getBBox().width \
         > 0 && getComputedStyle(t).display !== 'none').map((t) => [t.textContent, \
         t.getBoundingClientRect()]); const bad = []; all.forEach(([a, r], i) => all.slice(i + \
         1).forEach(([b, s]) => { if (Math.min(r.right, s.right) - Math.max(r.left, s.left) > 1 && \
         Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top) > 4) bad.push(a + ' / ' + b); })); return \
         bad; })()",
    );
    assert_eq!(overlaps, serde_json::json!([]), "texts that lie over each other");
    let least = page
        .value("Math.min(...[...document.querySelectorAll('.claim .box')].map((b) => b.getBBox().height))");
    assert!(least.as_f64().unwrap() >= 20.0, "4 KiB stay visible: {least}");
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        let contrast = page.value(
            "(() => { const bg = getComputedStyle(document.body).backgroundColor, fg = getComputedStyle(\
             document.querySelector('.map .detail')).fill; const lum = (c) => { const v = \
             c.match(/[0-9.]+/g).slice(0, 3)\
             .map((n) => n / 255).map((n) => n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4); \
             return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; }; const [a, b] = [lum(bg), \
             lum(fg)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); })()",
        );
        assert!(contrast.as_f64().unwrap() >= 4.5, "{scheme}: {contrast}");
    }
    if std::env::var_os("RINGFENCE_SCREENSHOT").is_some() {
        page.prefer("light");
        page.press("Escape");
        let camera = find(&mut page, 0, "camera@84300000");
        page.click(&camera);
        page.value("window.scrollTo(0, 0)");
        save(&page.screenshot());
    }
}

fn save(base64: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images/map.png");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let digit = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = base64.bytes().filter(|&c| c != b'=').collect();
    let bytes = digits.chunks(4).flat_map(|chunk| {
        let word = chunk.iter().fold(0, |word, &c| word << 6 | digit(c)) << (6 * (4 - chunk.len()));
        word.to_be_bytes()[1..chunk.len()].to_vec()
    });
    std::fs::write(path, bytes.collect::<Vec<u8>>()).unwrap();
}
