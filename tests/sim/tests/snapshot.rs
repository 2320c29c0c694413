//! The figures of the standard set equal the snapshot.

use node_sim::snapshot;

#[test]
fn the_figures_equal_the_snapshot() {
    let kept = std::fs::read_to_string(snapshot::path()).unwrap();
    let now = snapshot::text().unwrap();
    let differing = kept.lines().zip(now.lines()).filter(|(kept, now)| kept != now);
    differing.for_each(|(kept, now)| println!("- {kept}\n+ {now}"));
    assert!(kept == now, "the figures changed; if that is intended: cargo xtask sim --bless");
}
