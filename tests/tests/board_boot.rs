//! The emulated board starts, finds the network, keeps its flash, and waits for a blob when it has none.
#![cfg(feature = "qemu")]

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::LazyLock;
use std::time::Duration;

use board_settings::{Ip, Settings};
use node_tests::board::{self, Board, Firmware, Machine, Options, Parts, Program, Sizes};
use node_tests::ctl::Ctl;
use node_tests::on_every_machine;
use node_tests::pki::{Algorithm, TlsDir};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(30);

static KEYRING: LazyLock<Vec<u8>> =
    LazyLock::new(|| TlsDir::generate(Algorithm::P256).unwrap().bundle().unwrap());

on_every_machine!(
    a_board_dials_its_hub_with_tls,
    a_board_takes_a_static_address,
    flash_survives_a_cut_of_power,
    a_board_without_settings_waits_and_is_provisioned_over_its_serial_line,
    a_damaged_partition_is_passed_over_with_its_reason,
    a_firmware_that_cannot_be_a_hub_says_so_and_waits,
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

fn a_board_without_settings_waits_and_is_provisioned_over_its_serial_line(machine: Machine) {
    let mut board = Board::start(None, machine).unwrap();
    let kind = machine.name();
    board
        .wait_for_log(
            &format!("this board is not provisioned, and waits for a blob: kind {kind}, id"),
            TIMEOUT,
        )
        .unwrap();
    let dir = TempDir::new().unwrap();
    let maelctl = |arguments: &str| {
        let arguments = arguments.replace("DIR", &dir.path().display().to_string());
        Ctl::default().run(&arguments.split(' ').collect::<Vec<_>>()).unwrap()
    };
    let make = |name: &str, more: &str| {
        let made = maelctl(&format!(
            "cert board -n {name} -o DIR/{name} --trust DIR/tls/server_a.crt --trust DIR/tls/ops.operator.crt --operator DIR/ops \
             --cluster-id kitchen --hub 10.0.2.2:9 --kind {more}"
        ));
        assert_eq!(made.code, 0, "{made:?}");
    };
    assert_eq!(maelctl("cert dir -o DIR/tls").code, 0);
    assert_eq!(maelctl("cert dir -o DIR/ops -n ops").code, 0);
    std::fs::copy(dir.path().join("ops/server_a.crt"), dir.path().join("tls/ops.operator.crt")).unwrap();
    make("pan", "another");
    make("kettle", kind);
    let serial = board.serial().display().to_string();
    let refused = maelctl(&format!("provision DIR/pan/pan.provision --serial {serial}"));
    assert!(refused.code == 1 && refused.stderr.contains("for another kind of board"), "{refused:?}");
    let taken = maelctl(&format!("provision DIR/kettle/kettle.provision --serial {serial}"));
    assert_eq!(taken.code, 0, "{taken:?}");
    let id = taken.stdout.lines().find_map(|line| line.strip_prefix("id ")).unwrap().to_owned();
    board.wait_for_log(&format!("kettle ({id}), start 1,"), TIMEOUT).unwrap();
    // The settings, the keyring and the identity are in its flash.
    board.restart().unwrap();
    board.wait_for_log(&format!("kettle ({id}), start 2,"), TIMEOUT).unwrap();
}

fn a_damaged_partition_is_passed_over_with_its_reason(machine: Machine) {
    let dir = TempDir::new().unwrap();
    let options = Options { dir: Some(dir.path().to_owned()), ..machine.into() };
    let mut board = Board::start(Some(&settings(None)), options).unwrap();
    board.wait_for_log("start 1,", TIMEOUT).unwrap();
    board.kill();
    let file = dir.path().join("settings.bin");
    let mut region = std::fs::read(&file).unwrap();
    region[200] ^= 1;
    std::fs::write(&file, region).unwrap();
    std::fs::remove_file(board.flash()).unwrap();
    board.restart().unwrap();
    board.wait_for_log("the blob in flash is refused: the provisioning blob is damaged", TIMEOUT).unwrap();
    board.wait_for_log("this board is not provisioned", TIMEOUT).unwrap();
}

fn a_firmware_that_cannot_be_a_hub_says_so_and_waits(machine: Machine) {
    let mut settings = settings(None);
    settings.listen = Some(SocketAddrV4::new(board::BOARD, 8374));
    let board = Board::start(Some(&settings), machine).unwrap();
    let what = "this firmware cannot be a hub: build it with the feature hub; the board waits for a blob";
    board.wait_for_log(what, TIMEOUT).unwrap();
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

#[test]
fn the_parts_of_a_firmware_are_most_of_it() {
    let program = Program::find(Machine::An386, Firmware::Leaf).unwrap();
    let (sizes, parts) = (Sizes::of(program.elf()).unwrap(), Parts::of(program.elf()).unwrap());
    let sum = |parts: &[(String, u64)]| parts.iter().map(|(_, size)| size).sum::<u64>();
    let (flash, ram) = (sum(&parts.flash), sum(&parts.ram));
    assert!((sizes.flash * 3 / 4..=sizes.flash).contains(&flash), "{flash} of {}", sizes.flash);
    assert!((sizes.ram * 9 / 10..=sizes.ram).contains(&ram), "{ram} of {}", sizes.ram);
    let largest: Vec<_> = parts.flash.iter().take(2).map(|(name, _)| name.as_str()).collect();
    assert!(largest.contains(&"node_embedded") && largest.contains(&"node_core"), "{largest:?}");
}
