//! `fix` writes the kind of file that it read: sources are edited, bundles and files with several trees keep
//! all that was in them.

mod workdir;

use std::process::{Command, Stdio};

use ringfence::fdt::{NewNode, build};
use ringfence::fit::Fit;

use workdir::WorkDir;
use workdir::board::kernel;

/// Returns a board whose `/reserved-memory` lacks `ranges` where it is not `sound`.
fn tree(sound: bool, compatible: &str) -> Vec<u8> {
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop_cells("reg", &[0, 0x4000_0000, 1, 0]);
    let camera = NewNode::new("camera@84300000").prop_cells("reg", &[0, 0x8430_0000, 0, 0x50_0000]);
    let mut reserved =
        NewNode::new("reserved-memory").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    if sound {
        reserved = reserved.prop_empty("ranges");
    }
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let root = root.prop_str("compatible", compatible).child(memory);
    build(&root.child(reserved.child(camera.prop_empty("no-map"))), 0, &[]).unwrap()
}

fn have(tool: &str, version: &str) -> bool {
    let have = Command::new(tool).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !have {
        println!("SKIPPED: {tool} is missing");
    }
    have
}

const SOURCE: &str = "/dts-v1/;
#define SIZE 0x700000
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	memory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x1 0x0>; };
	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;

		/* A comment. */
		camera@84300000 {
			reg = <0x0 0x84300000
			       0x0 SIZE>;
			no-map;
		};
		modem: modem@84800000 { reg = <0x0 0x84800000 0x0 0x1900000>; no-map; };
		pool {
			compatible = \"shared-dma-pool\";
			reusable;
			size = <0x0 0x1400000>;
		};
	};
};
";

#[test]
fn a_source_is_edited_and_the_diff_is_a_patch() {
    if !have("dtc", "-v") || !have("cpp", "--version") || !have("patch", "-v") {
        return;
    }
    let bench = WorkDir::new();
    bench.put("dts/board.dts", SOURCE);
    bench.assert_output(&["check", "dts/board.dts"], 1, &["RF102", "RF201"]);
    let patch = bench.run(&["fix", "--unsafe", "--diff", "dts/board.dts"]).stdout;
    bench.assert_output(&["fix", "--unsafe", "dts/board.dts", "-o", "fixed.dts"], 0, &["shifted"]);
    let fixed = String::from_utf8(bench.read("fixed.dts")).unwrap();
    let edited = SOURCE
        .replacen("#size-cells = <2>;\n\n", "#size-cells = <2>;\n\t\tranges;\n\n", 1)
        .replace("modem@84800000 { reg = <0x0 0x84800000", "modem@84a00000 { reg = <0x0 0x84a00000")
        .replace("\t\t\tsize = <0x0 0x1400000>;\n", "");
    let without_reg: String = fixed.lines().filter(|line| !line.contains("0xfec00000")).collect();
    assert_eq!(without_reg, edited.lines().collect::<String>(), "{fixed}");
    bench.assert_output(&["check", "--fail-on", "note", "fixed.dts"], 0, &[]);
    assert_eq!(bench.read("dts/board.dts"), SOURCE.as_bytes());

    bench.put("fix.patch", patch);
    let mut apply = Command::new("patch");
    let applied = apply.args(["-s", "-p1", "-i", "fix.patch"]).current_dir(bench.dir()).status().unwrap();
    assert!(applied.success());
    assert_eq!(bench.read("dts/board.dts"), fixed.as_bytes());
    bench.put("dts/board.dts", SOURCE);
    bench.assert_output(&["fix", "--unsafe", "--in-place", "dts/board.dts"], 0, &[]);
    assert_eq!(bench.read("dts/board.dts"), fixed.as_bytes());
    bench.assert_output(
        &["fix", "dts/board.dts", "-o", "fixed.dtb"],
        2,
        &["this is source", "name OUT .dts"],
    );
}

#[test]
fn what_an_included_file_says_is_overridden_or_named() {
    if !have("dtc", "-v") {
        return;
    }
    let bench = WorkDir::new();
    let soc = SOURCE.replace("/dts-v1/;\n#define SIZE 0x700000\n", "").replace("SIZE", "0x500000");
    bench.put("soc.dtsi", &soc);
    bench.put("board.dts", "/dts-v1/;\n/include/ \"soc.dtsi\"\n");
    bench.assert_output(&["fix", "board.dts", "-o", "fixed.dts"], 0, &["added the empty `ranges`"]);
    let fixed = String::from_utf8(bench.read("fixed.dts")).unwrap();
    assert!(fixed.contains("&{/reserved-memory} {\n\tranges;\n};\n"), "{fixed}");
    assert!(
        fixed.contains("&{/reserved-memory/pool} {\n") && fixed.contains("/delete-property/ size;"),
        "{fixed}"
    );
    bench.assert_output(&["check", "--fail-on", "note", "fixed.dts"], 0, &[]);

    // A name cannot be overridden, and the file of other boards is not written.
    bench.put("soc.dtsi", soc.replace("camera@84300000", "camera@1"));
    let by_hand = ["nothing written: these edits must be made by hand", "rename /reserved-memory/camera@1"];
    bench.assert_output(&["fix", "board.dts", "--in-place"], 3, &by_hand);
    assert_eq!(bench.read("board.dts"), b"/dts-v1/;\n/include/ \"soc.dtsi\"\n");
    assert_eq!(std::fs::read_dir(bench.dir()).unwrap().count(), 3, "nothing temporary is left");
}

#[test]
fn several_trees_stay_in_one_file_and_several_files_are_repaired_at_once() {
    let bench = WorkDir::new();
    let (good, bad) = (tree(true, "acme,a"), tree(false, "acme,b"));
    bench.put("both.dtb", [&good[..], &bad].concat());
    bench.put("good.dtb", &good);
    bench.put("bad.dtb", &bad);
    bench.assert_output(&["fix", "both.dtb", "-o", "out.dtb"], 0, &["clean: 2 inputs"]);
    let out = bench.read("out.dtb");
    assert!(out.starts_with(&good) && out.len() > good.len() + bad.len());
    bench.assert_output(&["check", "out.dtb"], 0, &["clean: 2 inputs"]);
    bench.assert_output(&["fix", "--in-place", "good.dtb", "bad.dtb"], 0, &["clean: 2 inputs"]);
    assert_eq!(bench.read("good.dtb"), good, "what is right is left byte for byte");
    bench.assert_output(&["check", "bad.dtb"], 0, &["clean"]);
    bench.assert_output(&["fix", "good.dtb", "bad.dtb", "-o", "out.dtb"], 2, &["-o OUT takes one INPUT"]);
    bench.assert_output(
        &["fix", "--in-place", "gone.dtb", "good.dtb"],
        2,
        &["gone.dtb: no such file", "clean"],
    );
    bench.put("tail.dtb", [&bad[..], b"a kernel"].concat());
    bench.assert_output(&["fix", "tail.dtb", "-o", "out.dtb"], 2, &["8 bytes after the tree"]);
}

/// Returns every image of a bundle but the tree, as bytes.
fn others(bundle: &[u8]) -> Vec<Vec<u8>> {
    let config = Fit::parse(bundle).unwrap().select(&[]).unwrap();
    let images = config.images().filter(|image| !image.name.starts_with("fdt"));
    images
        .map(|image| {
            image.verify().unwrap();
            image.data.to_vec()
        })
        .collect()
}

#[test]
fn a_bundle_stays_one_with_all_images_and_hashes_that_match() {
    let bench = WorkDir::new();
    bench.put("Image", kernel());
    bench.put("initrd", "an initial ramdisk");
    bench.put("bad.dtb", tree(false, "acme,b"));
    let pack = ["pack", "--kernel", "Image", "--initrd", "initrd", "--dtb", "bad.dtb", "-o", "board.itb"];
    bench.assert_output(&pack, 0, &[]);
    let before = bench.read("board.itb");
    // By the name of OUT it would be a blob.
    bench.assert_output(&["fix", "board.itb", "-o", "fixed.dtb"], 0, &["repaired /reserved-memory"]);
    let after = bench.read("fixed.dtb");
    assert_eq!(others(&after), others(&before));
    assert_eq!(after.len(), before.len(), "there is room after the tree");
    bench.assert_output(&["check", "fixed.dtb"], 0, &["clean: 1 input"]);
    bench.assert_output(&["show", "fixed.dtb"], 0, &["sha256 ok"]);
    bench.assert_output(&["fix", "fixed.dtb", "-o", "again.itb"], 0, &[]);
    assert_eq!(bench.read("again.itb"), after);
}

#[test]
fn bundles_of_other_makers_stay_what_they_are() {
    if !have("mkimage", "-V") {
        return;
    }
    let bench = WorkDir::new();
    bench.put("Image", kernel());
    bench.put("a.dtb", tree(false, "acme,a"));
    bench.put("b.dtb", tree(true, "acme,b"));
    let image = |name: &str, kind: &str, file: &str, hash: &str| {
        format!(
            "{name} {{ data = /incbin/(\"{file}\"); type = \"{kind}\"; arch = \"arm64\"; os = \"linux\"; \
             compression = \"none\"; load = <0>; entry = <0>; hash-1 {{ algo = \"{hash}\"; }}; }};\n"
        )
    };
    let images = image("kernel", "kernel", "Image", "sha256")
        + &image("fdt-a", "flat_dt", "a.dtb", "crc32")
        + &image("fdt-b", "flat_dt", "b.dtb", "sha256");
    bench.put("board.its", format!(
        "/dts-v1/;\n/ {{ description = \"b\"; images {{ {images} }}; configurations {{ default = \"conf-a\"; \
         conf-a {{ kernel = \"kernel\"; fdt = \"fdt-a\"; }}; conf-b {{ kernel = \"kernel\"; fdt = \"fdt-b\"; \
         }}; \
         }}; }};\n"
    ));
    for external in [&[][..], &["-E"]] {
        let mut mkimage = Command::new("mkimage");
        mkimage.args(external).args(["-f", "board.its", "board.itb"]).current_dir(bench.dir());
        assert!(mkimage.stdout(Stdio::null()).status().unwrap().success());
        let before = bench.read("board.itb");
        bench.assert_output(&["check", "board.itb"], 1, &["board.itb#conf-a", "1 error in 2 inputs"]);
        bench.assert_output(&["fix", "board.itb", "-o", "fixed.itb"], 0, &[]);
        let after = bench.read("fixed.itb");
        assert_eq!(others(&after), others(&before), "{external:?}");
        bench.assert_output(&["check", "fixed.itb"], 0, &["clean: 2 inputs"]);
        bench.assert_output(&["show", "fixed.itb"], 0, &["crc32 ok", "sha256 ok"]);
    }
}
