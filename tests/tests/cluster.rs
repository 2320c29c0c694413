//! Daemons find each other, notice members that leave or fail, and remember their identity.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::ensure;
use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Mark, Setup, Signal};
use node_tests::http::Curl;
use node_tests::wait::eventually;

fn three() -> Cluster {
    Cluster::plaintext(&["ada", "ben", "cleo"], |setup| setup).unwrap()
}

#[test]
fn a_node_joins_through_any_member() {
    let cluster = three();
    // A node joins through the last member as well as through the first.
    let dora = Setup::named("dora").unwrap().join(cluster.nodes[2].private()).start().unwrap();
    for node in cluster.nodes.iter().chain([&dora]) {
        eventually(|| {
            let nodes = node.ctl().nodes()?;
            ensure!(nodes.len() == 4 && nodes.iter().all(|node| node.state == "alive"), "{nodes:?}");
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn all_nodes_show_the_same_of_each() {
    let cluster = three();
    for node in &cluster.nodes {
        let expected = cluster.nodes[0].ctl().node(node.name()).unwrap();
        assert_eq!(expected.kind, "hub");
        assert_eq!(expected.peer_url, Some(format!("http://{}", node.private())));
        for other in &cluster.nodes {
            let mut seen = other.ctl().node(node.name()).unwrap();
            // Each node shows its own links.
            seen.linked = expected.linked;
            assert_eq!(seen, expected);
        }
    }
}

#[test]
fn a_killed_node_is_suspected_then_down_and_comes_back_as_itself() {
    let mut cluster = three();
    let mark = cluster.nodes[0].mark();
    let id = cluster.nodes[0].ctl().node("cleo").unwrap().node_id;
    cluster.nodes[2].kill();
    cluster.nodes[0].wait_for_log_after(mark, "cleo is suspect").unwrap();
    for node in &cluster.nodes[..2] {
        eventually(|| node.ctl().sees("cleo", "down")).unwrap();
    }
    cluster.nodes[2].restart().unwrap();
    cluster.is_whole().unwrap();
    assert_eq!(cluster.nodes[0].ctl().node("cleo").unwrap().node_id, id);
}

#[test]
fn a_node_dials_what_others_advertise_only_within_its_ranges() {
    let at = |last| SocketAddr::from(([127, 0, 0, last], 0));
    let ada = Setup::named("ada").unwrap().private(at(1)).start().unwrap();
    // The address to join through lies outside of the range, and is dialled.
    let ben = Setup::named("ben").unwrap().private(at(2)).flag("--dial-range", "127.0.0.2/32");
    let ben = ben.join(ada.private()).start().unwrap();
    let cleo = Setup::named("cleo").unwrap().private(at(1)).flag("--dial-range", "127.0.0.1/32");
    let cleo = cleo.join(ada.private()).start().unwrap();
    cleo.wait_for_log("cannot dial ben: 127.0.0.2 lies outside of every --dial-range (MAEL_DIAL_RANGES)")
        .unwrap();
    ben.wait_for_log("cannot dial cleo: 127.0.0.1 lies outside of every --dial-range").unwrap();
    eventually(|| {
        let nodes = ada.ctl().nodes()?;
        ensure!(nodes.iter().filter(|node| node.linked).count() == 2, "{nodes:?}");
        Ok(())
    })
    .unwrap();
    for (node, other) in [(&ben, "cleo"), (&cleo, "ben")] {
        assert!(node.ctl().node("ada").unwrap().linked);
        assert!(!node.ctl().node(other).unwrap().linked);
    }
}

#[test]
fn a_stopped_node_has_left() {
    let mut cluster = three();
    cluster.nodes[2].signal(Signal::TERM).unwrap();
    assert!(cluster.nodes[2].wait_for_exit().unwrap().success());
    for node in &cluster.nodes[..2] {
        eventually(|| node.ctl().sees("cleo", "left")).unwrap();
    }
    cluster.nodes[2].restart().unwrap();
    cluster.is_whole().unwrap();
}

#[test]
fn a_stopped_node_answers_the_requests_under_way() {
    let component = Component::start("slow").unwrap();
    let mut cluster =
        Cluster::plaintext(&["ada", "ben"], |setup| setup.component("slow", &component.url())).unwrap();
    let direct = format!("{}/slow/hold", cluster.nodes[1].gateway());
    let client = std::thread::spawn(move || Curl::get(&direct).send());
    component.holds(1).unwrap();
    let mark = cluster.nodes[1].mark();
    cluster.nodes[1].signal(Signal::TERM).unwrap();
    cluster.nodes[1].wait_for_log_after(mark, "leaving").unwrap();
    // An operator who stops a daemon by its process and by its group sends the signal twice.
    cluster.nodes[1].signal(Signal::TERM).unwrap();
    eventually(|| cluster.nodes[0].ctl().sees("ben", "left")).unwrap();
    component.release();
    let answer = client.join().unwrap().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "released"));
    assert!(cluster.nodes[1].wait_for_exit().unwrap().success());
}

#[test]
fn a_stopped_node_answers_the_requests_of_another_node() {
    let component = Component::start("slow").unwrap();
    let mut cluster = Cluster::plaintext(&["ada", "ben"], |setup| setup).unwrap();
    let cleo = Setup::named("cleo").unwrap().join(cluster.nodes[0].private());
    let mut cleo = cleo.component("slow", &component.url()).start().unwrap();
    eventually(|| cluster.nodes[1].ctl().sees("cleo", "alive")).unwrap();
    let url = format!("{}/slow/hold", cluster.nodes[1].gateway());
    let client = std::thread::spawn(move || Curl::get(&url).send());
    component.holds(1).unwrap();
    cleo.signal(Signal::TERM).unwrap();
    cleo.wait_for_log("leaving").unwrap();
    component.release();
    let answer = client.join().unwrap().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "released"));
    assert!(cleo.wait_for_exit().unwrap().success());
    // The others run on as before.
    cluster.nodes.truncate(2);
    cluster.is_whole().unwrap();
}

#[test]
fn an_unreachable_seed_is_named_and_tried_again() {
    // Bound, so that nobody else takes the port, and closed before the node comes up there.
    let seed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = seed.local_addr().unwrap();
    drop(seed);
    let early = Setup::named("early").unwrap().gateway().join(addr).start().unwrap();
    let line = early.wait_for_log("cannot dial").unwrap();
    assert!(line.contains(&addr.to_string()), "{line}");
    early.ctl().sees("early", "alive").unwrap();
    let status = || Curl::get(&format!("{}/shop/", early.gateway())).send().unwrap().status;
    assert_eq!(status(), 503);
    let late = Setup::named("late").unwrap().private(addr).start().unwrap();
    eventually(|| early.ctl().sees("late", "alive")).unwrap();
    eventually(|| late.ctl().sees("early", "alive")).unwrap();
    // Now it knows that no member offers it.
    assert_eq!(status(), 404);
}

#[test]
fn a_node_remembers_where_its_cluster_was() {
    let cluster = three();
    let alone = Setup::named("dora").unwrap();
    let mut dora = alone.clone().join(cluster.nodes[0].private()).start().unwrap();
    eventually(|| {
        let hubs = std::fs::read_to_string(alone.home().join("data/hubs"))?;
        ensure!(hubs.lines().count() == 3, "{hubs}");
        Ok(())
    })
    .unwrap();
    dora.signal(Signal::TERM).unwrap();
    assert!(dora.wait_for_exit().unwrap().success());
    // It has left and comes back at another address: no member dials it there, and it has no join address.
    let dora = alone.start().unwrap();
    eventually(|| dora.ctl().sees("ada", "alive")).unwrap();
}

#[test]
fn two_nodes_with_a_duplicate_name_are_both_members_and_told_apart() {
    let ada = Setup::named("ada").unwrap().start().unwrap();
    let twin = || Setup::named("twin").unwrap().join(ada.private()).start().unwrap();
    let twins = [twin(), twin()];
    let ids = twins.each_ref().map(|twin| {
        let nodes = twin.ctl().json(&["cluster", "nodes"]).unwrap();
        nodes["respondingNodeId"].as_str().unwrap().to_owned()
    });
    let both = |node: &Daemon| {
        let nodes = node.ctl().nodes()?;
        let lives = |id: &String| nodes.iter().any(|node| node.node_id == *id && node.state == "alive");
        ensure!(ids.iter().all(lives), "{nodes:?}");
        Ok(())
    };
    eventually(|| both(&ada)).unwrap();
    // It learns of both in one message.
    let mut cleo = Setup::named("cleo").unwrap().join(ada.private()).start().unwrap();
    for node in twins.iter().chain([&ada, &cleo]) {
        eventually(|| both(node)).unwrap();
    }
    let refused = cleo.ctl().run(&["ping", "twin"]).unwrap();
    assert!(refused.code == 1 && refused.stderr.contains("several nodes are named twin"), "{refused:?}");
    assert!(ids.iter().all(|id| refused.stderr.contains(id)), "{refused:?}");
    for id in &ids {
        assert_eq!(cleo.ctl().json(&["ping", id]).unwrap()["node"], **id);
    }
    // Its log is whole when it has stopped.
    cleo.signal(Signal::TERM).unwrap();
    assert!(cleo.wait_for_exit().unwrap().success());
    let logs = cleo.logs_after(Mark::default());
    let warnings: Vec<_> = logs.iter().filter(|line| line.contains("two nodes are named twin")).collect();
    assert!(warnings.len() == 1 && ids.iter().all(|id| warnings[0].contains(id)), "{logs:?}");
}

#[test]
fn two_daemons_do_not_share_a_data_directory() {
    let first = Setup::named("first").unwrap().start().unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let refusal = first.setup().clone().private(any).refusal().unwrap();
    let data = first.setup().home().join("data");
    assert!(refusal.contains("in use by another maelstromd"), "{refusal}");
    assert!(refusal.contains(data.to_str().unwrap()), "{refusal}");
    first.ctl().sees("first", "alive").unwrap();
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = taken.local_addr().unwrap();
    let refusal = Setup::named("second").unwrap().private(addr).refusal().unwrap();
    assert!(refusal.contains(&addr.to_string()) && refusal.contains("--private-addr"), "{refusal}");
}

#[test]
fn a_daemon_needs_neither_flag_nor_file() {
    let daemon = Setup::named("plain").unwrap().without_flags().start().unwrap();
    assert!(daemon.private().ip().is_loopback());
    daemon.wait_for_log("PLAINTEXT").unwrap();
    let nodes = daemon.ctl().nodes().unwrap();
    assert_eq!(nodes.iter().map(|node| &*node.state).collect::<Vec<_>>(), ["alive"]);
}
