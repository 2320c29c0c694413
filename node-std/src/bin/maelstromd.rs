//! maelstromd
fn main() {}
