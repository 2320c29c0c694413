//! A TLS key that a board makes: it gives a request for a certificate, and nobody ever sees the private key.

use core::cell::Cell;
use core::num::NonZeroU32;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::rc::Rc;

use embassy_futures::block_on;
use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_time::Timer;
use node_core::crypto::{P256Secret, SoftwareSigner};
use node_core::keys::BundleError;
use node_core::provision::frame::{MAX_TEXT, Request};
use node_core::provision::{BlobError, MAX_SETTINGS};
use node_core::time::UnixTime;
use node_embedded::{Board, LeafResources, Parts, ProvisionError, Provisioner, Settings, TlsSigner, start};
use rand_core::{CryptoRng, OsRng, RngCore};

use crate::board::Echo;
use crate::clock::run;
use crate::flash::{Failure, Flash, RANGE};
use crate::identity::{Identity, named_bundle, requested_key};
use crate::operator::seal;
use crate::provision::{Operator, find, firmware, open, resources, take};
use crate::serial_line::line;
use crate::world::world;

/// A keyring without any private key.
fn keyring(operator: &Operator<'_>, own: &Identity, also: &[&Identity]) -> Vec<u8> {
    let mut slots = vec![
        ("kettle.leaf", own),
        ("hub.hub", &operator.world.hub_identity),
        ("ops.operator", &operator.key),
    ];
    slots.extend(also.iter().map(|also| ("also.hub", *also)));
    named_bundle(&[], &slots)
}

fn blob(operator: &Operator<'_>, epoch: u64, own: &Identity) -> Vec<u8> {
    let keyring = keyring(operator, own, &[]);
    operator.blob(epoch, "kettle", |draft| draft.keyring = Some(Box::leak(keyring.into())))
}

/// What the board with this flash requests.
fn request(flash: &Flash) -> Result<Vec<u8>, ProvisionError<Failure>> {
    open(flash, async |board| board.certificate_request().await.map(|request| request.to_vec())).unwrap()
}

/// What openssl says of a request, whose signature it checks.
fn openssl(request: &[u8]) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-inform", "DER", "-verify", "-noout", "-subject"]);
    openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut openssl = openssl.spawn().unwrap();
    openssl.stdin.take().unwrap().write_all(request).unwrap();
    let said = openssl.wait_with_output().unwrap();
    assert!(said.status.success(), "{said:?}");
    String::from_utf8([said.stdout, said.stderr].concat()).unwrap()
}

#[test]
fn a_board_links_with_the_key_that_it_made_and_takes_new_keyrings_without_one() {
    let (world, tasks) = world();
    run(tasks, async {
        let (operator, flash) = (Operator::new(&world), Flash::new());
        let mut provisioner = Provisioner::open(resources(), firmware(&flash)).await.unwrap();
        let id = provisioner.id();
        let (mut boards_end, mut line) = line();
        let host = async {
            line.ask(&Request::RequestCertificate);
            let request = line.request().await;
            let own = Identity::of_request(&request);
            line.ask(&Request::Provision(&blob(&operator, 7, &own)));
            assert_eq!(line.answer().await, format!("provisioned {id} true"));
            (request, own)
        };
        let (taken, (request, own)) = join(provisioner.serve(&mut boards_end), host).await;
        assert_eq!(taken, Ok(true));
        let said = openssl(&request);
        assert!(said.contains(&format!("CN = {id}")) && said.contains("verify OK"), "{said}");

        let stored = Box::leak(Box::new([0; MAX_SETTINGS]));
        let stored = &*Box::leak(Box::new(provisioner.settings(stored).await.unwrap().unwrap()));
        let (rng, flash) = provisioner.close();
        let settings = Settings::of(stored, UnixTime(1));
        let parts = Parts { network: world.network.board, rng, flash, flash_range: RANGE, application: Echo };
        let (leaf, mut runner) = start(resources(), settings, parts).await.unwrap();
        let (renewed, other) = (Identity::of_request(&request), Identity::new());
        world.trusted.lock().unwrap().extend([&own, &renewed].map(|one| one.certificate.clone()));
        let test = async {
            let push = async |epoch, own: &Identity, also: &[&Identity]| {
                let sealed =
                    seal(&operator.key, world.identity_of(leaf), epoch, &keyring(&operator, own, also));
                let pushed = world.send_keys(leaf, &sealed).await;
                Timer::after_secs(100).await;
                pushed
            };
            leaf.linked().await;
            Timer::after_millis(100).await;
            push(1_000, &renewed, &[]).await.unwrap();
            push(1_001, &renewed, &[&other]).await.unwrap();
            let shown = [&own, &renewed, &renewed].map(|one| one.certificate.clone());
            assert_eq!((leaf.links(), world.hub.shown()), (1, shown.to_vec()));
            // A certificate of a key that the board has not.
            let (_, said) = push(1_002, &other, &[]).await.unwrap_err();
            assert!(said.contains("maelctl provision --request"), "{said}");
            assert_eq!((leaf.links(), leaf.active_key()), (1, renewed.fingerprint()));
        };
        assert!(matches!(select(test, runner.run()).await, Either::First(())));
    });
}

#[test]
fn the_key_is_made_once_and_stays_whatever_blobs_come() {
    let (world, _) = world();
    let (operator, flash) = (Operator::new(&world), Flash::new());
    let first = request(&flash).unwrap();
    assert_eq!(request(&flash).unwrap(), first, "signatures are deterministic");
    assert_ne!(requested_key(&request(&Flash::new()).unwrap()), requested_key(&first));
    assert!(take(&flash, &blob(&operator, 7, &Identity::of_request(&first))).unwrap());
    // A keyring with a pair, and another identity.
    assert!(take(&flash, &operator.blob(8, "kettle", |draft| draft.new_identity = true)).unwrap());
    let last = request(&flash).unwrap();
    assert_eq!(requested_key(&last), requested_key(&first));
    assert!(openssl(&last).contains(&format!("CN = {}", find(&flash).id)), "the id is the new one");
    assert!(take(&flash, &blob(&operator, 9, &Identity::of_request(&first))).unwrap());
}

#[test]
fn a_keyring_without_a_key_of_the_board_is_refused_and_says_what_to_do() {
    let (world, _) = world();
    let (operator, flash) = (Operator::new(&world), Flash::new());
    for asked in [false, true] {
        let own = Identity::of_request(&request(&Flash::new()).unwrap());
        if asked {
            request(&flash).unwrap();
        }
        let refused = take(&flash, &blob(&operator, 7, &own)).unwrap_err();
        assert!(matches!(refused, ProvisionError::Blob(BlobError::Keyring(BundleError::NoKey))));
        let said = refused.to_string();
        assert!(said.len() <= MAX_TEXT && said.contains("maelctl provision --request"), "{said}");
        assert_eq!(find(&flash).name, None);
    }
}

#[test]
fn a_brown_out_at_any_moment_leaves_no_key_or_one_that_is_stored() {
    let before = Flash::new();
    find(&before);
    for words in 0.. {
        let flash = before.copy();
        flash.fail_after(words);
        let told = open(&flash, async |board| board.certificate_request().await.ok());
        let (whole, flash) = (flash.has_power(), flash.copy());
        let found = request(&flash).unwrap();
        if let Ok(Some(told)) = told {
            assert_eq!(requested_key(&told), requested_key(&found), "after {words} words");
        }
        assert_eq!(request(&flash).unwrap(), found, "after {words} words");
        if whole {
            assert!(words > 8, "it wrote nothing");
            break;
        }
    }
}

#[test]
fn a_worn_flash_gives_no_request_for_a_key_that_it_does_not_keep() {
    let flash = Flash::new();
    find(&flash);
    open(&flash, async |board| {
        flash.fail_after(0);
        let refused = board.certificate_request().await.unwrap_err();
        assert!(matches!(refused, ProvisionError::Flash(_)), "{refused}");
        assert!(board.certificate_request().await.is_err(), "the key is not in RAM either");
    })
    .unwrap();
}

/// Random numbers, until they run dry.
struct Well(Rc<Cell<bool>>);

impl RngCore for Well {
    fn next_u32(&mut self) -> u32 {
        OsRng.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        OsRng.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        OsRng.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        match self.0.get() {
            true => Err(NonZeroU32::MIN.into()),
            false => OsRng.try_fill_bytes(bytes),
        }
    }
}

impl CryptoRng for Well {}

#[test]
fn without_random_numbers_there_is_no_key() {
    let (flash, dry) = (Flash::new(), Rc::new(Cell::new(false)));
    block_on(async {
        let Board { kind, key, identity, tls, flash, flash_range, .. } = firmware(&flash);
        let board = Board { kind, key, identity, tls, rng: Well(dry.clone()), flash, flash_range };
        let mut board = Provisioner::open(resources(), board).await.unwrap();
        dry.set(true);
        let (mut boards_end, mut line) = line();
        let host = async {
            line.ask(&Request::RequestCertificate);
            let said = line.answer().await;
            line.cut();
            said
        };
        let (served, said) = join(board.serve(&mut boards_end), host).await;
        assert_eq!(served, Ok(false));
        assert!(said.contains("random"), "{said}");
        assert!(board.certificate_request().await.is_err());
        dry.set(false);
        board.certificate_request().await.unwrap();
    });
}

#[test]
fn a_device_requests_a_certificate_of_its_key_and_the_board_makes_none() {
    let flash = Flash::new();
    let identity = Identity::new();
    let device = SoftwareSigner::new(P256Secret(&identity.secret())).unwrap();
    let tls = Some(TlsSigner { key: device.public_key(), signer: &device });
    let requested = block_on(async {
        let mut memory = LeafResources::new();
        let mut board = Provisioner::open(&mut memory, Board { tls, ..firmware(&flash) }).await.unwrap();
        board.certificate_request().await.unwrap()
    });
    assert_eq!(requested_key(&requested), identity.key.public_key_raw());
    assert!(openssl(&requested).contains("verify OK"));
    assert_ne!(
        requested_key(&request(&flash).unwrap()),
        identity.key.public_key_raw(),
        "there was none in flash"
    );
}
