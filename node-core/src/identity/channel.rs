//! The proof of a link: a signature over everything that makes this link different from any other.

use super::Identity;
use crate::crypto::{BadSignature, PublicKey, SignError, Signature};
use crate::trust::Fingerprint;

const PURPOSE: &str = "maelstrom link";

/// The channel under a link: what both ends of one TLS connection know, and nobody else's connection has. Without TLS it is
/// empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// SHA-256 of the certificates that the two ends showed.
    pub certificates: Option<Certificates>,
    /// The exporter of the TLS connection (RFC 9266: label `EXPORTER-Channel-Binding`, no context), where the library offers
    /// it. It counts when both ends have it.
    pub exporter: Option<[u8; 32]>,
}

/// The certificates that the two ends of a link showed in its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// SHA-256 of the certificate of this node.
    pub ours: Fingerprint,
    /// SHA-256 of the certificate of the peer.
    pub theirs: Fingerprint,
}

/// SHA-256 of the payloads of the two hellos, and what the peer's hello says of its proof.
#[derive(Clone, Copy, Debug)]
pub struct Greetings {
    /// Of this node's hello.
    pub ours: [u8; 32],
    /// Of the peer's hello.
    pub theirs: [u8; 32],
    /// Both ends have the exporter.
    pub exporter: bool,
}

impl Identity<'_> {
    /// Proves this node to the peer on `channel`.
    ///
    /// # Errors
    /// [`SignError`]: the key cannot be used, and there MUST NOT be a link.
    pub fn prove(&self, channel: &Channel, greetings: &Greetings) -> Result<Signature, SignError> {
        self.signer.sign(&self.link_statement(channel, greetings, Prover::This))
    }

    /// Checks the proof of a peer with this key.
    ///
    /// # Errors
    /// [`BadSignature`]: the peer is not the node that it claims to be, or the proof was made for another link.
    pub fn verify_proof(
        &self,
        key: PublicKey,
        channel: &Channel,
        greetings: &Greetings,
        proof: &Signature,
    ) -> Result<(), BadSignature> {
        self.check.verify(&key.to_sec1(), &self.link_statement(channel, greetings, Prover::Peer), proof)
    }

    /// What is signed: the prover's part always comes first, so no end can return the other's proof as its own.
    fn link_statement(&self, channel: &Channel, greetings: &Greetings, prover: Prover) -> [u8; 32] {
        let Greetings { ours, theirs, exporter } = greetings;
        let none = Fingerprint([0; 32]);
        let certificates = channel.certificates.unwrap_or(Certificates { ours: none, theirs: none });
        let Certificates { ours: Fingerprint(our_certificate), theirs: Fingerprint(their_certificate) } =
            &certificates;
        let exporter = channel.exporter.filter(|_| *exporter).unwrap_or([0; 32]);
        let parts: [&[u8]; 5] = match prover {
            Prover::This => [ours, our_certificate, theirs, their_certificate, &exporter],
            Prover::Peer => [theirs, their_certificate, ours, our_certificate, &exporter],
        };
        self.statement(PURPOSE, parts)
    }
}

/// The end that proves itself.
#[derive(Clone, Copy)]
enum Prover {
    This,
    Peer,
}
