//! An emulated board makes its TLS key, joins a cluster with a certificate of it, and takes new keyrings that have no private key.
#![cfg(feature = "qemu")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use node_tests::board::{self, Board, Machine};
use node_tests::ctl::{Ctl, Output};
use node_tests::daemon::Setup;
use node_tests::wait::eventually;
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(30);
/// The machine whose firmware has the feature `tls-key`.
const MACHINE: Machine = Machine::An505;

/// Runs a command line in which `DIR` is that folder. It must succeed.
fn maelctl(ctl: &Ctl, dir: &Path, line: &str) -> Output {
    let line = line.replace("DIR", &dir.display().to_string());
    let output = ctl.run(&line.split(' ').collect::<Vec<_>>()).unwrap();
    assert_eq!(output.code, 0, "{line}: {output:?}");
    output
}

/// What openssl prints.
fn openssl(dir: &Path, line: &str) -> String {
    let output = Command::new("openssl").args(line.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_board_joins_with_a_key_that_never_leaves_it_and_its_certificate_is_renewed() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let copy = |from: &str, to: &str| _ = fs::copy(dir.join(from), dir.join(to)).unwrap();
    let here = |line: &str| maelctl(&Ctl::default(), dir, line);
    here("cert dir -o DIR/tls -n hub");
    here("cert dir -o DIR/ops -n ops");
    copy("ops/server_a.crt", "tls/ops.operator.crt");
    copy("tls/server_a.crt", "ops/hub.hub.crt");
    let hub = Setup::named("hub").unwrap().tls(&dir.join("tls")).start().unwrap();

    let board = Board::start(None, MACHINE).unwrap();
    board.wait_for_log("this board is not provisioned", TIMEOUT).unwrap();
    let serial = board.serial().display().to_string();
    here(&format!("provision --request DIR/kettle.csr --serial {serial}"));
    board.wait_for_log("this board made its TLS key", TIMEOUT).unwrap();
    openssl(dir, "req -in kettle.csr -verify -noout");
    let certify = format!(
        "cert board -n kettle -o DIR/kettle --force --request DIR/kettle.csr --trust DIR/tls/server_a.crt --trust \
         DIR/tls/ops.operator.crt --operator DIR/ops --kind {} --hub {}:{}",
        MACHINE.name(),
        board::HOST,
        hub.private().port()
    );
    here(&certify);
    copy("kettle/kettle.leaf.crt", "tls/kettle.leaf.crt");
    here(&format!("provision DIR/kettle/kettle.provision --serial {serial}"));
    let operator = hub.ctl().tls(&dir.join("ops"));
    let shows = |file: &str| {
        let fingerprint = openssl(dir, &format!("x509 -in {file} -noout -fingerprint -sha256"));
        let fingerprint = fingerprint.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
        let seen = eventually(|| {
            let node = operator.node("kettle")?;
            let active = node.active_key.clone().unwrap_or_default();
            ensure!(active.ends_with(&fingerprint), "{node:?}");
            operator.sees("kettle", "alive")
        });
        seen.unwrap_or_else(|error| panic!("{error:#}\n{:#?}", board.logs()));
    };
    shows("kettle/kettle.leaf.crt");

    // The same key in another certificate, and another hub to trust.
    here(&certify);
    here("cert dir -o DIR/more -n more");
    copy("more/server_a.crt", "kettle/more.hub.crt");
    copy("kettle/kettle.leaf.crt", "tls/kettle2.leaf.crt");
    eventually(|| {
        let listed = operator.run(&["keys", "ls"])?;
        ensure!(listed.stdout.contains("kettle2.leaf"), "{listed:?}");
        Ok(())
    })
    .unwrap();
    maelctl(&operator, dir, "keys push kettle DIR/kettle");
    shows("kettle/kettle.leaf.crt");
    let keys = maelctl(&operator, dir, "keys ls kettle").stdout;
    assert!(keys.contains("more.hub"), "{keys}");
    assert!(
        fs::read_dir(dir.join("kettle"))
            .unwrap()
            .flatten()
            .all(|file| { file.path().extension().is_none_or(|ending| ending != "key") })
    );
}
