//! gateline.
fn main() {}
