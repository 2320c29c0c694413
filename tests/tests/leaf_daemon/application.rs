//! An application on Linux and the firmware of a board, through a real daemon between them: methods and topics.

use bytes::Bytes;
use clap::Parser as _;
use core::time::Duration;
use std::sync::mpsc;

use node_core::rpc::Code;
use node_embedded::MethodCall;
use node_std::application::{CallError, Failure, Handle};
use node_std::config::{Config, Environment, Flags};
use node_std::daemon::{Builder, Source};
use node_tests::wait::{TIMEOUT, eventually};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::board::{ECHO, EVENTS, SWITCH};
use crate::world::{BOARD, World};

/// A method of the application.
const ADD: u16 = 0x1001;

/// A node of an application, in this process, linked to the daemon of the world.
struct Hall {
    runtime: Runtime,
    node: Handle,
    /// Events of the board's button.
    button: mpsc::Receiver<Vec<u8>>,
    home: TempDir,
}

impl Hall {
    fn start(world: &World) -> Self {
        let home = tempfile::tempdir().unwrap();
        let flags = [
            "maelstromd".to_owned(),
            "--name=hall".to_owned(),
            "--private-addr=127.0.0.1:0".to_owned(),
            format!("--join={}", world.daemon.private()),
            format!("--data-dir={}", home.path().display()),
            format!("--tls-dir={}", world.made.path().display()),
        ];
        let source =
            Source { flags: Flags::try_parse_from(flags).unwrap(), environment: Environment::of_process() };
        let config = Config::resolve(source.flags.clone(), source.environment.clone()).unwrap();
        let (sender, button) = mpsc::channel();
        let builder = Builder::new(config, source)
            .method(ADD, "add", |call| async move {
                match call.body[..] {
                    [one, other] => Ok(Bytes::copy_from_slice(&[one + other])),
                    _ => Err(Failure::new(Code::BadRequest, "two bytes are added")),
                }
            })
            .publishes(SWITCH)
            .subscribe(BOARD, "button", move |event| {
                let _ = sender.send(event.data.to_vec());
                async {}
            });
        let runtime = Runtime::new().unwrap();
        let node = runtime.block_on(builder.start()).unwrap();
        let handle = node.handle();
        runtime.spawn(node.run());
        Self { runtime, node: handle, button, home }
    }
}

#[test]
fn an_application_and_a_board_call_each_other() {
    let world = World::start();
    let hall = Hall::start(&world);
    let (board, id) = (world.board.with(async |held| held.leaf.id()), hall.node.id());
    let call = |method, body: &'static [u8]| {
        let body = Bytes::from_static(body);
        hall.runtime.block_on(hall.node.call(board, method, Duration::from_secs(20), body))
    };
    // The link of a node that has just joined may take a moment.
    // The firmware encodes its result as bytes with a length.
    let echoed = eventually(|| Ok(call(ECHO, b"to the board")?)).unwrap();
    assert_eq!(postcard::from_bytes::<&[u8]>(&echoed).unwrap(), b"to the board");
    let unknown = call(ECHO + 7, b"").unwrap_err();
    assert!(matches!(unknown, CallError::Answered { code: Code::UnknownMethod, .. }), "{unknown:?}");

    let ask = |body: &'static [u8]| {
        world.board.with(async move |held| {
            let mut buffer = [0; 128];
            let timeout = embassy_time::Duration::from_secs(20);
            let call = MethodCall { node: Some(id), method: ADD, body, timeout };
            match held.leaf.call_method(&call, &mut buffer).await? {
                Ok(result) => Ok::<_, anyhow::Error>(Ok(result.to_vec())),
                Err(error) => Ok(Err((error.code, error.message.to_owned()))),
            }
        })
    };
    assert_eq!(eventually(|| ask(&[3, 4])).unwrap(), Ok(vec![7]));
    assert_eq!(ask(&[3]).unwrap(), Err((Code::BadRequest, "two bytes are added".to_owned())));
}

#[test]
fn an_application_and_a_board_subscribe_to_each_other() {
    let world = World::start();
    let hall = Hall::start(&world);
    let id = hall.node.id();
    // The application subscribes by itself, as soon as it knows the board.
    eventually(|| {
        let taken = world.board.with(async |held| held.leaf.publish("button", b"pressed").await);
        anyhow::ensure!(taken == 1, "nobody has subscribed");
        Ok(())
    })
    .unwrap();
    assert_eq!(hall.button.recv_timeout(TIMEOUT).unwrap(), b"pressed");

    let lease =
        eventually(|| Ok(world.board.with(async move |held| held.leaf.subscribe(id, SWITCH).await)?));
    assert_eq!(lease.unwrap().as_secs(), 60);
    for event in [b"on", b"no"] {
        assert_eq!(hall.node.publish(SWITCH, event), Ok(1));
    }
    eventually(|| {
        let events = world.board.with(async |_| EVENTS.with_borrow(Clone::clone));
        anyhow::ensure!(events == [b"on", b"no"], "{events:?}");
        Ok(())
    })
    .unwrap();
    let refused = world.board.with(async move |held| held.leaf.subscribe(id, "other").await);
    assert_eq!(refused, Err(node_embedded::CallError::Answered(Code::Refused)));
}

#[test]
fn an_operator_calls_methods_of_a_board_and_of_an_application() {
    let world = World::start();
    let hall = Hall::start(&world);
    let call = |node: &str, method: &str, body: [&str; 2]| -> anyhow::Result<String> {
        let output = world.ctl().run(&["call", node, method, body[0], body[1]])?;
        anyhow::ensure!(output.code == 0, "{}", output.stderr);
        Ok(output.stdout)
    };
    // The firmware encodes its result as bytes with a length.
    assert_eq!(call(BOARD, "0x1000", ["--text", "hello"]).unwrap(), "0568656c6c6f\n");
    let file = hall.home.path().join("body");
    std::fs::write(&file, [2, 3]).unwrap();
    let sum = || call("hall", "4097", ["--file", file.to_str().unwrap()]);
    // The link of a node that has just joined may take a moment.
    assert_eq!(eventually(sum).unwrap(), "05\n");
    let refused = call("hall", "0x1001", ["--hex", "02"]).unwrap_err().to_string();
    assert!(refused.contains("two bytes are added"), "{refused}");
    let unknown = call(BOARD, "0x1777", ["--hex", ""]).unwrap_err().to_string();
    assert!(unknown.contains("only echo"), "{unknown}");
    let built_in = call(BOARD, "34", ["--hex", ""]).unwrap_err().to_string();
    assert!(built_in.contains("none of an application"), "{built_in}");
}
