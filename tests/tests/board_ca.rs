//! A board that trusts hubs by a CA: it joins what the CA signed for the address that it dials, and nothing else.
#![cfg(feature = "qemu")]

use std::net::SocketAddrV4;

use anyhow::ensure;
use board_settings::Settings;
use node_tests::board::{self, Board, Firmware, Options, Usage};
use node_tests::daemon::{Daemon, Setup};
use node_tests::fleet::BOARD;
use node_tests::http::Curl;
use node_tests::pki::{Algorithm, Authority, TlsDir};
use node_tests::wait::{TIMEOUT, eventually};

/// The address of every hub, as the board dials it.
const DIALLED: &str = "IP:10.0.2.2";

/// A hub whose pair a CA signed, and the keys of a board that it trusts.
struct World {
    board_keys: TlsDir,
    hub_keys: TlsDir,
    hub: Daemon,
}

impl World {
    fn new(signed_by: &Authority, names: &str) -> Self {
        let board_keys = TlsDir::with_pair(Algorithm::P256, "board").unwrap();
        let hub_keys = TlsDir::empty(Algorithm::P256).unwrap();
        signed_by.sign(&hub_keys, "hub", names).unwrap();
        hub_keys.trust(&board_keys, "board", "board").unwrap();
        let hub = Setup::named("hub").unwrap().tls(hub_keys.path()).gateway().start().unwrap();
        Self { board_keys, hub_keys, hub }
    }

    /// Starts the board. It knows its own pair, the CA and the list, and no certificate of the hub.
    fn board(&self, authority: &Authority, crl: Option<&[u8]>) -> Board {
        self.board_with(&[self.hub.private().port()], authority, crl, Firmware::Ca)
    }

    /// The same, with these hubs.
    fn board_with(
        &self,
        hubs: &[u16],
        authority: &Authority,
        crl: Option<&[u8]>,
        firmware: Firmware,
    ) -> Board {
        let (keyring, authority) = (self.board_keys.bundle().unwrap(), authority.certificate().unwrap());
        let mut settings = Settings::new(BOARD, "maelstrom");
        settings.hubs.extend(hubs.iter().map(|port| SocketAddrV4::new(board::HOST, *port)));
        settings.keyring = Some(&keyring);
        settings.authority = Some(&authority);
        settings.crl = crl;
        Board::start(Some(&settings), Options { firmware, ..Options::default() }).unwrap()
    }

    fn is_refused(&self, board: &Board, why: &str) {
        board.wait_for_log(why, TIMEOUT).unwrap();
        assert!(self.hub.ctl().node(BOARD).is_err(), "it is no member");
    }
}

#[test]
fn a_board_joins_a_hub_that_its_ca_signed() {
    let authority = Authority::new("root").unwrap();
    for crl in [None, Some(authority.crl().unwrap())] {
        let world = World::new(&authority, DIALLED);
        let board = world.board(&authority, crl.as_deref());
        board.wait_for_log("linked to hub", TIMEOUT).unwrap();
        eventually(|| world.hub.ctl().sees(BOARD, "alive")).unwrap();
    }
}

#[test]
fn a_hub_of_another_ca_is_refused() {
    let world = World::new(&Authority::new("other").unwrap(), DIALLED);
    let board = world.board(&Authority::new("root").unwrap(), None);
    world.is_refused(&board, "is signed by an unknown authority");
    // One with the same name is another one.
    let board = world.board(&Authority::new("other").unwrap(), None);
    world.is_refused(&board, "is not by the CA of that name");
}

#[test]
fn a_hub_with_another_name_is_refused() {
    let authority = Authority::new("root").unwrap();
    let world = World::new(&authority, "IP:10.0.2.3,DNS:hub.example.com");
    world.is_refused(&world.board(&authority, None), "is not for the name that was dialled");
}

#[test]
fn a_revoked_hub_is_refused() {
    let authority = Authority::new("root").unwrap();
    let world = World::new(&authority, DIALLED);
    authority.revoke(&world.hub_keys.file("hub.crt")).unwrap();
    let crl = authority.crl().unwrap();
    world.is_refused(&world.board(&authority, Some(&crl)), "is revoked");
}

#[test]
fn the_longest_chain_that_is_followed_leaves_stack() {
    let root = Authority::new("root").unwrap();
    let mut deep = root.intermediate("1").unwrap();
    for name in ["2", "3"] {
        deep = deep.intermediate(name).unwrap();
    }
    let (world, other) = (World::new(&root, DIALLED), TlsDir::empty(Algorithm::P256).unwrap());
    deep.sign(&other, "other", DIALLED).unwrap();
    other.trust(&world.board_keys, "board", "board").unwrap();
    let other = Setup::named("other").unwrap().tls(other.path()).gateway().start().unwrap();
    let hubs = [other.private().port(), world.hub.private().port()];
    let board = world.board_with(&hubs, &root, None, Firmware::Ca);
    board.wait_for_log("raise depth", TIMEOUT).unwrap();
    board.wait_for_log("linked to hub", TIMEOUT).unwrap();
    let status = eventually(|| {
        let answer = Curl::get(&format!("{}/{BOARD}/", world.hub.gateway())).send()?;
        ensure!(answer.status == 200, "{}", answer.text());
        answer.json()
    });
    let status = status.unwrap();
    let stack = Usage::of_stack(&status).unwrap();
    assert!(stack.free() >= 2048, "{stack}");
}

#[test]
fn firmware_without_the_code_for_a_ca_does_not_start_with_one() {
    let authority = Authority::new("root").unwrap();
    let world = World::new(&authority, DIALLED);
    let hub = [world.hub.private().port()];
    let mut board = world.board_with(&hub, &authority, None, Firmware::Leaf);
    assert!(!board.wait_for_exit(TIMEOUT).unwrap().success());
    board.wait_for_log("build it with the feature ca", TIMEOUT).unwrap();
}
