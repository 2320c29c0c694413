//! The links of this node, as the task of the cluster knows them.

use std::collections::HashMap;

use node_core::gossip::{Direction, Node};
use node_core::id::{LinkId, NodeId};
use node_core::link::GoAway;
use node_core::time::{Duration, Instant, UnixTime};
use node_core::trust::Fingerprint;

use super::gossip::GossipOutbox;
use super::view::LinkInfo;
use crate::clock::unix_millis;
use crate::link::{LinkHandle, Origin, Outcome};
use crate::log_limit::LogLimit;
use crate::tls::Shown;

/// When a link had no room for gossip, it is tried again after this.
const GOSSIP_RETRY: Duration = Duration::from_millis(20);

/// All links, also those that are not up yet.
pub(super) struct Links {
    by_id: HashMap<LinkId, KnownLink>,
    /// Limits the log lines of peers that come and go.
    log: LogLimit,
    /// When gossip is sent again on a link that had no room.
    gossip_at: Option<Instant>,
}

struct KnownLink {
    origin: Origin,
    /// Set when the peer proves its identity.
    handle: Option<LinkHandle>,
    /// When its carrier was opened, in Unix milliseconds.
    since: u64,
}

impl Links {
    pub(super) fn new() -> Self {
        Self { by_id: HashMap::new(), log: LogLimit::of("changes of links"), gossip_at: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The handle of a link that is up.
    pub(super) fn handle(&self, link: LinkId) -> Option<&LinkHandle> {
        self.by_id.get(&link)?.handle.as_ref()
    }

    /// The links that are up under TLS, or the one that is chosen: what the peer of each showed.
    pub(super) fn shown(&self, only: Option<LinkId>) -> impl Iterator<Item = (LinkId, NodeId, &Shown)> {
        self.chosen(only)
            .filter_map(|(id, known)| Some((id, known.handle.as_ref()?.peer(), known.origin.shown.as_ref()?)))
    }

    /// When the certificates end that the peers showed, of the links that are up or of the one that is chosen.
    pub(super) fn expiries(
        &self,
        only: Option<LinkId>,
    ) -> impl Iterator<Item = (NodeId, Fingerprint, UnixTime)> {
        self.chosen(only).filter_map(|(_, known)| {
            let certificate = known.origin.shown.as_ref()?.certificate()?;
            Some((known.handle.as_ref()?.peer(), certificate, known.origin.session.as_ref()?.expires?))
        })
    }

    fn chosen(&self, only: Option<LinkId>) -> impl Iterator<Item = (LinkId, &KnownLink)> {
        let one = only.and_then(|id| self.by_id.get(&id).map(|known| (id, known)));
        let all = self.by_id.iter().map(|(id, known)| (*id, known));
        one.into_iter().chain(all.filter(move |_| only.is_none()))
    }

    pub(super) fn handle_started(&mut self, link: LinkId, origin: Origin) {
        self.by_id.insert(link, KnownLink { origin, handle: None, since: unix_millis() });
    }

    /// The peer named `name` proved its identity. Returns how the link came about, `None` for a link that never started.
    pub(super) fn handle_up(&mut self, handle: LinkHandle, name: &str) -> Option<Origin> {
        let link = self.by_id.get_mut(&handle.id())?;
        let Origin { direction, address, .. } = &link.origin;
        if self.log.admits() {
            let dialler = if *direction == Direction::Accepted { "it dialled" } else { "dialled from here" };
            tracing::info!(link = handle.id().0, peer = %handle.peer(), %address, "link up with {name}, {dialler}");
        }
        link.handle = Some(handle);
        Some(link.origin.clone())
    }

    /// The link is over. Returns how it came about.
    pub(super) fn handle_down(&mut self, link: LinkId, outcome: &Outcome) -> Option<Origin> {
        let removed = self.by_id.remove(&link);
        if self.log.admits() {
            log_down(link, removed.as_ref().map_or("", |known| known.origin.address.as_str()), outcome);
        }
        removed.map(|known| known.origin)
    }

    /// The core refused the link.
    pub(super) fn log_refused(&self, link: LinkId, reason: GoAway) {
        if self.log.admits() {
            let known = self.by_id.get(&link);
            let peer = known.and_then(|known| known.handle.as_ref()).map(LinkHandle::peer);
            let peer = peer.map_or_else(String::new, |peer| peer.to_string());
            let address = known.map_or("", |known| known.origin.address.as_str());
            tracing::info!(link = link.0, %peer, %address, "link not kept: {reason}");
        }
    }

    /// Pings the peer of a link that is up.
    pub(super) fn ping(&self, link: LinkId) {
        if let Some(handle) = self.handle(link) {
            handle.ping();
        }
    }

    /// Sends GOAWAY on a link that is up.
    pub(super) fn go_away(&self, link: LinkId, reason: GoAway) {
        if let Some(handle) = self.handle(link) {
            handle.go_away(reason);
        }
    }

    /// Sends GOAWAY on all links that are up.
    pub(super) fn go_away_all(&self, reason: GoAway) {
        self.by_id
            .values()
            .filter_map(|known| known.handle.as_ref())
            .for_each(|handle| handle.go_away(reason));
    }

    /// Hands a gossip message to the core, and the core's answer to the link.
    pub(super) fn handle_gossip(&self, node: &mut Node<'_>, now: Instant, link: LinkId, message: &[u8]) {
        let Some(handle) = self.handle(link) else { return };
        let mut out = GossipOutbox::new(handle);
        if let Err(error) = node.handle_gossip(now, link, message, &mut out)
            && self.log.admits()
        {
            tracing::warn!(link = link.0, peer = %handle.peer(), "{error}: closing the link");
        }
    }

    /// Sends the gossip that the core has for each link.
    pub(super) fn send_gossip(&mut self, node: &mut Node<'_>, now: Instant) {
        self.gossip_at = None;
        let due: Vec<LinkId> = node.due_links(now).collect();
        for id in due {
            let Some(handle) = self.handle(id) else { continue };
            let mut out = GossipOutbox::new(handle);
            node.poll_gossip(now, id, &mut out);
            if out.is_full() {
                self.gossip_at = Some(now + GOSSIP_RETRY);
            }
        }
    }

    /// When [`send_gossip`](Self::send_gossip) is due because a link had no room.
    pub(super) const fn gossip_deadline(&self) -> Option<Instant> {
        self.gossip_at
    }

    /// The links that are up, as the view shows them.
    pub(super) fn list(&self, node: &Node<'_>) -> Vec<LinkInfo> {
        let links = self.by_id.iter().filter_map(|(id, known)| {
            let handle = known.handle.as_ref()?;
            Some(LinkInfo {
                peer: handle.peer(),
                address: known.origin.address.clone(),
                dialled: known.origin.direction != Direction::Accepted,
                gossip: node.carries_gossip(*id),
                since_unix_ms: known.since,
                rtt: handle.rtt().clone(),
                peer_key: known.origin.channel.certificates.map(|certificates| certificates.theirs),
                session: known.origin.session.clone(),
            })
        });
        let mut links: Vec<LinkInfo> = links.collect();
        links.sort_by_key(|link| (link.peer, link.since_unix_ms));
        links
    }

    /// Logs how many lines were left out. Returns when to call it again.
    pub(super) fn flush_log(&self) -> Option<tokio::time::Instant> {
        self.log.flush()
    }
}

fn log_down(link: LinkId, address: &str, outcome: &Outcome) {
    let link = link.0;
    let received = outcome.received.filter(|reason| *reason != GoAway::Acknowledged);
    match (&outcome.error, outcome.sent, received) {
        (Some(error), _, _) => tracing::warn!(link, %address, "link down: {error}"),
        (None, _, Some(reason)) => tracing::info!(link, %address, "link down, ended by the peer: {reason}"),
        // The words of the reason are for the other end.
        (None, Some(GoAway::Untrusted), None) => {
            tracing::info!(link, %address, "link down, ended here: the peer is not trusted here, or its role does not allow this link");
        }
        (None, Some(reason), None) => tracing::info!(link, %address, "link down, ended here: {reason}"),
        (None, None, None) => tracing::info!(link, %address, "link down"),
    }
}
