//! The examples of `boards/examples`, on a board that is linked.

use core::cell::Cell;

use embassy_futures::select::{Either, select};
use embassy_time::Timer;
use node_core::link::Service;
use node_core::rpc::{Code, Response};
use node_embedded::{Application, CallError, Leaf, LeafResources, Parts, start};
use rand_core::OsRng;

use crate::board::settings;
use crate::clock::run;
use crate::flash::{self, Flash};
use crate::world::{World, with_board, world};

#[path = "../../../boards/examples/calls.rs"]
mod calls;
#[path = "../../../boards/examples/component.rs"]
mod component;
#[path = "../../../boards/examples/method.rs"]
mod method;

/// Runs `test` with a board that has this application.
fn with(application: impl Application, test: impl AsyncFnOnce(&World, Leaf<'static>)) {
    let (world, tasks) = world();
    run(tasks, async {
        let network = world.network.board;
        let (rng, flash, flash_range) = (OsRng, Flash::new(), flash::RANGE);
        let parts = Parts { network, rng, flash, flash_range, application };
        let resources = Box::leak(Box::new(LeafResources::new()));
        let (leaf, mut runner) = start(resources, settings(&world.keyring()), parts).await.unwrap();
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            test(&world, leaf).await;
        };
        match select(test, runner.run()).await {
            Either::First(()) => {}
            Either::Second(never) => never,
        }
    });
}

#[test]
fn a_component_answers_and_changes() {
    with(component::Thermostat { target: Cell::new(200) }, async |world, leaf| {
        let ask = async |line: &str, body: &str| {
            let request = format!(
                "{line} HTTP/1.1\r\nmaelstrom-component: thermostat\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let answer = world.hub.request(leaf.id(), Service::Http, request.as_bytes()).await.unwrap();
            String::from_utf8(answer).unwrap()
        };
        assert!(ask("PUT /target", "215").await.starts_with("HTTP/1.1 204"));
        for wrong in ["", "49", "301", "warm", "2150"] {
            assert!(ask("PUT /target", wrong).await.starts_with("HTTP/1.1 400"), "{wrong}");
        }
        assert!(ask("GET /", "").await.ends_with("\r\n\r\n{\"target\": 215}"));
        assert!(ask("GET /other", "").await.starts_with("HTTP/1.1 404"));
    });
}

#[test]
fn a_method_switches_and_reads() {
    with(method::Lamp::default(), async |world, leaf| {
        let call = async |method: u16, body: &[u8]| world.rpc(leaf, method, body).await;
        let bytes = call(method::SWITCH, &[1]).await;
        assert_eq!(postcard::from_bytes::<Response<'_, bool>>(&bytes).unwrap(), Ok(false));
        let bytes = call(method::READ, &[]).await;
        let state = method::State { on: true, switched: 1 };
        assert_eq!(postcard::from_bytes::<Response<'_, method::State>>(&bytes).unwrap(), Ok(state));
        for (method, body, code) in [
            (method::SWITCH, &[2][..], Code::BadRequest),
            (method::READ, &[2], Code::BadRequest),
            (method::READ + 1, &[], Code::UnknownMethod),
        ] {
            let bytes = call(method, body).await;
            let refused = postcard::from_bytes::<Response<'_, ()>>(&bytes).unwrap().unwrap_err();
            assert_eq!(refused.code, code, "{method} {body:?}");
        }
    });
}

#[test]
fn a_call_arrives_and_is_made_again_when_nobody_took_it() {
    with_board(async |world, leaf| {
        let mut answer = [0; 64];
        let echoed = calls::report(leaf, "hub-echo", -15, &mut answer).await;
        assert_eq!(echoed, Ok(&b"{\"tenths\": -15}"[..]));
        // The link is lost, and the first call finds no other one in time.
        world.hub.switch(false);
        Timer::after_secs(1).await;
        let back = async {
            Timer::after_secs(12).await;
            world.hub.switch(true);
            core::future::pending::<()>().await;
        };
        let mut answer = [0; 64];
        match select(calls::report(leaf, "hub-echo", 7, &mut answer), back).await {
            Either::First(echoed) => assert_eq!(echoed, Ok(&b"{\"tenths\": 7}"[..])),
            Either::Second(()) => unreachable!("it waits for ever"),
        }
        world.hub.switch(false);
        Timer::after_secs(1).await;
        let failed = calls::report(leaf, "hub-echo", 7, &mut answer).await;
        assert_eq!(failed, Err(CallError::NoLink));
    });
}
