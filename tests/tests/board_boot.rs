//! The emulated board starts, finds the network, keeps its flash, and refuses to run without settings.
#![cfg(feature = "qemu")]

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::time::Duration;

use board_settings::{Ip, Settings};
use node_tests::board::{self, Board, Options};

const PATIENCE: Duration = Duration::from_secs(30);

fn settings(hub: Option<&TcpListener>) -> Settings<'static> {
    let mut settings = Settings::new("kettle", "kitchen");
    if let Some(hub) = hub {
        let port = hub.local_addr().unwrap().port();
        settings.hubs.push(SocketAddrV4::new(board::HOST, port)).unwrap();
    }
    settings
}

#[test]
fn a_board_connects_to_its_hub() {
    let hub = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let board = Board::start(Some(&settings(Some(&hub))), Options::default()).unwrap();
    // The user-mode network hands out this address first.
    board.wait_for_log("address 10.0.2.15", PATIENCE).unwrap();
    board.wait_for_log("connected to 10.0.2.2", PATIENCE).unwrap();
    let (mut connection, _) = hub.accept().unwrap();
    drop(board);
    assert_eq!(connection.read(&mut [0]).unwrap_or(0), 0, "it ends with the board");
}

#[test]
fn a_board_takes_a_static_address() {
    let mut settings = settings(None);
    settings.ip = Ip::Static { address: [10, 0, 2, 77].into(), prefix: 24, gateway: Some(board::HOST) };
    let board = Board::start(Some(&settings), Options::default()).unwrap();
    board.wait_for_log("address 10.0.2.77/24", PATIENCE).unwrap();
}

#[test]
fn flash_survives_a_cut_of_power() {
    let mut board = Board::start(Some(&settings(None)), Options::default()).unwrap();
    for boot in 1..=3 {
        board.wait_for_log(&format!("boot {boot}"), PATIENCE).unwrap();
        board.restart().unwrap();
    }
}

#[test]
fn a_board_without_settings_says_so_and_fails() {
    let mut board = Board::start(None, Options::default()).unwrap();
    let status = board.wait_for_exit(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(1));
    board.wait_for_log("stopped: no settings were handed in", PATIENCE).unwrap();
}

#[test]
fn a_flash_of_another_size_is_refused() {
    let mut board = Board::start(Some(&settings(None)), Options::default()).unwrap();
    board.wait_for_log("boot 1", PATIENCE).unwrap();
    board.kill();
    std::fs::write(board.flash(), b"short").unwrap();
    board.restart().unwrap();
    assert_eq!(board.wait_for_exit(PATIENCE).unwrap().code(), Some(1));
    board.wait_for_log("stopped: flash.bin: 5 bytes long", PATIENCE).unwrap();
}
