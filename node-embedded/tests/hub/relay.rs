//! What a hub passes on from one leaf to another.

use embassy_futures::join::join_array;
use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::id::NodeId;
use node_core::link::Service;
use node_core::time::UnixTime;
use node_embedded::{CallError, ExchangeError, Listen, Settings};

use crate::boards::{CLUSTER, HUB, World, beside, call, exchange, until, who, with_boards};
use crate::clock::run;
use crate::hub::Hub;
use crate::identity::named_bundle;

#[test]
fn a_leaf_reaches_the_component_of_another_leaf() {
    with_boards(async |_, hub, one, two| {
        exchange(&one, "two-echo").await;
        exchange(&two, "one-echo").await;
        let (_, path) = call(&one, "two-echo", "/path", b"").await.unwrap();
        assert_eq!(String::from_utf8(path).unwrap(), hub.id().to_string());
    });
}

#[test]
fn a_leaf_calls_a_method_of_another_leaf() {
    with_boards(async |_, _, one, two| {
        assert_eq!(who(&one, two.id()).await.unwrap(), "two");
        assert_eq!(who(&two, one.id()).await.unwrap(), "one");
    });
}

#[test]
fn what_nobody_offers_is_not_found() {
    with_boards(async |_, _, one, _| {
        assert_eq!(call(&one, "nobody", "/", b"").await.unwrap().0, 404);
    });
}

#[test]
fn an_unknown_node_is_not_reached() {
    with_boards(async |_, _, one, _| {
        let unknown = who(&one, NodeId([7; 16])).await.unwrap_err();
        assert!(matches!(unknown, CallError::Exchange(ExchangeError::Reset(_))), "{unknown:?}");
    });
}

/// The answers of a board that is a hub to heads with these fields, which another hub sends for a component.
fn answers_to(component: &str, fields: &[&str]) -> Vec<String> {
    let (world, mut tasks) = World::new();
    let trusted = vec![world.hub.identity.certificate.clone()];
    let (server, listening) =
        Hub::new(world.two.network, &world.two.identity, std::sync::Arc::new(trusted.into()));
    tasks.extend(listening);
    run(tasks, async {
        let others = [("one.leaf", &world.one.identity), ("two.hub", &world.two.identity)];
        let keyring = named_bundle(&[("hub.hub", &world.hub.identity)], &others);
        let settings = Settings {
            not_before: UnixTime(1_796_040_000),
            keyring: Some(Box::leak(keyring.into_boxed_slice())),
            listen: Some(Listen::at(&HUB)),
            ..Settings::new("hub", CLUSTER, &["10.0.0.3:8374"])
        };
        let (hub, one) = (world.hub.boot_with(settings).await, world.boot_leaf(&world.one).await);
        let node = hub.node;
        let test = async {
            until(|| node.links() == 2).await;
            let mut answers = Vec::new();
            for field in fields {
                let head =
                    format!("POST / HTTP/1.1\r\nmaelstrom-component: {component}\r\n{field}\r\n\r\nbody");
                let answer = server.request(node.id(), Service::Http, head.as_bytes()).await.unwrap();
                answers.push(String::from_utf8(answer).unwrap());
            }
            answers
        };
        beside([hub.task, one.task], test).await
    })
}

#[test]
fn a_field_that_ends_at_a_hop_is_the_cause_that_a_request_is_not_passed_on() {
    let fields = ["connection: close", "Keep-Alive: 5", "proxy-x: y", "te: gzip", "trailer: x", "upgrade: x"];
    for (field, answer) in fields.iter().zip(answers_to("one-echo", &fields)) {
        assert!(answer.starts_with("HTTP/1.1 400 "), "{field}: {answer}");
        let name = field.split_once(':').unwrap().0.to_ascii_lowercase().replace("proxy-x", "proxy-*");
        let (_, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(text.to_ascii_lowercase().contains(&name), "{field}: {text}");
    }
}

#[test]
fn fields_that_cross_a_link_are_passed_on() {
    for answer in
        answers_to("one-echo", &["transfer-encoding: chunked", "te: trailers", "x-connection: close"])
    {
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nbody"), "{answer}");
    }
}

#[test]
fn what_nobody_offers_is_not_found_whatever_its_fields_are() {
    for component in ["nobody", "two-echo"] {
        let answers = answers_to(component, &["connection: close"]);
        assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 404 ")), "{answers:?}");
    }
}

#[test]
fn a_leaf_that_went_away_gives_status_503() {
    with_boards(async |world, hub, one, _| {
        world.switch.plug(2, false);
        until(|| hub.links() == 1).await;
        let status = call(&one, "two-echo", "/", b"").await.unwrap().0;
        assert!(matches!(status, 404 | 503), "{status}");
    });
}

#[test]
fn requests_that_never_end_do_not_keep_an_operator_out() {
    with_boards(async |_, hub, one, two| {
        let stuck = join_array([(); 4].map(|()| call(&one, "two-echo", "/never", b"")));
        let test = async {
            Timer::after_secs(1).await;
            // A built-in method of the hub, and one that it relays.
            assert_eq!(hub.links(), 2);
            let mut answer = [0; 300];
            for node in [hub.id(), two.id()] {
                let call = node_embedded::MethodCall {
                    node: Some(node),
                    method: node_core::rpc::Method::Status.number(),
                    body: &[],
                    timeout: embassy_time::Duration::from_secs(5),
                };
                one.call_method(&call, &mut answer).await.unwrap().unwrap();
            }
        };
        select(stuck, test).await;
    });
}
