//! Operators watch a cluster and act on it, with real daemons.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::ensure;
use node_tests::cluster::Cluster;
use node_tests::daemon::{Daemon, Mark, Signal};
use node_tests::programs;
use node_tests::wait::eventually;
use serde_json::Value;

fn cluster() -> Cluster {
    Cluster::plaintext(&["ada", "ben", "cleo"], |setup| setup).unwrap()
}

/// Starts a maelctl that prints the events of the node at this address.
fn follow(private: SocketAddr) -> Child {
    Command::new(programs::maelctl().unwrap())
        .args(["--url", &format!("http://{private}"), "--json", "cluster", "events", "--follow"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The states of a node, in the order in which another learned them.
fn states(events: &Value, name: &str) -> Vec<String> {
    let events = events["events"].as_array().unwrap().iter();
    events
        .filter(|event| event["name"] == name)
        .map(|event| event["state"].as_str().unwrap().to_owned())
        .collect()
}

/// A suspicion of a node by its own evidence.
struct Suspicion {
    reason: String,
    /// Whether the node stalled meanwhile.
    stalled: bool,
}

/// The first suspicion of a node, if it comes from its own evidence.
fn own_suspicion(node: &Daemon) -> Option<Suspicion> {
    let answer = node.ctl().json(&["cluster", "events"]).unwrap();
    let suspicion = answer["events"].as_array().unwrap().iter().find(|event| event["state"] == "suspect");
    let suspicion = suspicion.unwrap();
    assert!(suspicion["by"].is_string(), "{answer}");
    if suspicion["by"] == answer["respondingNodeId"] {
        assert!(suspicion["reason"].is_string(), "{answer}");
    }
    let logs = node.logs_after(Mark::default());
    let stalled = logs.iter().any(|line| line.contains("this node stalled"));
    Some(Suspicion { reason: suspicion["reason"].as_str()?.to_owned(), stalled })
}

#[test]
fn a_killed_node_is_suspected_for_a_reason_then_down_and_can_be_removed() {
    let mut cluster = cluster();
    cluster.is_whole().unwrap();
    let ctl = cluster.nodes[0].ctl();
    let refused = ctl.run(&["cluster", "remove", "cleo"]).unwrap();
    assert!(refused.code == 1 && refused.stderr.contains("only a member that is down"), "{refused:?}");
    cluster.nodes[2].kill();
    for node in &cluster.nodes[..2] {
        eventually(|| node.ctl().sees("cleo", "down")).unwrap();
        let events = node.ctl().json(&["cluster", "events"]).unwrap();
        assert_eq!(states(&events, "cleo"), ["alive", "suspect", "down"], "{events}");
    }
    let reasons = cluster.nodes[..2].iter().filter_map(own_suspicion).collect::<Vec<_>>();
    assert!(!reasons.is_empty(), "no node suspects it by its own evidence");
    for Suspicion { reason, stalled } in reasons {
        // On a busy machine the node itself may have stalled: then it says so, and gives the suspect more time.
        let known = reason == "nothing listens at its address";
        assert!(known || (stalled && reason.contains("stalled itself")), "{reason}");
    }
    let people = ctl.run(&["cluster", "events"]).unwrap();
    assert!(people.stdout.lines().any(|line| line.contains("cleo") && line.contains("is down, was suspect")));

    let removed = ctl.run(&["cluster", "remove", "cleo"]).unwrap();
    assert_eq!(removed.code, 0, "{removed:?}");
    for node in &cluster.nodes[..2] {
        eventually(|| node.ctl().sees("cleo", "left")).unwrap();
    }
    cluster.nodes[2].restart().unwrap();
    for node in &cluster.nodes {
        eventually(|| node.ctl().sees("cleo", "alive")).unwrap();
    }
}

#[test]
fn links_are_listed_with_their_dialler_and_what_they_carry() {
    let cluster = cluster();
    cluster.is_whole().unwrap();
    let mut dialled = 0;
    for node in &cluster.nodes {
        let others = cluster.nodes.iter().map(|other| other.name()).filter(|other| *other != node.name());
        let others: Vec<&str> = others.collect();
        let links = eventually(|| {
            let answer = node.ctl().json(&["cluster", "links"])?;
            let links = answer["links"].as_array().cloned().unwrap_or_default();
            let names: Vec<&str> = links.iter().filter_map(|link| link["name"].as_str()).collect();
            ensure!(names.len() == 2 && others.iter().all(|other| names.contains(other)), "{answer}");
            // A link carries gossip once the dialler has said so, right after hello.
            ensure!(links.iter().all(|link| link["gossip"] == true && link["kind"] == "hub"), "{answer}");
            Ok(links)
        })
        .unwrap();
        dialled += links.iter().filter(|link| link["dialled"] == true).count();
    }
    assert_eq!(dialled, 3, "each link was dialled by one of its ends");
    let people = cluster.nodes[0].ctl().run(&["cluster", "links"]).unwrap();
    assert!(people.stdout.starts_with("NAME") && people.stdout.contains("ben"), "{people:?}");
}

#[test]
fn cluster_leave_makes_a_node_leave_and_stop() {
    let mut cluster = cluster();
    cluster.is_whole().unwrap();
    let leave = cluster.nodes[1].ctl().run(&["cluster", "leave"]).unwrap();
    assert_eq!(leave.code, 0, "{leave:?}");
    assert!(cluster.nodes[1].wait_for_exit().unwrap().success());
    for node in [0, 2] {
        let ctl = cluster.nodes[node].ctl();
        eventually(|| ctl.sees("ben", "left")).unwrap();
        assert_eq!(states(&ctl.json(&["cluster", "events"]).unwrap(), "ben"), ["alive", "left"]);
    }
}

#[test]
fn a_node_whose_events_are_followed_stops_without_waiting() {
    let mut cluster =
        Cluster::plaintext(&["ada", "ben"], |setup| setup.flag("--log", "info,node_std=debug")).unwrap();
    cluster.is_whole().unwrap();
    let node = &mut cluster.nodes[0];
    let mut following = follow(node.private());
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    // A follower that has all past events asks for more immediately, and waits.
    eventually(|| {
        let logs = node.logs_after(Mark::default());
        let asked = logs.iter().filter(|line| line.contains("MaelNode.ListEvents"));
        ensure!(asked.count() == 2, "it did not ask again");
        Ok(())
    })
    .unwrap();
    node.signal(Signal::TERM).unwrap();
    assert!(node.wait_for_exit().unwrap().success());
    node.wait_for_log("stopped").unwrap();
    let logs = node.logs_after(Mark::default());
    assert!(!logs.iter().any(|line| line.contains("requests under way")), "{logs:?}");
    assert!(!following.wait().unwrap().success(), "its node has stopped");
}

#[test]
fn events_are_followed_as_they_happen() {
    let mut cluster = cluster();
    cluster.is_whole().unwrap();
    let mut following = follow(cluster.nodes[0].private());
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    cluster.nodes[2].kill();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let about_cleo = core::iter::from_fn(|| Some(next())).filter(|event| event["name"] == "cleo");
    let seen: Vec<String> =
        about_cleo.map(|event| event["state"].as_str().unwrap().to_owned()).take(3).collect();
    following.kill().unwrap();
    following.wait().unwrap();
    assert_eq!(seen, ["alive", "suspect", "down"]);
}
