//! Memory that has an owner is never shown as free, whatever the command and whatever makes it owned.

mod workdir;

use std::path::Path;

use ringfence::claims::ClaimKind;
use serde_json::Value;
use workdir::WorkDir;

const BOARD: &str = r#"/dts-v1/;
/ {
	compatible = "vendor,board";
	#address-cells = <2>;
	#size-cells = <2>;

	chosen {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		bootargs = "crashkernel=64M@0x68000000 cma=64M@0x70000000";
		linux,elfcorehdr = <0x0 0x60000000 0x0 0x1000>;

		framebuffer@5c000000 {
			compatible = "simple-framebuffer";
			reg = <0x0 0x5c000000 0x0 0x800000>;
		};
	};

	cpus {
		#address-cells = <1>;
		#size-cells = <0>;

		cpu@0 {
			device_type = "cpu";
			reg = <0>;
			enable-method = "spin-table";
			cpu-release-addr = <0x0 0x58000ff8>;
		};
	};

	memory@40000000 {
		device_type = "memory";
		reg = <0x0 0x40000000 0x0 0x40000000>;
	};

	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;

		firmware@50000000 {
			reg = <0x0 0x50000000 0x0 0x100000>;
			no-map;
		};
	};
};
"#;

/// What owns memory on that board, by ascending base: kind, base and end.
const OWNERS: [(&str, u64, u64); 6] = [
    ("carveout", 0x5000_0000, 0x5010_0000),
    ("cpu-release", 0x5800_0000, 0x5800_1000),
    ("framebuffer", 0x5c00_0000, 0x5c80_0000),
    ("elfcorehdr", 0x6000_0000, 0x6000_1000),
    ("crashkernel", 0x6800_0000, 0x6c00_0000),
    ("cma", 0x7000_0000, 0x7400_0000),
];

fn board() -> WorkDir {
    let board = WorkDir::new();
    board.put("board.dts", BOARD);
    // No board is booted while Linux may use the memory of its picture.
    let kept = BOARD.replacen("/dts-v1/;", "/dts-v1/;\n/memreserve/ 0x5c000000 0x800000;", 1);
    board.put("kept.dts", kept);
    board
}

fn json(args: &[&str]) -> Value {
    let output = board().run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let document = serde_json::from_slice(&output.stdout).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/maps.schema.json");
    let schema = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    jsonschema::draft7::new(&schema).unwrap().validate(&document).unwrap();
    document
}

/// The names in the schema that are not kinds of claims: RAM, and what a region is for.
const PURPOSES: [&str; 6] = ["ram", "carveout", "cma", "coherent", "restricted", "reserved"];

/// `RINGFENCE_BLESS=1` writes the list.
#[test]
fn the_schema_lists_every_kind() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/maps.schema.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let kinds = ClaimKind::NAMES.iter().filter(|name| **name != "region" && !PURPOSES.contains(name));
    let list: Vec<String> = PURPOSES.iter().chain(kinds).map(|name| format!("        \"{name}\"")).collect();
    let (start, rest) = text.split_once("\"kind\": {").unwrap();
    let (head, rest) = rest.split_once("[\n").unwrap();
    let (_, end) = rest.split_once("\n      ]").unwrap();
    let expected = format!("{start}\"kind\": {{{head}[\n{}\n      ]{end}", list.join(",\n"));
    if std::env::var_os("RINGFENCE_BLESS").is_some() {
        return std::fs::write(&path, &expected).unwrap();
    }
    assert!(text == expected, "the schema's list of kinds is out of date: run this with RINGFENCE_BLESS=1");
}

fn address(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[test]
fn what_is_owned_is_on_the_map_and_not_free() {
    let map = &json(&["map", "--free", "--format", "json", "board.dts"])["inputs"][0];
    let entries = map["map"].as_array().unwrap().iter().filter(|entry| entry["kind"] != "ram");
    let owners: Vec<_> = entries
        .map(|entry| (entry["kind"].as_str().unwrap(), address(&entry["base"]), address(&entry["end"])))
        .collect();
    assert_eq!(owners, OWNERS);
    let mut free = Vec::new();
    let mut low = 0x4000_0000;
    for (_, base, end) in OWNERS {
        free.push((low, base));
        low = end;
    }
    free.push((low, 0x8000_0000));
    let shown: Vec<_> = map["free"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| (address(&span["base"]), address(&span["end"])))
        .collect();
    assert_eq!(shown, free);
}

#[test]
fn the_table_names_each_owner() {
    let words = [
        "cpu-release /cpus cpu-release-addr",
        "elfcorehdr /chosen linux,elfcorehdr",
        "crashkernel /chosen bootargs crashkernel=",
        "framebuffer /chosen/framebuffer@5c000000",
    ];
    board().assert_output(&["map", "board.dts"], 0, &words);
}

#[test]
fn nothing_grows_through_an_owner() {
    let rooms = json(&["headroom", "--format", "json", "board.dts"]);
    let rooms = rooms["headroom"].as_array().unwrap();
    assert_eq!(rooms.len(), OWNERS.len());
    let next = OWNERS.iter().skip(1).map(|(_, base, _)| *base).chain([0x8000_0000]);
    for (room, ((kind, _, end), next)) in rooms.iter().zip(OWNERS.iter().zip(next)) {
        assert_eq!((room["kind"].as_str().unwrap(), address(&room["room"])), (*kind, next - end));
    }
}

#[test]
fn load_addresses_keep_off_every_owner() {
    let plan =
        json(&["plan", "--kernel-size", "200MiB", "--initrd-size", "128MiB", "--format", "json", "kept.dts"]);
    for place in plan["places"].as_array().unwrap() {
        let (base, end) = (address(&place["base"]), address(&place["end"]));
        for (kind, owned, owned_end) in OWNERS {
            assert!(end <= owned || owned_end <= base, "{place} lies over {kind}");
        }
    }
}
