//! The figures of the standard set are those that are kept.

use node_sim::snapshot;

#[test]
fn the_figures_are_as_they_were() {
    let kept = std::fs::read_to_string(snapshot::path()).unwrap();
    let now = snapshot::text().unwrap();
    let differing = kept.lines().zip(now.lines()).filter(|(kept, now)| kept != now);
    differing.for_each(|(kept, now)| println!("- {kept}\n+ {now}"));
    assert!(kept == now, "if they are better, or meant to change: cargo xtask sim --bless");
}
