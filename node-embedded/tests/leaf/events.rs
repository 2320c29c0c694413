//! The events of the links, as the firmware reads them: one for each cause, with its reason.

use core::mem::discriminant;
use core::pin::pin;

use embassy_futures::select::{Either, select};
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::Write;
use node_core::link::{GoAway, PeerError};
use node_core::trust::Rejection;
use node_embedded::tls::{SessionError, VerifyError, Violation};
use node_embedded::{DialError, DownReason, Leaf, LinkEvent, Settings};
use rand_core::OsRng;

use crate::board::{board, settings, try_board};
use crate::clock::run;
use crate::flash::Flash;
use crate::identity::{Identity, bundle};
use crate::impostor::Impostor;
use crate::world::{World, with_board, world};

/// The address of the hub.
const HUB: &str = "10.0.0.2:8374";
/// The address of a server that is no hub.
const OTHER: &str = "10.0.0.2:9000";

/// The error of the first dial of a board to `address`, while `beside` runs.
fn first_error(address: &'static str, beside: impl AsyncFnOnce(&World)) -> DialError {
    let (world, tasks) = world();
    run(tasks, async {
        let settings = Settings { hubs: Box::leak(Box::new([address])), ..settings(&world.keyring()) };
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        let beside = async {
            beside(&world).await;
            core::future::pending::<()>().await;
        };
        match select(leaf.next_event(), select(task, beside)).await {
            Either::First(LinkEvent::DialFailed { address: dialled, error, .. }) => {
                assert_eq!(dialled, address);
                error
            }
            Either::First(other) => panic!("{other:?}"),
            Either::Second(_) => unreachable!("both run for ever"),
        }
    })
}

/// A server that takes one connection, says this, and then nothing.
async fn serve(world: &World, says: &[u8]) {
    let (mut rx, mut tx) = ([0; 2048], [0; 2048]);
    let mut socket = TcpSocket::new(world.network.hub, &mut rx, &mut tx);
    socket.accept(9000).await.unwrap();
    socket.write_all(says).await.unwrap();
    core::future::pending::<()>().await;
}

/// The events of the next seconds.
async fn events(leaf: Leaf<'_>, seconds: u64) -> Vec<LinkEvent> {
    let mut events = Vec::new();
    let mut time = pin!(Timer::after_secs(seconds));
    while let Either::First(event) = select(leaf.next_event(), time.as_mut()).await {
        events.push(event);
    }
    events
}

#[test]
fn a_link_comes_goes_and_comes_back() {
    with_board(async |world, leaf| {
        let up = |event: Option<&LinkEvent>| {
            matches!(event, Some(LinkEvent::Up { peer, endpoint })
                if *peer == world.hub.id() && endpoint.port == 8374)
        };
        let events_now = events(leaf, 1).await;
        assert!(events_now.len() == 1 && up(events_now.first()), "{events_now:?}");
        world.hub.switch(false);
        let lost = events(leaf, 20).await;
        let (down, failed) = lost.split_first().unwrap();
        assert!(
            matches!(down, LinkEvent::Down { peer, reason: DownReason::Lost } if *peer == world.hub.id()),
            "{down:?}"
        );
        assert!(failed.len() >= 3, "{failed:?}");
        for event in failed {
            // The hub's process is gone, so its TLS ends at once.
            assert!(matches!(event, LinkEvent::DialFailed { endpoint: Some(_), .. }), "{event:?}");
        }
        world.hub.switch(true);
        leaf.linked().await;
        assert!(up(events(leaf, 20).await.last()));
        assert_eq!(events(leaf, 100).await.len(), 0, "nothing happens");
    });
}

/// The events after something happens to a board that is linked.
fn after(happens: impl AsyncFn(&World, Leaf<'static>)) -> Vec<LinkEvent> {
    with_board(async |world, leaf| {
        assert_eq!(events(leaf, 1).await.len(), 1);
        happens(world, leaf).await;
        events(leaf, 3).await
    })
}

#[test]
fn a_goaway_of_the_hub_is_the_reason() {
    let events = after(async |world, _| world.hub.go_away(GoAway::Rekeyed));
    let [LinkEvent::Down { reason, .. }, LinkEvent::Up { .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*reason, DownReason::Peer(GoAway::Rekeyed));
}

#[test]
fn the_boards_own_goaway_is_the_reason() {
    let asleep = after(async |_, leaf| leaf.sleep(60).await.unwrap());
    let left = after(async |_, leaf| leaf.leave().await);
    let untrusted = after(async |world, leaf| {
        world.push(leaf, &bundle(&[&world.board_identity], &[&Identity::new()])).await.unwrap();
    });
    for (events, expected) in
        [(asleep, GoAway::Asleep), (left, GoAway::Leaving), (untrusted, GoAway::Untrusted)]
    {
        let Some(LinkEvent::Down { reason, .. }) = events.first() else { panic!("{expected}: {events:?}") };
        assert_eq!(*reason, DownReason::Board(expected));
    }
}

#[test]
fn a_pulled_cable_is_a_hub_that_does_not_answer() {
    with_board(async |world, leaf| {
        assert_eq!(events(leaf, 1).await.len(), 1);
        world.network.plug(false);
        let events = events(leaf, 40).await;
        let (down, failed) = events.split_first().unwrap();
        assert!(matches!(down, LinkEvent::Down { reason: DownReason::Unresponsive, .. }), "{down:?}");
        assert!(failed.len() >= 2, "{failed:?}");
        for event in failed {
            let LinkEvent::DialFailed { address, error, .. } = event else { panic!("{event:?}") };
            // The hub says in its metadata that it is at 127.0.0.1, too.
            let expected = if address == HUB { DialError::Timeout } else { DialError::NoRoute };
            assert_eq!(discriminant(error), discriminant(&expected), "{event:?}");
        }
    });
}

#[test]
fn a_dial_without_a_connection_says_why() {
    let nothing = async |_: &World| {};
    assert!(matches!(first_error("10.0.0.2", nothing), DialError::Malformed));
    assert!(matches!(first_error("10.0.0.2:x", nothing), DialError::Malformed));
    assert!(matches!(first_error("192.168.1.1:8374", nothing), DialError::NoRoute));
    assert!(matches!(first_error("10.0.0.2:8375", nothing), DialError::Refused));
    assert!(matches!(first_error("10.0.0.9:8374", nothing), DialError::Timeout));
    let unplugged = async |world: &World| world.network.plug(false);
    assert!(matches!(first_error(HUB, unplugged), DialError::Timeout));
}

/// The error of the first session with `address`, while `beside` runs.
fn session_error(address: &'static str, beside: impl AsyncFnOnce(&World)) -> SessionError {
    match first_error(address, beside) {
        DialError::Session(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dial_without_a_session_says_why() {
    let silent = session_error(OTHER, async |world: &World| serve(world, b"").await);
    assert!(matches!(silent, SessionError::Timeout), "{silent:?}");
    // A ServerHello of 16 KiB.
    let long = session_error(OTHER, async |world: &World| serve(world, &[22, 3, 3, 0x40, 0]).await);
    assert!(matches!(long, SessionError::Record(Violation { kind: 22, length: 0x4000 })), "{long:?}");
    let unknown = session_error(HUB, async |world: &World| {
        world.hub.configure(&Identity::new(), world.trusted.clone());
    });
    let SessionError::Untrusted(VerifyError::Rejected(why)) = unknown else { panic!("{unknown:?}") };
    assert!(matches!(why, Rejection::Unknown { .. }), "{why:?}");
    let refused = session_error(HUB, async |world: &World| world.trusted.lock().unwrap().clear());
    assert!(matches!(refused, SessionError::Refused), "{refused:?}");
}

#[test]
fn a_hub_whose_certificate_has_expired_is_named_so() {
    let (mut world, tasks) = world();
    world.hub_identity = Identity::until(2021);
    world.hub.configure(&world.hub_identity, world.trusted.clone());
    run(tasks, async {
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        let Either::First(event) = select(leaf.next_event(), task).await else { unreachable!() };
        let LinkEvent::DialFailed { error: DialError::Session(SessionError::Untrusted(why)), .. } = event
        else {
            panic!("{event:?}")
        };
        assert!(matches!(why, VerifyError::Rejected(Rejection::Expired { .. })), "{why:?}");
    });
}

#[test]
fn a_session_without_a_link_says_why() {
    let silent = first_error(HUB, async |world: &World| world.hub.reserve(true));
    assert!(matches!(silent, DialError::Link(DownReason::Unresponsive)), "{silent:?}");
    let impostor = first_error(HUB, async |world: &World| world.hub.pretend(Some(Impostor::BadSignature)));
    assert!(matches!(impostor, DialError::Link(DownReason::Fault(PeerError::BadProof(_)))), "{impostor:?}");
}

#[test]
fn nobody_reads_and_the_oldest_events_make_room() {
    with_board(async |world, leaf| {
        world.hub.switch(false);
        Timer::after_secs(300).await;
        let waiting = events(leaf, 0).await;
        let Some(LinkEvent::Missed(missed)) = waiting.first() else { panic!("{waiting:?}") };
        assert!(*missed > 10, "{missed}");
        assert_eq!(waiting.len(), 9);
        assert!(matches!(waiting.last(), Some(LinkEvent::DialFailed { .. })));
        // Dials have backed off to some 30 s by now.
        let next = with_timeout(Duration::from_secs(60), leaf.next_event()).await;
        assert!(matches!(next, Ok(LinkEvent::DialFailed { .. })), "the count is said once: {next:?}");
    });
}
