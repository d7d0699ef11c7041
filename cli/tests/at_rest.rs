//! What vendors' sources leave for their boot loader to fill in is not an error while nobody boots them.

mod tools;
mod workdir;

use serde_json::Value;

use tools::have_dtc;
use workdir::WorkDir;

const TREE: &str = r#"/dts-v1/;

/ {
	#address-cells = <2>;
	#size-cells = <2>;

	chosen {
		kaslr-seed = <0x0 SEED>;
	};

	memory@0 {
		device_type = "memory";
		reg = <0x0 0x0 0x0 0x80000000>;
	};

	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;

		logo@0 {
			compatible = "acme,logo";
			reg = <0x0 0x0 0x0 0x0>;
		};

		frames {
			size = <0x0>;
		};

		heap {
			compatible = "shared-dma-pool";
			reusable;
			size = <0x0 0x0>;
		};

	};

	dsp {
		compatible = "acme,dsp";
		reg = <0x0 0x500000 0x0 0x80000>;
	};
};
"#;

/// Returns rule, severity and node of every finding, in order, and the exit code.
fn findings(seed: &str) -> (Vec<String>, Option<i32>) {
    let dir = WorkDir::new();
    dir.put("board.dts", TREE.replace("SEED", seed));
    let output = dir.run(&["check", "--format", "json", "board.dts"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_string();
    let line = |finding: &Value| {
        let node = word(finding, "node");
        let name = node.rsplit('/').next().unwrap().to_string();
        format!("{} {} {name}", word(finding, "rule"), word(finding, "severity"))
    };
    let mut lines: Vec<String> =
        report["inputs"][0]["findings"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    (lines, output.status.code())
}

#[test]
fn placeholders_are_errors_at_most_at_boot() {
    if !have_dtc() {
        return;
    }
    let (at_rest, code) = findings("0x0");
    let expected = ["RF103 note frames", "RF103 note heap", "RF103 note logo@0", "RF208 warning dsp"];
    assert_eq!((at_rest.as_slice(), code), (&expected.map(String::from)[..], Some(0)));

    // A seed that somebody drew shows that a loader has been here.
    let (at_boot, code) = findings("0x1");
    for expected in ["RF103 warning frames", "RF103 warning logo@0", "RF208 error dsp"] {
        assert!(at_boot.iter().any(|line| line == expected), "{expected}: {at_boot:#?}");
    }
    assert_eq!(code, Some(1));
}
