//! Topics: who subscribed gets the events, and nobody else.

use bytes::Bytes;
use node_core::id::NodeId;
use node_core::rpc::{self, Code, MAX_EVENT, Method, Subscribe};
use node_std::application::{CallError, Event, Handle, PublishError};
use node_std::daemon::Builder;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::nodes::{PATIENCE, Pair, builder, eventually, see};

/// Publishes once somebody listens, and returns for how many.
async fn publish(node: &Handle, topic: &str, event: &[u8]) -> usize {
    eventually(|| Some(node.publish(topic, event).unwrap()).filter(|subscribers| *subscribers > 0)).await
}

/// Subscribes to a topic, and hands the events on.
fn listen(
    publisher: &'static str,
    topic: &'static str,
) -> (mpsc::UnboundedReceiver<Event>, impl FnOnce(Builder) -> Builder) {
    let (sender, events) = mpsc::unbounded_channel();
    let subscribe = move |builder: Builder| {
        builder.subscribe(publisher, topic, move |event| {
            let _ = sender.send(event);
            async {}
        })
    };
    (events, subscribe)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_gets_the_events_in_order() {
    let (mut events, subscribe) = listen("ada", "temperature");
    let pair = Pair::start(|ada| ada.publishes("temperature").publishes("humidity"), subscribe).await;
    let ada = pair.ada.handle();
    assert_eq!(ada.publish("humidity", b"none listens"), Ok(0));
    for number in 0..20_u8 {
        assert_eq!(publish(&ada, "temperature", &[number]).await, 1);
    }
    for number in 0..20_u8 {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        let data = Bytes::copy_from_slice(&[number]);
        assert_eq!(event, Event { topic: "temperature".into(), publisher: ada.id(), data });
    }
    let long = vec![1; MAX_EVENT];
    publish(&ada, "temperature", &long).await;
    assert_eq!(timeout(PATIENCE, events.recv()).await.unwrap().unwrap().data, long);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_published_is_refused() {
    let pair = Pair::start(|ada| ada.publishes("temperature"), |ben| ben).await;
    let (ben, ada) = pair.ben_to_ada();
    assert_eq!(pair.ada.handle().publish("pressure", b""), Err(PublishError::Unknown("pressure".into())));
    assert_eq!(
        pair.ada.handle().publish("temperature", &[0; MAX_EVENT + 1]),
        Err(PublishError::TooLong(MAX_EVENT + 1))
    );
    let subscribe = async |topic, subscriber| {
        let body = postcard::to_extend(&Subscribe { topic, subscriber }, Vec::new()).unwrap();
        ben.call(ada, Method::Subscribe.number(), PATIENCE, body.into()).await
    };
    let refused = |answer: Result<Bytes, CallError>, part: &str| {
        let Err(CallError::Answered { code: Code::Refused, message }) = answer else { panic!("{answer:?}") };
        assert!(message.contains(part), "{message}");
    };
    refused(subscribe("pressure", ben.id()).await, "publishes no topic \"pressure\"");
    refused(subscribe("temperature", NodeId([9; 16])).await, "no live member");
    refused(subscribe("temperature", ada).await, "no live member");
    // The lease: 60 s.
    assert_eq!(subscribe("temperature", ben.id()).await, Ok(Bytes::from_static(&[60])));
    let unreadable = ben.call(ada, Method::Subscribe.number(), PATIENCE, Bytes::from_static(&[200])).await;
    assert!(matches!(unreadable, Err(CallError::Answered { code: Code::BadRequest, .. })), "{unreadable:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_did_not_subscribe_gets_no_more_than_one_event() {
    // Somebody subscribed in the name of ben, who knows nothing of it.
    let pair = Pair::start(|ada| ada.publishes("temperature"), |ben| ben).await;
    let (ben, ada) = pair.ben_to_ada();
    let subscribe = Subscribe { topic: "temperature", subscriber: ben.id() };
    let body = postcard::to_extend(&subscribe, Vec::new()).unwrap();
    ben.call(ada, Method::Subscribe.number(), PATIENCE, body.into()).await.unwrap();
    let ada = pair.ada.handle();
    assert_eq!(ada.publish("temperature", b"1"), Ok(1));
    eventually(|| (ada.publish("temperature", b"2") == Ok(0)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_asked_for_is_refused() {
    let (mut events, subscribe) = listen("ada", "temperature");
    let pair = Pair::start(|ada| ada.publishes("temperature"), subscribe).await;
    let (ada, ben) = (pair.ada.handle(), pair.ben.handle());
    let send = async |topic, publisher| {
        let mut body = postcard::to_extend(&rpc::Event { topic, publisher }, Vec::new()).unwrap();
        body.extend_from_slice(b"made up");
        ada.call(ben.id(), Method::Event.number(), PATIENCE, body.into()).await
    };
    for (topic, publisher) in
        [("pressure", ada.id()), ("temperature", ben.id()), ("temperature", NodeId([9; 16]))]
    {
        let answer = send(topic, publisher).await;
        assert!(matches!(answer, Err(CallError::Answered { code: Code::Refused, .. })), "{answer:?}");
    }
    assert!(events.try_recv().is_err());
    assert_eq!(send("temperature", ada.id()).await, Ok(Bytes::new()));
    assert_eq!(&events.recv().await.unwrap().data[..], b"made up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_loses_events_and_delays_nobody() {
    let (mut events, subscribe) = listen("ada", "temperature");
    let pair = Pair::start(|ada| ada.publishes("temperature"), subscribe).await;
    let ada = pair.ada.handle();
    publish(&ada, "temperature", b"first").await;
    timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    let home = tempfile::tempdir().unwrap();
    let slow =
        builder("slow", home.path(), Some(&ada)).subscribe("ada", "temperature", |_| core::future::pending());
    let slow = slow.start().await.unwrap();
    see(&ada, "slow").await;
    eventually(|| (ada.publish("temperature", b"both") == Ok(2)).then_some(())).await;
    while events.try_recv().is_ok() {}
    // More than its queue holds. The other one takes each.
    for number in 0..100_u8 {
        publish(&ada, "temperature", &[number]).await;
        let next = async {
            loop {
                let event = events.recv().await.unwrap();
                if event.data == [number][..] {
                    return;
                }
            }
        };
        timeout(PATIENCE, next).await.unwrap();
    }
    assert_eq!(ada.publish("temperature", b"last"), Ok(1), "the queue of the slow one is full");
    slow.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_comes_back_is_subscribed_to_again() {
    let (mut events, subscribe) = listen("ada", "temperature");
    let homes = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let hub = builder("hub", homes[0].path(), None);
    let hub = subscribe(hub).start().await.unwrap();
    for round in [b"1", b"2"] {
        let ada = builder("ada", homes[1].path(), Some(&hub.handle())).publishes("temperature");
        let ada = ada.start().await.unwrap();
        let said = async {
            loop {
                publish(&ada.handle(), "temperature", round).await;
                let event = events.recv().await.unwrap();
                if event.data == round[..] {
                    return;
                }
            }
        };
        timeout(PATIENCE, said).await.unwrap();
        ada.stop().await;
    }
}
