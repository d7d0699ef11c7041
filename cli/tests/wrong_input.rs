//! Wrong input: one clear error, exit code 2 (or 3 for a tree that cannot be repaired), nothing written.

mod workdir;

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use workdir::WorkDir;
use workdir::board::tree;

/// Returns a directory with one sound tree, `good.dtb`, and one with an overlap that needs a permission,
/// `bad.dtb`.
fn bench() -> WorkDir {
    let bench = WorkDir::new();
    bench.put("good.dtb", tree(0x50_0000));
    bench.put("bad.dtb", tree(0x70_0000));
    bench
}

/// Runs the tool and checks its exit code, that it printed one error with these words, and that no file
/// changed.
#[track_caller]
fn assert_refused(bench: &WorkDir, args: &[&str], code: i32, words: &[&str]) {
    let before = listing(bench);
    let output = bench.run(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    let errors = text.lines().filter(|line| line.starts_with("error")).count();
    assert_eq!(errors, 1, "one clear error, not: {text}");
    for word in words {
        assert!(text.contains(word), "{args:?}: no `{word}` in:\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colours into a pipe: {text:?}");
    assert_eq!(listing(bench), before, "{args:?} left something behind");
}

/// Returns every file with its content.
fn listing(bench: &WorkDir) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = walkdir::WalkDir::new(bench.dir())
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn bytes_that_are_no_tree_are_told_with_their_file() {
    let bench = bench();
    bench.put("empty.dtb", b"");
    bench.put("text.dtb", b"this is no device tree at all, but a text that is long enough for a header");
    bench.put("short.dtb", &tree(0x50_0000)[..100]);
    for command in [&["check"][..], &["map"], &["fix", "-o", "out.dtb"], &["policy", "init"]] {
        let with = |file| [command, &[file]].concat();
        assert_refused(&bench, &with("empty.dtb"), 2, &["empty.dtb", "empty"]);
        assert_refused(&bench, &with("text.dtb"), 2, &["text.dtb: not a device tree"]);
        assert_refused(&bench, &with("short.dtb"), 2, &["short.dtb"]);
        assert_refused(&bench, &with("missing.dtb"), 2, &["missing.dtb: no such file"]);
    }
}

#[test]
fn files_of_other_kinds_are_named() {
    let bench = bench();
    let mut image = vec![0; 64];
    image[56..60].copy_from_slice(b"ARM\x64");
    for (name, bytes, words) in [
        ("a.gz", &[0x1f, 0x8b, 8, 0][..], ["this is a gzip stream", "gzip -dc a.gz | ringfence check -"]),
        ("a.xz", b"\xfd7zXZ\0\0", ["this is an xz stream", "xz -dc a.xz"]),
        ("a.zst", &[0x28, 0xb5, 0x2f, 0xfd], ["this is a zstd stream", "zstd -dc a.zst"]),
        ("Image", &image, ["this is an arm64 kernel Image", "give the device tree"]),
        ("uImage", &[0x27, 0x05, 0x19, 0x56], ["this is a uImage", "dumpimage"]),
        ("boot.img", b"ANDROID!", ["an Android image", "the header says more"]),
    ] {
        bench.put(name, bytes);
        assert_refused(&bench, &["check", name], 2, &words);
    }
    assert_refused(
        &bench,
        &["check", "--kernel", "6.12:64k", "--page", "4k", "good.dtb"],
        2,
        &["--page contradicts the page size of --kernel 6.12:64k"],
    );
}

#[test]
fn a_kernel_without_its_point_is_asked_about() {
    let bench = bench();
    for (kernel, meant) in
        [("61", "did you mean 6.1?"), ("612", "did you mean 6.12?"), ("99", "known here: 5.4")]
    {
        let words = [format!("unknown kernel `{kernel}`"), meant.to_owned()];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_refused(&bench, &["check", "--kernel", kernel, "good.dtb"], 2, &words);
    }
}

#[test]
fn a_directory_without_trees_is_a_mistake_and_not_a_clean_one() {
    let bench = bench();
    fs::create_dir(bench.path("none")).unwrap();
    assert_refused(&bench, &["check", "none"], 2, &["none: no .dtb and no .dts in this directory"]);
    assert_refused(&bench, &["fix", "none", "-o", "out.dtb"], 2, &["none: this is a directory"]);
}

#[test]
fn one_bad_file_among_many_is_named_and_the_others_are_judged() {
    let bench = bench();
    bench.put("trees.dtb", b"\xd0\x0d\xfe\xed");
    let output = bench.run(&["check", "."]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("trees.dtb"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("RF201"), "bad.dtb is still judged");
}

#[test]
fn a_bad_policy_names_its_line_and_nothing_is_written() {
    let bench = bench();
    bench.put("policy.toml", b"mode = \"fix\"\n\n[alow]\n");
    bench.put("blob", tree(1));
    let place = "policy.toml:3:2";
    assert_refused(&bench, &["policy", "check", "policy.toml"], 2, &[place, "did you mean `allow`?"]);
    assert_refused(&bench, &["policy", "build", "policy.toml", "-o", "out"], 2, &[place]);
    assert_refused(&bench, &["check", "--policy", "policy.toml", "good.dtb"], 2, &[place]);
    assert_refused(&bench, &["fix", "--policy", "policy.toml", "good.dtb", "-o", "out.dtb"], 2, &[place]);
    assert_refused(&bench, &["check", "--policy", "blob", "good.dtb"], 2, &["not a policy blob"]);
}

#[test]
fn unknown_names_are_answered_with_known_ones() {
    let bench = bench();
    assert_refused(&bench, &["explain", "RF2O1"], 2, &["unknown rule `RF2O1`", "RF201"]);
    assert_refused(&bench, &["check", "--kernel", "six", "good.dtb"], 2, &["unknown kernel `six`", "6.12"]);
    assert_refused(
        &bench,
        &["check", "--kernel", "3.10", "good.dtb"],
        2,
        &["unknown kernel `3.10`", "the oldest"],
    );
    assert_refused(&bench, &["check", "--ram", "1GiB", "good.dtb"], 2, &["--ram", "BASE:SIZE"]);
    assert_refused(&bench, &["check", "--page", "8k", "good.dtb"], 2, &["8k", "4k, 16k, 64k"]);
    assert_refused(&bench, &["chekc"], 2, &["'check'"]);
    assert_refused(&bench, &["check"], 2, &["no INPUT given"]);
}

#[test]
fn a_kernel_that_is_not_known_is_judged_as_the_nearest_older_one_and_that_is_said() {
    let bench = bench();
    let said = |version: &str| {
        let output = bench.run(&["check", "--kernel", version, "good.dtb"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(said("6.13.2"), "note: Linux 6.13.2 is not known; 6.12, the nearest older one, is used\n");
    for known in ["6.12", "6.12.43+deb13-arm64", "6.12.999", "6.1", "7"] {
        assert_eq!(said(known), "", "{known}");
    }
}

#[test]
fn an_empty_log_is_no_verdict_on_a_kernel() {
    let bench = bench();
    bench.put("boot.log", b"");
    assert_refused(
        &bench,
        &["verify", "--boot-log", "boot.log", "good.dtb"],
        2,
        &["boot.log: the file is empty"],
    );
}

#[test]
fn what_is_no_kernel_is_not_packed() {
    let bench = bench();
    bench.put("bomb.gz", [0x1f, 0x8b, 8, 0, 0, 0]);
    assert_refused(
        &bench,
        &["pack", "--kernel", "good.dtb", "-o", "out.itb"],
        2,
        &["good.dtb", "not an arm64 Image"],
    );
    assert_refused(&bench, &["pack", "--kernel", "bomb.gz", "-o", "out.itb"], 2, &["bomb.gz", "gzip"]);
    assert_refused(&bench, &["pack", "--kernel", "missing", "-o", "out.itb"], 2, &["missing"]);
    assert_refused(&bench, &["log", "good.dtb", "--elf", "good.dtb"], 2, &["no log ring"]);
}

#[test]
fn what_cannot_be_repaired_leaves_the_old_output_alone() {
    let bench = bench();
    bench.put("out.dtb", b"precious");
    assert_refused(
        &bench,
        &["fix", "bad.dtb", "-o", "out.dtb"],
        3,
        &["bad.dtb: not repaired, nothing written", "RF201 error"],
    );
    assert_refused(&bench, &["fix", "bad.dtb", "--in-place"], 3, &["nothing written", "RF201 error"]);
    assert_refused(
        &bench,
        &["fix", "good.dtb", "-o", "no/such/dir/out.dtb"],
        2,
        &["no/such/dir/out.dtb: cannot write: no such directory"],
    );
    assert_refused(&bench, &["fix", "good.dtb"], 2, &["--output"]);
}

#[test]
fn a_repaired_tree_is_clean_and_repairing_it_again_changes_nothing() {
    let bench = bench();
    let input = bench.read("bad.dtb");
    assert_eq!(bench.run(&["check", "bad.dtb"]).status.code(), Some(1));
    assert_eq!(bench.run(&["fix", "--unsafe", "bad.dtb", "-o", "out.dtb"]).status.code(), Some(0));
    assert_eq!(bench.run(&["check", "--fail-on", "note", "out.dtb"]).status.code(), Some(0));
    assert_eq!(bench.run(&["fix", "out.dtb", "-o", "again.dtb"]).status.code(), Some(0));
    assert_eq!(bench.read("again.dtb"), bench.read("out.dtb"));
    assert_eq!(bench.read("bad.dtb"), input, "the input is never touched");
    assert_eq!(bench.run(&["fix", "--unsafe", "bad.dtb", "--in-place"]).status.code(), Some(0));
    assert_eq!(bench.read("bad.dtb"), bench.read("out.dtb"));
}

#[test]
fn trees_pass_through_pipes() {
    let bench = bench();
    let mut child = bench
        .command(&["fix", "--unsafe", "-", "-o", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bench.read("bad.dtb")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    bench.put("out.dtb", &output.stdout);
    assert_eq!(
        bench.run(&["check", "out.dtb"]).status.code(),
        Some(0),
        "stdout holds the tree and nothing else"
    );
}

#[test]
fn the_same_inputs_give_the_same_bytes_however_many_threads_there_are() {
    let bench = bench();
    for number in 0..40_u32 {
        bench.put(&format!("board{number:02}.dtb"), tree(0x40_0000 + number * 0x1_0000));
    }
    let run = |threads: &str| {
        let mut command = bench.command(&["check", "--format", "json", "."]);
        command.env("RAYON_NUM_THREADS", threads).output().unwrap().stdout
    };
    let one = run("1");
    assert!(!one.is_empty());
    assert_eq!(run("8"), one);
}

#[test]
fn no_output_goes_over_an_input_that_was_not_offered() {
    let bench = bench();
    fs::hard_link(bench.path("bad.dtb"), bench.path("hard.dtb")).unwrap();
    std::os::unix::fs::symlink("bad.dtb", bench.path("soft.dtb")).unwrap();
    bench.put("board.toml", b"mode = \"fix\"\n");
    for output in ["bad.dtb", "./bad.dtb", "hard.dtb", "soft.dtb"] {
        assert_refused(&bench, &["fix", "--unsafe", "bad.dtb", "-o", output], 2, &["input", "--in-place"]);
    }
    assert_refused(&bench, &["fix", "--policy", "board.toml", "good.dtb", "-o", "board.toml"], 2, &["input"]);
    assert_refused(&bench, &["policy", "build", "board.toml", "-o", "board.toml"], 2, &["input"]);
    assert_refused(&bench, &["policy", "init", "good.dtb", "-o", "good.dtb"], 2, &["input"]);
    assert_refused(&bench, &["pack", "--kernel", "good.dtb", "-o", "good.dtb"], 2, &["not an arm64 Image"]);
    let baseline = ["check", "--baseline", "good.dtb", "--write-baseline", "good.dtb"];
    assert_refused(&bench, &baseline, 2, &["input"]);
}

#[test]
fn the_last_of_several_trees_is_not_lost_where_the_file_is_cut() {
    let bench = WorkDir::new();
    let (good, bad) = (tree(0x50_0000), tree(0x70_0000));
    bench.put("boards.dtb", [&good[..], &good, &bad[..bad.len() - 1]].concat());
    let text = bench.assert_output(&["check", "boards.dtb"], 2, &["boards.dtb#3", "2 inputs, 1 unreadable"]);
    assert!(!text.contains("boards.dtb#1"), "{text}");
    bench.put("boards.dtb", [&good[..], &bad].concat());
    bench.assert_output(&["check", "boards.dtb"], 1, &["boards.dtb#2"]);
}

#[test]
fn a_huge_file_is_refused_by_its_start() {
    let bench = bench();
    let huge = tempfile::tempdir().unwrap();
    // Sparse, with a sound tree at its start: three GB of nothing after it make it none.
    let path = huge.path().join("huge.dtb");
    fs::copy(bench.path("good.dtb"), &path).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(3 << 30).unwrap();
    let name = path.to_str().unwrap();
    for command in ["check", "map", "show"] {
        let before = std::time::Instant::now();
        assert_refused(&bench, &[command, name], 2, &["huge.dtb"]);
        assert!(before.elapsed().as_secs() < 60, "{command} read all of it");
    }
}

#[test]
fn stdin_is_read_once_and_links_to_trees_are_walked() {
    let bench = bench();
    assert_refused(&bench, &["check", "-", "-"], 2, &["stdin is named twice"]);
    let boards = bench.path("boards");
    fs::create_dir(&boards).unwrap();
    std::os::unix::fs::symlink("../good.dtb", boards.join("good.dtb")).unwrap();
    std::os::unix::fs::symlink(".", boards.join("round.dtb")).unwrap();
    std::os::unix::fs::symlink("gone", boards.join("dangling.dtb")).unwrap();
    let output = bench.run(&["check", "boards"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "clean: 1 input\n");
}

#[test]
fn an_interrupted_tool_ends_as_the_signal_would_have_ended_it() {
    let bench = bench();
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let mut command = bench.command(&["check", "-"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It waits for a tree until the pipe is closed, which `wait` would do first.
        let pipe = child.stdin.take();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let kill = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(child.wait().unwrap().signal(), Some(number));
        drop(pipe);
    }
}

#[test]
fn a_full_disk_is_told_and_a_reader_that_left_is_not() {
    let bench = bench();
    assert_refused(
        &bench,
        &["fix", "--unsafe", "bad.dtb", "-o", "/dev/full"],
        2,
        &["/dev/full: cannot write"],
    );
    for format in ["human", "concise", "json", "sarif", "junit", "github", "gitlab"] {
        let mut tool = bench.command(&["check", "--format", format, "bad.dtb"]);
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = tool.stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{format}: {said}");
        let mut child = tool.stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0), "{format}");
    }
}
