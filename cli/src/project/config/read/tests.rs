use super::*;
use ringfence::finding::RuleId;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("project/ringfence.toml"), text).map_err(|failure| failure.to_string())
}

fn refuses(text: &str, words: &[&str]) {
    let said = parse(text).expect_err(text);
    for word in words {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
}

#[test]
fn a_project_says_what_holds_for_its_boards() {
    let config = parse(
        r#"
kernels = ["6.1", "6.12:64k"]
include = ["include", "dts/include"]

[severity]
RF601 = "off"
RF207 = "error"

[[suppress]]
rule = "RF201"
node = "/reserved-memory/modem@*"
match = "old-*.dtb"
reason = "the vendor's firmware owns both"
until = 2027-03-31

[[board]]
match = "boards/acme/*.dtb"
compatible = ["acme,*"]
ram = ["0x40000000:2GiB"]

[[board.cma]]
when = "ram >= 2GiB"
size = "128 MiB"

[[board.cma]]
size = "32 MiB"
"#,
    )
    .unwrap();
    assert_eq!(config.kernels[1].page, ringfence::profile::PageSize::K64);
    assert_eq!(config.includes[1], Path::new("project/dts/include"), "from the configuration on");
    assert_eq!(config.severity(RuleId(601), Severity::Error), None);
    assert_eq!(config.severity(RuleId(207), Severity::Note), Some(Severity::Error));
    assert_eq!(config.severity(RuleId(101), Severity::Note), Some(Severity::Note));

    let modem = "/reserved-memory/modem@84800000";
    let suppressed = |file: &str, node| config.suppressions(Path::new(file), RuleId(201), node).count();
    assert_eq!(suppressed("project/boards/old-1.dtb", modem), 1, "a name alone matches in any directory");
    assert_eq!(suppressed("project/boards/new-1.dtb", modem), 0);
    assert_eq!(suppressed("project/old-1.dtb", "/reserved-memory/camera@84300000"), 0);

    let board = |file: &str, compatible| config.board(Path::new(file), &[compatible]).is_some();
    assert!(board("project/boards/acme/a.dtb", "acme,a"));
    assert!(!board("project/boards/other/a.dtb", "acme,a") && !board("project/boards/acme/a.dtb", "other,a"));
    let cases = &config.boards[0].cma;
    assert!(cases[0].0.holds(Some(2 << 30)) && cases[1].0 == When::Always);
}

#[test]
fn strangers_are_refused_with_a_suggestion() {
    refuses("kernel = \"6.1\"", &["unknown key `kernel`", "did you mean `kernels`?", "ringfence.toml:1:1"]);
    refuses("[severity]\nRF2O1 = \"off\"", &["unknown rule `RF2O1`", "did you mean `RF201`?"]);
    refuses("[severity]\nRF201 = \"warn\"", &["unknown severity", "did you mean `warning`?"]);
    refuses("kernels = [\"4.19\"]", &["unknown kernel `4.19`", "the oldest kernel that is known is 5.4"]);
    refuses("[[board]]\nmach = \"x\"", &["unknown key `mach` in [[board]]", "did you mean `match`?"]);
    refuses("[[board]]\nram = \"1GiB\"", &["`ram` is not usable", "BASE:SIZE"]);
    refuses(
        "[[board]]\n[[board.cma]]\nwhen = \"ram ~ 1\"\nsize = 1",
        &["`when` is not usable", "compared by"],
    );
    refuses("[[board]]\n[[board.cma]]\nwhen = \"ram > 1GiB\"", &["[[board.cma]] lacks `size`"]);
    refuses("[[board]]\npolicy = \"missing.toml\"", &["project/missing.toml: no such file"]);
}

#[test]
fn nobody_is_silenced_without_a_reason() {
    let rule = "[[suppress]]\nrule = \"RF201\"\nnode = \"/x\"\n";
    refuses(rule, &["[[suppress]] lacks `reason`"]);
    refuses(&format!("{rule}reason = \" \""), &["`reason` is empty"]);
    refuses(&format!("{rule}reason = \"x\"\nuntil = \"2026-02-30\""), &["`until` is not a date"]);
    refuses("[[suppress]]\nrule = \"RF201\"\nreason = \"x\"", &["[[suppress]] lacks `node`"]);
}

#[test]
fn every_mistake_is_reported_with_its_line() {
    let text = r#"kernel = "6.1"
kernels = ["6.1", "4.4", "six"]
[severity]
RF2O1 = "off"
RF201 = "warn"
RF202 = 3
[[suppress]]
rule = "RF999"
node = "/x"
until = "soon"
[[board]]
mach = "x"
ram = ["1GiB", "0x40000000:1GiB"]
policy = "gone.toml"
[board.boot-map]
kernal = "0x40200000:1MiB"
kernel = "here"
initrd = "0x48000000:@gone.img"
[[board.cma]]
when = "ram ~ 1"
"#;
    let said = parse(text).unwrap_err();
    for (line, words) in [
        (1, "did you mean `kernels`?"),
        (2, "unknown kernel `4.4`"),
        (2, "unknown kernel `six`"),
        (4, "did you mean `RF201`?"),
        (5, "did you mean `warning`?"),
        (6, "must be a string"),
        (7, "lacks `reason`"),
        (8, "unknown rule `RF999`"),
        (10, "`until` is not a date"),
        (12, "did you mean `match`?"),
        (13, "`ram` is not usable"),
        (16, "did you mean `kernel`?"),
        (17, "`kernel` is not usable"),
        (19, "lacks `size`"),
        (20, "`when` is not usable"),
    ] {
        assert!(said.contains(words), "no `{words}` in:\n{said}");
        assert!(said.contains(&format!("ringfence.toml:{line}:")), "no line {line} in:\n{said}");
    }
    assert!(said.contains("project/gone.toml: no such file"), "{said}");
    assert!(said.contains("project/gone.img: no such file"), "{said}");
    let (here, there) = (said.find("`when` is not usable"), said.find("gone.toml: no such"));
    assert!(here < there, "files come after what is wrong here: {said}");
    refuses("a = \nb = ]\n", &["ringfence.toml:1:", "ringfence.toml:2:", "not valid TOML"]);
}
