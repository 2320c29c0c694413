//! Certificates that boards request for keys which they hold themselves, as openssl and boards see them.

use std::fs;

use base64ct::{Base64, Encoding};
use node_core::crypto::{P256Secret, PublicKey, Software, SoftwareSigner};
use node_core::id::NodeId;
use node_core::keys::Bundle;
use node_core::provision::{Blob, Recipient, certificate_request};

use crate::desk::Desk;

const ID: NodeId = NodeId([7; 16]);

fn key() -> SoftwareSigner {
    SoftwareSigner::new(P256Secret(&[5; 32])).unwrap()
}

fn held() -> PublicKey {
    key().public_key()
}

/// Puts a request into a file.
fn put(desk: &Desk, file: &str, der: &[u8]) {
    let pem = format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        Base64::encode_string(der)
    );
    fs::write(desk.file(file), pem).unwrap();
}

fn request() -> Vec<u8> {
    let point = Software.decompress(held()).unwrap();
    certificate_request(ID, &point, &key()).unwrap().to_vec()
}

/// A desk with the TLS directories of hubs and of an operator, and the request of a board.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok(
        "maelctl cert dir -o tls && maelctl cert dir -o ops -n ops && cp ops/server_a.crt ops.operator.crt",
    );
    put(&desk, "kettle.csr", &request());
    desk
}

const BOARD: &str =
    "maelctl cert board -n kettle -o kettle --trust tls/server_a.crt --trust ops.operator.crt --request";

#[test]
fn a_certificate_is_made_of_the_request_and_nothing_has_the_private_key() {
    let desk = desk();
    let said = desk.run("openssl req -in kettle.csr -verify -noout -subject");
    assert!(said.code == 0 && said.stderr.contains("verify OK"), "{said:?}");
    desk.ok(&format!("{BOARD} kettle.csr --operator ops --hub a:1 --days 100"));
    assert_eq!(
        desk.listed("kettle"),
        ["kettle.bundle", "kettle.leaf.crt", "kettle.provision", "ops.operator.crt", "server_a.hub.crt"]
    );
    // It is of the key in the request, signed by the operator, for a node.
    let key_of = |command: &str| desk.ok(&format!("openssl {command} -noout -pubkey"));
    assert_eq!(key_of("x509 -in kettle/kettle.leaf.crt"), key_of("req -in kettle.csr"));
    // The operator is no CA, so openssl follows no chain.
    let verified = desk.ok("openssl x509 -in kettle/kettle.leaf.crt -outform DER -out crt.der
         openssl asn1parse -inform DER -in crt.der -strparse 4 -noout -out signed.der
         signature=$(openssl asn1parse -inform DER -in crt.der | tail -1 | cut -d: -f1)
         openssl asn1parse -inform DER -in crt.der -strparse $signature -noout -out signature.der
         openssl x509 -in ops/server_a.crt -pubkey -noout > ops.pub
         openssl dgst -sha256 -verify ops.pub -signature signature.der signed.der");
    assert!(verified.contains("Verified OK"), "{verified}");
    let text = desk.text("kettle/kettle.leaf.crt");
    assert!(
        text.contains("Issuer: CN = ops")
            && text.contains("Subject: CN = kettle")
            && text.contains("TLS Web Client Authentication"),
        "{text}"
    );
    // The board takes the keyring with its own key only, and the blob is for that board only.
    let bytes = fs::read(desk.file("kettle/kettle.provision")).unwrap();
    let blob = Blob::read(&bytes).unwrap();
    assert_eq!(blob.board, Some(ID));
    let board = Recipient { kind: "pico", id: ID, epoch: 0, keyring: None, key: None };
    assert!(blob.check(&board, &Software).is_ok());
    let Ok(bundle) = Bundle::decode(blob.keyring.unwrap()) else { panic!("it decodes") };
    assert!(bundle.slots().iter().all(|slot| slot.key().is_none()));
    assert!(bundle.validate_with(&Software, Some(held())).is_ok());
    assert!(bundle.validate(&Software).is_err());
    // A hub that trusts it finds nothing wrong with it.
    desk.ok("cp kettle/kettle.leaf.crt ops.operator.crt tls && maelctl tls check tls");
}

#[test]
fn a_ca_signs_what_is_requested() {
    let desk = desk();
    desk.ok("maelctl cert ca -o ca");
    desk.ok(&format!("{BOARD} kettle.csr --ca ca/ca.crt"));
    desk.ok("openssl verify -CAfile ca/ca.crt -purpose sslclient kettle/kettle.leaf.crt");
    assert!(!desk.file("kettle/kettle.provision").exists(), "there is no hub");
}

#[test]
fn what_is_no_boards_request_gets_no_certificate() {
    let desk = desk();
    let mut forged = request();
    *forged.last_mut().unwrap() ^= 1;
    put(&desk, "forged.csr", &forged);
    put(&desk, "broken.csr", &request()[..100]);
    desk.ok(
        "openssl req -new -newkey rsa:2048 -nodes -keyout x.key -subj /CN=$(printf %032d 7) -out rsa.csr",
    );
    desk.ok(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout x.key -subj /CN=kettle -out named.csr",
    );
    desk.ok("cat kettle.csr named.csr > two.csr");
    for (code, arguments, part) in [
        (1, "kettle.csr", "nobody signs the certificate"),
        (1, "none.csr --operator ops", "none.csr: cannot be read"),
        (1, "ops.operator.crt --operator ops", "is not one certificate request in PEM"),
        (1, "two.csr --operator ops", "is not one certificate request in PEM"),
        (1, "broken.csr --operator ops", "cannot be read"),
        (1, "forged.csr --operator ops", "is not signed by the key in it"),
        (1, "rsa.csr --operator ops", "not P-256"),
        (1, "named.csr --operator ops", "whose subject is the board's id"),
        (1, "kettle.csr --ca tls/server_a.crt", "server_a.crt"),
        (
            2,
            "kettle.csr --operator ops --hub a:1 --board-id 07070707070707070707070707070707",
            "cannot be used with",
        ),
        (2, "kettle.csr --ca-key x.key", "--ca <FILE>"),
    ] {
        let said = desk.fails(code, &format!("{BOARD} {arguments}"));
        assert!(said.contains(part), "{arguments}: {said}");
        assert!(!desk.file("kettle").exists(), "{arguments}");
    }
}
