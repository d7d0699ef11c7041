//! Hands the linker the sentinel's script when it is built for bare metal; on the host there is nothing to
//! do.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=../linker/sentinel.ld");
    println!("cargo:rerun-if-changed=../linker/payload.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".into());
    // Position independent, and nobody relocates it: the script asserts that there is nothing to relocate.
    for argument in [
        "-pie",
        "--no-dynamic-linker",
        "-znotext",
        "-znorelro",
        "-Bsymbolic",
        "--gc-sections",
        "--fix-cortex-a53-843419",
    ] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rustc-link-arg-bin=ringfence-sentinel=-T{here}/../linker/sentinel.ld");
    println!("cargo:rustc-link-arg-bin=trespasser=-T{here}/../linker/payload.ld");
    println!("cargo:rustc-link-arg-bin=test-firmware=-T{here}/../linker/payload.ld");
}
