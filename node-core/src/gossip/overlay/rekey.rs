//! Rekeying: after a change of keys a link ends immediately when its peer is no longer trusted; one that
//! this node dialled with another certificate on either side is dialled again, one link after the other.

use super::links::Overlay;
use crate::gossip::context::Context;
use crate::gossip::membership::Members;
use crate::gossip::timers::Timer;
use crate::id::LinkId;
use crate::identity::Certificates;
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::trust::Fingerprint;
use crate::wire::GoAway;

/// Pause between two links that are dialled again, so that a rotation is no storm.
const REDIAL_PAUSE: Duration = Duration::from_millis(50);

impl Overlay<'_> {
    /// A link was secured by these certificates.
    pub fn secure(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        link: LinkId,
        certificates: Certificates,
    ) {
        let Some(peer) = self.peers.get_mut(link) else { return };
        peer.certificates = Some(certificates);
        let id = peer.id;
        members.renew_link(context, &self.peers, now, id);
    }

    /// The keyring of this node changed, or may have.
    pub fn handle_keyring(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        active: Fingerprint,
        trusts: impl Fn(Fingerprint) -> bool,
    ) {
        let mut redial_at = now;
        for peer in self.peers.iter_mut() {
            let is_ending = peer.go_away.is_some_and(|reason| !reason.drains());
            let Some(shown) = peer.certificates else { continue };
            let dialled = peer.dialled && peer.is_usable();
            if !is_ending && !trusts(shown.theirs) {
                warning!("the certificate of {} is no longer trusted: its link ends", peer.id);
                peer.go_away = Some(GoAway::Untrusted);
                peer.closing = false;
                context.timers.set(Timer::Dial, now);
            } else if dialled && shown.ours != active && members.want_link(context, redial_at, peer.id) {
                redial_at = redial_at + REDIAL_PAUSE;
            }
        }
    }
}
