//! Verifiers of one's own in a keyring: in this process, and as a command.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use node_core::trust::{Rejection, Roles, VerifyAnswer, VerifyEvent, VerifyHook};
use node_std::tls::settings::TlsSettings;
use node_std::tls::{Keyring, Shown, VERIFY_TIMEOUT, VerifyCommand, read_chain};

use crate::pki::Pki;

/// A peer that dialled and showed the certificate `stem`.
fn shown(pki: &Pki, stem: &str) -> Shown {
    Shown::new(read_chain(&pki.path(&format!("{stem}.crt"))).unwrap(), None)
}

/// Accepts so many peers, then refuses or panics.
struct Few {
    left: u32,
    panics: bool,
}

impl VerifyHook for Few {
    fn check(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer {
        assert!(matches!(event, VerifyEvent::ValidPeer(_)));
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None if self.panics => panic!("a fault of the application"),
            None => return VerifyAnswer::Refuse("no more"),
        }
        VerifyAnswer::Accept
    }
}

fn with_hook(pki: &Pki, left: u32, panics: bool) -> Arc<Keyring> {
    let hook = Arc::new(Mutex::new(Few { left, panics }));
    Keyring::open_with_hook(TlsSettings::directory(pki.dir()), hook).unwrap()
}

#[test]
fn a_hook_has_the_last_word_and_keeps_its_state() {
    let pki = Pki::new(&["a", "b"]);
    let keyring = with_hook(&pki, 1, false);
    let (first, second) = (shown(&pki, "a"), shown(&pki, "a"));
    assert!(keyring.judge(&first).is_ok());
    assert!(matches!(keyring.judge(&second), Err(Rejection::Hook { reason: "no more", .. })));
    assert_eq!(keyring.granted(&second, &[], None).roles, Roles::NONE);
    // It goes on with the keyring that comes after.
    fs::remove_file(pki.path("b.key")).unwrap();
    keyring.reload().unwrap();
    assert!(keyring.judge(&first).is_err());
}

#[test]
fn a_hook_that_panicked_lets_nobody_in() {
    let pki = Pki::new(&["a"]);
    let keyring = with_hook(&pki, 0, true);
    for _ in 0..2 {
        let peer = shown(&pki, "a");
        assert!(matches!(keyring.judge(&peer), Err(Rejection::Hook { .. })));
        assert_eq!(keyring.granted(&peer, &[], None).roles, Roles::NONE);
    }
}

/// Settings with a command that runs this script about those who dial.
fn with_command(pki: &Pki, script: &str) -> TlsSettings {
    let program = pki.root().join("verify.sh");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = vec![pki.root().to_str().unwrap().to_owned()];
    let mut settings = TlsSettings::directory(pki.dir());
    settings.listening.verify_command = Some(VerifyCommand { program, arguments, timeout: VERIFY_TIMEOUT });
    settings
}

#[tokio::test]
async fn nobody_comes_in_before_the_command_was_asked() {
    let pki = Pki::new(&["a", "b"]);
    let settings = with_command(&pki, "env > \"$1/environment\"; [ ! -e \"$1/full\" ]");
    let keyring = Keyring::open_with(settings.clone()).unwrap();
    let peer = shown(&pki, "a");
    assert!(matches!(keyring.judge(&peer), Err(Rejection::Hook { .. })));
    assert_eq!(keyring.granted(&peer, &[], None).roles, Roles::NONE);
    keyring.confirm(&peer).await.unwrap();
    assert!(keyring.judge(&peer).is_ok());
    // It may hold the password of the keys.
    let environment = fs::read_to_string(pki.root().join("environment")).unwrap();
    let cargo = environment.lines().find(|line| line.starts_with("CARGO"));
    assert_eq!(cargo, None);
    // The answer counts until the keyring changes, and then until the next one.
    fs::write(pki.root().join("full"), "").unwrap();
    assert!(keyring.judge(&peer).is_ok());
    assert!(keyring.confirm(&peer).await.is_err());
    assert!(keyring.judge(&peer).is_err());
    // Another command knows nothing of it.
    fs::remove_file(pki.root().join("full")).unwrap();
    keyring.confirm(&peer).await.unwrap();
    let mut other = settings;
    other.listening.verify_command.as_mut().unwrap().arguments.push("strictly".to_owned());
    keyring.replace(other).unwrap();
    assert!(keyring.judge(&peer).is_err());
}

#[tokio::test]
async fn it_is_not_asked_about_whom_this_node_dials_unless_told_so() {
    let pki = Pki::new(&["a"]);
    let keyring = Keyring::open_with(with_command(&pki, "exit 1")).unwrap();
    let chain = read_chain(&pki.path("a.crt")).unwrap();
    let dialled = Shown::new(chain, Some("localhost".try_into().unwrap()));
    keyring.confirm(&dialled).await.unwrap();
    assert!(keyring.judge(&dialled).is_ok());
    assert!(keyring.confirm(&shown(&pki, "a")).await.is_err());
    assert_eq!(keyring.rejected(), 1);
}
