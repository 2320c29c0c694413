//! maelctl
fn main() {}
