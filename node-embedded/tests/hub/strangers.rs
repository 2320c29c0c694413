//! Those who dial a hub and are no members.

use embassy_futures::join::join_array;
use embassy_futures::select::select;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use node_core::time::UnixTime;
use node_embedded::{Leaf, Settings};

use crate::boards::{HUB, World, beside, call, until};
use crate::clock::run;
use crate::identity::{Identity, named_bundle};

/// Connects to the hub, sends bytes, and holds the connection as long as the hub does. Returns what the hub sent.
pub async fn stranger(network: embassy_net::Stack<'static>, bytes: &[u8]) -> Vec<u8> {
    let (mut incoming, mut outgoing) = (vec![0; 2048], vec![0; 2048]);
    let mut socket = TcpSocket::new(network, &mut incoming, &mut outgoing);
    let Ok(()) = socket.connect((embassy_net::Ipv4Address::new(10, 0, 0, 1), 8374)).await else {
        return Vec::new();
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        let Ok(sent) = socket.write(rest).await else { break };
        rest = &rest[sent..];
    }
    let (mut answer, mut part) = (Vec::new(), [0; 500]);
    while let Ok(read @ 1..) = socket.read(&mut part).await {
        answer.extend_from_slice(&part[..read]);
    }
    answer
}

/// Runs `test` with a hub and one linked leaf.
pub fn with_hub(test: impl AsyncFnOnce(&World, Leaf<'static>, Leaf<'static>)) {
    let (world, tasks) = World::new();
    run(tasks, async {
        let (hub, one) = (world.boot_hub().await, world.boot_leaf(&world.one).await);
        let (node, leaf) = (hub.node, one.node);
        let test = async {
            until(|| node.links() == 1).await;
            test(&world, node, leaf).await;
        };
        beside([hub.task, one.task], test).await;
    });
}

#[test]
fn a_silent_stranger_is_disconnected_after_two_seconds() {
    with_hub(async |world, _, _| {
        let begun = Instant::now();
        assert_eq!(stranger(world.two.network, b"").await, b"");
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_slow_stranger_is_disconnected_after_ten_seconds() {
    with_hub(async |world, _, _| {
        let begun = Instant::now();
        // The header of a ClientHello that never comes.
        assert_eq!(stranger(world.two.network, &[22, 3, 1, 1, 0, 1]).await, b"");
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    });
}

#[test]
fn of_strangers_at_one_address_one_may_shake_hands() {
    let (world, tasks) = World::new();
    run(tasks, async {
        let hub = world.boot_hub().await;
        let test = async {
            let times = join_array([(); 4].map(|()| async {
                let begun = Instant::now();
                stranger(world.two.network, &[22, 3, 1, 1, 0, 1]).await;
                begun.elapsed() > Duration::from_secs(1)
            }));
            assert_eq!(times.await.iter().filter(|stays| **stays).count(), 1);
        };
        beside([hub.task], test).await;
    });
}

#[test]
fn strangers_at_one_address_do_not_keep_a_leaf_out() {
    let (world, tasks) = World::new();
    run(tasks, async {
        let hub = world.boot_hub().await;
        let attack = async {
            join_array([(); 4].map(|()| async {
                loop {
                    stranger(world.two.network, b"").await;
                    Timer::after_millis(100).await;
                }
            }))
            .await
        };
        let test = async {
            Timer::after_secs(5).await;
            let one = world.boot_leaf(&world.one).await;
            let leaf = one.node;
            let linked = async {
                with_timeout(Duration::from_secs(60), leaf.linked()).await.unwrap();
                assert_eq!(call(&leaf, "hub-echo", "/", b"x").await.unwrap(), (200, b"x".to_vec()));
            };
            beside([one.task], linked).await;
        };
        beside([hub.task], async { select(attack, test).await }).await;
    });
}

#[test]
fn strangers_that_speak_something_else_are_disconnected_at_once() {
    with_hub(async |world, _, leaf| {
        for bytes in
            [&b"GET / HTTP/1.1\r\n\r\n"[..], b"MAEL/1\r\n", &[0; 600], &[22, 3, 1, 0xff, 0xff], &[0xff; 5000]]
        {
            let begun = Instant::now();
            stranger(world.two.network, bytes).await;
            assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
            Timer::after_secs(1).await;
        }
        assert_eq!(call(&leaf, "hub-echo", "/", b"x").await.unwrap(), (200, b"x".to_vec()));
    });
}

#[test]
fn a_board_of_another_cluster_gets_no_link() {
    with_hub(async |world, hub, _| {
        let foreign = Settings {
            not_before: UnixTime(1_796_040_000),
            keyring: Some(Box::leak(world.leaf_keyring(&world.two).into_boxed_slice())),
            ..Settings::new("two", "elsewhere", &HUB)
        };
        let two = world.two.boot_with(foreign).await;
        select(Timer::after_secs(30), two.task).await;
        assert_eq!((hub.links(), two.node.links()), (1, 0));
    });
}

#[test]
fn boards_that_are_not_trusted_get_no_link() {
    with_hub(async |world, hub, _| {
        let unknown = Identity::new();
        let keyring = named_bundle(&[("two.leaf", &unknown)], &[("hub.hub", &world.hub.identity)]);
        let two = world.two.boot(&keyring).await;
        select(Timer::after_secs(30), two.task).await;
        assert_eq!((hub.links(), two.node.links()), (1, 0));
    });
}

#[test]
fn a_leaf_cannot_link_as_a_hub() {
    with_hub(async |world, hub, _| {
        let settings = Settings {
            not_before: UnixTime(1_796_040_000),
            keyring: Some(Box::leak(world.leaf_keyring(&world.two).into_boxed_slice())),
            listen: Some(node_embedded::Listen::at(&["10.0.0.3:8374"])),
            ..Settings::new("two", "maelstrom", &HUB)
        };
        let two = world.two.boot_with(settings).await;
        select(Timer::after_secs(30), two.task).await;
        assert_eq!((hub.links(), two.node.links()), (1, 0));
    });
}

#[test]
fn two_hubs_link() {
    let (world, tasks) = World::new();
    run(tasks, async {
        let trusted = [("two.hub", &world.two.identity)];
        let hub = world.hub.boot(&named_bundle(&[("hub.hub", &world.hub.identity)], &trusted)).await;
        let keyring = named_bundle(&[("two.hub", &world.two.identity)], &[("hub.hub", &world.hub.identity)]);
        let settings = Settings {
            not_before: UnixTime(1_796_040_000),
            keyring: Some(Box::leak(keyring.into_boxed_slice())),
            listen: Some(node_embedded::Listen::at(&["10.0.0.3:8374"])),
            ..Settings::new("two", "maelstrom", &HUB)
        };
        let two = world.two.boot_with(settings).await;
        let (first, second) = (hub.node, two.node);
        let test = async {
            until(|| first.links() == 1 && second.links() == 1).await;
            Timer::after_secs(1).await;
            assert_eq!(call(&first, "two-echo", "/", b"x").await.unwrap(), (200, b"x".to_vec()));
            assert_eq!(call(&second, "hub-echo", "/", b"x").await.unwrap(), (200, b"x".to_vec()));
        };
        beside([hub.task, two.task], test).await;
    });
}
