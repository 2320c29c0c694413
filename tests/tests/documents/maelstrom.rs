//! "TLS Support" of Maelstrom: the variable, the smallest name, and maelctl. The recipe and its rotation under load are in
//! `tests/tests/recipe.rs`, who is let in and broken directories in `tests/tests/tls.rs`.

use std::fs;

use node_tests::cluster::Cluster;
use node_tests::ctl::Ctl;
use node_tests::daemon::{Daemon, Setup};
use node_tests::openssl;
use node_tests::pki::{Algorithm, TlsDir};
use serde_json::Value;

/// The slots that a daemon lists, by name: whether it signs with each.
fn slots(node: &Daemon) -> Vec<(String, bool)> {
    let answer = node.ctl().json(&["keys", "ls"]).unwrap();
    let slots = answer["slots"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let slot = |slot: &Value| (slot["name"].as_str().unwrap().to_owned(), slot["active"] == true);
    slots.iter().map(slot).collect()
}

/// Whether openssl is shown this certificate.
fn shows(node: &Daemon, keys: &TlsDir, stem: &str) -> bool {
    let certificate = fs::read_to_string(keys.file(&format!("{stem}.crt"))).unwrap();
    openssl::health(node.private(), None).unwrap().contains(certificate.trim())
}

/// M1, M3: the port is plain by default, on loopback alone, and the log says so.
#[test]
fn without_the_variable_the_port_is_plain_and_only_for_this_machine() {
    let node = Setup::named("plain").unwrap().without_flags().start().unwrap();
    assert!(node.private().ip().is_loopback());
    node.wait_for_log("PLAINTEXT: whoever reaches").unwrap();
    let refusal = Setup::named("open").unwrap().private("0.0.0.0:0".parse().unwrap()).refusal().unwrap();
    assert!(refusal.contains("--plaintext") && refusal.contains("--tls-dir"), "{refusal}");
}

/// M4, M13 and M15: one variable turns TLS on for the daemon and for maelctl.
#[test]
fn the_variable_turns_tls_on() {
    let keys = TlsDir::generate(Algorithm::Rsa).unwrap();
    let dir = keys.path().to_str().unwrap();
    let setup = Setup::named("node").unwrap().without_flags().env("MAEL_PRIVATE_TLS_DIR", dir);
    let node = setup.env("MAEL_PRIVATE_ADDR", "127.0.0.1:0").start().unwrap();
    node.wait_for_log("with mutual TLS").unwrap();
    // No flag and no scheme but what the variable says.
    let ctl = Ctl::to(&format!("https://{}", node.private())).tls(keys.path());
    let output = ctl.run(&["cluster", "nodes"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    let without = Ctl::to(&format!("https://{}", node.private())).run(&["cluster", "nodes"]).unwrap();
    assert!(without.code == 2 && without.stderr.contains("MAEL_PRIVATE_TLS_DIR"), "{without:?}");
}

/// M5, M11 and M14: of three pairs the smallest name is active, the others are trusted and idle.
#[test]
fn the_smallest_name_is_active_and_the_others_are_idle() {
    let keys = TlsDir::generate(Algorithm::Rsa).unwrap();
    let mut node = Setup::named("node").unwrap().tls(keys.path()).start().unwrap();
    let of = |name: &str, active| (name.to_owned(), active);
    assert_eq!(slots(&node), [of("server_a", true), of("server_b", false), of("server_c", false)]);
    assert!(shows(&node, &keys, "server_a") && !shows(&node, &keys, "server_b"));
    // The name decides, and nothing else about the files.
    for kind in ["crt", "key"] {
        fs::rename(keys.file(&format!("server_c.{kind}")), keys.file(&format!("a.{kind}"))).unwrap();
    }
    node.restart().unwrap();
    assert_eq!(slots(&node), [of("a", true), of("server_a", false), of("server_b", false)]);
    assert!(shows(&node, &keys, "a"));
}

/// M15: maelctl shows the pair with the smallest name.
#[test]
fn maelctl_shows_the_smallest_pair() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    let own = keys.copy().unwrap();
    let node = Setup::named("node").unwrap().tls(own.path()).start().unwrap();
    let stranger = TlsDir::with_pair(Algorithm::P256, "aaa").unwrap();
    let ctl = Ctl::to(&format!("https://{}", node.private())).tls(keys.path());
    assert_eq!(ctl.run(&["cluster", "nodes"]).unwrap().code, 0);
    keys.take(&stranger, "aaa").unwrap();
    assert_eq!(ctl.run(&["cluster", "nodes"]).unwrap().code, 1);
    let line = node.wait_for_log("is not trusted here").unwrap();
    assert!(line.contains(&stranger.fingerprint("aaa").unwrap()), "{line}");
}

/// M16 to M18, as the document has it: the directory is synced to each node, and each is restarted. Nodes before and after the
/// restart know each other.
#[test]
fn a_rotation_with_restarts_works_as_well() {
    let made = TlsDir::generate(Algorithm::Rsa).unwrap();
    let mut cluster = Cluster::tls(&["ada", "ben"], &made, |setup| setup).unwrap();
    made.rotate().unwrap();
    for index in 0..cluster.nodes.len() {
        cluster.nodes[index].kill();
        cluster.keys[index].rotate_like(&made).unwrap();
        cluster.nodes[index].restart().unwrap();
        assert!(shows(&cluster.nodes[index], &made, "server_a"));
        cluster.is_whole().unwrap();
    }
}
