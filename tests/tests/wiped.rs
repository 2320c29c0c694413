//! No copy of a private key is left in the memory of a daemon that does not need it.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use node_tests::cluster::Cluster;
use node_tests::daemon::{Daemon, Setup};
use node_tests::memory::{Copy, Form, Secret};
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;

/// The crypto library keeps one copy of a key that signs. The key is found by its halves.
const ONE_COPY: usize = 2;

fn secret(keys: &TlsDir, stem: &str) -> Secret {
    Secret::read(&keys.file(&format!("{stem}.key"))).unwrap()
}

/// The daemon has this key for signing: one number, and no text.
fn has_only_for_signing(secret: &Secret, daemon: &Daemon) {
    // While a signature is made there is one more copy.
    let at_rest = || {
        let copies = secret.copies(daemon)?;
        let (numbers, texts): (Vec<Copy>, Vec<Copy>) =
            copies.into_iter().partition(|copy| copy.form == Form::Number);
        ensure!(texts.is_empty() && numbers.len() == ONE_COPY, "{texts:?} {numbers:?}");
        Ok(())
    };
    eventually(at_rest).unwrap();
}

fn has_none(secret: &Secret, daemon: &Daemon) -> Result<()> {
    let copies = secret.copies(daemon)?;
    ensure!(copies.is_empty(), "{}: {copies:?}", daemon.name());
    Ok(())
}

/// On every link the peer shows this key.
fn links_show(daemon: &Daemon, key: &str) -> Result<()> {
    let answer = daemon.ctl().json(&["cluster", "links"])?;
    let links = answer["links"].as_array().context("links")?;
    ensure!(!links.is_empty() && links.iter().all(|link| link["peerKey"] == key), "{answer}");
    Ok(())
}

#[test]
fn an_idle_pair_is_not_kept() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    let node = Setup::named("ada").unwrap().tls(keys.path()).start().unwrap();
    for stem in ["server_b", "server_c"] {
        has_none(&secret(&keys, stem), &node).unwrap();
    }
}

#[test]
fn an_encrypted_key_is_kept_once_and_not_as_text() {
    for options in ["-iter 1000", "-scrypt -scrypt_N 1024"] {
        let keys = TlsDir::generate(Algorithm::P256).unwrap();
        let active = secret(&keys, "server_a");
        let script = format!(
            "openssl pkcs8 -topk8 {options} -passout pass:word -in server_a.key -out new; mv new server_a.key; \
             echo word > server_a.password"
        );
        let shell = Command::new("sh").args(["-e", "-c", &script]).current_dir(keys.path()).status().unwrap();
        assert!(shell.success(), "{script}");
        let node = Setup::named("ada").unwrap().tls(keys.path()).start().unwrap();
        // Signs with it as a server.
        node.ctl().nodes().unwrap();
        has_only_for_signing(&active, &node);
    }
}

#[test]
fn the_active_key_is_kept_once_and_not_as_text() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let active = secret(&made, "server_a");
    let cluster = Cluster::tls(&["ada", "ben"], &made, |setup| setup).unwrap();
    // Both have signed with it, as a client and as a server.
    for node in &cluster.nodes {
        has_only_for_signing(&active, node);
    }
}

#[test]
fn a_key_that_was_rotated_away_is_gone() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let old = secret(&made, "server_a");
    let cluster = Cluster::tls(&["ada", "ben"], &made, |setup| setup).unwrap();
    // At first the old key is idle, then it has left the directory.
    for _ in 0..2 {
        made.rotate().unwrap();
        let new = made.fingerprint("server_a").unwrap();
        for (node, keys) in cluster.nodes.iter().zip(&cluster.keys) {
            let mark = node.mark();
            keys.rotate_like(&made).unwrap();
            node.wait_for_log_after(mark, "the keyring changed").unwrap();
        }
        for node in &cluster.nodes {
            eventually(|| links_show(node, &new)).unwrap();
        }
        for node in &cluster.nodes {
            // A link that is no longer listed may still close.
            eventually(|| has_none(&old, node)).unwrap();
        }
    }
}

#[test]
fn the_identity_key_is_kept_once_and_not_as_text() {
    let setup = Setup::named("ada").unwrap();
    let mut first = setup.start().unwrap();
    let identity = Secret::read(&setup.data_dir().join("identity.key")).unwrap();
    has_only_for_signing(&identity, &first);
    // The second start reads the key that the first one made.
    first.restart().unwrap();
    has_only_for_signing(&identity, &first);
    let ben = Setup::named("ben").unwrap().join(first.private()).start().unwrap();
    eventually(|| ben.ctl().sees("ada", "alive")).unwrap();
    has_only_for_signing(&identity, &first);
}
