//! What a change of keys means for the links that are up: those whose peer is no longer trusted end at once;
//! those that this node dialled with another certificate on either side are dialled again, one after the other.

use super::node::Node;
use crate::id::{LinkId, NodeId};
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::trust::Fingerprint;
use crate::wire::{GoAway, Metadata};

/// Pause between two links that are dialled again, so that a rotation is no storm.
const PAUSE: Duration = Duration::from_millis(50);
/// Shortest life of a link that is renewed because its peer announces another certificate than it showed: a peer that
/// always does is not dialled without end.
const RENEWAL: Duration = Duration::from_secs(1);

/// What the two ends of a link showed in its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// SHA-256 of the certificate of this node.
    pub ours: Fingerprint,
    /// SHA-256 of the certificate of the peer.
    pub theirs: Fingerprint,
}

impl Node<'_> {
    /// Says how a link was secured; without, it is not touched when keys change. To be called after
    /// [`handle_link_up`](Self::handle_link_up), and [`handle_keyring`](Self::handle_keyring) after it: the keyring may
    /// have changed since the handshake.
    pub fn secure(&mut self, now: Instant, link: LinkId, certificates: Certificates) {
        let Some(peer) = self.peers.get_mut(link) else { return };
        peer.certificates = Some(certificates);
        let id = peer.id;
        self.renew(now, id);
    }

    /// The keyring of this node, new or as before: `active` is what it shows from now on.
    pub fn handle_keyring(
        &mut self,
        now: Instant,
        active: Fingerprint,
        trusts: impl Fn(Fingerprint) -> bool,
    ) {
        let mut redial_at = now;
        for place in 0..self.peers.capacity() {
            let Some(peer) = self.peers.at(place) else { return };
            let is_ending = peer.go_away.is_some_and(|reason| !reason.drains());
            let Some(shown) = peer.certificates else { continue };
            let (id, dialled) = (peer.id, peer.dialled && peer.is_usable());
            if !is_ending && !trusts(shown.theirs) {
                warning!("the certificate of {} is no longer trusted: its link ends", id);
                peer.go_away = Some(GoAway::Untrusted);
                peer.closing = false;
                self.overlay_at = Some(now);
            } else if dialled && shown.ours != active && self.redial_at(redial_at, id) {
                redial_at = redial_at + PAUSE;
            }
        }
    }

    /// A member's description is known anew: was it dialled when it still showed another certificate, only a new link
    /// lets it prove the new one before the old one leaves the keyring here.
    pub(super) fn renew(&mut self, now: Instant, id: NodeId) {
        let Some(index) = self.table.find(id) else { return };
        let Ok(active) =
            Metadata::decode(self.table.metadata(index)).map(|metadata| Fingerprint(metadata.active_key))
        else {
            return;
        };
        if active.0 == [0; 32] {
            // It does not say which.
            return;
        }
        let mut dialled = self.peers.iter().filter(|peer| peer.is_usable() && peer.id == id && peer.dialled);
        let outdated =
            dialled.find(|peer| peer.certificates.is_some_and(|certificates| certificates.theirs != active));
        if let Some(up_at) = outdated.map(|peer| peer.up_at) {
            self.redial_at(now.max(up_at + RENEWAL), id);
        }
    }
}
