//! A hub: the core's node and links over rustls, and a component that echoes.

use core::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use embassy_futures::select::select;
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Timer};
use node_core::crypto::Software;
use node_core::gossip::{self, Birth, Direction, LinkEnd, MemberSlot, Node, Peer, Start, Storage};
use node_core::http::{HeadWriter, NO_FIELD, RequestHead};
use node_core::id::{LinkId, NodeId};
use node_core::identity::{Certificates, Channel};
use node_core::link::{
    Config, Event, Exchange, ExchangeId, GoAway, LentLink, Limits, Open, Outbox, Phase, ResetCode, Service,
};
use node_core::time::{Instant, UnixTime};
use node_core::trust::Fingerprint;
use node_core::wire::record::MAX_METADATA;
use node_core::wire::{Full, Kind, Metadata};
use rand_core::{OsRng, RngCore};
use rustls::ServerConfig;

use crate::board::CLUSTER;
use crate::hub_tls::{TlsServer, Trusted, server_config};
use crate::identity::{Identity, signer};
use crate::impostor::{Impostor, Said};
use crate::task::Task;

const LIMITS: Limits =
    Limits { frame: 16384, exchanges: 64, exchange_credit: 65536, link_credit: 1 << 20, members: 100 };
const STEP: Duration = Duration::from_millis(1);

std::thread_local! {
    /// The requests of boards that hubs of this thread answered.
    pub static SERVED: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A hub. All clones are the same hub.
#[derive(Clone)]
pub struct Hub(Rc<RefCell<State>>);

struct State {
    node: Node<'static>,
    identity: node_core::identity::Identity<'static>,
    /// The TLS configuration of the next connections.
    config: Arc<ServerConfig>,
    /// The certificate that it shows.
    certificate: Fingerprint,
    on: bool,
    /// Whether the hub sends no hello on new sessions for now.
    reserved: bool,
    links: HashMap<LinkId, Connection>,
    /// Exchanges of former links.
    past: HashMap<(LinkId, ExchangeId), Arrived>,
    count: u32,
    /// Certificates that boards showed, one for each link that came up.
    shown: Vec<Vec<u8>>,
    /// The time in the hub's proof.
    time: Option<UnixTime>,
    /// How the hub proves its identity; `None` for honestly.
    impostor: Option<Impostor>,
    said: Said,
    /// Frames of boards beyond their proof: gossip, requests, answers.
    heard: usize,
    /// What the hub announces on its next links.
    limits: Limits,
}

struct Connection {
    link: LentLink<'static>,
    out: Vec<u8>,
    exchanges: HashMap<ExchangeId, Arrived>,
    board: Option<NodeId>,
    go_away: Option<GoAway>,
    /// The hub's process dies.
    killed: bool,
}

#[derive(Default)]
struct Arrived {
    bytes: Vec<u8>,
    ended: bool,
    reset: Option<ResetCode>,
    http: bool,
    /// The body of the response.
    sent: usize,
}

struct Out<'o>(&'o mut Vec<u8>);

impl Outbox for Out<'_> {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        parts.iter().for_each(|part| self.0.extend_from_slice(part));
        Ok(())
    }

    fn room(&self) -> usize {
        65536usize.saturating_sub(self.0.len())
    }
}

struct GossipOut<'o>(&'o mut LentLink<'static>, &'o mut Vec<u8>);

impl Outbox for GossipOut<'_> {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        self.0.gossip(&parts.concat(), &mut Out(self.1))
    }

    fn room(&self) -> usize {
        2048
    }
}

fn now() -> Instant {
    Instant::from_micros(embassy_time::Instant::now().as_micros())
}

fn leak<T: Clone>(item: T, count: usize) -> &'static mut [T] {
    vec![item; count].leak()
}

/// The identity of a node, made for one test.
pub fn identity() -> node_core::identity::Identity<'static> {
    let signer = Box::leak(Box::new(signer()));
    node_core::identity::Identity::new(CLUSTER, signer.public_key(), signer, &Software)
}

/// The metadata of a hub that shows this certificate.
fn describe(shown: &Identity) -> Metadata<'static> {
    let mut metadata = Metadata::new("hub", Kind::Hub);
    // As seen from the hub itself: the board cannot reach it there.
    metadata.addrs.push("127.0.0.1:8374").unwrap();
    metadata.components.push("hub-echo").unwrap();
    metadata.active_key = shown.fingerprint().0;
    metadata
}

impl Hub {
    /// A hub that listens on port 8374. The tasks are the hub.
    pub fn new(network: Stack<'static>, shown: &Identity, trusted: Trusted) -> (Self, Vec<Task>) {
        let storage = Storage {
            slots: leak(MemberSlot::FREE, 100),
            id_index: leak(gossip::IdEntry::FREE, 100),
            deadlines: leak(Instant::START, 100),
            fingerprints: &mut [],
            metadata: leak(0, 100 * MAX_METADATA),
            peers: leak(Peer::FREE, 10),
        };
        let identity = identity();
        let config = gossip::Config::new(identity.id, Kind::Hub);
        let start = Start { at: 1, random: 1 };
        let birth = Birth { incarnation: 1, start, metadata: &describe(shown), seed: 7 };
        let node = Node::new(now(), config, identity, birth, storage).unwrap();
        let state = State {
            node,
            identity,
            config: server_config(shown, trusted),
            certificate: shown.fingerprint(),
            on: true,
            reserved: false,
            links: HashMap::new(),
            past: HashMap::new(),
            count: 0,
            shown: Vec::new(),
            time: None,
            impostor: None,
            said: Said::default(),
            heard: 0,
            limits: LIMITS,
        };
        let hub = Self(Rc::new(RefCell::new(state)));
        let listen = |hub: Self| -> Task { Box::pin(async move { hub.listen(network).await }) };
        let tasks = (0..4).map(|_| listen(hub.clone())).collect();
        (hub, tasks)
    }

    /// Serves connections. With `false`, the hub is killed: it refuses new connections and ends the open ones.
    pub fn switch(&self, on: bool) {
        let mut state = self.0.borrow_mut();
        state.on = on;
        state.links.values_mut().for_each(|connection| connection.killed |= !on);
    }

    /// Sends and reads nothing in new sessions, until it is called with `false`.
    pub fn reserve(&self, reserved: bool) {
        self.0.borrow_mut().reserved = reserved;
    }

    /// Changes the certificate of the next connections, and tells the boards.
    pub fn configure(&self, shown: &Identity, trusted: Trusted) {
        let mut state = self.0.borrow_mut();
        (state.config, state.certificate) = (server_config(shown, trusted), shown.fingerprint());
        state.node.set_metadata(&describe(shown)).unwrap();
    }

    /// The hub's id.
    pub fn id(&self) -> NodeId {
        self.0.borrow().identity.id
    }

    /// Changes how the hub proves its identity on the next links.
    pub fn pretend(&self, impostor: Option<Impostor>) {
        self.0.borrow_mut().impostor = impostor;
    }

    /// Connections that boards opened so far, and what they sent after their proofs: gossip, requests and answers.
    pub fn visits(&self) -> (u32, usize) {
        let state = self.0.borrow();
        (state.count & !UPDATE_KEYS, state.heard)
    }

    /// Lets no board send a byte of an answer, on the next links.
    pub fn give_no_credit(&self) {
        self.0.borrow_mut().limits.exchange_credit = 0;
    }

    /// Changes the time in the next proofs.
    pub fn tell_time(&self, time: u64) {
        self.0.borrow_mut().time = Some(UnixTime(time));
    }

    /// Certificates that boards showed so far.
    pub fn shown(&self) -> Vec<Vec<u8>> {
        self.0.borrow().shown.clone()
    }

    /// Links that are open, draining ones included.
    pub fn links(&self) -> usize {
        self.0.borrow().links.values().filter(|connection| connection.board.is_some()).count()
    }

    /// The state of a member, as the hub knows it.
    pub fn member<T>(&self, id: NodeId, look: impl FnOnce(gossip::Member<'_>) -> T) -> Option<T> {
        self.0.borrow().node.member(id).map(look)
    }

    /// Says GOAWAY on every link.
    pub fn go_away(&self, reason: GoAway) {
        self.0.borrow_mut().links.values_mut().for_each(|connection| connection.link.go_away(reason));
    }

    /// Updates the TLS keys of every link, which embedded-tls cannot follow.
    pub fn update_keys(&self) {
        self.0.borrow_mut().count |= UPDATE_KEYS;
    }

    /// Asks a board, and returns its whole response.
    pub async fn request(&self, board: NodeId, service: Service, body: &[u8]) -> Result<Vec<u8>, String> {
        self.ask(board, Ask { service, body, end: true, budget_ms: 20_000 }).await
    }

    /// Asks a board, and returns its whole response.
    pub async fn ask(&self, board: NodeId, ask: Ask<'_>) -> Result<Vec<u8>, String> {
        self.ask_slowly(board, ask, None).await
    }

    /// Asks a board. What follows the first bytes of the request is sent byte by byte, with a pause after each.
    pub async fn ask_slowly(
        &self,
        board: NodeId,
        ask: Ask<'_>,
        pause: Option<Duration>,
    ) -> Result<Vec<u8>, String> {
        let Ask { body, end, .. } = ask;
        let (link, id, mut sent) = loop {
            if let Some(opened) = self.open(board, ask)? {
                break opened;
            }
            Timer::after(STEP).await;
        };
        let mut ended = sent == body.len();
        loop {
            {
                let mut state = self.0.borrow_mut();
                let Some(connection) = state.links.get_mut(&link) else {
                    let past = state.past.remove(&(link, id)).filter(|past| past.ended);
                    return past.map(|past| past.bytes).ok_or("the link is gone".into());
                };
                let arrived = connection.exchanges.get(&id).ok_or("no such exchange")?;
                if arrived.ended {
                    return Ok(connection.exchanges.remove(&id).unwrap().bytes);
                }
                if let Some(code) = arrived.reset {
                    return Err(format!("reset: {code}"));
                }
                let until = if pause.is_some() { body.len().min(sent + 1) } else { body.len() };
                let (rest, end) = (&body[sent..until], end && until == body.len());
                if !ended
                    && let Ok(taken) = connection.link.send(id, rest, end, &mut Out(&mut connection.out))
                {
                    sent += taken;
                    ended = sent == body.len();
                }
            }
            Timer::after(pause.unwrap_or(STEP)).await;
        }
    }

    fn open(&self, board: NodeId, ask: Ask<'_>) -> Result<Option<(LinkId, ExchangeId, usize)>, String> {
        let Ask { service, body, end, budget_ms } = ask;
        let mut state = self.0.borrow_mut();
        let link = state.node.link_to(board).ok_or("no link to the board")?;
        let connection = state.links.get_mut(&link).ok_or("no connection")?;
        let open = Open { to: None, hops: 1, budget_ms, service };
        let opened = connection.link.open(now(), &open, body, end, &mut Out(&mut connection.out));
        let Ok((id, sent)) = opened else { return Ok(None) };
        connection.exchanges.insert(id, Arrived::default());
        Ok(Some((link, id, sent)))
    }

    async fn listen(&self, network: Stack<'static>) {
        loop {
            let (mut rx, mut tx) = (vec![0; 8192], vec![0; 8192]);
            let mut socket = TcpSocket::new(network, &mut rx, &mut tx);
            socket.set_nagle_enabled(false);
            if socket.accept(8374).await.is_err() {
                continue;
            }
            if !self.0.borrow().on {
                socket.abort();
                let _ = socket.flush().await;
                continue;
            }
            let config = self.0.borrow().config.clone();
            let mut tls = TlsServer::new(config, socket);
            let id = self.connected();
            let in_order = self.serve(id, &mut tls).await.is_ok();
            self.disconnected(id);
            if in_order {
                tls.close().await;
            } else {
                tls.abort().await;
            }
        }
    }

    async fn serve(&self, id: LinkId, tls: &mut TlsServer<'_>) -> Result<(), ()> {
        let mut greeted = false;
        let mut input = Vec::new();
        loop {
            if !greeted && !tls.tls.is_handshaking() {
                while self.0.borrow().reserved {
                    Timer::after(STEP).await;
                }
                greeted = true;
                self.greet(id, tls.shown());
            }
            if greeted {
                let used = self.take(id, &input, tls.shown())?;
                input.drain(..used);
                let (out, over, killed, update) = self.step(id);
                tls.queue(&out);
                if update {
                    tls.tls.refresh_traffic_keys().unwrap();
                }
                tls.flush().await?;
                if killed {
                    return Err(());
                }
                if over {
                    return Ok(());
                }
            } else {
                tls.flush().await?;
            }
            if let embassy_futures::select::Either::First(received) =
                select(tls.receive(), Timer::after(STEP)).await
            {
                input.extend_from_slice(&received?);
                tls.flush().await?;
            }
        }
    }

    fn connected(&self) -> LinkId {
        let mut state = self.0.borrow_mut();
        state.count += 1;
        let id = LinkId(state.count);
        let config = Config {
            identity: state.identity,
            limits: state.limits,
            hello_timeout: core::time::Duration::from_secs(5),
            ping_after: core::time::Duration::from_secs(5),
            ping_timeout: core::time::Duration::from_secs(5),
        };
        let link = LentLink::new(config, leak(Exchange::FREE, 64), leak(Exchange::FREE, 64), now());
        let connection = Connection {
            link,
            out: Vec::new(),
            exchanges: HashMap::new(),
            board: None,
            go_away: None,
            killed: false,
        };
        state.links.insert(id, connection);
        id
    }

    fn disconnected(&self, id: LinkId) {
        let mut state = self.0.borrow_mut();
        let connection = state.links.remove(&id).unwrap();
        state
            .past
            .extend(connection.exchanges.into_iter().map(|(exchange, arrived)| ((id, exchange), arrived)));
        if connection.board.is_some() {
            let down = connection.go_away.map_or(LinkEnd::Lost, LinkEnd::GoAway);
            state.node.handle_link_down(now(), id, down);
        }
    }

    fn greet(&self, id: LinkId, shown: Option<Vec<u8>>) {
        let state = &mut *self.0.borrow_mut();
        let connection = state.links.get_mut(&id).unwrap();
        let mut nonce = [0; 32];
        OsRng.fill_bytes(&mut nonce);
        let theirs = Fingerprint(node_core::crypto::Digest::sha256(&Software, &[&shown.unwrap()]));
        let certificates = Certificates { ours: state.certificate, theirs };
        let channel = Channel { certificates: Some(certificates), exporter: None };
        let mut hello = Vec::new();
        connection.link.greet(nonce, channel, &mut Out(&mut hello)).unwrap();
        state.said.greet(state.impostor.as_ref(), &mut hello);
        connection.out.extend(hello);
    }

    /// Runs the machines once. Returns the bytes to send, and whether the link is over, killed, or gets new keys.
    fn step(&self, id: LinkId) -> (Vec<u8>, bool, bool, bool) {
        let state = &mut *self.0.borrow_mut();
        let update = state.count & UPDATE_KEYS != 0;
        state.count &= !UPDATE_KEYS;
        state.node.handle_timeout(now());
        while let Some((link, reason)) = state.node.poll_close() {
            if let Some(connection) = state.links.get_mut(&link) {
                connection.link.go_away(reason);
            }
        }
        let connection = state.links.get_mut(&id).unwrap();
        let lost = connection.link.handle_timeout(now()).is_err();
        while let Some(id) = connection.link.poll_expired() {
            if let Some(arrived) = connection.exchanges.get_mut(&id) {
                arrived.reset = Some(ResetCode::Timeout);
            }
        }
        if connection.board.is_some() {
            state.node.poll_gossip(now(), id, &mut GossipOut(&mut connection.link, &mut connection.out));
        }
        connection.echo();
        connection.link.poll_transmit(now(), &mut Out(&mut connection.out));
        let over = connection.link.phase() == Phase::Over;
        (core::mem::take(&mut connection.out), over, connection.killed || lost, update)
    }

    fn take(&self, id: LinkId, input: &[u8], shown: Option<Vec<u8>>) -> Result<usize, ()> {
        let state = &mut *self.0.borrow_mut();
        let connection = state.links.get_mut(&id).unwrap();
        let mut used = 0;
        loop {
            let read = connection.link.handle_input(now(), &input[used..]).map_err(drop)?;
            if read.consumed == 0 {
                return Ok(used);
            }
            used += read.consumed;
            match read.event {
                Some(Event::Greeted) => {
                    let (record, mut proof) = (state.node.record(), Vec::new());
                    let record = state.impostor.as_ref().map_or(record, |impostor| impostor.record(record));
                    connection.link.prove(state.time, record, &mut Out(&mut proof)).unwrap();
                    state.said.prove(state.impostor.as_ref(), &mut proof);
                    connection.out.extend(proof);
                }
                Some(Event::Up(board)) => {
                    let record = &board.record;
                    connection.board = Some(record.id);
                    state.shown.extend(shown.clone());
                    if let Err(reason) = state.node.handle_link_up(now(), id, Direction::Accepted, record) {
                        connection.board = None;
                        connection.link.go_away(reason);
                    }
                }
                Some(Event::Gossip(message)) => {
                    state.heard += 1;
                    let Connection { link, out, .. } = connection;
                    state.node.handle_gossip(now(), id, message, &mut GossipOut(link, out)).map_err(drop)?;
                }
                Some(Event::GoAway(reason)) => {
                    connection.go_away = Some(reason);
                    state.node.handle_go_away(now(), id, reason);
                }
                Some(event) => {
                    state.heard += usize::from(matches!(event, Event::Opened { .. } | Event::Data { .. }));
                    connection.exchange(event);
                }
                None => {}
            }
        }
    }
}

/// A request to a board.
#[derive(Clone, Copy)]
pub struct Ask<'b> {
    pub service: Service,
    pub body: &'b [u8],
    /// Whether the body ends.
    pub end: bool,
    /// How long the board may take.
    pub budget_ms: u32,
}

/// A flag in the count of links, for a test that has one link.
const UPDATE_KEYS: u32 = 1 << 31;

impl Connection {
    fn exchange(&mut self, event: Event<'_>) {
        match event {
            Event::Opened { id, open, data, end } => {
                let http = open.service == Service::Http;
                self.exchanges
                    .insert(id, Arrived { bytes: data.to_vec(), ended: end, http, ..Arrived::default() });
                self.link.release(id, data.len());
            }
            Event::Data { id, data, end } => {
                if let Some(arrived) = self.exchanges.get_mut(&id) {
                    arrived.bytes.extend_from_slice(data);
                    arrived.ended |= end;
                }
                self.link.release(id, data.len());
            }
            Event::Reset { id, code } => {
                if let Some(arrived) = self.exchanges.get_mut(&id) {
                    arrived.reset = Some(code);
                }
            }
            _ => {}
        }
    }

    /// Answers requests from the board.
    fn echo(&mut self) {
        let mut done = Vec::new();
        for (id, arrived) in self.exchanges.iter_mut().filter(|(_, arrived)| arrived.http) {
            let Some(response) = answer(arrived) else { continue };
            let rest = &response[arrived.sent..];
            match self.link.send(*id, rest, true, &mut Out(&mut self.out)) {
                Ok(taken) => {
                    arrived.sent += taken;
                    if arrived.sent == response.len() {
                        SERVED.with_borrow_mut(|served| served.push(arrived.bytes.clone()));
                        done.push(*id);
                    }
                }
                Err(node_core::link::SendError::Closed) => done.push(*id),
                Err(_) => {}
            }
        }
        done.iter().for_each(|id| drop(self.exchanges.remove(id)));
    }
}

/// The response to a request from the board, `None` as long as there is none.
///
/// | path       | response                                                          |
/// |------------|-------------------------------------------------------------------|
/// | `/request` | the whole request, with its head                                  |
/// | `/interim` | two interim responses, and then the body                          |
/// | `/refuse`  | status 413 before the request ends                                |
/// | `/short`   | a body that is shorter than announced                             |
/// | others     | the body; its length without the body if the method is `HEAD`     |
fn answer(arrived: &Arrived) -> Option<Vec<u8>> {
    let mut slots = [NO_FIELD; 16];
    let head = RequestHead::parse(&arrived.bytes, &mut slots).unwrap()?;
    let body = &arrived.bytes[head.len..];
    let (before, status, length, body) = match head.target {
        "/refuse" => (&b""[..], 413, 0, &b""[..]),
        _ if !arrived.ended => return None,
        "/request" => (&b""[..], 200, arrived.bytes.len(), &arrived.bytes[..]),
        "/interim" => {
            (&b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nlink: x\r\n\r\n"[..], 200, body.len(), body)
        }
        "/short" => (&b""[..], 200, body.len() + 1, body),
        _ if head.method == "HEAD" => (&b""[..], 200, 5, &b""[..]),
        _ => (&b""[..], 200, body.len(), body),
    };
    let mut buffer = [0; 128];
    let mut writer = HeadWriter::response(&mut buffer, status, "").unwrap();
    writer.field("content-length", length.to_string().as_bytes()).unwrap();
    let len = writer.finish().unwrap();
    Some([before, &buffer[..len], body].concat())
}
