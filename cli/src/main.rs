//! The command line of ringfence.
fn main() {}
