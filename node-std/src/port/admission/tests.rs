use core::net::IpAddr;
use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Admission, Full, Places, RESERVED, Ticket, Wish};
use crate::api::PortConnections;
use crate::port::testing::{admission, enter};
use crate::proxy::ProxyError;

fn from(admission: &Arc<Admission>, source: &str) -> (Ticket, JoinHandle<()>) {
    enter(admission, source.parse().unwrap())
}

fn many(admission: &Arc<Admission>, count: usize, source: &str) -> Vec<(Ticket, JoinHandle<()>)> {
    (0..count).map(|_| from(admission, source)).collect()
}

/// Those with a place, whether their source may have one or not.
fn admitted(admission: &Arc<Admission>, count: usize, source: &str) -> Vec<Ticket> {
    let tickets = (0..count).map(|_| from(admission, source).0);
    tickets.inspect(|ticket| ticket.admit(Wish::Http).unwrap()).collect()
}

async fn was_dropped(task: &mut JoinHandle<()>) -> bool {
    tokio::task::yield_now().await;
    task.is_finished()
}

#[tokio::test]
async fn a_flood_pushes_out_itself() {
    let admission = admission(256, 256);
    let mut client = from(&admission, "10.0.0.9");
    // 64 may wait, 32 of one source.
    let mut first = many(&admission, 32, "10.0.0.1");
    let mut second = many(&admission, 100, "10.0.0.2");
    assert!(was_dropped(&mut first[0].1).await, "the oldest of all sources that have the most");
    assert!(!was_dropped(&mut first[1].1).await);
    assert!(was_dropped(&mut second[67].1).await && !was_dropped(&mut second[68].1).await);
    assert!(!was_dropped(&mut client.1).await, "others are not touched");
    assert_eq!(client.0.admit(Wish::Http), Ok(()));
    assert_eq!(first[0].0.admit(Wish::Http), Err(Full::Dropped));
}

#[tokio::test]
async fn one_source_does_not_fill_the_pool() {
    let admission = admission(256, 256);
    let mut flood = many(&admission, 33, "10.0.0.1");
    assert!(was_dropped(&mut flood[0].1).await && !was_dropped(&mut flood[1].1).await);
    let mut local = many(&admission, 31, "127.0.0.1");
    assert!(!was_dropped(&mut local[0].1).await);
}

#[tokio::test]
async fn when_every_source_has_one_the_oldest_goes() {
    let admission = admission(256, 256);
    let mut flood: Vec<_> = (0..65).map(|last| from(&admission, &format!("10.0.0.{last}"))).collect();
    assert!(was_dropped(&mut flood[0].1).await);
    for (_, task) in &mut flood[1..] {
        assert!(!was_dropped(task).await);
    }
}

#[tokio::test]
async fn this_machine_and_trusted_proxies_are_many_clients() {
    let trusted = ["10.1.0.0/16".parse().unwrap()];
    let admission =
        Admission::new("test", Places::new(64, 2), &trusted, &Arc::new(PortConnections::default()));
    for source in ["127.0.0.1", "::1", "10.1.2.3", "::ffff:10.1.2.3"] {
        let tickets = admitted(&admission, 4, source);
        assert_eq!(tickets.len(), 4);
    }
    let _two = admitted(&admission, 2, "10.2.0.1");
    assert_eq!(from(&admission, "10.2.0.1").0.admit(Wish::Http), Err(Full::Source));
    assert_eq!(from(&admission, "10.2.0.2").0.admit(Wish::Http), Ok(()));
}

#[tokio::test]
async fn operators_have_places_of_their_own() {
    let admission = admission(4, 4);
    let taken = admitted(&admission, 4, "10.0.0.1");
    let other = from(&admission, "10.0.0.2").0;
    assert_eq!(other.admit(Wish::Http), Err(Full::Port));
    let mut operators = Vec::new();
    for _ in 0..RESERVED {
        let operator = from(&admission, "10.0.0.3").0;
        assert_eq!(operator.admit(Wish::Operator), Ok(()));
        assert!(operator.drain().is_cancelled(), "the place is for one call");
        operators.push(operator);
    }
    let one_more = from(&admission, "10.0.0.3").0;
    assert_eq!(one_more.admit(Wish::Operator), Err(Full::Port));
    operators.pop();
    assert_eq!(one_more.admit(Wish::Operator), Ok(()));
    // The places of operators are not for others.
    assert_eq!(other.admit(Wish::Http), Err(Full::Port));
    drop(taken);
    assert_eq!(other.admit(Wish::Http), Ok(()));
    assert!(!other.drain().is_cancelled());
}

#[tokio::test]
async fn connections_end_when_places_are_rare() {
    let admission = admission(5, 5);
    let link = from(&admission, "10.0.0.1").0;
    link.admit(Wish::Link).unwrap();
    let first = admitted(&admission, 2, "10.0.0.1");
    let other = admitted(&admission, 1, "10.0.0.2");
    let ended = |tickets: &[Ticket]| tickets.iter().filter(|ticket| ticket.drain().is_cancelled()).count();
    assert_eq!((ended(&first), ended(&other)), (0, 0));
    // One place is left.
    let last = admitted(&admission, 1, "10.0.0.2");
    assert!(first[0].drain().is_cancelled(), "the oldest of the source with the most");
    assert_eq!((ended(&first), ended(&other), ended(&last)), (1, 0, 0));
    assert!(!link.drain().is_cancelled(), "a link goes on");
}

#[tokio::test]
async fn whoever_finds_no_place_is_told_so_and_probes_are_answered() {
    let counts = Arc::new(PortConnections::default());
    let admission = Admission::new("test", Places::new(1, 1), &[], &counts);
    let taken = admitted(&admission, 1, "10.0.0.1");
    let (client, probe) = (from(&admission, "10.0.0.2").0, from(&admission, "10.0.0.3").0);
    let error = client.admit_request(Wish::Http, false).unwrap_err();
    assert_eq!(error.status(), 503);
    assert!(
        matches!(&error, ProxyError::Busy { reason, .. } if reason.contains("limits.connections")),
        "{error}"
    );
    assert_eq!(probe.admit_request(Wish::Http, true), Ok(()));
    for ticket in [&client, &probe] {
        assert!(ticket.drain().is_cancelled() && !ticket.is_admitted());
    }
    let seen = json!({"unauthenticated": 2, "open": 1, "dropped": 0, "refused": 1, "ended": 1});
    assert_eq!(json!(*counts), seen);
    drop((taken, client, probe));
    let seen = json!({"unauthenticated": 0, "open": 0, "dropped": 0, "refused": 1, "ended": 1});
    assert_eq!(json!(*counts), seen);
}

#[tokio::test]
async fn a_port_that_drains_ends_its_connections() {
    let (admission, drain) = (admission(4, 4), CancellationToken::new());
    let mut held = None;
    admission.enter(IpAddr::from([10, 0, 0, 1]), &drain, |ticket| {
        held = Some(ticket);
        tokio::spawn(async {}).abort_handle()
    });
    drain.cancel();
    assert!(held.unwrap().drain().is_cancelled());
}
