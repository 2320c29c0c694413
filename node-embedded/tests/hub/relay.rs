//! What a hub passes on from one leaf to another.

use embassy_futures::join::join_array;
use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::id::NodeId;
use node_embedded::{CallError, ExchangeError};

use crate::boards::{call, exchange, until, who, with_boards};

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
