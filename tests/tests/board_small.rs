//! The smallest firmware, with one worker, small buffers, and neither DHCP nor logs, does what every board does.
#![cfg(feature = "qemu")]

use std::time::Duration;

use board_settings::Settings;
use node_tests::board::{Board, Firmware};
use node_tests::fleet::{BOARD, Fleet, NODES};
use node_tests::load::Load;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::TIMEOUT;

#[test]
fn a_small_board_answers_and_asks_and_takes_new_keys_under_load() {
    let mut fleet = Fleet::daemons().unwrap().with_board(Firmware::Small).unwrap();
    fleet.is_whole().unwrap();
    for node in &fleet.cluster.nodes {
        fleet.board_echoes(node, &"0123456789abcdef".repeat(512)).unwrap();
        assert_eq!(node.ctl().run(&["ping", BOARD]).unwrap().code, 0);
    }
    let load =
        Load::steady(&format!("{}/{BOARD}/", fleet.node(NODES[0]).gateway()), 1, Duration::from_millis(50));
    for _ in 0..2 {
        load.goes_on(5).unwrap();
        fleet.rotate().unwrap();
    }
    load.goes_on(5).unwrap();
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}");
    let (_, failed) = fleet.board_is_answered(3).unwrap();
    assert_eq!(failed, 0, "{:#?}", fleet.board.logs());

    fleet.board.restart().unwrap();
    fleet.is_whole().unwrap();
}

#[test]
fn a_board_without_dhcp_says_that_it_needs_an_address() {
    let keyring = TlsDir::generate(Algorithm::P256).unwrap().bundle().unwrap();
    let mut settings = Settings::new(BOARD, "maelstrom");
    settings.keyring = Some(&keyring);
    let board = Board::start(Some(&settings), Firmware::Small).unwrap();
    board
        .wait_for_log("no DHCP: make the blob with an address; the board waits for a blob", TIMEOUT)
        .unwrap();
}
