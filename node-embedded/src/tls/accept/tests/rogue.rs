//! A TLS 1.3 client that can be made to say anything at any time.

use std::vec::Vec;

use p256::ecdh::EphemeralSecret;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use rand_core::OsRng;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::tls::tests::keys::{Direction, Stage};

pub const CHANGE_CIPHER_SPEC: u8 = 20;
pub const HANDSHAKE: u8 = 22;

/// The client after the ServerHello.
pub struct Rogue {
    transcript: Vec<u8>,
    client: Direction,
    server: Direction,
}

impl Rogue {
    /// Says hello to a server, and reads its first answer.
    pub fn greet(server: &mut Server) -> Self {
        let secret = EphemeralSecret::random(&mut OsRng);
        let hello = hello(secret.public_key().to_encoded_point(false).as_bytes(), &[]);
        server.receive(&record(HANDSHAKE, &hello)).unwrap();
        let answer = server.send();
        let length = usize::from(u16::from_be_bytes([answer[3], answer[4]]));
        let server_hello = &answer[5..5 + length];
        // The point is the last but for the supported version, or the other way round.
        let at = server_hello.windows(4).position(|window| window == [0, 23, 0, 65]).unwrap() + 4;
        let point = p256::PublicKey::from_sec1_bytes(&server_hello[at..at + 65]).unwrap();
        let shared = secret.diffie_hellman(&point);
        let transcript = [&hello[..], server_hello].concat();
        let stage = Stage::handshake(shared.raw_secret_bytes());
        let client = stage.direction(b"c hs traffic", &transcript);
        let mut rogue = Self { client, server: stage.direction(b"s hs traffic", &transcript), transcript };
        let mut rest = &answer[5 + length..];
        while let [kind, _, _, high, low, ..] = rest {
            let (record, behind) = rest.split_at(5 + usize::from(u16::from_be_bytes([*high, *low])));
            if *kind == 23 {
                let mut inner = rogue.server.open(record);
                inner.pop();
                rogue.transcript.extend(inner);
            }
            rest = behind;
        }
        rogue
    }

    /// An encrypted record with these handshake messages.
    pub fn messages(&mut self, messages: &[u8]) -> Vec<u8> {
        self.encrypted(&[messages, &[HANDSHAKE]].concat())
    }

    /// An encrypted record; `inner` is its content and content type.
    pub fn encrypted(&mut self, inner: &[u8]) -> Vec<u8> {
        self.client.seal(inner)
    }

    /// CertificateVerify by this key.
    pub fn verify(&mut self, shows: &Shows) -> Vec<u8> {
        let key = SigningKey::from_slice(&shows.key.serialize_der()[36..68]).unwrap();
        let mut content = vec![b' '; 64];
        content.extend(b"TLS 1.3, client CertificateVerify\0");
        content.extend(Sha256::digest(&self.transcript));
        let signature: DerSignature = key.sign(&content);
        let signature = signature.as_bytes();
        let body = [&[4, 3, 0, u8::try_from(signature.len()).unwrap()][..], signature].concat();
        self.say(message(15, &body))
    }

    /// Finished over the transcript so far.
    pub fn finished(&mut self) -> Vec<u8> {
        let body = self.client.finished(&self.transcript);
        self.say(message(20, &body))
    }

    /// Adds a message to the transcript.
    pub fn say(&mut self, message: Vec<u8>) -> Vec<u8> {
        self.transcript.extend_from_slice(&message);
        message
    }
}

/// Certificate with these certificates in DER.
pub fn certificate(chain: &[&[u8]]) -> Vec<u8> {
    let entry = |der: &&[u8]| [&length24(der.len()), *der, &[0, 0]].concat();
    let entries = chain.iter().flat_map(entry).collect::<Vec<_>>();
    message(11, &[&[0][..], &length24(entries.len()), &entries].concat())
}

/// A ClientHello with this share, and these further extensions.
pub fn hello(point: &[u8], more: &[u8]) -> Vec<u8> {
    let share = [&[0, 51, 0, 71, 0, 69, 0, 23, 0, 65][..], point].concat();
    let extensions =
        [&[0, 43, 0, 3, 2, 3, 4][..], &[0, 13, 0, 4, 0, 2, 4, 3], &[0, 10, 0, 4, 0, 2, 0, 23], &share, more]
            .concat();
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    let body = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 1], &[1, 0], &length, &extensions].concat();
    message(1, &body)
}

/// An extension.
pub fn extension(number: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&number.to_be_bytes()[..], &length, body].concat()
}

/// A record in the clear.
pub fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

/// A handshake message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length24(body.len()), body].concat()
}

fn length24(length: usize) -> [u8; 3] {
    let [_, high, middle, low] = u32::try_from(length).unwrap().to_be_bytes();
    [high, middle, low]
}
