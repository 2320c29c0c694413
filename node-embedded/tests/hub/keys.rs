//! New keys for a hub and its leaf, while requests go on.

use std::rc::Rc;

use embassy_futures::join::join3;
use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::crypto::PublicKey;
use node_embedded::Leaf;

use crate::boards::{Tally, call, load, push, until, with_boards};
use crate::identity::{Identity, named_bundle};

/// The identity key of a node, as another one knows it.
fn identity_of(from: Leaf<'_>, node: Leaf<'_>) -> PublicKey {
    from.identity_of(node.id()).unwrap()
}

/// Runs `rotate` while each node makes requests, none of which may be lost.
async fn under_load(hub: Leaf<'_>, one: Leaf<'_>, rotate: impl Future<Output = ()>) {
    let tally = Rc::new(Tally::default());
    let loads = join3(
        load(one, "hub-echo", tally.clone()),
        load(one, "two-echo", tally.clone()),
        load(hub, "two-echo", tally.clone()),
    );
    select(rotate, loads).await;
    assert_eq!(tally.bad.take(), Vec::<String>::new());
    assert!(tally.good.get() > 100, "{}", tally.good.get());
}

#[test]
fn hub_and_leaf_learn_and_show_new_certificates_and_no_request_is_lost() {
    with_boards(async |world, hub, one, two| {
        let (next_hub, next_two) = (Identity::new(), Identity::new());
        let operator = &world.one.identity;
        let (to_hub, to_one, to_two) = (
            (hub.id(), identity_of(one, hub)),
            (one.id(), identity_of(hub, one)),
            (two.id(), identity_of(one, two)),
        );
        let hubs = [("hub.hub", &world.hub.identity), ("hub2.hub", &next_hub)];
        let two_trusts = [hubs[0], hubs[1], ("one.operator", operator)];
        let leaves =
            [("one.leaf.operator", operator), ("two.leaf", &world.two.identity), ("two2.leaf", &next_two)];
        under_load(hub, one, async {
            // Each learns the next certificates of the others.
            let learns = named_bundle(&[("hub.hub", &world.hub.identity)], &leaves);
            push(&one, operator, to_hub, &learns).await.unwrap();
            let learns = named_bundle(&[("two.leaf", &world.two.identity)], &two_trusts);
            push(&one, operator, to_two, &learns).await.unwrap();
            let learns = named_bundle(&[("one.leaf.operator", operator)], &hubs);
            push(&hub, operator, to_one, &learns).await.unwrap();
            Timer::after_secs(3).await;
            // Then each shows its own.
            let shows = named_bundle(&[("two2.leaf", &next_two)], &two_trusts);
            push(&one, operator, to_two, &shows).await.unwrap();
            Timer::after_secs(3).await;
            let shows = named_bundle(&[("hub2.hub", &next_hub)], &leaves);
            push(&one, operator, to_hub, &shows).await.unwrap();
            Timer::after_secs(3).await;
        })
        .await;
        // They stay when the trials are over.
        Timer::after_secs(100).await;
        assert_eq!((hub.active_key(), two.active_key()), (next_hub.fingerprint(), next_two.fingerprint()));
        assert_eq!((hub.links(), one.links(), two.links()), (2, 1, 1));
    });
}

#[test]
fn a_hub_whose_new_certificate_no_leaf_trusts_goes_back() {
    with_boards(async |world, hub, one, _| {
        let (first, next) = (hub.active_key(), Identity::new());
        let operator = &world.one.identity;
        let trusted = [("one.leaf.operator", operator), ("two.leaf", &world.two.identity)];
        let hub_shows = named_bundle(&[("hub2.hub", &next)], &trusted);
        push(&one, operator, (hub.id(), identity_of(one, hub)), &hub_shows).await.unwrap();
        Timer::after_secs(30).await;
        assert_eq!(hub.active_key(), next.fingerprint());
        Timer::after_secs(60).await;
        assert_eq!(hub.active_key(), first);
        until(|| hub.links() == 2).await;
        assert_eq!(call(&one, "two-echo", "/", b"x").await.unwrap(), (200, b"x".to_vec()));
    });
}

#[test]
fn a_leaf_that_the_hub_no_longer_trusts_loses_its_link() {
    with_boards(async |world, hub, one, two| {
        let operator = &world.one.identity;
        let without = named_bundle(&[("hub.hub", &world.hub.identity)], &[("one.leaf.operator", operator)]);
        push(&one, operator, (hub.id(), identity_of(one, hub)), &without).await.unwrap();
        until(|| hub.links() == 1).await;
        Timer::after_secs(200).await;
        assert_eq!((hub.links(), one.links(), two.links()), (1, 1, 0));
    });
}

#[test]
fn a_keyring_that_no_operator_sealed_is_refused() {
    with_boards(async |world, hub, one, two| {
        let keyring = world.hub_keyring();
        let to = (hub.id(), identity_of(two, hub));
        push(&two, &world.two.identity, to, &keyring).await.unwrap_err();
        push(&one, &Identity::new(), to, &keyring).await.unwrap_err();
    });
}
