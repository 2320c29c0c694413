//! A hub whose TLS key never leaves it.

use embassy_time::Timer;
use node_embedded::{LeafResources, Provisioner};
use rand_core::OsRng;

use crate::boards::{Board, World, beside, push, until, who};
use crate::clock::run;
use crate::flash::RANGE;
use crate::identity::{Identity, named_bundle};

/// What a board requests before its node starts.
async fn request(board: &Board) -> Vec<u8> {
    let memory = Box::leak(Box::new(LeafResources::new()));
    let board = node_embedded::Board {
        kind: "switch",
        key: None,
        identity: None,
        tls: None,
        rng: OsRng,
        flash: board.flash.clone(),
        flash_range: RANGE,
    };
    let mut provisioner = Provisioner::open(memory, board).await.unwrap();
    provisioner.certificate_request().await.unwrap().to_vec()
}

#[test]
fn a_hub_accepts_with_the_key_that_it_made() {
    let (mut world, tasks) = World::new();
    run(tasks, async {
        world.hub.identity = Identity::of_request(&request(&world.hub).await);
        let slots = [("hub.hub", &world.hub.identity), ("one.leaf.operator", &world.one.identity)];
        let hub = world.hub.boot(&named_bundle(&[], &slots)).await;
        let one = world.boot_leaf(&world.one).await;
        let (node, leaf) = (hub.node, one.node);
        let test = async {
            until(|| node.links() == 1).await;
            assert_eq!(who(&leaf, node.id()).await.unwrap(), "hub");
            // Another certificate of that key.
            let renewed = Identity::of_request(&request(&world.hub).await);
            let learns = [("hub.hub", &world.hub.identity), ("hub2.hub", &renewed)];
            let learns = named_bundle(&[("one.leaf.operator", &world.one.identity)], &learns);
            push(&node, &world.one.identity, (leaf.id(), node.identity_of(leaf.id()).unwrap()), &learns)
                .await
                .unwrap();
            Timer::after_secs(3).await;
            let shows = named_bundle(&[], &[("hub2.hub", &renewed), slots[1]]);
            push(&leaf, &world.one.identity, (node.id(), leaf.identity_of(node.id()).unwrap()), &shows)
                .await
                .unwrap();
            Timer::after_secs(100).await;
            assert_eq!((node.links(), node.active_key()), (1, renewed.fingerprint()));
            assert_eq!(who(&leaf, node.id()).await.unwrap(), "hub");
        };
        beside([hub.task, one.task], test).await;
    });
}
