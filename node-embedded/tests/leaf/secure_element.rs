//! The TLS key and the identity key in secure elements, whose drivers are asynchronous.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use embassy_futures::select::{Either, select};
use embassy_futures::yield_now;
use embassy_time::Timer;
use node_core::crypto::{PublicKey, SignError, Signature};
use node_embedded::tls::SessionError;
use node_embedded::{
    BlockingSigner, DialError, IdentitySigner, LinkEvent, Settings, SignDigest, StartError, TlsSigner,
};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rand_core::OsRng;
use rcgen::{CertificateParams, KeyPair};

use crate::board::{settings, try_board};
use crate::clock::run;
use crate::flash::Flash;
use crate::identity::{Identity, named_bundle};
use crate::world::{World, world};

/// A secure element that needs a while for each signature.
struct Element {
    key: SigningKey,
    gauge: &'static Gauge,
}

/// What a test sees and does of a device.
#[derive(Default)]
struct Gauge {
    signatures: AtomicUsize,
    broken: AtomicBool,
}

impl SignDigest for Element {
    async fn sign_digest(&mut self, digest: &[u8; 32]) -> Result<Signature, SignError> {
        for _ in 0..50 {
            yield_now().await;
        }
        if self.gauge.broken.load(Ordering::Relaxed) {
            return Err(SignError);
        }
        self.gauge.signatures.fetch_add(1, Ordering::Relaxed);
        let signature: p256::ecdsa::Signature = self.key.sign_prehash(digest).map_err(|_| SignError)?;
        Ok(Signature::from_bytes(signature.to_bytes().into()))
    }
}

/// A device with the key of a certificate.
fn device(of: &Identity) -> (PublicKey, &'static BlockingSigner<Element>, &'static Gauge) {
    let key = SigningKey::from_slice(&of.secret()).unwrap();
    let public = PublicKey::from_sec1(key.verifying_key().to_encoded_point(true).as_bytes()).unwrap();
    let gauge: &Gauge = Box::leak(Box::default());
    (public, Box::leak(Box::new(BlockingSigner::new(Element { key, gauge }))), gauge)
}

/// Another certificate of the same key.
fn renew(identity: &Identity) -> Identity {
    let key = KeyPair::try_from(identity.key.serialize_der()).unwrap();
    let params = CertificateParams::new(vec!["renewed.example.com".to_string()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().to_vec();
    Identity { certificate, key, path: Vec::new() }
}

/// A keyring of certificates only: that of a board, and the hub's.
fn held_bundle(board: &Identity, world: &World) -> Vec<u8> {
    named_bundle(&[], &[("a", board), ("b.hub", &world.hub_identity)])
}

/// The settings of a board whose keyring holds certificates only, and what its TLS device does.
fn held(world: &World) -> (Settings<'static>, &'static Gauge) {
    let (key, signer, gauge) = device(&world.board_identity);
    let keyring = held_bundle(&world.board_identity, world);
    (Settings { tls: Some(TlsSigner { key, signer }), ..settings(&keyring) }, gauge)
}

#[test]
fn a_board_links_without_a_private_key_in_its_memory() {
    let (world, tasks) = world();
    run(tasks, async {
        let (settings, tls) = held(&world);
        let (key, signer, identity) = device(&Identity::new());
        let identity_signer = IdentitySigner { key, signer, unseal: None };
        let settings = Settings { identity: Some(identity_signer), ..settings };
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        assert_eq!(leaf.active_key(), world.board_identity.fingerprint());
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            assert_eq!(world.hub.shown(), [&world.board_identity.certificate[..]]);
            assert_eq!(world.http(leaf, "/echo", b"hello").await, Ok((200, b"hello".to_vec())));
            let counts = [tls, identity].map(|gauge| gauge.signatures.load(Ordering::Relaxed));
            // One when it was checked at the start, and one for the link.
            assert_eq!(counts[0], 2);
            assert!(counts[1] >= 3, "{counts:?}");
        };
        select(test, task).await;
    });
}

#[test]
fn an_operator_pushes_another_certificate_of_the_key_in_the_device() {
    let (world, tasks) = world();
    run(tasks, async {
        let (settings, _) = held(&world);
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            let renewed = renew(&world.board_identity);
            world.trusted.lock().unwrap().push(renewed.certificate.clone());
            world.push(leaf, &held_bundle(&renewed, &world)).await.unwrap();
            Timer::after_secs(3).await;
            assert_eq!(
                world.hub.shown(),
                [world.board_identity.certificate.clone(), renewed.certificate.clone()]
            );
            // A certificate of a key that nobody holds here.
            assert!(world.push(leaf, &held_bundle(&Identity::new(), &world)).await.is_err());
            assert_eq!(leaf.active_key(), renewed.fingerprint());
        };
        select(test, task).await;
    });
}

#[test]
fn a_device_that_fails_makes_no_session_until_it_works_again() {
    let (world, tasks) = world();
    run(tasks, async {
        let (settings, tls) = held(&world);
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        let test = async {
            tls.broken.store(true, Ordering::Relaxed);
            let event = leaf.next_event().await;
            let LinkEvent::DialFailed { error: DialError::Session(error), .. } = event else {
                panic!("{event:?}")
            };
            assert!(matches!(error, SessionError::Unsigned(SignError)), "{error:?}");
            assert!(world.hub.shown().is_empty());
            tls.broken.store(false, Ordering::Relaxed);
            leaf.linked().await;
        };
        assert!(matches!(select(test, task).await, Either::First(())));
    });
}

#[test]
fn a_keyring_without_its_key_or_a_device_with_another_one_starts_no_node() {
    let (world, tasks) = world();
    run(tasks, async {
        let (settings, tls) = held(&world);
        let start = async |settings| {
            try_board(&world.network, Flash::new(), OsRng, settings).await.map(|_| ()).unwrap_err()
        };
        let nobody = start(Settings { tls: None, ..settings }).await;
        assert!(matches!(nobody, StartError::Keyring(_)), "{nobody}");
        let (key, signer, _) = device(&Identity::new());
        let other = start(Settings { tls: Some(TlsSigner { key, signer }), ..settings }).await;
        assert!(matches!(other, StartError::Keyring(_)), "{other}");
        let wrong = TlsSigner { key: settings.tls.unwrap().key, signer };
        let wrong = start(Settings { tls: Some(wrong), ..settings }).await;
        assert!(matches!(wrong, StartError::OtherKey), "{wrong}");
        tls.broken.store(true, Ordering::Relaxed);
        assert!(matches!(start(settings).await, StartError::Sign(SignError)));
    });
}
