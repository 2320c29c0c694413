//! Hubs with a trusted certificate that claim to be a node that they are not.

use node_core::id::NodeId;
use node_core::wire::{HEADER, Record};

/// How a hub fails to prove its identity.
pub enum Impostor {
    /// Its signature is by no key.
    BadSignature,
    /// It repeats the proof of its last honest link.
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

/// The last honest proof.
#[derive(Default)]
pub struct Proved(Vec<u8>);

impl Proved {
    /// Makes of an honest frame the one that is sent.
    pub fn send(&mut self, impostor: Option<&Impostor>, frame: &mut Vec<u8>) {
        match impostor {
            None => self.0.clone_from(frame),
            // A header, the signature's length, the signature.
            Some(Impostor::BadSignature) => frame[HEADER + 1 + 40] ^= 1,
            Some(Impostor::Replay) => frame.clone_from(&self.0),
            Some(Impostor::Nothing) => frame.clear(),
            Some(Impostor::OtherId(_)) => {}
        }
    }
}
