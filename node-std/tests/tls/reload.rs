//! A keyring that follows its directory.

use core::time::Duration;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use node_std::tls::{Health, Keyring};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::pki::Pki;

/// Longer than any reload takes, watched or polled.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A keyring that watches `pki` as long as the guard lives.
fn watched(pki: &Pki) -> (Arc<Keyring>, tokio_util::sync::DropGuard) {
    let keyring = Keyring::open(pki.dir()).unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(Arc::clone(&keyring).watch(stop.clone()));
    (keyring, stop.drop_guard())
}

async fn until_degraded(keyring: &Keyring, words: &str) {
    let named =
        |health: &Health| matches!(health, Health::Degraded { message, .. } if message.contains(words));
    timeout(TIMEOUT, keyring.subscribe_health().wait_for(named)).await.unwrap().unwrap();
}

async fn until_ok(keyring: &Keyring) {
    timeout(TIMEOUT, keyring.subscribe_health().wait_for(|health| *health == Health::Ok))
        .await
        .unwrap()
        .unwrap();
}

/// Waits until `slot`'s certificate is the active one.
async fn until_active(keyring: &Keyring, certificate: node_core::trust::Fingerprint) {
    let mut changes = keyring.subscribe();
    let active = changes.wait_for(|_| keyring.active().certificate == certificate);
    timeout(TIMEOUT, active).await.unwrap().unwrap();
}

#[test]
fn a_rotation_by_the_recipe_makes_b_active() {
    let pki = Pki::new(&["server_a", "server_b", "server_c"]);
    let keyring = Keyring::open(pki.dir()).unwrap();
    let [a, b, c] = &keyring.slots()[..] else { panic!("three slots") };
    let before = keyring.digest();
    pki.rotate();
    assert!(keyring.reload().unwrap());
    let after = keyring.slots();
    assert_eq!(keyring.active().name.as_str(), "server_a");
    assert_eq!(keyring.active().certificate, b.certificate);
    assert_eq!(after[2].certificate, a.certificate);
    assert!(after.iter().all(|slot| slot.certificate != c.certificate));
    assert_ne!(keyring.digest(), before);
}

#[test]
fn a_reload_without_a_change_is_no_new_generation() {
    let pki = Pki::new(&["a"]);
    let keyring = Keyring::open(pki.dir()).unwrap();
    assert!(!keyring.reload().unwrap());
    let pem = fs::read(pki.path("a.crt")).unwrap();
    fs::write(pki.path("a.crt"), pem).unwrap();
    assert!(!keyring.reload().unwrap());
    assert_eq!(*keyring.subscribe().borrow(), 1);
    pki.make("b", crate::pki::P256);
    assert!(keyring.reload().unwrap());
    assert_eq!(*keyring.subscribe().borrow(), 2);
}

#[test]
fn each_torn_state_of_a_rotation_keeps_the_last_good_keyring() {
    let pki = Pki::new(&["server_a", "server_b", "server_c"]);
    let keyring = Keyring::open(pki.dir()).unwrap();
    let config = keyring.server_config().config;

    pki.mv("server_a.key", "server_c.key");
    let text = keyring.reload().unwrap_err().to_string();
    assert!(text.contains("server_c.key: holds a private key that does not match"), "{text}");
    assert_eq!(*keyring.subscribe().borrow(), 1);
    assert_eq!(keyring.active().name.as_str(), "server_a");
    assert!(Arc::ptr_eq(&config, &keyring.server_config().config));
    let Health::Degraded { message, since } = keyring.health() else { panic!("degraded") };
    assert_eq!(message, text);

    pki.mv("server_a.crt", "server_c.crt");
    pki.mv("server_b.key", "server_a.key");
    let text = keyring.reload().unwrap_err().to_string();
    assert!(text.contains("server_a.key: has no .crt"), "{text}");
    assert!(matches!(keyring.health(), Health::Degraded { since: still, .. } if still == since));

    pki.mv("server_b.crt", "server_a.crt");
    assert!(keyring.reload().unwrap());
    assert_eq!(keyring.health(), Health::Ok);
}

#[test]
fn the_directory_after_the_first_two_moves_signs_with_b_already() {
    let pki = Pki::new(&["server_a", "server_b", "server_c"]);
    let keyring = Keyring::open(pki.dir()).unwrap();
    let (old, next) = (keyring.slots()[0].certificate, keyring.slots()[1].certificate);
    pki.mv("server_a.key", "server_c.key");
    pki.mv("server_a.crt", "server_c.crt");
    assert!(keyring.reload().unwrap());
    assert_eq!(keyring.active().certificate, next);
    assert!(keyring.slots().iter().any(|slot| slot.certificate == old));
}

#[tokio::test]
async fn a_watched_rotation_takes_effect_by_itself() {
    let pki = Pki::new(&["server_a", "server_b", "server_c"]);
    let (keyring, _guard) = watched(&pki);
    for _ in 0..2 {
        let next = keyring.slots()[1].certificate;
        pki.rotate();
        until_active(&keyring, next).await;
        let settled = Keyring::open(pki.dir()).unwrap();
        let mut changes = keyring.subscribe();
        let same = changes.wait_for(|_| keyring.digest() == settled.digest());
        timeout(TIMEOUT, same).await.unwrap().unwrap();
        until_ok(&keyring).await;
    }
}

#[tokio::test]
async fn a_watched_directory_may_be_torn_for_a_while() {
    let pki = Pki::new(&["a", "b"]);
    let (keyring, _guard) = watched(&pki);
    let key = fs::read(pki.path("a.key")).unwrap();
    fs::write(pki.path("a.key"), &key[..key.len() / 2]).unwrap();
    until_degraded(&keyring, "a.key: holds PEM that stops in the middle").await;
    assert_eq!(keyring.active().name.as_str(), "a");
    fs::write(pki.path("a.key"), &key).unwrap();
    until_ok(&keyring).await;
    assert_eq!(*keyring.subscribe().borrow(), 1);
}

#[tokio::test]
async fn a_watched_directory_may_disappear_and_come_back() {
    let pki = Pki::new(&["a", "b"]);
    let (keyring, _guard) = watched(&pki);
    let next = keyring.slots()[1].certificate;
    let aside = pki.root().join("aside");
    fs::rename(pki.dir(), &aside).unwrap();
    until_degraded(&keyring, "cannot be listed").await;
    assert_eq!(keyring.slots().len(), 2);

    for file in ["a.crt", "a.key"] {
        fs::remove_file(aside.join(file)).unwrap();
    }
    fs::rename(&aside, pki.dir()).unwrap();
    until_active(&keyring, next).await;
    until_ok(&keyring).await;

    // The directory that came back is watched like the first one.
    let pem = fs::read(pki.path("b.key")).unwrap();
    fs::remove_file(pki.path("b.key")).unwrap();
    until_degraded(&keyring, "no pair").await;
    fs::write(pki.path("b.key"), pem).unwrap();
    until_ok(&keyring).await;
}

/// As Kubernetes updates a mounted secret: a link `..data` is turned to another directory in one step.
#[tokio::test]
async fn a_turned_link_is_noticed() {
    let (old, new) = (Pki::new(&["a"]), Pki::new(&["a"]));
    let mount = Pki::new(&[]);
    symlink(old.dir(), mount.path("..data")).unwrap();
    for file in ["a.crt", "a.key"] {
        symlink(format!("..data/{file}"), mount.path(file)).unwrap();
    }
    let (keyring, _guard) = watched(&mount);
    symlink(new.dir(), mount.path("..next")).unwrap();
    mount.mv("..next", "..data");
    until_active(&keyring, Keyring::open(new.dir()).unwrap().active().certificate).await;
}

#[tokio::test]
async fn a_directory_that_is_a_link_may_be_turned_too() {
    let (old, new, mount) = (Pki::new(&["a"]), Pki::new(&["a"]), Pki::new(&[]));
    fs::remove_dir(mount.dir()).unwrap();
    symlink(old.dir(), mount.dir()).unwrap();
    let (keyring, _guard) = watched(&mount);
    let next = mount.root().join("next");
    symlink(new.dir(), &next).unwrap();
    fs::rename(next, mount.dir()).unwrap();
    until_active(&keyring, Keyring::open(new.dir()).unwrap().active().certificate).await;
}

/// No watch shows this, only the poll.
#[tokio::test]
async fn a_parent_that_is_replaced_is_noticed_in_time() {
    let pki = Pki::new(&["a"]);
    let (keyring, _guard) = watched(&pki);
    let aside = pki.root().with_extension("aside");
    fs::rename(pki.root(), &aside).unwrap();
    until_degraded(&keyring, "cannot be listed").await;
    fs::rename(&aside, pki.root()).unwrap();
    until_ok(&keyring).await;
}
