//! The node: composes the four machines, and is all that an adapter sees of them.

mod getters;

use thiserror::Error;

use super::broadcast;
use super::config::Config;
use super::context::Context;
use super::membership::{Failure, Members, PublishError, Update};
use super::overlay::{Dial, Direction, LinkEnd, Overlay, Peer, Target};
use super::packer::NO_ROOM_RETRY;
use super::storage::Storage;
use super::sync::{self, Sync};
use super::timers::Timer;
use crate::id::{LinkId, NodeId};
use crate::identity::{Certificates, Identity};
use crate::time::Instant;
use crate::trust::Fingerprint;
use crate::wire::gossip::{Items, MAX_MESSAGE, Malformed, Records, Tag};
use crate::wire::record::BadMetadata;
use crate::wire::{Full, GoAway, Kind, Metadata, Outbox, Record, Start};

/// One node's part in the cluster. See the [module](super) for how its methods work together.
///
/// After every `handle_*` call and every command: drain [`poll_dial`](Self::poll_dial), call
/// [`poll_gossip`](Self::poll_gossip) for each link, or for each of the [`due_links`](Self::due_links), then drain
/// [`poll_close`](Self::poll_close), for what was said may be the last word, and be back with
/// [`handle_timeout`](Self::handle_timeout) no later than [`poll_timeout`](Self::poll_timeout) says. Times given to one node never
/// go backwards.
pub struct Node<'s> {
    context: Context,
    members: Members<'s>,
    overlay: Overlay<'s>,
    sync: Sync,
}

/// The beginning of a node's life.
#[derive(Clone, Copy, Debug)]
pub struct Birth<'m> {
    /// Higher than in the node's last life, if that is known; else a peer that remembers makes the node catch up.
    pub incarnation: u64,
    /// Tells this process from another one that runs with the same identity.
    pub start: Start,
    /// What the node says of itself.
    pub metadata: &'m Metadata<'m>,
    /// For choices and jitter, never for keys.
    pub seed: u64,
}

impl<'s> Node<'s> {
    /// A node that is alone so far, with the id of `identity`.
    ///
    /// # Errors
    /// [`PublishError`] when the metadata breaks a limit or does not fit the storage, the storage has no slot, the node is to be
    /// a hub without the feature `hub`, or the identity key cannot be used.
    pub fn new(
        now: Instant,
        config: Config,
        identity: Identity<'s>,
        birth: Birth<'_>,
        storage: Storage<'s>,
    ) -> Result<Self, PublishError> {
        // Hubs need places, too, if only to be told of other hubs.
        let max_leaves = config.max_leaves.min(storage.peers.len().div_ceil(2));
        let config = Config { id: identity.id, max_leaves, ..config };
        let mut context = Context::new(config, birth.seed);
        let (table, peers) = storage.split();
        let mut members = Members::new(now, table, identity, birth.start);
        members.insert_own(&context, now, birth.incarnation)?;
        context.timers.set(Timer::Dial, now);
        let probe_at = now + context.jitter(config.random_probe);
        let shuffle_at = now + context.jitter(config.shuffle);
        if context.is_hub() {
            context.timers.set(Timer::RandomProbe, probe_at);
            context.timers.set(Timer::Shuffle, shuffle_at);
        } else if config.kind == Kind::Hub {
            return Err(BadMetadata.into());
        }
        members.set_own_metadata(&context, birth.metadata)?;
        Ok(Self { context, members, overlay: Overlay::new(peers, birth.seed), sync: Sync::new(now) })
    }

    // What happened

    /// Tells the node what time it is.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.observe(now);
        let Self { context, members, overlay, .. } = self;
        members.expire(context, &mut overlay.peers, now);
        members.refute(context, now);
        if context.timers.is_due(Timer::AnnounceHubs, now) {
            members.announce_settled_hubs(context, &overlay.peers);
        }
        overlay.handle_timeout(context, members, now);
    }

    /// A link came up: `record` is the peer's own, with the id that it proved.
    ///
    /// # Errors
    /// The link must not stay, for the reason given: say that GOAWAY. Nothing is kept of it, and
    /// [`handle_link_down`](Self::handle_link_down) is not called for it.
    pub fn handle_link_up(
        &mut self,
        now: Instant,
        link: LinkId,
        direction: Direction,
        record: &Record<'_>,
    ) -> Result<(), GoAway> {
        self.observe(now);
        if self.members.verify(&self.context, record).is_err() {
            if let Direction::Dialled(target) = direction {
                self.handle_dial_failed(now, target, Failure::Unresponsive);
            }
            return Err(GoAway::Unproved);
        }
        let admitted = self.overlay.admit(&mut self.context, &mut self.members, now, link, direction, record);
        if matches!(admitted, Ok(()) | Err(GoAway::Duplicate)) {
            // The cluster hears of a duplicate, and the member itself, which says so.
            self.merge(now, record, link);
        }
        admitted?;
        self.overlay.settle(&mut self.context, &mut self.members, now, record);
        Ok(())
    }

    /// A link that was up is gone.
    pub fn handle_link_down(&mut self, now: Instant, link: LinkId, end: LinkEnd) {
        let Some(gone) = self.overlay.peers.remove(link) else { return };
        self.observe(now);
        self.overlay.handle_link_down(&mut self.context, &mut self.members, now, &gone, end);
    }

    /// The peer of a link said GOAWAY: nothing more is sent there.
    pub fn handle_go_away(&mut self, now: Instant, link: LinkId, reason: GoAway) {
        self.observe(now);
        self.overlay.handle_go_away(&mut self.context, now, link, reason);
    }

    /// A dial came to nothing.
    pub fn handle_dial_failed(&mut self, now: Instant, target: Target, failure: Failure) {
        self.observe(now);
        self.overlay.handle_dial_failed(&mut self.context, &mut self.members, now, target, failure);
    }

    /// The address is one of this node's own: it is never dialled again.
    #[cfg(feature = "sim")]
    pub(crate) fn handle_dialled_itself(&mut self, now: Instant, target: Target) {
        let me = self.id();
        self.overlay.handle_dial_succeeded(&mut self.context, &mut self.members, now, target, me);
    }

    /// The keyring of this node, new or as before: `active` is what it shows from now on.
    pub fn handle_keyring(
        &mut self,
        now: Instant,
        active: Fingerprint,
        trusts: impl Fn(Fingerprint) -> bool,
    ) {
        self.overlay.handle_keyring(&mut self.context, &mut self.members, now, active, trusts);
    }

    /// Takes a gossip message from a link. Answers go to `out`; when one finds no room the tables are reconciled again soon.
    ///
    /// # Errors
    /// [`GossipError`]: the peer is at fault, and [`poll_close`](Self::poll_close) ends the link. Records before the one with the
    /// fault were used.
    pub fn handle_gossip(
        &mut self,
        now: Instant,
        link: LinkId,
        message: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), GossipError> {
        self.observe(now);
        let answered =
            self.handle_message(now, link, message, out).inspect_err(|_| self.overlay.end_malformed(link))?;
        if !answered && let Some(peer) = self.overlay.peers.get_mut(link) {
            peer.sync.at = Some(now + NO_ROOM_RETRY);
        }
        Ok(())
    }

    // Commands

    /// Adds an address to join through, `HOST:PORT`; at most 8.
    ///
    /// # Errors
    /// [`Full`] for a ninth one, or one longer than 128 bytes.
    pub fn add_seed(&mut self, now: Instant, address: &str) -> Result<(), Full> {
        self.overlay.add_seed(&mut self.context, now, address)
    }

    /// Asks for a link to a member, for a request or to replace one whose keys are old. An existing link is
    /// replaced when the new one is up.
    pub fn redial(&mut self, now: Instant, id: NodeId) {
        self.overlay.redial(&mut self.context, &mut self.members, now, id);
    }

    /// Says how a link was secured; without, it is not touched when keys change. To be called after
    /// [`handle_link_up`](Self::handle_link_up), and [`handle_keyring`](Self::handle_keyring) after it: the keyring may
    /// have changed since the handshake.
    pub fn secure(&mut self, now: Instant, link: LinkId, certificates: Certificates) {
        self.overlay.secure(&mut self.context, &mut self.members, now, link, certificates);
    }

    /// Changes what this node says of itself and spreads it.
    ///
    /// # Errors
    /// [`PublishError`] when it breaks a limit or does not fit the storage, or cannot be signed; nothing changed.
    pub fn set_metadata(&mut self, metadata: &Metadata<'_>) -> Result<(), PublishError> {
        self.members.set_own_metadata(&self.context, metadata)
    }

    /// Tells the cluster which certificate this node shows, and the digest of all that it trusts.
    ///
    /// # Errors
    /// [`PublishError`] when the metadata leaves no room for it, or cannot be signed; nothing changed.
    pub fn set_keys(&mut self, active: Fingerprint, keyring: Fingerprint) -> Result<(), PublishError> {
        self.members.change_own_metadata(&self.context, |metadata| {
            (metadata.active_key, metadata.keyring) = (active.0, keyring.0);
        })
    }

    /// Leaves the cluster. Give [`poll_gossip`](Self::poll_gossip) a chance to say so on every link before the links are closed.
    pub fn leave(&mut self, now: Instant) {
        self.members.leave(&self.context, now);
    }

    /// Tells the cluster that this leaf sleeps for so many seconds, a week at most: the links are ended when their
    /// hubs know.
    ///
    /// # Errors
    /// [`PublishError`] when the metadata leaves no room for it or cannot be signed, or the node is a hub; nothing changed.
    pub fn sleep(&mut self, seconds: u32) -> Result<(), PublishError> {
        self.members.sleep(&mut self.context, seconds)
    }

    /// Wakes up after [`sleep`](Self::sleep), however early or late.
    ///
    /// # Errors
    /// Never, as long as the metadata could be written before, and the identity key can be used.
    pub fn wake(&mut self, now: Instant) -> Result<(), PublishError> {
        self.context.timers.set(Timer::Dial, now);
        self.members.wake(&self.context)
    }

    /// Takes a member that is down out of the cluster: it counts as left.
    ///
    /// # Errors
    /// [`NotDown`]; nothing changed.
    pub fn remove(&mut self, now: Instant, id: NodeId) -> Result<(), NotDown> {
        if self.members.remove(&self.context, now, id) { Ok(()) } else { Err(NotDown) }
    }

    /// Knows all that another node of the same size knows, which must know this one: simulations begin so in the middle
    /// of things.
    #[cfg(feature = "sim")]
    pub(crate) fn learn_all(&mut self, other: &Node<'_>) {
        self.members.table.copy_from(&other.members.table);
    }

    // What to do next

    /// The next carrier to open, if one is due.
    pub fn poll_dial(&mut self, now: Instant) -> Option<Dial> {
        self.overlay.poll_dial(&mut self.context, &mut self.members, now)
    }

    /// A link whose peer the adapter must ping at once, to see whether it is still there.
    pub fn poll_ping(&mut self) -> Option<LinkId> {
        self.overlay.poll_ping()
    }

    /// A link that the adapter must end with this GOAWAY.
    pub fn poll_close(&mut self) -> Option<(LinkId, GoAway)> {
        self.overlay.poll_close()
    }

    /// Says on a link what its peer does not know yet, as far as `out` has room.
    pub fn poll_gossip(&mut self, now: Instant, link: LinkId, out: &mut impl Outbox) {
        let Some(&peer) = self.overlay.peers.get(link).filter(|peer| self.has_gossip(now, peer)) else {
            return;
        };
        let (Self { context, members, overlay, .. }, mut peer) = (self, peer);
        broadcast::put_buddy_notification(members, &mut peer, out);
        if context.is_hub() {
            overlay.poll_neighbor(context, &mut peer, out);
            sync::poll(context, members, now, &mut peer, out);
            broadcast::feed_hubs(members, &overlay.peers, &mut peer, out);
        }
        broadcast::push(context, members, overlay, now, &mut peer, out);
        overlay.end_when_told(context, members, &mut peer, out);
        if let Some(place) = overlay.peers.get_mut(link) {
            *place = peer;
        }
    }

    /// The links for which [`poll_gossip`](Self::poll_gossip) has something to do. One look at all of them costs much less than a
    /// call for each.
    pub fn due_links(&self, now: Instant) -> impl Iterator<Item = LinkId> {
        self.overlay.peers.iter().filter(move |peer| self.has_gossip(now, peer)).map(|peer| peer.link)
    }

    /// When [`handle_timeout`](Self::handle_timeout), [`poll_dial`](Self::poll_dial) and
    /// [`poll_gossip`](Self::poll_gossip) are due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.members.is_leaving() {
            return None;
        }
        let earliest = |one: Option<Instant>, other: Option<Instant>| one.into_iter().chain(other).min();
        let own = earliest(self.context.timers.earliest(), Some(self.members.expiry_due()));
        let usable = self.overlay.peers.iter().filter(|peer| peer.is_usable());
        usable.map(|peer| earliest(peer.sync.at, peer.push.lazy_at)).fold(own, earliest)
    }

    // Inside

    fn has_gossip(&self, now: Instant, peer: &Peer) -> bool {
        let asks_eager = self.overlay.asks_eager(&self.context, peer);
        let is_due = sync::is_due(peer, now) || self.members.is_sleeping();
        peer.is_usable() && (is_due || !peer.is_up_to_date(self.members.table.sequence(), asks_eager))
    }

    fn observe(&mut self, now: Instant) {
        let due = self.poll_timeout();
        self.members.observe(now, due);
    }

    /// Checks a record that arrived on a link, and merges it.
    ///
    /// # Errors
    /// [`GossipError::Forged`]: its member did not publish it.
    fn apply(&mut self, now: Instant, record: &Record<'_>, source: LinkId) -> Result<(), GossipError> {
        let verified = self.members.verify_news(&self.context, record);
        verified.map_err(|_| GossipError::Forged(record.id))?;
        self.merge(now, record, source);
        Ok(())
    }

    /// Merges a record that its member published, and lets the machines above act on it.
    fn merge(&mut self, now: Instant, record: &Record<'_>, source: LinkId) {
        let Self { context, members, overlay, .. } = self;
        let update = members.apply(context, &mut overlay.peers, now, record, source);
        let Update::Newer { described_anew } = update else { return };
        if described_anew && context.is_hub() {
            broadcast::feed_anew(&mut overlay.peers, record.id);
        }
        if described_anew {
            overlay.end_known_rival(members, record.id);
        }
        overlay.consider_dialling(context, members, now, record.id);
    }

    /// Takes a gossip message; `false` when there was no room for all answers.
    fn handle_message(
        &mut self,
        now: Instant,
        link: LinkId,
        message: &[u8],
        out: &mut impl Outbox,
    ) -> Result<bool, GossipError> {
        let heard = |peer: &&Peer| peer.go_away != Some(GoAway::Protocol);
        let Some(&Peer { id, kind, known_by, .. }) = self.overlay.peers.get(link).filter(heard) else {
            return Ok(true);
        };
        let (&tag, items) = message.split_first().ok_or(Malformed)?;
        if message.len() > MAX_MESSAGE {
            return Err(Malformed.into());
        }
        let between_hubs = kind == Kind::Hub && self.context.is_hub();
        let Self { context, members, overlay, sync } = self;
        let peers = &mut overlay.peers;
        match Tag::try_from(tag).ok() {
            Some(Tag::Records) => {
                for record in Records::new(items) {
                    let record = record?;
                    // A leaf never speaks for others.
                    if kind == Kind::Hub || record.id == id {
                        self.apply(now, &record, link)?;
                    }
                }
                Ok(true)
            }
            // Only hubs hold whole tables, so only they reconcile them.
            Some(_) if !between_hubs => Ok(true),
            Some(Tag::RangeFingerprints) => {
                Ok(sync::handle_fingerprints(members, peers, now, link, Items::new(items), out)?)
            }
            Some(Tag::ItemList) => Ok(sync.handle_item_list(members, peers, now, link, items, out)?),
            Some(Tag::IWant) => Ok(sync::handle_iwant(members, peers, now, link, Items::new(items), out)?),
            Some(Tag::IHave) => Ok(broadcast::handle_ihave(members, known_by, Items::new(items), out)?),
            Some(Tag::Neighbor) => {
                let (&flags, _) = items.split_first().ok_or(Malformed)?;
                overlay.handle_neighbor(context, members, now, link, flags);
                Ok(true)
            }
            // A later version's message.
            None => Ok(true),
        }
    }
}

/// A gossip message that a peer should not have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GossipError {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It holds a record that this member did not sign. The peer passed on what it did not check.
    #[error("the peer sent a record of {0} that this member did not sign")]
    Forged(NodeId),
}

/// The member is not known, or not down: only what is down can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("only a member that is down can be removed")]
pub struct NotDown;
