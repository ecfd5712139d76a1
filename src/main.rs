//! desk.
fn main() {}
