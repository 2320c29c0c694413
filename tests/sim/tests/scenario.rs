//! An error names the wrong field of a scenario's file.

use node_sim::scenario::Scenario;

const GOOD: &str = r#"
about = "A hub crashes."
nodes = [10]
leaves = 0.1
start = "whole"
settle = 1
lasts = 10
measure = ["spread"]
[network]
delay = 1
jitter = 1
[[event]]
at = 1
do = { crash = { nodes = 1 } }
"#;

#[test]
fn an_error_names_the_wrong_field() {
    assert!(Scenario::parse(GOOD).is_ok());
    for (right, wrong, named) in [
        ("leaves = 0.1", "leaves = 2", "leaves"),
        ("nodes = [10]", "nodes = [1]", "nodes"),
        ("settle = 1", "settle = -1", "settle"),
        ("delay = 1", "delay = 1\nbandwidth = 0", "network.bandwidth"),
        ("at = 1", "at = nan", "at"),
        ("{ nodes = 1 }", "{ node = 1 }", "node"),
        ("do = {", "when = 1\ndo = {", "when"),
        ("{ crash = { nodes = 1 } }", "{ partition = { share = 0.5, lasts = inf } }", "lasts"),
    ] {
        let error = Scenario::parse(&GOOD.replace(right, wrong)).map(|_| ()).unwrap_err();
        assert!(format!("{error:#}").contains(named), "{wrong}: {error:#}");
    }
}
