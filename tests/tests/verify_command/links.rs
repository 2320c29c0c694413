//! Links, on both sides, and while the keyring changes.

use std::fs;

use anyhow::ensure;
use node_tests::daemon::Setup;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;

use crate::program::Program;

const MERCIFUL: &str = "cat > question.json; [ -e merciful ] && exit 0; echo not this one; exit 1";

#[test]
fn whom_it_dials_is_the_programs_to_refuse() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    let ada = Setup::named("ada").unwrap().tls(keys.path()).start().unwrap();
    let program = Program::new(MERCIFUL);
    let ben = program.setup("ben", &keys, "client", "").join(ada.private()).start().unwrap();
    let line = ben.wait_for_log("not this one").unwrap();
    assert!(line.contains("verify_command has not accepted it"), "{line}");
    let question = fs::read_to_string(program.dir.path().join("question.json")).unwrap();
    let question: serde_json::Value = serde_json::from_str(&question).unwrap();
    assert_eq!((&question["side"], &question["dialled"]), (&"dialling".into(), &"127.0.0.1".into()));
    fs::write(program.dir.path().join("merciful"), "").unwrap();
    eventually(|| ben.ctl().sees("ada", "alive")).unwrap();
}

#[test]
fn it_is_asked_again_when_the_keyring_changes() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let (keys, others) = (made.copy().unwrap(), made.copy().unwrap());
    let program = Program::new(MERCIFUL);
    let merciful = program.dir.path().join("merciful");
    fs::write(&merciful, "").unwrap();
    let ada = program.setup("ada", &keys, "server", "").start().unwrap();
    let ben = Setup::named("ben").unwrap().tls(others.path()).join(ada.private()).start().unwrap();
    eventually(|| ben.ctl().sees("ada", "alive")).unwrap();
    // The answer counts for the life of a link.
    fs::remove_file(&merciful).unwrap();
    let mark = ada.mark();
    keys.take(&TlsDir::with_pair(Algorithm::P256, "server_z").unwrap(), "server_z").unwrap();
    ada.wait_for_log_after(mark, "a link ends: ").unwrap();
    ada.wait_for_log_after(mark, "ends: certificate").unwrap();
    fs::write(&merciful, "").unwrap();
    eventually(|| {
        let linked = ada.ctl().json(&["cluster", "nodes"])?;
        let ben = linked["nodes"].as_array().into_iter().flatten().find(|node| node["name"] == "ben");
        ensure!(ben.is_some_and(|ben| ben["linked"] == true), "{linked}");
        Ok(())
    })
    .unwrap();
}
