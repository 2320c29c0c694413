//! Methods of an application, and calls of them.

use core::future::pending;
use core::time::Duration;

use bytes::Bytes;
use node_core::rpc::{Code, MAX_BODY, Method};
use node_std::application::{CallError, Failure};
use node_std::daemon::Builder;
use node_std::link::ExchangeError;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::nodes::{PATIENCE, Pair, builder};

const ECHO: u16 = 0x1000;
const REFUSE: u16 = 0x1001;
const HANG: u16 = 0x1002;
const TALK: u16 = 0x1003;

/// Tells when it is dropped.
struct Told(mpsc::UnboundedSender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// A pair whose first node has methods. One of them never ends: it tells when it begins, and when it is dropped.
async fn pair() -> (Pair, mpsc::UnboundedReceiver<&'static str>) {
    let (tell, told) = mpsc::unbounded_channel();
    let methods = move |builder: Builder| {
        builder
            .method(ECHO, "echo", |call| async move { Ok(call.body) })
            .method(REFUSE, "refuse", |_| async {
                Err(Failure::new(Code::Refused, "not today: é".repeat(40)))
            })
            .method(TALK, "talk", |_| async { Ok(Bytes::from(vec![7; MAX_BODY + 1])) })
            .method(HANG, "hang", move |_| {
                let tell = tell.clone();
                async move {
                    let _ = tell.send("begun");
                    let _told = Told(tell);
                    pending().await
                }
            })
    };
    (Pair::start(methods, |builder| builder).await, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_calls_a_method_and_has_its_result() {
    let (pair, _told) = pair().await;
    let (ben, ada) = pair.ben_to_ada();
    for length in [0, 1, 5000, MAX_BODY] {
        let body = Bytes::from(vec![3; length]);
        assert_eq!(ben.call(ada, ECHO, PATIENCE, body.clone()).await, Ok(body));
    }
    assert_eq!(pair.ada.handle().call(ada, ECHO, PATIENCE, Bytes::from("me")).await, Ok("me".into()));
    // Built-in methods are called in the same way.
    let pong = ben.call(ada, Method::Ping.number(), PATIENCE, Bytes::from("ping")).await;
    assert_eq!(pong, Ok("ping".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_arrive_with_their_kind() {
    let (pair, _told) = pair().await;
    let (ben, ada) = pair.ben_to_ada();
    let call = async |method, body: Bytes| ben.call(ada, method, PATIENCE, body).await;
    let Err(CallError::Answered { code, message }) = call(REFUSE, Bytes::new()).await else {
        panic!("no error of the node")
    };
    assert_eq!(code, Code::Refused);
    assert!(message.starts_with("not today: é") && message.len() <= 256, "{message}");
    let codes = [(0x1fff, Code::UnknownMethod), (TALK, Code::Internal)];
    for (method, expected) in codes {
        let answer = call(method, Bytes::new()).await;
        assert!(matches!(&answer, Err(CallError::Answered { code, .. }) if *code == expected), "{answer:?}");
        let here = pair.ada.handle().call(ada, method, PATIENCE, Bytes::new()).await;
        assert!(matches!(&here, Err(CallError::Answered { code, .. }) if *code == expected), "{here:?}");
    }
    let body = Bytes::from(vec![0; MAX_BODY + 1]);
    assert_eq!(call(ECHO, body).await, Err(CallError::TooLong(MAX_BODY)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_ends_the_work() {
    let (pair, mut told) = pair().await;
    let (ben, ada) = pair.ben_to_ada();
    let call =
        tokio::spawn(async move { ben.call(ada, HANG, Duration::from_secs(3600), Bytes::new()).await });
    assert_eq!(told.recv().await, Some("begun"));
    call.abort();
    assert_eq!(timeout(PATIENCE, told.recv()).await, Ok(Some("dropped")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_call_is_the_time_of_the_work() {
    let (pair, mut told) = pair().await;
    let (ben, ada) = pair.ben_to_ada();
    let error = ben.call(ada, HANG, Duration::from_millis(300), Bytes::new()).await.unwrap_err();
    assert!(
        matches!(error, CallError::Exchange(ExchangeError::Timeout(_) | ExchangeError::Reset(_))),
        "{error:?}"
    );
    assert_eq!(told.recv().await, Some("begun"));
    assert_eq!(timeout(PATIENCE, told.recv()).await, Ok(Some("dropped")));
}

#[tokio::test]
async fn mistakes_of_the_application_keep_the_node_from_starting() {
    let home = tempfile::tempdir().unwrap();
    let many = |builder: Builder| (0..65).fold(builder, |builder, _| builder.publishes("t"));
    type Add = fn(Builder) -> Builder;
    let mistakes: [(Add, &str); 4] = [
        (|node| node.method(7, "seven", |call| async move { Ok(call.body) }), "from 4096 on"),
        (
            |node| {
                let node = node.method(ECHO, "one", |call| async move { Ok(call.body) });
                node.method(ECHO, "two", |call| async move { Ok(call.body) })
            },
            "one and two have one number",
        ),
        (|node| node.publishes("a topic"), "\"a topic\" is no topic"),
        (|node| node.subscribe("ada", "", |_| async {}), "is no topic"),
    ];
    for (add, said) in mistakes {
        let error = add(builder("ada", home.path(), None)).start().await.err().unwrap();
        assert!(error.to_string().contains(said), "{error}");
    }
    let error = many(builder("ada", home.path(), None)).start().await.err().unwrap();
    assert!(error.to_string().contains("one too many"), "{error}");
}
