//! The blob that provisions a board: what `maelctl cert board` puts into it, and who may sign it.

use std::fs;

use node_core::crypto::{P256Secret, Software, SoftwareSigner};
use node_core::id::NodeId;
use node_core::keys::operator_key;
use node_core::provision::{Blob, BlobError, Ip, Recipient, Settings};
use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey;

use crate::desk::Desk;

const NEW: Recipient<'_> =
    Recipient { kind: "pico", id: NodeId([7; 16]), epoch: 0, keyring: None, key: None };

/// A desk with the TLS directories of hubs and of an operator.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(
        "maelctl cert dir -o tls && maelctl cert dir -o ops -n ops && cp ops/server_a.crt ops.operator.crt",
    );
    desk
}

const BOARD: &str =
    "maelctl cert board -n kitchen -o kitchen --trust tls/server_a.crt --trust ops.operator.crt";

#[test]
fn a_blob_holds_the_settings_and_the_keyring_and_is_signed_by_the_operator() {
    let desk = desk();
    desk.ok("echo 'correct horse' > passphrase");
    let printed = desk.ok(&format!(
        "{BOARD} --operator ops --hub hub.example.com:8374 --hub 192.168.1.11:8374 --cluster-id home --use archive \
         --ip 192.168.1.20/24 --gateway 192.168.1.1 --name-server 9.9.9.9 --wifi attic --wifi-passphrase passphrase --kind pico \
         --pin $(printf %064d 7)"
    ));
    assert!(printed.contains("maelctl provision kitchen/kitchen.provision --serial PORT"), "{printed}");
    assert_eq!(desk.mode("kitchen/kitchen.provision"), 0o600);
    let bytes = fs::read(desk.file("kitchen/kitchen.provision")).unwrap();
    let blob = Blob::read(&bytes).unwrap();
    assert_eq!(blob.keyring.unwrap(), fs::read(desk.file("kitchen/kitchen.bundle")).unwrap());
    let settings: Settings<'_> = blob.check(&NEW, &Software).unwrap();
    assert_eq!((settings.name, settings.cluster), ("kitchen", "home"));
    assert_eq!(settings.hubs, ["hub.example.com:8374", "192.168.1.11:8374"]);
    assert_eq!((&settings.uses[..], settings.pins.len()), (&["archive"][..], 1));
    let Ip::Static { address, prefix: 24, gateway: Some(_), name_servers } = &settings.ip else {
        panic!("{settings:?}")
    };
    assert_eq!((address.octets(), name_servers.len()), ([192, 168, 1, 20], 1));
    assert_eq!(settings.wifi.unwrap().passphrase, "correct horse");
    let now: u64 = desk.ok("date +%s").trim().parse().unwrap();
    assert!(now - settings.not_before.0 < 3600 && blob.epoch / 1000 - settings.not_before.0 < 60);
    let other = Recipient { kind: "esp32", ..NEW };
    assert_eq!(blob.check(&other, &Software).unwrap_err(), BlobError::OtherKind);
}

#[test]
fn a_board_keeps_its_keys_when_the_blob_has_none() {
    let desk = desk();
    desk.ok(&format!("{BOARD} --operator ops --hub a:1"));
    let keyring = fs::read(desk.file("kitchen/kitchen.bundle")).unwrap();
    desk.ok("maelctl cert board -n pot -o blobs --keep-keys --operator ops --hub b:1 --new-identity --board-id 07070707070707070707070707070707");
    assert_eq!(desk.listed("blobs"), ["pot.provision"]);
    let bytes = fs::read(desk.file("blobs/pot.provision")).unwrap();
    let blob = Blob::read(&bytes).unwrap();
    assert!(blob.keyring.is_none() && blob.new_identity && blob.board == Some(NEW.id));
    let board = Recipient { keyring: Some(&keyring), ..NEW };
    assert_eq!(blob.check(&board, &Software).unwrap().name, "pot");
    assert_eq!(blob.check(&NEW, &Software).unwrap_err(), BlobError::NoKeyring);
}

#[test]
fn a_provisioning_key_signs_for_firmware_that_knows_it() {
    let desk = desk();
    desk.ok("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out factory.pem");
    desk.ok(&format!("{BOARD} --provisioning-key factory.pem --hub a:1"));
    let pem = fs::read_to_string(desk.file("factory.pem")).unwrap();
    let secret: [u8; 32] = SecretKey::from_pkcs8_pem(&pem).unwrap().to_bytes().into();
    let key = SoftwareSigner::new(P256Secret(&secret)).unwrap().public_key();
    let bytes = fs::read(desk.file("kitchen/kitchen.provision")).unwrap();
    let blob = Blob::read(&bytes).unwrap();
    assert!(blob.check(&Recipient { key: Some(key), ..NEW }, &Software).is_ok());
    assert_eq!(blob.check(&NEW, &Software).unwrap_err(), BlobError::NoOperator(blob.signer));
}

#[test]
fn a_blob_that_no_board_would_take_is_not_made() {
    let desk = desk();
    desk.ok("echo short > short && cp ops/server_a.key ops.pem && openssl genrsa -out rsa.pem 2048");
    for (code, arguments, part) in [
        (1, "--operator tls --hub a:1", "the board would refuse the blob: server_a.crt of tls signs it"),
        (1, "--operator none --hub a:1", "none"),
        (1, "--operator ops --hub a", "hub number 1 is not HOST:PORT"),
        (1, "--operator ops --hub a:1 --hub ::1", "hub number 2"),
        (1, "--operator ops --hub a:1 --wifi x --wifi-passphrase short", "passphrase"),
        (1, "--operator ops --hub a:1 --wifi x --wifi-passphrase none", "none: cannot be read"),
        (1, "--provisioning-key rsa.pem --hub a:1", "no P-256 key"),
        (1, &format!("--operator ops{}", " --hub a:1".repeat(9)), "more than 8 hubs"),
        (1, "--operator ops --listen a", "address number 1 to listen at is not HOST:PORT"),
        (1, &format!("--operator ops{}", " --listen a:1".repeat(5)), "4 addresses to listen at"),
        (1, "--operator ops --hub a:1 --keep-pair", "kitchen.leaf.key: cannot be read"),
        (2, "--operator ops --use archive", "--hub <HOST:PORT>"),
        (2, "--listen a:1", "--operator <DIR>"),
        (2, "--hub a:1", "--operator <DIR>"),
        (2, "--operator ops --hub a:1 --ip 10.0.0.1/33", "expected ADDRESS/PREFIX"),
        (2, "--operator ops --provisioning-key ops.pem --hub a:1", "cannot be used with"),
        (2, "--keep-keys --operator ops --hub a:1", "cannot be used with"),
    ] {
        let said = desk.fails(code, &format!("{BOARD} {arguments}"));
        assert!(said.contains(part), "{arguments}: {said}");
        assert!(!desk.file("kitchen").exists(), "{arguments}");
    }
    desk.ok(&format!("{BOARD} --operator ops --hub a:1"));
    let bytes = fs::read(desk.file("kitchen/kitchen.bundle")).unwrap();
    let Ok(bundle) = node_core::keys::Bundle::decode(&bytes) else { panic!("it decodes") };
    let signer = Blob::read(&fs::read(desk.file("kitchen/kitchen.provision")).unwrap()).unwrap().signer;
    assert!(operator_key(&bundle, signer, &Software).is_some());
}

#[test]
fn a_hub_and_its_leaf_are_made_without_any_server() {
    let desk = desk();
    let attic = "maelctl cert board -n attic -o attic --trust ops.operator.crt --operator ops --cluster-id home \
                 --listen 192.168.1.7:8374 --listen attic.example.com:8374";
    let printed = desk.ok(&format!("{attic} 2>&1"));
    assert!(printed.contains("attic trusts no board and no other hub yet"), "{printed}");
    assert!(printed.contains("attic.hub.crt"), "{printed}");
    let shown = fs::read(desk.file("attic/attic.hub.crt")).unwrap();
    desk.ok("maelctl cert board -n kettle -o kettle --trust attic/attic.hub.crt --trust ops.operator.crt --operator ops --hub 192.168.1.7:8374");
    let printed = desk.ok(&format!("{attic} --keep-pair --trust kettle/kettle.leaf.crt 2>&1"));
    assert!(!printed.contains("trusts no"), "{printed}");
    // The leaf trusts that certificate.
    assert_eq!(fs::read(desk.file("attic/attic.hub.crt")).unwrap(), shown);
    assert_eq!(
        fs::read(desk.file("attic/kettle.leaf.crt")).unwrap(),
        fs::read(desk.file("kettle/kettle.leaf.crt")).unwrap()
    );
    let bytes = fs::read(desk.file("attic/attic.provision")).unwrap();
    let settings = Blob::read(&bytes).unwrap().check(&NEW, &Software).unwrap();
    assert_eq!(settings.listen, ["192.168.1.7:8374", "attic.example.com:8374"]);
    assert!(settings.hubs.is_empty());
    let as_leaf = attic.replace("-n attic", "-n attic.leaf");
    assert!(desk.fails(1, &as_leaf).contains("the name attic.leaf says otherwise"));
}
