//! What a change of keys means for the links that are up: those whose peer is no longer trusted end at once, those
//! that this node dialled with another certificate on either side are dialled again, one after the other.

use std::collections::VecDeque;

use node_core::gossip::How;
use node_core::id::NodeId;
use node_core::time::{Duration, Instant};
use node_core::trust::Fingerprint;

use crate::link::Origin;
use crate::tls::Keyring;

/// Pause between two links that are dialled again, so that a rotation is no storm.
const PAUSE: Duration = Duration::from_millis(50);

/// The verdict on one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may stay as it is.
    Stay,
    /// It must be replaced by one with the new key.
    Redial,
    /// It must end.
    End,
}

/// Judges a link under the keyring as it is now.
pub(super) fn judge(keyring: &Keyring, origin: &Origin) -> Verdict {
    let trusted = origin.peer_key.is_some_and(|key: Fingerprint| keyring.trusts(key));
    let dialled = origin.how != How::Accepted;
    match trusted {
        false => Verdict::End,
        true if dialled && origin.own_key != Some(keyring.active().certificate) => Verdict::Redial,
        true => Verdict::Stay,
    }
}

/// Whether a link was dialled to a peer that shows another certificate now than it did then: only a new link lets
/// the peer prove the new one before the old one leaves the keyring here.
pub(super) fn is_outdated(origin: &Origin, announced: Fingerprint) -> bool {
    origin.how != How::Accepted && origin.peer_key.is_some_and(|shown| shown != announced)
}

/// Nodes to be dialled again, with a pause between two.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waiting: VecDeque<NodeId>,
    next: Instant,
}

impl Pace {
    pub(super) fn push(&mut self, node: NodeId) {
        if !self.waiting.contains(&node) {
            self.waiting.push_back(node);
        }
    }

    /// The next one, if its time has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<NodeId> {
        if now < self.next {
            return None;
        }
        let node = self.waiting.pop_front()?;
        self.next = now + PAUSE;
        Some(node)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next)
    }
}
