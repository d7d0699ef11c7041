//! Hands the linker its scripts when the stage is built for bare metal; on the host there is nothing to do.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=../linker/stage.ld");
    println!("cargo:rerun-if-changed=../linker/payload.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".into());
    // Position independent without a dynamic linker: the entry code applies the relocations, so their addends
    // must stay in .rela.dyn alone, and every symbol is our own.
    for argument in [
        "-pie",
        "--no-dynamic-linker",
        "-znotext",
        "-znorelro",
        "-Bsymbolic",
        "--no-apply-dynamic-relocs",
        "--build-id=sha1",
        "--fix-cortex-a53-843419",
    ] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rustc-link-arg-bin=ringfence-boot=-T{here}/../linker/stage.ld");
    println!("cargo:rustc-link-arg-bin=ringfence-boot=-Tdefmt.x");
    // Relocations in a thirtieth of the room; a linker that knows no such thing says so and goes on.
    println!("cargo:rustc-link-arg-bin=ringfence-boot=-zpack-relative-relocs");
    println!("cargo:rustc-link-arg-bin=probe-payload=-T{here}/../linker/payload.ld");
    println!("cargo:rustc-link-arg-bin=entry-shim=-T{here}/../linker/payload.ld");
}
