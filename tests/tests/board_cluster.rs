//! Linux nodes and a board are one cluster: requests flow in every direction, also while keys are rotated, and the board
//! survives the loss of its hub, its power and its keys.
#![cfg(feature = "qemu")]

use std::net::SocketAddrV4;
use std::time::Duration;

use anyhow::ensure;
use board_settings::Settings;
use node_tests::board::{self, Board, Machine};
use node_tests::daemon::Setup;
use node_tests::fleet::{BOARD, COMPONENT, Fleet, NODES};
use node_tests::load::Load;
use node_tests::on_every_machine;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::{TIMEOUT, eventually};

on_every_machine!(
    requests_flow_in_every_direction,
    a_body_longer_than_the_boards_buffers_comes_back,
    keys_are_rotated_under_load_and_no_request_fails,
    a_board_keeps_its_keys_when_its_power_is_cut,
    rsa_keys_for_a_board_are_refused_and_the_old_ones_kept,
    a_board_refuses_a_hub_that_it_does_not_trust,
    a_board_whose_hub_is_killed_moves_to_another,
);

fn fleet(machine: Machine) -> Fleet {
    let fleet = Fleet::daemons().unwrap().with_board(machine).unwrap();
    fleet.is_whole().unwrap();
    fleet
}

fn requests_flow_in_every_direction(machine: Machine) {
    let fleet = fleet(machine);
    for node in &fleet.cluster.nodes {
        let status = fleet.board_status(node).unwrap();
        assert_eq!(status["name"], BOARD);
        fleet.board_echoes(node, "hello, board").unwrap();
        fleet.component_answers(node).unwrap();
        let ping = node.ctl().run(&["ping", BOARD]).unwrap();
        assert_eq!(ping.code, 0, "{}", ping.stderr);
    }
    fleet.board_is_answered(3).unwrap();
}

fn a_body_longer_than_the_boards_buffers_comes_back(machine: Machine) {
    let fleet = fleet(machine);
    fleet.board_echoes(fleet.node(NODES[0]), &"0123456789abcdef".repeat(4 * 1024)).unwrap();
}

fn keys_are_rotated_under_load_and_no_request_fails(machine: Machine) {
    let fleet = fleet(machine);
    let (_, failed_before) = fleet.board_is_answered(1).unwrap();
    let pause = Duration::from_millis(25);
    let load = fleet.cluster.nodes.iter().flat_map(|node| {
        let load = |component| Load::steady(&format!("{}/{component}/", node.gateway()), 1, pause);
        [load(BOARD), load(COMPONENT)]
    });
    let load: Vec<_> = load.collect();
    for _ in 0..2 {
        load.iter().for_each(|load| load.goes_on(5).unwrap());
        fleet.rotate().unwrap();
    }
    for load in load {
        load.goes_on(5).unwrap();
        let tally = load.stop();
        assert_eq!(tally.failed, 0, "{tally:?}");
    }
    let (_, failed) = fleet.board_is_answered(1).unwrap();
    assert_eq!(failed, failed_before, "{:#?}", fleet.board.logs());
}

fn a_board_keeps_its_keys_when_its_power_is_cut(machine: Machine) {
    let mut fleet = fleet(machine);
    let id = fleet.board_status(fleet.node(NODES[0])).unwrap()["nodeId"].clone();
    // After three rotations no node trusts the keys that its settings would provision.
    for _ in 0..3 {
        fleet.rotate().unwrap();
    }
    fleet.board.restart().unwrap();
    let status = eventually(|| {
        let status = fleet.board_status(fleet.node(NODES[0]))?;
        ensure!(status["uptimeMs"].as_u64() < Some(30_000), "{status}");
        Ok(status)
    });
    let status = status.unwrap();
    let active = fleet.made.fingerprint("server_a").unwrap();
    assert!(status["activeKey"].as_str().unwrap().ends_with(&active), "{status}");
    assert_eq!(status["nodeId"], id, "it is the same node");
    fleet.is_whole().unwrap();
}

fn rsa_keys_for_a_board_are_refused_and_the_old_ones_kept(machine: Machine) {
    let fleet = fleet(machine);
    let rsa = TlsDir::generate(Algorithm::Rsa).unwrap();
    let refused = format!("{:#}", fleet.push(&rsa).unwrap_err());
    assert!(refused.contains("RSA") && refused.contains("P-256"), "{refused}");
    fleet.board_echoes(fleet.node(NODES[0]), "still here").unwrap();
}

fn a_board_refuses_a_hub_that_it_does_not_trust(machine: Machine) {
    let other_keys = TlsDir::generate(Algorithm::P256).unwrap();
    let hub = Setup::named("untrusted").unwrap().tls(other_keys.path()).start().unwrap();
    let keyring = TlsDir::generate(Algorithm::P256).unwrap().bundle().unwrap();
    let mut settings = Settings::new(BOARD, "maelstrom");
    settings.hubs.push(SocketAddrV4::new(board::HOST, hub.private().port())).unwrap();
    settings.keyring = Some(&keyring);
    let board = Board::start(Some(&settings), machine).unwrap();
    board.wait_for_log("trust", TIMEOUT).unwrap();
    assert!(hub.ctl().node(BOARD).is_err(), "it is no member");
}

fn a_board_whose_hub_is_killed_moves_to_another(machine: Machine) {
    let mut fleet = fleet(machine);
    let hub = fleet.board_hub(fleet.node(NODES[1])).unwrap();
    let victim = NODES.iter().position(|name| *name == hub).unwrap();
    fleet.cluster.nodes[victim].kill();
    let other = &fleet.cluster.nodes[(victim + 1) % NODES.len()];
    eventually(|| fleet.board_echoes(other, "who is your hub now?")).unwrap();
    assert_ne!(fleet.board_hub(other).unwrap(), hub);
    fleet.about(BOARD, eventually(|| other.ctl().sees(&hub, "down"))).unwrap();
    fleet.cluster.nodes[victim].restart().unwrap();
    fleet.is_whole().unwrap();
}
