//! The emulated board starts, finds the network, keeps its flash, and refuses to run without settings.
#![cfg(feature = "qemu")]

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::LazyLock;
use std::time::Duration;

use board_settings::{Ip, Settings};
use node_tests::board::{self, Board, Machine};
use node_tests::on_every_machine;
use node_tests::pki::{Algorithm, TlsDir};

const TIMEOUT: Duration = Duration::from_secs(30);

static KEYRING: LazyLock<Vec<u8>> =
    LazyLock::new(|| TlsDir::generate(Algorithm::P256).unwrap().bundle().unwrap());

on_every_machine!(
    a_board_dials_its_hub_with_tls,
    a_board_takes_a_static_address,
    flash_survives_a_cut_of_power,
    a_board_without_settings_says_so_and_fails,
    a_board_without_keys_says_so_and_fails,
    a_flash_of_another_size_is_refused,
);

fn settings(hub: Option<&TcpListener>) -> Settings<'static> {
    let mut settings = Settings::new("kettle", "kitchen");
    settings.keyring = Some(&KEYRING);
    if let Some(hub) = hub {
        let port = hub.local_addr().unwrap().port();
        settings.hubs.push(SocketAddrV4::new(board::HOST, port)).unwrap();
    }
    settings
}

fn a_board_dials_its_hub_with_tls(machine: Machine) {
    let hub = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let board = Board::start(Some(&settings(Some(&hub))), machine).unwrap();
    // The user-mode network hands out this address first.
    board.wait_for_log("address 10.0.2.15", TIMEOUT).unwrap();
    let (mut connection, _) = hub.accept().unwrap();
    let mut kind = [0];
    connection.read_exact(&mut kind).unwrap();
    assert_eq!(kind, [22], "a TLS handshake record");
}

fn a_board_takes_a_static_address(machine: Machine) {
    let mut settings = settings(None);
    settings.ip = Ip::Static { address: [10, 0, 2, 77].into(), prefix: 24, gateway: Some(board::HOST) };
    let board = Board::start(Some(&settings), machine).unwrap();
    board.wait_for_log("address 10.0.2.77/24", TIMEOUT).unwrap();
}

fn flash_survives_a_cut_of_power(machine: Machine) {
    let mut board = Board::start(Some(&settings(None)), machine).unwrap();
    for start in 1..=3 {
        board.wait_for_log(&format!("start {start},"), TIMEOUT).unwrap();
        board.restart().unwrap();
    }
}

fn a_board_without_settings_says_so_and_fails(machine: Machine) {
    let mut board = Board::start(None, machine).unwrap();
    let status = board.wait_for_exit(TIMEOUT).unwrap();
    assert_eq!(status.code(), Some(1));
    board.wait_for_log("stopped: no settings were handed in", TIMEOUT).unwrap();
}

fn a_board_without_keys_says_so_and_fails(machine: Machine) {
    let mut settings = settings(None);
    settings.keyring = None;
    let mut board = Board::start(Some(&settings), machine).unwrap();
    assert_eq!(board.wait_for_exit(TIMEOUT).unwrap().code(), Some(1));
    board.wait_for_log("stopped: the board has no keyring", TIMEOUT).unwrap();
}

fn a_flash_of_another_size_is_refused(machine: Machine) {
    let mut board = Board::start(Some(&settings(None)), machine).unwrap();
    board.wait_for_log("start 1,", TIMEOUT).unwrap();
    board.kill();
    std::fs::write(board.flash(), b"short").unwrap();
    board.restart().unwrap();
    assert_eq!(board.wait_for_exit(TIMEOUT).unwrap().code(), Some(1));
    board.wait_for_log("stopped: flash.bin: 5 bytes long", TIMEOUT).unwrap();
}
