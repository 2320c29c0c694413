//! Links of a hub with its leaves.

use embassy_time::Timer;

use crate::boards::{World, beside, call, exchange, until, who, with_boards};
use crate::clock::run;

#[test]
fn requests_pass_in_both_directions() {
    with_boards(async |_, hub, one, _| {
        for (from, component) in [(one, "hub-echo"), (hub, "one-echo")] {
            exchange(&from, component).await;
        }
        assert_eq!(who(&one, hub.id()).await.unwrap(), "hub");
        assert_eq!(who(&hub, one.id()).await.unwrap(), "one");
    });
}

#[test]
fn the_link_stays_when_nothing_happens() {
    with_boards(async |_, hub, one, two| {
        Timer::after_secs(600).await;
        assert_eq!((hub.links(), one.links(), two.links()), (2, 1, 1));
        assert_eq!((hub.members(), one.members()), (3, 3));
    });
}

#[test]
fn leaves_come_back_to_a_hub_that_restarted() {
    let (world, tasks) = World::new();
    run(tasks, async {
        let (hub, one) = (world.boot_hub().await, world.boot_leaf(&world.one).await);
        let (leaf, id) = (one.node, hub.node.id());
        let test = async {
            let first = async {
                leaf.linked().await;
                assert_eq!(who(&leaf, id).await.unwrap(), "hub");
            };
            beside([hub.task], first).await;
            let again = world.boot_hub().await;
            assert_eq!(again.node.id(), id);
            let node = again.node;
            let second = async {
                until(|| node.links() == 1).await;
                assert_eq!(who(&leaf, id).await.unwrap(), "hub");
                assert_eq!(call(&node, "one-echo", "/", b"x").await.unwrap(), (200, b"x".to_vec()));
            };
            beside([again.task], second).await;
        };
        beside([one.task], test).await;
    });
}

#[test]
fn a_hub_notices_that_a_leaf_lost_its_power() {
    let (world, tasks) = World::new();
    run(tasks, async {
        let (hub, one) = (world.boot_hub().await, world.boot_leaf(&world.one).await);
        let (node, leaf) = (hub.node, one.node);
        let test = async {
            beside([one.task], leaf.linked()).await;
            until(|| node.links() == 0).await;
            call(&node, "one-echo", "/", b"").await.unwrap_err();
        };
        beside([hub.task], test).await;
    });
}
