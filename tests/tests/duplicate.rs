//! A data directory that was copied: two processes with one identity.

use std::process::Command;

use anyhow::ensure;
use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Setup};
use node_tests::load::Load;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;

/// A second daemon with the data directory of the first, as a cloned machine has it.
fn copy_of(node: &Daemon, keys: Option<&TlsDir>) -> Setup {
    let mut setup = Setup::named("copy").unwrap();
    if let Some(keys) = keys {
        setup = setup.tls(keys.path());
    }
    let copied =
        Command::new("cp").arg("-a").arg(node.setup().home().join("data")).arg(setup.home()).status();
    assert!(copied.unwrap().success());
    setup
}

fn the_copy_is_refused(cluster: &Cluster, keys: Option<&TlsDir>) {
    let (first, last) = (&cluster.nodes[1], &cluster.nodes[2]);
    let id = last.ctl().node(first.name()).unwrap().node_id;
    let load = Load::start(&format!("{}/shop/", last.gateway()), 2);
    load.goes_on(100).unwrap();
    let copy =
        copy_of(first, keys).component("shop", "http://127.0.0.1:1").join(last.private()).start().unwrap();
    copy.wait_for_log("another process runs with this identity").unwrap();
    for node in &cluster.nodes {
        eventually(|| {
            let events = node.ctl().json(&["cluster", "events"])?;
            let events = events["events"].as_array().cloned().unwrap_or_default();
            let named = events.iter().filter(|event| event["nodeId"] == id.as_str()).any(|event| {
                let reason = event["reason"].as_str().unwrap_or_default();
                reason.contains(&first.private().to_string()) && reason.contains(&copy.private().to_string())
            });
            ensure!(named, "{} says {events:?}", node.name());
            Ok(())
        })
        .unwrap();
        eventually(|| node.ctl().sees(first.name(), "alive")).unwrap();
    }
    load.goes_on(100).unwrap();
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "the requests reach the first: {tally:?}");
}

fn shop(setup: Setup, component: &Component) -> Setup {
    if setup.name() == "ben" { setup.component("shop", &component.url()) } else { setup }
}

#[test]
fn the_copy_of_a_data_directory_is_refused_and_every_node_names_both() {
    let component = Component::start("shop").unwrap();
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let cluster = Cluster::tls(&["ada", "ben", "cleo"], &made, |setup| shop(setup, &component)).unwrap();
    the_copy_is_refused(&cluster, Some(&made));
}

#[test]
fn without_tls_it_is_the_same() {
    let component = Component::start("shop").unwrap();
    let cluster = Cluster::plaintext(&["ada", "ben", "cleo"], |setup| shop(setup, &component)).unwrap();
    the_copy_is_refused(&cluster, None);
}

#[test]
fn the_copy_takes_the_place_of_the_first_when_that_has_gone() {
    let mut cluster = Cluster::plaintext(&["ada", "ben"], |setup| setup).unwrap();
    let copy = copy_of(&cluster.nodes[1], None).join(cluster.nodes[0].private()).start().unwrap();
    copy.wait_for_log("another process runs with this identity").unwrap();
    cluster.nodes[1].kill();
    eventually(|| cluster.nodes[0].ctl().sees("copy", "alive")).unwrap();
    eventually(|| copy.ctl().sees("ada", "alive")).unwrap();
}

#[test]
fn a_data_directory_of_the_version_before_makes_a_new_node_and_says_so() {
    let setup = Setup::named("ada").unwrap();
    let data = setup.home().join("data");
    std::fs::create_dir(&data).unwrap();
    let old = "00112233445566778899aabbccddeeff";
    std::fs::write(data.join("node-id"), old).unwrap();
    let ada = setup.start().unwrap();
    let said = ada.wait_for_log("the old id is retired").unwrap();
    let id = ada.ctl().node("ada").unwrap().node_id;
    assert!(said.contains(old) && said.contains(&id) && id != old, "{said}");
}
