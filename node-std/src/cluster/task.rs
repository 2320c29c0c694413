//! The task that runs the core's [`Node`] and keeps the view of the cluster.

use core::sync::atomic::AtomicU32;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use node_core::gossip::{
    Birth, Certificates, Config, Direction, Failure, IdEntry, Kind, LinkEnd, MemberSlot, Metadata, Node,
    PartFingerprint, Peer, State, Storage,
};
use node_core::id::{LinkId, Name};
use node_core::link::{GoAway, Hello};
use node_core::time::{Duration, Instant};
use node_core::wire::record::BadMetadata;
use node_core::wire::{Full, Outbox, Record, VERSION};
use tokio::sync::{mpsc, watch};

use super::Request;
use super::changes::Changes;
use super::dialer::{Dialer, Security};
use super::events::Events;
use super::latest::Publisher;
use super::memory::Memory;
use super::view::{LinkInfo, Member, View};
use crate::clock::{Clock, unix_millis};
use crate::config::HostPort;
use crate::data_dir::DataDir;
use crate::link::{Greeting, Identity, LinkHandle, Notice, Origin, Server};
use crate::log_limit::LogLimit;

/// Members that the table holds.
const MEMBERS: usize = 16_384;
/// Bytes for each member's description, on average.
const METADATA: usize = 256;
/// Links at once.
const LINKS: usize = 1024;
/// Notices taken before the view is published again.
const NOTICES_A_TURN: usize = 256;
/// With more members the view is made less often, unless links changed: so that this takes a tenth of the time, but at least about
/// once a second.
const MANY: usize = 1000;
const MAX_VIEW_PAUSE: Duration = Duration::from_secs(1);
/// Addresses of hubs that are remembered, and the pause between two changes of them.
const REMEMBERED: usize = 8;
const REMEMBER_PAUSE: Duration = Duration::from_secs(5);
/// When a link had no room for gossip, it is tried again after this.
const GOSSIP_RETRY: Duration = Duration::from_millis(20);

/// What this node says of itself, but for its keys.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its name.
    pub name: Name,
    /// Where it can be dialled.
    pub addrs: Vec<String>,
    /// Components that it offers.
    pub components: Vec<String>,
}

/// The task's ends of the channels that a [`Cluster`](super::Cluster) holds.
#[derive(Debug)]
pub struct Seat {
    pub(super) publish: Publisher,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) events: Events,
}

/// Runs the node's part in the cluster.
pub struct Task {
    seat: Seat,
    notices: mpsc::Receiver<Notice>,
    greeting: watch::Sender<Greeting>,
    dialer: Dialer,
    description: Description,
    data_dir: DataDir,
}

impl Task {
    /// Puts the task together; nothing runs before [`run`](Self::run). The [`Dialer`] takes accepted carriers.
    #[must_use]
    pub fn new(
        seat: Seat,
        (identity, description): (Identity, Description),
        (security, server): (Security, Arc<dyn Server>),
        (data_dir, clock): (DataDir, Clock),
    ) -> (Self, Dialer) {
        let (notices_in, notices) = mpsc::channel(1024);
        let greeting = Greeting { incarnation: data_dir.incarnation(), metadata: Vec::new() };
        let (greeting, greetings) = watch::channel(greeting);
        let dialer = Dialer {
            security,
            identity: Arc::new(identity),
            server,
            clock,
            notices: notices_in,
            greeting: greetings,
            next: Arc::new(AtomicU32::new(1)),
        };
        (Self { seat, notices, greeting, dialer: dialer.clone(), description, data_dir }, dialer)
    }

    /// Joins through `seeds` and runs until a [leave](super::Cluster::leave) is done.
    ///
    /// # Errors
    /// [`BadMetadata`] when this node's name, addresses and components together are too long.
    pub async fn run(self, seeds: &[HostPort]) -> Result<(), BadMetadata> {
        let mut slots = vec![MemberSlot::FREE; MEMBERS];
        let mut id_index = vec![IdEntry::FREE; MEMBERS];
        let mut deadlines = vec![Instant::START; MEMBERS];
        let mut metadata = vec![0; MEMBERS * METADATA];
        let mut peers = vec![Peer::FREE; LINKS];
        let mut fingerprints = vec![PartFingerprint::EMPTY; MEMBERS / 32];
        let storage = Storage {
            slots: &mut slots,
            id_index: &mut id_index,
            deadlines: &mut deadlines,
            fingerprints: &mut fingerprints,
            metadata: &mut metadata,
            peers: &mut peers,
        };
        let config = Config::new(self.dialer.identity.id, Kind::Hub);
        let keys = Keys::of(&self.dialer.security);
        let description = self.description.clone();
        let me = description.metadata(&keys)?;
        let birth =
            Birth { incarnation: self.data_dir.incarnation(), metadata: &me, seed: fastrand::u64(..) };
        let now = self.dialer.clock.now();
        let mut node = Node::new(now, config, birth, storage)?;
        for seed in seeds {
            if node.add_seed(now, &seed.to_string()).is_err() {
                tracing::warn!(%seed, "too many join addresses: this one is not used");
            }
        }
        let known = self.data_dir.hubs().iter().filter(|hub| !seeds.contains(hub));
        for hub in known.clone() {
            // There may be no room left for what is only remembered.
            let _ = node.add_seed(now, hub.as_str());
        }
        let joins = !seeds.is_empty() || known.count() > 0;
        let memory = Memory::of(self.data_dir);
        let Self { seat, notices, greeting, dialer, .. } = self;
        let running = Running {
            node,
            dialer,
            description: self.description,
            memory,
            greeting,
            publish: seat.publish,
            changes: Changes::new(seat.events),
            failures: LogLimit::of("dials that failed"),
            link_lines: LogLimit::of("changes of links"),
            links: HashMap::new(),
            gossip_at: None,
            remember_at: now,
            forgetful: false,
            joins,
            stale: true,
            publish_at: now,
            active_view: 0,
            closing: false,
        };
        running.run(notices, seat.requests).await;
        Ok(())
    }
}

/// What this node shows and trusts.
struct Keys {
    active: [u8; 32],
    keyring: [u8; 32],
}

impl Keys {
    fn of(security: &Security) -> Self {
        match security {
            Security::Plaintext => Self { active: [0; 32], keyring: [0; 32] },
            Security::Tls(keyring) => {
                Self { active: keyring.active().certificate.0, keyring: keyring.digest().0 }
            }
        }
    }
}

impl Description {
    fn metadata(&self, keys: &Keys) -> Result<Metadata<'_>, BadMetadata> {
        let mut metadata = Metadata::new(self.name.as_str(), Kind::Hub);
        metadata.active_key = keys.active;
        metadata.keyring = keys.keyring;
        for addr in &self.addrs {
            metadata.addrs.push(addr).map_err(|_| BadMetadata)?;
        }
        for component in &self.components {
            metadata.components.push(component).map_err(|_| BadMetadata)?;
        }
        Ok(metadata)
    }
}

/// A link as the task knows it.
struct Known {
    origin: Origin,
    /// Once the peer said hello.
    handle: Option<LinkHandle>,
    /// When its carrier was opened, in Unix milliseconds.
    since: u64,
}

struct Running<'s> {
    node: Node<'s>,
    dialer: Dialer,
    description: Description,
    memory: Memory,
    greeting: watch::Sender<Greeting>,
    publish: Publisher,
    changes: Changes,
    /// Keeps hubs that are not where they are said to be from filling the log.
    failures: LogLimit,
    /// The same for peers that come and go.
    link_lines: LogLimit,
    links: HashMap<LinkId, Known>,
    gossip_at: Option<Instant>,
    /// Members changed since hubs were remembered, which is done again at `remember_at`.
    forgetful: bool,
    remember_at: Instant,
    /// There are addresses to join through.
    joins: bool,
    /// The view must be made anew, at `publish_at`.
    stale: bool,
    publish_at: Instant,
    /// Links that carry gossip, as the view shows.
    active_view: usize,
    /// Links are being ended, for good.
    closing: bool,
}

impl Running<'_> {
    async fn run(mut self, mut notices: mpsc::Receiver<Notice>, mut requests: mpsc::Receiver<Request>) {
        let clock = self.dialer.clock;
        let mut keys = match &self.dialer.security {
            Security::Tls(keyring) => Some(keyring.subscribe()),
            Security::Plaintext => None,
        };
        loop {
            self.turn(clock.now());
            if self.closing && self.links.is_empty() {
                return self.memory.close().await;
            }
            let remember_at = self.forgetful.then_some(self.remember_at);
            let publish_at = self.stale.then_some(self.publish_at);
            let due = [self.node.poll_timeout(), self.gossip_at, remember_at, publish_at];
            let due = due.into_iter().flatten().min().unwrap_or(clock.now() + Duration::from_secs(60));
            let due = self.flush_logs().into_iter().fold(clock.tokio(due), Ord::min);
            tokio::select! {
                Some(notice) = notices.recv() => {
                    self.handle_notice(notice);
                    for _ in 0..NOTICES_A_TURN {
                        let Ok(notice) = notices.try_recv() else { break };
                        self.handle_notice(notice);
                    }
                }
                Some(request) = requests.recv() => self.handle_request(request),
                () = changed(&mut keys) => self.handle_rekey(),
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }

    /// Lets the node do what is due.
    fn turn(&mut self, now: Instant) {
        self.node.handle_timeout(now);
        // Who is dialled next is to be greeted with it.
        self.keep_own_record();
        while let Some(dial) = self.node.poll_dial(now) {
            tokio::spawn(self.dialer.clone().dial(dial));
        }
        self.gossip_at = None;
        for (id, known) in &self.links {
            let Some(handle) = &known.handle else { continue };
            let mut out = Gossip { link: handle, full: false };
            self.node.poll_gossip(now, *id, &mut out);
            if out.full {
                self.gossip_at = Some(now + GOSSIP_RETRY);
            }
        }
        while let Some((link, reason)) = self.node.poll_close() {
            self.say_go_away(link, reason);
        }
        if self.closing {
            for known in self.links.values() {
                if let Some(handle) = &known.handle {
                    handle.go_away(GoAway::Leaving);
                }
            }
        }
        self.stale |= self.changes.note(&self.node);
        // A peer may say at any time that it wants gossip on a link.
        let shown = core::mem::replace(&mut self.active_view, self.node.active_view_len());
        self.stale |= shown != self.active_view;
        if self.stale && now >= self.publish_at {
            self.publish(now);
        }
        if self.forgetful && now >= self.remember_at {
            self.forgetful = false;
            self.remember_hubs(now);
        }
    }

    /// Requests are not to wait for a link that came, nor to use one that went.
    fn show_links(&mut self) {
        (self.stale, self.publish_at) = (true, Instant::START);
    }

    fn publish(&mut self, now: Instant) {
        let clock = self.dialer.clock;
        let start = clock.now();
        let view = self.view(now);
        let many = view.members().len() > MANY;
        self.publish.publish(view);
        (self.stale, self.forgetful) = (false, true);
        let end = clock.now();
        self.publish_at = if many { end + (9 * end.since(start)).min(MAX_VIEW_PAUSE) } else { now };
    }

    /// Keeps where live hubs can be dialled, for the next start: those that were kept before first. While none is live,
    /// where the last were.
    fn remember_hubs(&mut self, now: Instant) {
        let me = self.dialer.identity.id;
        let is_live =
            |member: &&Member| member.id != me && member.kind == Kind::Hub && member.state.is_live();
        let view = self.publish.view();
        let live = view.members().iter().filter(is_live).filter_map(|member| member.addrs.first());
        let kept = self.memory.hubs();
        let is_kept = |addr: &str| kept.iter().any(|hub| hub.as_str() == addr);
        let again = kept.iter().filter(|hub| live.clone().any(|addr| addr == hub.as_str())).cloned();
        let new = live.clone().filter(|addr| !is_kept(addr)).filter_map(|addr| addr.parse().ok());
        let hubs: Vec<HostPort> = again.chain(new).take(REMEMBERED).collect();
        if hubs.is_empty() || hubs == kept {
            return;
        }
        self.remember_at = now + REMEMBER_PAUSE;
        self.memory.set_hubs(hubs);
    }

    fn handle_request(&mut self, request: Request) {
        match request {
            Request::Redial(id) => self.node.redial(self.dialer.clock.now(), id),
            Request::Remove(id, reply) => {
                let removed = self.node.remove(self.dialer.clock.now(), id);
                if removed.is_ok() {
                    tracing::info!(%id, "a member that is down is removed by an operator");
                }
                // Who asked may be gone.
                let _ = reply.send(removed);
            }
            Request::Announce => {
                tracing::info!("leaving the cluster");
                self.node.leave(self.dialer.clock.now());
                self.stale = true;
            }
            Request::Leave => {
                if !self.node.is_leaving() {
                    self.node.leave(self.dialer.clock.now());
                }
                self.closing = true;
            }
        }
    }

    fn handle_notice(&mut self, notice: Notice) {
        let now = self.dialer.clock.now();
        match notice {
            Notice::Started(link, origin) => {
                self.links.insert(link, Known { origin, handle: None, since: unix_millis() });
            }
            Notice::DialFailed { target, address, failure, error } => {
                self.log_failure(&address, &error);
                self.node.handle_dial_failed(now, target, failure);
            }
            Notice::Up { link, incarnation, metadata, limits, time } => {
                let record = Record {
                    id: link.peer(),
                    incarnation,
                    state: State::Alive,
                    by: None,
                    metadata: &metadata,
                };
                let identity = Arc::clone(&self.dialer.identity);
                let hello = Hello { version: VERSION, cluster: &identity.cluster, limits, time, record };
                self.up(now, link, &hello);
            }
            Notice::Gossip(link, message) => {
                let Some(handle) = self.links.get(&link).and_then(|known| known.handle.as_ref()) else {
                    return;
                };
                let mut out = Gossip { link: handle, full: false };
                if let Err(error) = self.node.handle_gossip(now, link, &message, &mut out)
                    && self.link_lines.admits()
                {
                    tracing::warn!(link = link.0, peer = %handle.peer(), "{error}: closing the link");
                }
            }
            Notice::Worn(link) => {
                tracing::info!(
                    link = link.0,
                    "the TLS keys of this link are nearly used up: the leaf is asked to dial again"
                );
                self.say_go_away(link, GoAway::Rekeyed);
            }
            Notice::GoAway(link, reason) => {
                self.node.handle_go_away(now, link, reason);
                self.show_links();
            }
            Notice::Down { link, up, said, heard, error, itself } => {
                self.log_down(link, (said, heard), error);
                self.down(now, (link, up), heard.or(said.map(|_| GoAway::Acknowledged)), itself);
            }
        }
    }

    fn up(&mut self, now: Instant, link: LinkHandle, hello: &Hello<'_>) {
        let id = link.id();
        let Some(known) = self.links.get_mut(&id) else { return };
        let Origin { how, address, certificates } = known.origin.clone();
        let who = if how == Direction::Accepted { "it dialled" } else { "dialled from here" };
        let name = Metadata::decode(hello.record.metadata).map_or("?", |metadata| metadata.name);
        if self.link_lines.admits() {
            tracing::info!(link = id.0, peer = %link.peer(), %address, "link up with {name}, {who}");
        }
        known.handle = Some(link.clone());
        self.show_links();
        if let Err(reason) = self.node.handle_link_up(now, id, how, hello) {
            if self.link_lines.admits() {
                tracing::info!(link = id.0, "link not kept: {reason}");
            }
            return self.say_go_away(id, reason);
        }
        if let Some(certificates) = certificates {
            let Certificates { ours, theirs } = certificates;
            tracing::debug!(link = id.0, %ours, %theirs, "secured");
            self.node.secure(now, id, certificates);
            // The keys may have changed since the handshake.
            self.judge_links(now);
        }
    }

    fn down(&mut self, now: Instant, (link, up): (LinkId, bool), go_away: Option<GoAway>, itself: bool) {
        let Some(Known { origin, .. }) = self.links.remove(&link) else { return };
        self.show_links();
        match origin.how {
            Direction::Dialled(target) if itself => self.node.handle_dialled_itself(now, target),
            Direction::Dialled(target) if !up => {
                self.node.handle_dial_failed(now, target, Failure::Unresponsive)
            }
            _ => self.node.handle_link_down(now, link, go_away.map_or(LinkEnd::Lost, LinkEnd::GoAway)),
        }
    }

    /// Says how many lines were left out; when to do so again.
    fn flush_logs(&self) -> Option<tokio::time::Instant> {
        let due = [self.failures.flush(), self.link_lines.flush(), self.changes.flush_logs()];
        due.into_iter().flatten().min()
    }

    fn log_failure(&self, address: &str, error: &str) {
        if self.failures.admits() {
            tracing::warn!(%address, "cannot dial: {error}");
        }
    }

    fn log_down(&self, link: LinkId, (said, heard): (Option<GoAway>, Option<GoAway>), error: Option<String>) {
        if !self.link_lines.admits() {
            return;
        }
        let address = self.links.get(&link).map_or("", |known| known.origin.address.as_str());
        let link = link.0;
        match (error, said, heard.filter(|reason| *reason != GoAway::Acknowledged)) {
            (Some(error), _, _) => tracing::warn!(link, %address, "link down: {error}"),
            (None, _, Some(reason)) => {
                tracing::info!(link, %address, "link down, ended by the peer: {reason}")
            }
            (None, Some(reason), None) => tracing::info!(link, %address, "link down, ended here: {reason}"),
            (None, None, None) => tracing::info!(link, %address, "link down"),
        }
    }

    /// The keyring changed: says so, and judges every link anew.
    fn handle_rekey(&mut self) {
        let Security::Tls(keyring) = self.dialer.security.clone() else { return };
        let keys = Keys::of(&self.dialer.security);
        tracing::info!(active = %keyring.active().certificate, "the keyring changed");
        let told = self.description.metadata(&keys).and_then(|metadata| self.node.set_metadata(&metadata));
        if told.is_err() {
            tracing::error!("the description of this node became too long to spread its new keys");
        }
        self.judge_links(self.dialer.clock.now());
    }

    fn judge_links(&mut self, now: Instant) {
        if let Security::Tls(keyring) = &self.dialer.security {
            self.node.handle_keyring(now, keyring.active().certificate, |key| keyring.trusts(key));
        }
    }

    fn say_go_away(&mut self, link: LinkId, reason: GoAway) {
        if let Some(handle) = self.links.get(&link).and_then(|known| known.handle.as_ref()) {
            handle.go_away(reason);
        }
        self.node.handle_go_away(self.dialer.clock.now(), link, reason);
        self.show_links();
    }

    /// Keeps what must be kept of this node, and tells it to links to come.
    fn keep_own_record(&mut self) {
        let record = self.node.record();
        let current = Greeting { incarnation: record.incarnation, metadata: record.metadata.to_vec() };
        let old = self.greeting.borrow().incarnation;
        if current.incarnation != old || self.greeting.borrow().metadata != current.metadata {
            self.memory.raise_incarnation(current.incarnation);
            self.greeting.send_replace(current);
        }
    }

    fn view(&self, now: Instant) -> View {
        let mut links = HashMap::new();
        let members = self.node.members().filter_map(|member| {
            let id = member.record.id;
            let link = self.node.link_to(id).and_then(|link| self.links.get(&link));
            let handle = link.and_then(|known| known.handle.as_ref());
            let rtt = handle.map(|handle| handle.rtt().clone());
            if let Some(handle) = handle {
                links.insert(id, handle.clone());
            }
            Member::new(&member, rtt, now)
        });
        let members: Vec<Member> = members.collect();
        let me = self.dialer.identity.id;
        let is_missed = |member: &Member| member.id != me && member.state != State::Left;
        let lonely = links.is_empty() && (self.joins || members.iter().any(is_missed));
        let link_list = self.links.iter().filter_map(|(id, known)| {
            let handle = known.handle.as_ref()?;
            Some(LinkInfo {
                peer: handle.peer(),
                address: known.origin.address.clone(),
                dialled: known.origin.how != Direction::Accepted,
                gossip: self.node.carries_gossip(*id),
                since_unix_ms: known.since,
                rtt: handle.rtt().clone(),
                peer_key: known.origin.certificates.map(|certificates| certificates.theirs),
            })
        });
        let mut link_list: Vec<LinkInfo> = link_list.collect();
        link_list.sort_by_key(|link| (link.peer, link.since_unix_ms));
        let mut view = View::of(members);
        view.links = links;
        view.link_list = link_list;
        view.leaving = self.node.is_leaving();
        view.lonely = lonely;
        view
    }
}

/// Resolves when the keyring changed; never without one.
async fn changed(keys: &mut Option<watch::Receiver<u64>>) {
    if let Some(keys) = keys
        && keys.changed().await.is_ok()
    {
        return;
    }
    core::future::pending().await
}

/// The gossip of one link.
struct Gossip<'h> {
    link: &'h LinkHandle,
    full: bool,
}

impl Outbox for Gossip<'_> {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        let mut message = BytesMut::with_capacity(self.room());
        parts.iter().for_each(|part| message.extend_from_slice(part));
        let message: Bytes = message.freeze();
        self.link.gossip(message).inspect_err(|_| self.full = true)
    }

    fn room(&self) -> usize {
        node_core::wire::gossip::MAX_MESSAGE
    }
}
