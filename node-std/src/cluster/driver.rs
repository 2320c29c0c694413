//! The select loop of the cluster's task: link events, requests, changes of the keyring and timers, one after the other.

use core::future::pending;
use std::collections::HashSet;
use std::sync::Arc;

use node_core::gossip::{Direction, Failure, LinkEnd, Node, Target};
use node_core::id::LinkId;
use node_core::link::GoAway;
use node_core::time::{Duration, Instant};
use node_core::trust::Rejection;
use node_core::wire::{Kind, Metadata, Record};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::admission::{Admission, Newcomer};
use super::changes::Changes;
use super::dial_log::{DialLog, FailedDial};
use super::dialer::Dialer;
use super::events::Events;
use super::expiring_peers::ExpiringPeers;
use super::known_hubs::KnownHubs;
use super::links::Links;
use super::local::{Keys, LocalRecord};
use super::missed_rotation::MissedRotation;
use super::request::Request;
use super::security::Security;
use super::snapshot::snapshot;
use super::state_store::StateStore;
use super::view_channel::ViewSender;
use super::view_publisher::ViewPublisher;
use crate::clock::{Clock, unix_time};
use crate::link::{LinkEvent, LinkHandle, Outcome};
use crate::tls::Keyring;

/// Link events taken before the view is published again.
const EVENTS_PER_TURN: usize = 256;
/// The longest pause between two turns.
const MAX_TURN_PAUSE: Duration = Duration::from_secs(60);

/// Composes the core's node with the parts around it.
pub(super) struct Driver<'s> {
    node: Node<'s>,
    dialer: Dialer,
    dial_log: DialLog,
    missed_rotation: MissedRotation,
    expiring_peers: ExpiringPeers,
    /// Links that drain because their peers' certificates expired.
    late: HashSet<LinkId>,
    links: Links,
    admission: Admission,
    local: LocalRecord,
    store: StateStore,
    hubs: KnownHubs,
    changes: Changes,
    publisher: ViewPublisher,
    /// There are addresses to join through.
    joins: bool,
    /// When the peers of all links are judged again.
    judge_at: Option<Instant>,
    /// Asks the verify command about the peers of all links again.
    confirming: JoinSet<LinkId>,
    /// Links are being ended for good.
    closing: bool,
}

/// Where the driver reports to.
pub(super) struct Reports {
    pub(super) views: ViewSender,
    pub(super) events: Events,
}

impl<'s> Driver<'s> {
    pub(super) fn new(
        node: Node<'s>,
        dialer: Dialer,
        local: LocalRecord,
        store: StateStore,
        reports: Reports,
        joins: bool,
    ) -> Self {
        let now = dialer.clock.now();
        let admission = Admission::new(dialer.access.clone());
        Self {
            node,
            dialer,
            dial_log: DialLog::new(),
            missed_rotation: MissedRotation::default(),
            expiring_peers: ExpiringPeers::default(),
            late: HashSet::new(),
            links: Links::new(),
            admission,
            local,
            store,
            hubs: KnownHubs::new(now),
            changes: Changes::new(reports.events),
            publisher: ViewPublisher::new(reports.views, now),
            joins,
            closing: false,
            judge_at: None,
            confirming: JoinSet::new(),
        }
    }

    /// Runs until all links have ended after a [`Request::Leave`].
    pub(super) async fn run(
        mut self,
        mut events: mpsc::Receiver<LinkEvent>,
        mut requests: mpsc::Receiver<Request>,
    ) {
        let clock = self.dialer.clock;
        let mut keys = match &self.dialer.security {
            Security::Tls(keyring) => Some(keyring.subscribe()),
            Security::Plaintext => None,
        };
        loop {
            self.turn(clock.now());
            if self.closing && self.links.is_empty() {
                return self.store.close().await;
            }
            let deadline = self.deadline(&clock);
            tokio::select! {
                Some(event) = events.recv() => {
                    self.handle_event(event);
                    for _ in 0..EVENTS_PER_TURN {
                        let Ok(event) = events.try_recv() else { break };
                        self.handle_event(event);
                    }
                }
                Some(request) = requests.recv() => self.handle_request(request),
                () = changed(&mut keys) => self.handle_rekey(),
                Some(asked) = self.confirming.join_next() => {
                    // Aborted when the keyring changed again.
                    if let Ok(link) = asked {
                        self.check_peers(self.dialer.clock.now(), Some(link));
                    }
                    if self.confirming.is_empty() {
                        self.check_roles();
                    }
                }
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }

    /// When the next turn is due without an event.
    fn deadline(&mut self, clock: &Clock) -> tokio::time::Instant {
        let timers = [
            self.node.poll_timeout(),
            self.links.gossip_deadline(),
            self.hubs.deadline(),
            self.publisher.deadline(),
            self.judge_at,
        ];
        let next = timers.into_iter().flatten().min().unwrap_or(clock.now() + MAX_TURN_PAUSE);
        let logs = [self.dial_log.flush(), self.links.flush_log(), self.changes.flush_logs()];
        logs.into_iter().flatten().fold(clock.tokio(next), Ord::min)
    }

    /// Does everything that is due at `now`.
    fn turn(&mut self, now: Instant) {
        self.node.handle_timeout(now);
        if is_due(self.judge_at, now) {
            self.check_peers(now, None);
        }
        // Before dialling: new links greet with the current record.
        self.local.follow(&self.node, &self.store);
        while let Some(dial) = self.node.poll_dial(now) {
            tokio::spawn(self.dialer.clone().dial(dial));
        }
        self.links.send_gossip(&mut self.node, now);
        while let Some(link) = self.node.poll_ping() {
            self.links.ping(link);
        }
        while let Some((link, reason)) = self.node.poll_close() {
            self.go_away(link, reason);
        }
        if self.closing {
            self.links.go_away_all(GoAway::Leaving);
        }
        if self.changes.note(&self.node) {
            self.publisher.mark_stale();
        }
        self.publisher.note_active_view(self.node.active_view_len());
        if is_due(self.publisher.deadline(), now) {
            let (node, links) = (&self.node, &self.links);
            self.publisher.publish(now, &self.dialer.clock, || snapshot(node, links, self.joins, now));
            self.hubs.mark_changed();
        }
        if is_due(self.hubs.deadline(), now) {
            self.hubs.store(now, self.node.id(), &self.publisher.view(), &self.store);
        }
    }

    fn handle_request(&mut self, request: Request) {
        let now = self.dialer.clock.now();
        match request {
            Request::Redial(id) => self.node.redial(now, id),
            Request::Remove(id, reply) => {
                let removed = self.node.remove(now, id);
                if removed.is_ok() {
                    tracing::info!(%id, "an operator removes a member that is down");
                }
                // The caller may have gone away.
                let _ = reply.send(removed);
            }
            Request::Announce => {
                tracing::info!("leaving the cluster");
                self.node.leave(now);
                self.publisher.mark_stale();
            }
            Request::Leave => {
                if !self.node.is_leaving() {
                    self.node.leave(now);
                }
                self.closing = true;
            }
        }
    }

    fn handle_event(&mut self, event: LinkEvent) {
        let now = self.dialer.clock.now();
        match event {
            LinkEvent::Started(link, origin) => self.links.handle_started(link, origin),
            LinkEvent::DialFailed { target, address, untrusted, failure, error } => {
                if untrusted
                    && self.links.is_empty()
                    && let Some(line) = self.missed_rotation.refuse(tokio::time::Instant::now(), target)
                {
                    tracing::warn!("{line}");
                }
                let name = match target {
                    Target::Member(id) => self.node.member(id).map(|member| member.metadata.name),
                    Target::Seed(_) => None,
                };
                self.dial_log.fail(&FailedDial { target, name, address: &address, error: &error });
                self.node.handle_dial_failed(now, target, failure);
            }
            LinkEvent::Up { link, greeting } => {
                let record = greeting.record(link.peer());
                self.handle_up(now, link, &record);
            }
            LinkEvent::Gossip(link, message) => {
                self.links.handle_gossip(&mut self.node, now, link, &message);
            }
            LinkEvent::KeyUsageLimit(link) => {
                tracing::info!(
                    link = link.0,
                    "the TLS keys of this link reach their usage limit: the leaf is asked to dial again"
                );
                self.go_away(link, GoAway::Rekeyed);
            }
            LinkEvent::GoAway(link, reason) => {
                self.node.handle_go_away(now, link, reason);
                self.publisher.mark_links_changed();
            }
            LinkEvent::Down { link, up, outcome } => self.handle_down(now, link, up, &outcome),
        }
    }

    fn handle_up(&mut self, now: Instant, handle: LinkHandle, record: &Record<'_>) {
        let link = handle.id();
        let (name, kind) = Metadata::decode(record.metadata)
            .map_or(("?", Kind::Hub), |metadata| (metadata.name, metadata.kind));
        let Some(origin) = self.links.handle_up(handle, name) else { return };
        self.missed_rotation.link_up();
        self.dial_log.reach(Target::Member(record.id));
        if let Direction::Dialled(target) = origin.direction {
            self.dial_log.reach(target);
        }
        self.publisher.mark_links_changed();
        let shown = origin.shown.as_ref();
        if !self.admission.admits(Newcomer { id: record.id, name, kind, shown }) {
            if let Direction::Dialled(target) = origin.direction {
                // It says nothing about the peer, which is well: this node does not want it.
                self.node.handle_dial_failed(now, target, Failure::Untried);
            }
            return self.go_away(link, GoAway::Untrusted);
        }
        if let Err(reason) = self.node.handle_link_up(now, link, origin.direction, record) {
            self.links.log_refused(link, reason);
            return self.go_away(link, reason);
        }
        if let Some(certificates) = origin.channel.certificates {
            tracing::debug!(link = link.0, ours = %certificates.ours, theirs = %certificates.theirs, "secured");
            self.node.secure(now, link, certificates);
        }
        if origin.shown.is_some() {
            // The keyring may have changed since the handshake.
            self.check_peers(now, Some(link));
        }
    }

    fn handle_down(&mut self, now: Instant, link: LinkId, up: bool, outcome: &Outcome) {
        self.late.remove(&link);
        let Some(origin) = self.links.handle_down(link, outcome) else { return };
        self.publisher.mark_links_changed();
        match origin.direction {
            Direction::Dialled(target) if !up => {
                self.node.handle_dial_failed(now, target, Failure::Unresponsive);
            }
            _ => {
                let go_away = outcome.received.or(outcome.sent.map(|_| GoAway::Acknowledged));
                self.node.handle_link_down(now, link, go_away.map_or(LinkEnd::Lost, LinkEnd::GoAway));
            }
        }
    }

    /// The keyring changed: other nodes learn the new keys, and every link is checked against them.
    fn handle_rekey(&mut self) {
        let Security::Tls(keyring) = &self.dialer.security else { return };
        tracing::info!(active = %keyring.active().certificate, "the keyring changed");
        self.local.set_keys(&mut self.node, &Keys::of(&self.dialer.security));
        self.confirm_peers(Arc::clone(keyring));
        self.check_peers(self.dialer.clock.now(), None);
        self.check_roles();
    }

    /// Asks the verify command again, one peer after the other. Its former answers count until then, so that not all links end and
    /// are dialled anew at once.
    fn confirm_peers(&mut self, keyring: Arc<Keyring>) {
        self.confirming.abort_all();
        if !keyring.asks() {
            return;
        }
        for (link, _, shown) in self.links.shown(None) {
            let (keyring, shown) = (Arc::clone(&keyring), shown.clone());
            self.confirming.spawn(async move {
                if let Err(refused) = keyring.confirm(&shown).await {
                    tracing::warn!(link = link.0, "a link ends: {refused}");
                }
                link
            });
        }
    }

    /// Ends links whose peers have lost the role that their link needs: their certificates may have new names.
    fn check_roles(&mut self) {
        let mut lost = Vec::new();
        let Security::Tls(keyring) = &self.dialer.security else { return };
        for (link, peer, shown) in self.links.shown(None) {
            let Some(member) = self.node.member(peer) else { continue };
            let (name, kind) = (member.metadata.name, member.metadata.kind);
            let newcomer = Newcomer { id: peer, name, kind, shown: Some(shown) };
            // A peer that is no longer trusted has no role. Its links end already.
            if keyring.judge(shown).is_ok() && !self.admission.admits(newcomer) {
                lost.push(link);
            }
        }
        for link in lost {
            self.go_away(link, GoAway::Untrusted);
        }
    }

    /// Judges the peer of one link again, or of all, ends the links to those that are no longer trusted, and lets the node replace
    /// links that were made with a former key.
    fn check_peers(&mut self, now: Instant, only: Option<LinkId>) {
        let Security::Tls(keyring) = self.dialer.security.clone() else { return };
        let mut holds = MAX_TURN_PAUSE;
        let mut ended = Vec::new();
        for (link, peer, shown) in self.links.shown(only) {
            match keyring.judge(shown) {
                Ok(longest) => holds = holds.min(longest),
                // The command is being asked again about this peer, who has no roles meanwhile if it is a new one.
                Err(Rejection::Hook { .. }) if only.is_none() && !self.confirming.is_empty() => {}
                Err(rejection) => ended.push((link, peer, rejection)),
            }
        }
        let clock = (tokio::time::Instant::now(), unix_time());
        for (peer, certificate, end) in self.links.expiries(only) {
            let is_own = keyring.read_slots(|slots| slots.iter().any(|slot| slot.certificate == certificate));
            let name = self.node.member(peer).map_or("?", |member| member.metadata.name);
            if !is_own && let Some(line) = self.expiring_peers.due(clock, name, certificate, end) {
                tracing::warn!("{line}");
            }
        }
        for (link, peer, rejection) in ended {
            let name = self.node.member(peer).map_or("?", |member| member.metadata.name);
            tracing::warn!(link = link.0, %peer, "the link with {name} ends: {rejection}");
            // A peer that is merely late may finish its requests.
            let late = matches!(rejection, Rejection::Expired { .. } | Rejection::ExpiresSoon { .. });
            // Once, for the time until it is judged again.
            let may_finish = late && self.late.insert(link);
            self.go_away(link, if may_finish { GoAway::Rekeyed } else { GoAway::Untrusted });
        }
        // All others are due when they were.
        let others = self.judge_at.filter(|_| only.is_some());
        self.judge_at = Some(others.map_or(now + holds, |at| at.min(now + holds)));
        // Those that are not trusted have ended above.
        self.node.handle_keyring(now, keyring.active().certificate, |_| true);
    }

    /// Ends a link.
    fn go_away(&mut self, link: LinkId, reason: GoAway) {
        self.links.go_away(link, reason);
        self.node.handle_go_away(self.dialer.clock.now(), link, reason);
        self.publisher.mark_links_changed();
    }
}

fn is_due(deadline: Option<Instant>, now: Instant) -> bool {
    deadline.is_some_and(|deadline| now >= deadline)
}

/// Resolves when the keyring changed, and never without one.
async fn changed(keys: &mut Option<watch::Receiver<u64>>) {
    if let Some(keys) = keys
        && keys.changed().await.is_ok()
    {
        return;
    }
    pending().await
}
