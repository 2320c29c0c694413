//! A TLS 1.3 server that can be made to say anything at any time.
//!
//! A test drives it step by step. The server itself handles only keys, transcript and nonces.

use std::vec;
use std::vec::Vec;

use embedded_io_async::{Read, Write};
use p256::ecdh::EphemeralSecret;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::{EncodedPoint, PublicKey};
use rand_core::OsRng;
use sha2::{Digest, Sha256};

use super::keys::{Direction, Stage};
use super::pipe::Pipe;

/// Content types of records.
pub const CHANGE_CIPHER_SPEC: u8 = 20;
pub const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
pub const APPLICATION_DATA: u8 = 23;

/// `ecdsa_secp256r1_sha256`.
pub const ECDSA_P256: u16 = 0x0403;

/// The server's end of a connection, after its ServerHello.
pub struct Rogue {
    incoming: Pipe,
    outgoing: Pipe,
    transcript: Vec<u8>,
    stage: Stage,
    client: Direction,
    server: Direction,
}

impl Rogue {
    /// Waits for a ClientHello and answers it.
    pub async fn hello(mut incoming: Pipe, mut outgoing: Pipe) -> Self {
        let client_hello = read_record(&mut incoming).await.expect("a ClientHello")[5..].to_vec();
        let secret = EphemeralSecret::random(&mut OsRng);
        let shared = secret.diffie_hellman(&key_share(&client_hello));
        let server_hello = server_hello(&secret.public_key());
        outgoing.write_all(&record(HANDSHAKE, &server_hello)).await.unwrap();
        let transcript = [client_hello, server_hello].concat();
        let stage = Stage::handshake(shared.raw_secret_bytes());
        let client = stage.direction(b"c hs traffic", &transcript);
        let server = stage.direction(b"s hs traffic", &transcript);
        Self { incoming, outgoing, transcript, stage, client, server }
    }

    /// Sends bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) {
        self.outgoing.write_all(bytes).await.unwrap();
    }

    /// Sends an encrypted record; `inner` is its content and content type.
    pub async fn encrypted(&mut self, inner: &[u8]) {
        let sealed = self.server.seal(inner);
        self.raw(&sealed).await;
    }

    /// Sends handshake messages in one encrypted record.
    pub async fn messages(&mut self, messages: &[&[u8]]) {
        self.encrypted(&[&messages.concat()[..], &[HANDSHAKE]].concat()).await;
    }

    /// EncryptedExtensions, and optionally CertificateRequest.
    pub fn extensions(&mut self, request: bool) -> Vec<u8> {
        let mut messages = message(8, &[0, 0]);
        if request {
            messages.extend(message(13, &[0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]));
        }
        self.say(messages)
    }

    /// Certificate with this DER.
    pub fn certificate(&mut self, der: &[u8]) -> Vec<u8> {
        let entry = [&length24(der.len()), der, &[0, 0]].concat();
        let body = [&[0][..], &length24(entry.len()), &entry].concat();
        self.say(message(11, &body))
    }

    /// CertificateVerify by `key` over the transcript so far, announced as signed by `scheme`.
    pub fn verify(&mut self, key: &SigningKey, scheme: u16) -> Vec<u8> {
        let mut content = vec![b' '; 64];
        content.extend(b"TLS 1.3, server CertificateVerify\0");
        content.extend(Sha256::digest(&self.transcript));
        let signature: DerSignature = key.sign(&content);
        let signature = signature.as_bytes();
        let length = u16::try_from(signature.len()).unwrap().to_be_bytes();
        let body = [&scheme.to_be_bytes()[..], &length, signature].concat();
        self.say(message(15, &body))
    }

    /// Finished over the transcript so far.
    pub fn finished(&mut self) -> Vec<u8> {
        let body = self.server.finished(&self.transcript);
        self.say(message(20, &body))
    }

    /// Adds a message to the transcript.
    pub fn say(&mut self, message: Vec<u8>) -> Vec<u8> {
        self.transcript.extend_from_slice(&message);
        message
    }

    /// The whole flight of an honest server.
    pub async fn authenticate(&mut self, certificate: &[u8], key: &SigningKey) {
        let flight = [
            self.extensions(true),
            self.certificate(certificate),
            self.verify(key, ECDSA_P256),
            self.finished(),
        ];
        self.messages(&flight.each_ref().map(|message| &message[..])).await;
    }

    /// The client's handshake messages up to its Finished, then the application's keys are in use.
    pub async fn complete(&mut self) -> Vec<Vec<u8>> {
        let application = self.stage.application();
        let (client, server) = (
            application.direction(b"c ap traffic", &self.transcript),
            application.direction(b"s ap traffic", &self.transcript),
        );
        let mut flight = Vec::new();
        loop {
            let Some(message) = self.received().await else { return flight };
            let last = message.first() == Some(&20);
            flight.push(message);
            if last {
                (self.client, self.server) = (client, server);
                return flight;
            }
        }
    }

    /// The content of the client's next record, `None` at the end.
    pub async fn received(&mut self) -> Option<Vec<u8>> {
        let record = read_record(&mut self.incoming).await?;
        let mut inner = self.client.open(&record);
        inner.pop();
        Some(inner)
    }

    /// Sends no more and closes the connection.
    pub fn hang_up(&self) {
        self.outgoing.close();
    }
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

async fn read_record(pipe: &mut Pipe) -> Option<Vec<u8>> {
    let mut record = vec![0; 5];
    pipe.read_exact(&mut record).await.ok()?;
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    pipe.read_exact(&mut record[5..]).await.ok()?;
    Some(record)
}

/// The client's public key, found by the bytes before it: extension, lengths, group secp256r1.
fn key_share(client_hello: &[u8]) -> PublicKey {
    const BEFORE: [u8; 10] = [0, 51, 0, 71, 0, 69, 0, 23, 0, 65];
    let at = client_hello.windows(10).position(|window| window == BEFORE).expect("a key share") + 10;
    PublicKey::from_sec1_bytes(&client_hello[at..at + 65]).unwrap()
}

/// ServerHello with this public key.
pub fn server_hello(public: &PublicKey) -> Vec<u8> {
    let point = EncodedPoint::from(public);
    let mut body = vec![3, 3];
    body.extend([0x11; 32]);
    body.extend([0, 0x13, 0x01, 0]);
    let share = [&[0, 51, 0, 69, 0, 23, 0, 65][..], point.as_bytes()].concat();
    let version = [0, 43, 0, 2, 3, 4];
    body.extend(u16::try_from(share.len() + version.len()).unwrap().to_be_bytes());
    body.extend(share);
    body.extend(version);
    message(2, &body)
}
