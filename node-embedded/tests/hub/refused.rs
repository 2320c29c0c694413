//! Peers that dial a hub and get no TLS session, as its firmware and an operator see them.

use core::pin::pin;

use embassy_futures::join::join_array;
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer};
use node_core::rpc::{Counters, Method};
use node_core::trust::Rejection;
use node_embedded::tls::{AcceptError, VerifyError};
use node_embedded::{Leaf, LinkEvent, MethodCall};

use crate::boards::{Running, World, until};
use crate::identity::{Identity, named_bundle};
use crate::strangers::{self, stranger};

/// The events that wait.
async fn events(leaf: Leaf<'_>) -> Vec<LinkEvent> {
    let mut events = Vec::new();
    let mut time = pin!(Timer::after_millis(1));
    while let Either::First(event) = select(leaf.next_event(), time.as_mut()).await {
        events.push(event);
    }
    events
}

/// Why peers were refused, in their order.
fn refusals(events: &[LinkEvent]) -> Vec<AcceptError> {
    let refused = events.iter().filter_map(|event| match event {
        LinkEvent::Refused { endpoint, error } => {
            assert!(endpoint.addr.to_string() == "10.0.0.3" && endpoint.port != 8374, "{endpoint}");
            Some(*error)
        }
        _ => None,
    });
    refused.collect()
}

/// What the hub counted, as the leaf asks it.
async fn counters(leaf: Leaf<'_>, hub: Leaf<'_>) -> Counters {
    let mut answer = [0; 300];
    let call = MethodCall {
        node: Some(hub.id()),
        method: Method::Counters.number(),
        body: &[],
        timeout: Duration::from_secs(10),
    };
    let answer = leaf.call_method(&call, &mut answer).await.unwrap().unwrap();
    postcard::from_bytes(answer).unwrap()
}

/// Runs `test` with a hub and one linked leaf, whose link is the hub's one event so far.
fn with_hub(test: impl AsyncFnOnce(&World, Leaf<'static>, Leaf<'static>)) {
    strangers::with_hub(async |world, hub, leaf| {
        assert!(matches!(events(hub).await[..], [LinkEvent::Up { .. }]));
        test(world, hub, leaf).await;
    });
}

/// A board whose certificate the hub does not know.
async fn boot_unknown(world: &World) -> Running {
    let keyring = named_bundle(&[("two.leaf", &Identity::new())], &[("hub.hub", &world.hub.identity)]);
    world.two.boot(&keyring).await
}

#[test]
fn a_board_that_the_hub_does_not_know_is_an_event_and_a_failed_handshake() {
    with_hub(async |world, hub, leaf| {
        let two = boot_unknown(world).await;
        select(Timer::after_secs(20), two.task).await;
        let refused = refusals(&events(hub).await);
        assert!(refused.len() > 1, "{refused:?}");
        for error in &refused {
            let AcceptError::Untrusted(VerifyError::Rejected(Rejection::Unknown { .. })) = error else {
                panic!("{error:?}")
            };
        }
        let counted = counters(leaf, hub).await;
        assert_eq!(counted.handshakes_failed as usize, refused.len(), "{counted:?}");
        assert_eq!((counted.handshakes, counted.dials_failed), (1, 0));
    });
}

#[test]
fn a_peer_that_begins_no_handshake_is_an_event_alone() {
    with_hub(async |world, hub, leaf| {
        stranger(world.two.network, b"").await;
        assert_eq!(refusals(&events(hub).await), [AcceptError::Silent]);
        join_array([(); 3].map(|()| stranger(world.two.network, b""))).await;
        let mut refused = refusals(&events(hub).await);
        assert_eq!(refused.pop(), Some(AcceptError::Silent), "of one address one may");
        assert_eq!(refused, [AcceptError::OnePerAddress; 2]);
        assert_eq!(counters(leaf, hub).await.handshakes_failed, 0);
        stranger(world.two.network, b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(matches!(refusals(&events(hub).await)[..], [AcceptError::Record { kind: b'G', .. }]));
        assert_eq!(counters(leaf, hub).await.handshakes_failed, 1);
    });
}

#[test]
fn a_flood_of_strangers_hides_no_other_event() {
    with_hub(async |world, hub, _| {
        let strangers = async |count| {
            for _ in 0..count {
                stranger(world.two.network, b"GET / HTTP/1.1\r\n\r\n").await;
            }
            // The hub is done with the last one.
            Timer::after_secs(1).await;
        };
        let is_link = |event: &&LinkEvent| matches!(event, LinkEvent::Up { .. } | LinkEvent::Down { .. });
        strangers(5).await;
        // The leaf is lost and comes back four times.
        for up in [false, true, false, true, false, true, false, true] {
            world.switch.plug(1, up);
            until(|| (hub.links() == 1) == up).await;
            strangers(5).await;
        }
        let waiting = events(hub).await;
        let (missed, rest) = waiting.split_first().unwrap();
        assert!(matches!(missed, LinkEvent::Missed(45)), "{missed:?}");
        assert_eq!(rest.iter().filter(is_link).count(), 8, "{rest:?}");
        // Among themselves the oldest make room for the newest.
        strangers(20).await;
        let waiting = events(hub).await;
        assert!(matches!(waiting[0], LinkEvent::Missed(12)), "{waiting:?}");
        assert_eq!(refusals(&waiting).len(), 8);
    });
}
