//! Bundles are standard FIT images: U-Boot's own tools read ours, and we read theirs.

use std::fs;
use std::path::Path;
use std::process::Command;

use ringfence::fit::{Algorithm, Fit, Image};
use ringfence::policy::Policy;
use ringfence_cli::bundle::{self, Parts};

/// Returns an arm64 `Image` of 64 KiB that takes 96 KiB when it runs.
fn kernel() -> Vec<u8> {
    let mut image: Vec<u8> = (0..0x1_0000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
    image[0x08..0x10].fill(0);
    image[0x10..0x18].copy_from_slice(&0x1_8000_u64.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image
}

const SOURCE: &str = r#"/dts-v1/;
/ {
    description = "made by mkimage";
    #address-cells = <1>;
    images {
        kernel-1 {
            data = /incbin/("Image");
            type = "kernel";
            arch = "arm64";
            os = "linux";
            compression = "none";
            load = <0x40200000>;
            entry = <0x40200000>;
            hash-1 { algo = "sha256"; };
            hash-2 { algo = "crc32"; };
        };
        initrd {
            data = /incbin/("initrd");
            type = "ramdisk";
            arch = "arm64";
            os = "linux";
            compression = "none";
            hash-1 { algo = "crc32"; };
        };
        base { data = "a base"; type = "flat_dt"; arch = "arm64"; compression = "none";
            hash-1 { algo = "sha256"; }; };
        ovl-1 { data = "an overlay"; type = "flat_dt"; arch = "arm64"; compression = "none";
            hash-1 { algo = "sha256"; }; };
        ovl-2 { data = "another"; type = "flat_dt"; arch = "arm64"; compression = "none";
            hash-1 { algo = "sha256"; }; };
        policy {
            data = /incbin/("policy.blob");
            type = "firmware";
            arch = "arm64";
            compression = "none";
            hash-1 { algo = "sha256"; };
        };
    };
    configurations {
        default = "conf-1";
        conf-1 {
            kernel = "kernel-1";
            ramdisk = "initrd";
            fdt = "base", "ovl-2", "ovl-1";
            loadables = "policy";
        };
    };
};
"#;

/// Tells whether U-Boot's tools are there; prints so when they are not, because a test that did not run has
/// shown nothing.
fn have_tools() -> bool {
    let there = |tool| Command::new(tool).arg("-V").output().is_ok();
    let have = there("mkimage") && there("dumpimage") && Command::new("dtc").arg("-v").output().is_ok();
    if !have {
        println!(
            "SKIPPED: mkimage, dumpimage or dtc is missing (Debian: u-boot-tools, device-tree-compiler)"
        );
    }
    have
}

fn lay_out(dir: &Path) {
    fs::write(dir.join("Image"), kernel()).unwrap();
    fs::write(dir.join("initrd"), vec![0x5a; 12345]).unwrap();
    fs::write(dir.join("policy.blob"), Policy::default().to_blob().unwrap()).unwrap();
    fs::write(dir.join("bundle.its"), SOURCE).unwrap();
}

fn run(dir: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn a_fit_of_mkimage_is_read_and_verified() {
    if !have_tools() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    // Embedded; external after the tree; external at a stated position.
    for external in [&[][..], &["-E"], &["-E", "-p", "0x3000"]] {
        let mut args = external.to_vec();
        args.extend(["-f", "bundle.its", "bundle.itb"]);
        run(dir.path(), "mkimage", &args);
        let bytes = fs::read(dir.path().join("bundle.itb")).unwrap();
        let fit = Fit::parse(&bytes).unwrap();
        let config = fit.select(&[]).unwrap();
        assert_eq!(config.kernel.data, kernel(), "mkimage {external:?}");
        assert_eq!(config.ramdisk.as_ref().unwrap().data, [0x5a; 12345]);
        let policy = config.policy.as_ref().expect("a loadable that is called `policy`");
        assert_eq!(Policy::from_blob(policy.data), Ok(Policy::default()));
        let overlays: Vec<_> = config.overlays.iter().map(|image| image.name.as_str()).collect();
        assert_eq!(overlays, ["ovl-2", "ovl-1"], "in the configuration's order");
        let algorithms: Vec<Algorithm> = config.kernel.hashes.iter().map(|hash| hash.algorithm).collect();
        assert_eq!(algorithms, [Algorithm::Sha256, Algorithm::Crc32]);
        assert!(config.images().map(Image::verify).all(|verdict| verdict.is_ok()), "mkimage {external:?}");

        let at = config.kernel.data_offset as usize;
        let mut damaged = bytes.clone();
        damaged[at + 0x100] ^= 0x40;
        assert!(Fit::parse(&damaged).unwrap().select(&[]).unwrap().kernel.verify().is_err());
    }
}

#[test]
fn a_packed_bundle_is_read_by_dumpimage() {
    if !have_tools() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    fs::write(dir.path().join("board.dts"), "/dts-v1/; / { model = \"board\"; };").unwrap();
    let file = |name| dir.path().join(name);
    fs::write(file("overlay.dts"), "/dts-v1/; /plugin/; &{/} { more; };").unwrap();
    let parts = Parts {
        kernel: file("Image"),
        initrd: Some(file("initrd")),
        dtb: Some(file("board.dts")),
        overlays: vec![file("overlay.dts"), file("overlay.dts")],
        policy: Some(file("policy.blob")),
    };
    let (bundle, layout) = bundle::pack(&parts).unwrap();
    fs::write(file("packed.itb"), bundle).unwrap();
    assert_eq!(layout.kernel % (2 << 20), 0);

    let list = run(dir.path(), "dumpimage", &["-l", "packed.itb"]);
    for wanted in [
        "Kernel Image (no loading done)",
        "RAMDisk Image",
        "Kernel:       kernel",
        "FDT:          fdt\n                overlay-1\n                overlay-2",
        "Loadables:    policy",
    ] {
        assert!(list.contains(wanted), "no `{wanted}` in:\n{list}");
    }
    for (position, original) in [("0", "Image"), ("1", "initrd"), ("5", "policy.blob")] {
        run(dir.path(), "dumpimage", &["-T", "flat_dt", "-p", position, "-o", "part", "packed.itb"]);
        assert_eq!(fs::read(file("part")).unwrap(), fs::read(file(original)).unwrap(), "{original}");
    }
}
