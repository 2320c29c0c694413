//! A board and a hub: joining, requests in both directions, new keys under load, a hub that goes away.

use embassy_futures::join::{join, join_array};
use embassy_futures::select::{Either, select};
use embassy_time::Timer;
use node_core::gossip::State;
use node_core::id::NodeId;
use node_core::link::{GoAway, Service};
use node_core::rpc::{Code, Event, KeySlot, MemberItem, Method, Response, Status, Subscribe};
use node_embedded::{CallError, Leaf, MethodCall};

use crate::board::{ECHO, EVENTS, SWITCH, board, call};
use crate::clock::run;
use crate::flash::Flash;
use crate::identity::{Identity, bundle};
use crate::world::{Tally, World, with_board, world};

#[test]
fn a_board_joins_and_is_known_with_its_keys() {
    with_board(async |world, leaf| {
        assert_eq!((leaf.links(), leaf.members(), world.hub.links()), (1, 2, 1));
        let known = world.hub.member(leaf.id(), |member| {
            let components = member.metadata.components.iter().map(ToString::to_string).collect::<Vec<_>>();
            (member.record.state, components, member.metadata.active_key, member.metadata.hubs.to_vec())
        });
        let key = world.board_identity.fingerprint().0;
        let components = vec!["board-echo".to_string()];
        assert_eq!(known, Some((State::Alive, components, key, vec![world.hub.id()])));
        assert_eq!(world.hub.shown(), [&world.board_identity.certificate[..]]);
    });
}

#[test]
fn requests_pass_in_both_directions() {
    with_board(async |world, leaf| {
        for length in [0, 1, 100, 511, 512, 513, 3000, 20_000] {
            let body = vec![0x5a; length];
            assert_eq!(world.http(leaf, "/echo", &body).await, Ok((200, body.clone())), "{length}");
            assert_eq!(call(&leaf, "hub-echo", &body).await, Ok((200, body)), "{length}");
        }
    });
}

#[test]
fn many_requests_run_at_once() {
    with_board(async |world, leaf| {
        let bodies: [Vec<u8>; 5] = core::array::from_fn(|number| vec![number as u8; 700 * number]);
        let down = bodies.each_ref().map(|body| world.http(leaf, "/echo", body));
        let up = bodies.each_ref().map(|body| call(&leaf, "hub-echo", body));
        let (down, up) = join(join_array(down), join_array(up)).await;
        for ((body, down), up) in bodies.iter().zip(down).zip(up) {
            assert_eq!(down, Ok((200, body.clone())));
            assert_eq!(up, Ok((200, body.clone())));
        }
    });
}

#[test]
fn a_board_answers_what_it_cannot_serve() {
    with_board(async |world, leaf| {
        assert_eq!(world.http(leaf, "/nothing", b"").await, Ok((404, b"no such path\n".to_vec())));
        assert_eq!(world.http(leaf, "/no-answer", b"").await.map(|(status, _)| status), Ok(500));
        let long = format!("/{}", "x".repeat(200));
        assert_eq!(world.http(leaf, &long, b"").await.map(|(status, _)| status), Ok(404));
        let raw = async |request: &[u8]| world.hub.request(leaf.id(), Service::Http, request).await.unwrap();
        assert!(raw(b"GET / HTTP/1.1\r\n\r\n").await.starts_with(b"HTTP/1.1 404"));
        assert!(raw(b"GET / HTTP/9.9\r\n\r\n").await.starts_with(b"HTTP/1.1 400"));
        assert!(raw(b"GET / HTTP/1.1\r\n").await.starts_with(b"HTTP/1.1 400"));
        let endless = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'x'; 5000]].concat();
        assert!(raw(&endless).await.starts_with(b"HTTP/1.1 431"));
        let crowded = [b"GET / HTTP/1.1\r\n".to_vec(), b"x: y\r\n".repeat(30), b"\r\n".to_vec()].concat();
        assert!(raw(&crowded).await.starts_with(b"HTTP/1.1 431"));
        let circle = format!("GET / HTTP/1.1\r\nmaelstrom-relay-path: {}\r\n\r\n", leaf.id());
        assert!(raw(circle.as_bytes()).await.starts_with(b"HTTP/1.1 508"));
        let twofold = b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n";
        assert!(raw(twofold).await.starts_with(b"HTTP/1.1 400"));
        // None of these requests ends the link, or holds a slot for ever.
        assert_eq!(world.http(leaf, "/echo", b"still here").await, Ok((200, b"still here".to_vec())));
        assert_eq!(world.hub.links(), 1);
    });
}

#[test]
fn a_request_that_takes_too_long_is_reset_and_its_worker_is_free_again() {
    with_board(async |world, leaf| {
        for _ in 0..5 {
            assert_eq!(world.http(leaf, "/never", b"").await, Err("reset: out of time".to_string()));
        }
        assert_eq!(world.http(leaf, "/echo", b"free").await, Ok((200, b"free".to_vec())));
    });
}

#[test]
fn slow_requests_do_not_keep_an_operator_out() {
    with_board(async |world, leaf| {
        let slow = join(world.http(leaf, "/never", b""), world.http(leaf, "/never", b""));
        let ask = async {
            Timer::after_millis(100).await;
            world.rpc(leaf, Method::Ping.number(), b"hello").await
        };
        match select(slow, ask).await {
            Either::First(_) => panic!("the ping had to wait for the slow requests"),
            Either::Second(answer) => assert_eq!(answer, b"\0hello"),
        }
    });
}

#[test]
fn built_in_methods_answer() {
    with_board(async |world, leaf| {
        assert_eq!(world.rpc(leaf, Method::Ping.number(), b"hello").await, b"\0hello");

        let bytes = world.rpc(leaf, Method::Status.number(), &[]).await;
        let status = postcard::from_bytes::<Response<'_, Status<'_>>>(&bytes).unwrap().unwrap();
        assert_eq!((status.name, status.links, status.members), ("board", 1, 2));
        assert_eq!(status.stack_high_water, Some(1234));

        let bytes = world.rpc(leaf, Method::Members.number(), &[]).await;
        let (result, items) = postcard::take_from_bytes::<Response<'_, ()>>(&bytes).unwrap();
        assert!(result.is_ok());
        let (board, items) = postcard::take_from_bytes::<MemberItem<'_>>(items).unwrap();
        let (hub, rest) = postcard::take_from_bytes::<MemberItem<'_>>(items).unwrap();
        let mut names = [board.name, hub.name];
        names.sort_unstable();
        assert_eq!((names, rest.len()), (["board", "hub"], 0));

        let bytes = world.rpc(leaf, Method::Components.number(), &[]).await;
        let (_, items) = postcard::take_from_bytes::<Response<'_, ()>>(&bytes).unwrap();
        assert_eq!(postcard::take_from_bytes::<&str>(items).unwrap(), ("board-echo", &[][..]));

        let bytes = world.rpc(leaf, Method::KeysList.number(), &[]).await;
        let (_, items) = postcard::take_from_bytes::<Response<'_, ()>>(&bytes).unwrap();
        let (first, items) = postcard::take_from_bytes::<KeySlot>(items).unwrap();
        let (second, rest) = postcard::take_from_bytes::<KeySlot>(items).unwrap();
        assert_eq!((first.active, second.active, rest.len()), (true, false, 0));
        assert_eq!(second.info.certificate, world.hub_identity.fingerprint());
    });
}

#[test]
fn methods_of_the_firmware_and_unknown_ones_are_answered() {
    with_board(async |world, leaf| {
        let bytes = world.rpc(leaf, ECHO, b"back").await;
        assert_eq!(postcard::from_bytes::<Response<'_, &[u8]>>(&bytes).unwrap(), Ok(&b"back"[..]));
        for (method, body, code) in [
            (ECHO + 1, &b""[..], Code::UnknownMethod),
            (99, b"", Code::UnknownMethod),
            (ECHO, &[0; 3000], Code::BadRequest),
            (Method::Ping.number(), &[0; 1025], Code::BadRequest),
            (Method::KeysReplace.number(), b"no bundle", Code::BadRequest),
            (Method::KeysReplace.number(), &[0; 9000], Code::BadRequest),
        ] {
            let bytes = world.rpc(leaf, method, body).await;
            let refused = postcard::from_bytes::<Response<'_, ()>>(&bytes).unwrap().unwrap_err();
            assert_eq!(refused.code, code, "{method}: {}", refused.message);
        }
    });
}

/// Subscribes a node to a topic of the board, and returns the lease.
async fn subscribe(world: &World, leaf: Leaf<'_>, topic: &str, subscriber: NodeId) -> Result<u32, Code> {
    let body = postcard::to_extend(&Subscribe { topic, subscriber }, Vec::new()).unwrap();
    let bytes = world.rpc(leaf, Method::Subscribe.number(), &body).await;
    postcard::from_bytes::<Response<'_, u32>>(&bytes).unwrap().map_err(|error| error.code)
}

#[test]
fn a_board_has_room_for_four_subscribers_until_their_leases_end() {
    with_board(async |world, leaf| {
        let one = NodeId([1; 16]);
        assert_eq!(subscribe(world, leaf, "nothing", one).await, Err(Code::Refused));
        for number in 1..=4 {
            assert_eq!(subscribe(world, leaf, "button", NodeId([number; 16])).await, Ok(60));
        }
        assert_eq!(subscribe(world, leaf, "button", one).await, Ok(60), "it renews its own lease");
        assert_eq!(subscribe(world, leaf, "button", NodeId([5; 16])).await, Err(Code::Refused));
        Timer::after_secs(61).await;
        assert_eq!(subscribe(world, leaf, "button", NodeId([5; 16])).await, Ok(60));
        let bytes = world.rpc(leaf, Method::Subscribe.number(), &[200]).await;
        let refused = postcard::from_bytes::<Response<'_, ()>>(&bytes).unwrap().unwrap_err();
        assert_eq!(refused.code, Code::BadRequest);
    });
}

#[test]
fn an_event_that_the_board_did_not_ask_for_is_refused() {
    with_board(async |world, leaf| {
        let send = async |topic: &str, data: &[u8]| {
            let mut body =
                postcard::to_extend(&Event { topic, publisher: world.hub.id() }, Vec::new()).unwrap();
            body.extend_from_slice(data);
            let bytes = world.rpc(leaf, Method::Event.number(), &body).await;
            postcard::from_bytes::<Response<'_, ()>>(&bytes).unwrap().map_err(|error| error.code)
        };
        assert_eq!(send("other", b"1").await, Err(Code::Refused));
        assert_eq!(send(SWITCH, &[0; 1024]).await, Err(Code::BadRequest));
        assert_eq!(send(SWITCH, b"on").await, Ok(()));
        assert_eq!(EVENTS.take(), [b"on"]);
    });
}

#[test]
fn a_call_of_a_hub_without_the_method_says_so() {
    with_board(async |world, leaf| {
        let timeout = embassy_time::Duration::from_secs(2);
        let call = |node, method| MethodCall { node, method, body: b"hello", timeout };
        let mut buffer = [0; 64];
        // The hub of these tests has no methods: it answers nothing, and the time of the call ends.
        let outcome = leaf.call_method(&call(Some(world.hub.id()), ECHO), &mut buffer).await;
        assert!(outcome.is_err(), "{outcome:?}");
        assert_eq!(leaf.subscribe(world.hub.id(), &"x".repeat(64)).await, Err(CallError::BadRequest));
        assert_eq!((leaf.publish("button", b"nobody").await, leaf.find("hub")), (0, Some(world.hub.id())));
        assert_eq!(leaf.find("nobody"), None);
    });
}

#[test]
fn new_keys_replace_the_link_and_no_request_fails() {
    let (world, tasks) = world();
    let next = Identity::new();
    let (leaf_id, flash, tally) = run(tasks, async {
        world.trusted.lock().unwrap().push(next.certificate.clone());
        let new = bundle(&[&next, &world.board_identity], &[&world.hub_identity]);
        let flash = Flash::new();
        let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
        let tally = Tally::new();
        let test = async {
            leaf.linked().await;
            Timer::after_secs(2).await;
            let before = tally.good.get();
            assert!(before > 20, "{before} requests");
            let digest = world.push(leaf, &new).await.unwrap();
            Timer::after_secs(3).await;
            assert_eq!(
                world.hub.shown(),
                [world.board_identity.certificate.clone(), next.certificate.clone()]
            );
            assert_eq!((leaf.links(), world.hub.links()), (1, 1), "the old link is drained and closed");
            let keys =
                world.hub.member(leaf.id(), |member| (member.metadata.active_key, member.metadata.keyring));
            assert_eq!(keys, Some((next.fingerprint().0, digest)));
            assert!(tally.good.get() > before + 20);
        };
        let load = async {
            leaf.linked().await;
            Timer::after_millis(50).await;
            world.load(leaf, tally.clone()).await;
        };
        select(test, join(load, task)).await;
        (leaf.id(), flash, tally)
    });
    assert_eq!(*tally.bad.borrow(), Vec::<String>::new());
    // After a loss of power the board has its new keys, and is the same node.
    let (world2, mut tasks) = crate::world::world();
    tasks.truncate(2);
    run(tasks, async {
        let (leaf, _task) = board(&world2.network, flash, &[]).await;
        assert_eq!((leaf.id(), leaf.active_key()), (leaf_id, next.fingerprint()));
    });
}

#[test]
fn keys_that_arrive_before_the_hubs_hello_replace_that_link_too() {
    let (world, tasks) = world();
    run(tasks, async {
        let [second, hubs_next] = [Identity::new(), Identity::new()];
        world.trusted.lock().unwrap().push(second.certificate.clone());
        let hubs = [&world.hub_identity, &hubs_next];
        let keyring = bundle(&[&world.board_identity], &hubs);
        let (leaf, task) = board(&world.network, Flash::new(), &keyring).await;
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            // The board dials again for the hub's next certificate. The handshake is over; the link is not up.
            world.hub.reserve(true);
            world.hub.configure(&hubs_next, world.trusted.clone());
            Timer::after_secs(1).await;
            world.push(leaf, &bundle(&[&second], &hubs)).await.unwrap();
            world.hub.reserve(false);
            Timer::after_secs(3).await;
            let first = &world.board_identity.certificate;
            assert_eq!(world.hub.shown(), [first.clone(), first.clone(), second.certificate.clone()]);
            assert_eq!((leaf.links(), world.hub.links()), (1, 1));
        };
        select(test, task).await;
    });
}

#[test]
fn a_keyring_that_the_flash_does_not_store_is_not_used() {
    let (world, tasks) = world();
    let flash = Flash::new();
    run(tasks, async {
        let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            flash.fail_after(50);
            let next = bundle(&[&Identity::new()], &[&world.hub_identity]);
            let (code, message) = world.push(leaf, &next).await.unwrap_err();
            assert_eq!(code, Code::Internal, "{message}");
            Timer::after_secs(3).await;
            assert_eq!((leaf.links(), world.hub.shown().len()), (1, 1));
        };
        select(test, task).await;
        // The next start finds the old keyring; the half-written record does no harm.
        let (leaf, task) = board(&world.network, flash.copy(), &[]).await;
        select(leaf.linked(), task).await;
        assert_eq!(leaf.links(), 1);
    });
}

#[test]
fn a_hub_that_was_killed_is_dialled_with_back_off_until_it_is_back() {
    with_board(async |world, leaf| {
        world.hub.switch(false);
        Timer::after_secs(60).await;
        assert_eq!(leaf.links(), 0);
        world.hub.switch(true);
        leaf.linked().await;
        assert_eq!(world.http(leaf, "/echo", b"again").await, Ok((200, b"again".to_vec())));
    });
}

#[test]
fn a_board_notices_a_pulled_cable_and_links_again_when_it_is_back() {
    with_board(async |world, leaf| {
        world.network.plug(false);
        Timer::after_secs(30).await;
        assert_eq!((leaf.links(), world.hub.links()), (0, 0));
        world.network.plug(true);
        leaf.linked().await;
        assert_eq!(call(&leaf, "hub-echo", b"again").await, Ok((200, b"again".to_vec())));
    });
}

#[test]
fn a_hub_that_changes_its_keys_is_dialled_again_and_no_request_fails() {
    let tally = Tally::new();
    with_board(async |world, leaf| {
        let test = async {
            for _ in 0..3 {
                Timer::after_secs(1).await;
                world.hub.go_away(GoAway::Rekeyed);
            }
            Timer::after_secs(1).await;
            assert_eq!((leaf.links(), world.hub.links(), world.hub.shown().len()), (1, 1, 4));
        };
        select(test, world.load(leaf, tally.clone())).await;
    });
    assert_eq!(*tally.bad.borrow(), Vec::<String>::new());
    assert!(tally.good.get() > 20);
}

#[test]
fn a_key_update_ends_the_link_and_the_board_comes_back() {
    with_board(async |world, leaf| {
        world.hub.update_keys();
        Timer::after_secs(3).await;
        assert_eq!((leaf.links(), world.hub.shown().len()), (1, 2));
        assert_eq!(world.http(leaf, "/echo", b"again").await, Ok((200, b"again".to_vec())));
    });
}

#[test]
fn a_sleeping_board_is_not_suspected_and_comes_back() {
    with_board(async |world, leaf| {
        let known = || world.hub.member(leaf.id(), |member| (member.record.state, member.asleep));
        for _ in 0..3 {
            leaf.sleep(600).await.unwrap();
            assert_eq!((leaf.links(), world.hub.links()), (0, 0));
            Timer::after_secs(500).await;
            assert_eq!((leaf.links(), known()), (0, Some((State::Alive, true))));
            leaf.wake().unwrap();
            leaf.linked().await;
            Timer::after_secs(1).await;
            assert_eq!(known(), Some((State::Alive, false)));
            assert_eq!(world.http(leaf, "/echo", b"awake").await, Ok((200, b"awake".to_vec())));
        }
    });
}

#[test]
fn a_board_that_leaves_is_known_to_have_left() {
    with_board(async |world, leaf| {
        leaf.leave().await;
        Timer::after_secs(1).await;
        assert_eq!(world.hub.links(), 0);
        assert_eq!(world.hub.member(leaf.id(), |member| member.record.state), Some(State::Left));
    });
}
