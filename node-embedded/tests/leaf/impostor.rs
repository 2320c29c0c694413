//! Hubs with a trusted certificate that claim to be a node that they are not.

use node_core::id::NodeId;
use node_core::wire::{HEADER, Record};

/// How a hub fails to prove its identity.
pub enum Impostor {
    /// Its signature is by no key.
    BadSignature,
    /// It repeats the hello and the proof of its last honest link.
    Replay,
    /// It proves itself, and introduces another node.
    OtherId(NodeId),
    /// It proves nothing.
    Nothing,
}

impl Impostor {
    /// The record in its proof, where `honest` is its own.
    pub fn record<'r>(&self, honest: Record<'r>) -> Record<'r> {
        match self {
            Self::OtherId(id) => Record { id: *id, ..honest },
            _ => honest,
        }
    }
}

/// The hello and the proof of the last honest link.
#[derive(Default)]
pub struct Said {
    hello: Vec<u8>,
    proof: Vec<u8>,
}

impl Said {
    /// Makes of an honest hello the one that is sent.
    pub fn greet(&mut self, impostor: Option<&Impostor>, hello: &mut Vec<u8>) {
        match impostor {
            None => self.hello.clone_from(hello),
            Some(Impostor::Replay) => hello.clone_from(&self.hello),
            Some(_) => {}
        }
    }

    /// Makes of an honest proof the one that is sent.
    pub fn prove(&mut self, impostor: Option<&Impostor>, proof: &mut Vec<u8>) {
        match impostor {
            None => self.proof.clone_from(proof),
            // A header, the signature's length, the signature.
            Some(Impostor::BadSignature) => proof[HEADER + 1 + 40] ^= 1,
            Some(Impostor::Replay) => proof.clone_from(&self.proof),
            Some(Impostor::Nothing) => proof.clear(),
            Some(Impostor::OtherId(_)) => {}
        }
    }
}
