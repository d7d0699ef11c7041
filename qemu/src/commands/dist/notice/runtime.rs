//! What the compiler links into every program: the standard library, and where there is a system below, its C
//! library, which a static program carries, too.

use super::super::Listed;
use super::Component;
use super::texts::standard;
use anyhow::Result;

/// Returns the components that no manifest names.
pub(super) fn components(listed: Listed) -> Result<Vec<Component>> {
    let mut all = vec![rust()?];
    if let Listed::Tool(_) = listed {
        all.extend([glibc()?, libgcc()]);
    }
    Ok(all)
}

/// Its own crates, those of others that it is built from (all of them may be taken under Apache-2.0), tables
/// of Unicode, and the parts of compiler-rt that `compiler_builtins` has.
fn rust() -> Result<Component> {
    let developers = ["The Rust Project Developers (see https://thanks.rust-lang.org)".to_owned()];
    Ok(Component {
        name: "Rust's standard library".into(),
        licence: "(Apache-2.0 OR MIT) AND Unicode-3.0 AND Apache-2.0 WITH LLVM-exception".into(),
        source: "https://github.com/rust-lang/rust/tree/main/library".into(),
        texts: vec![
            standard("Apache-2.0", &[])?,
            standard("MIT", &developers)?,
            standard("Unicode-3.0", &[])?,
        ],
    })
}

/// Section 6 of its licence wants this notice, the text, and that the program can be linked with another
/// version of the library: the sources of ringfence are public, and `cargo xtask dist` does it.
fn glibc() -> Result<Component> {
    Ok(Component {
        name: "The GNU C library".into(),
        licence: "LGPL-2.1-or-later".into(),
        source: "https://sourceware.org/glibc/".into(),
        texts: vec![standard("LGPL-2.1-or-later", &[])?],
    })
}

/// The unwinder. The exception allows to pass on a program that the compiler has linked it into without more.
fn libgcc() -> Component {
    Component {
        name: "GCC's runtime library (libgcc)".into(),
        licence: "GPL-3.0-or-later WITH GCC-exception-3.1".into(),
        source: "https://gcc.gnu.org/".into(),
        texts: Vec::new(),
    }
}
