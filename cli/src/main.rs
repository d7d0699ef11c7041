//! Placeholder until the first commit of this face.
fn main() {}
