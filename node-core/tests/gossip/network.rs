//! A deterministic network of real nodes in virtual time: messages, not bytes. The same seed gives the same history.

use std::collections::BTreeMap;

use node_core::gossip::{
    Config, Dial, Down, How, Kind, Meta, Node, Record, State, StaticStorage, Storage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, Goodbye, Hello, Limits, Outbox};
use node_core::time::{Duration, Instant};

/// A peer that is silent for so long is given up by the link protocol.
pub const SILENCE: Duration = Duration::from_secs(10);
/// How long a dial into the void takes.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Memory for the lives of nodes; one is used for each start.
pub fn memory<const MEMBERS: usize>(lives: usize) -> Vec<StaticStorage<MEMBERS, 16>> {
    (0..lives).map(|_| StaticStorage::new()).collect()
}

/// A machine: its address stays, its node comes and goes.
pub struct Host<'m> {
    pub id: NodeId,
    pub kind: Kind,
    pub seeds: Vec<String>,
    pub components: Vec<&'static str>,
    pub needs: Vec<&'static str>,
    /// How it is configured at the next start.
    pub tune: fn(&mut Config),
    pub node: Option<Node<'m>>,
    life: u32,
    paused: bool,
    backlog: Vec<Event>,
    links: BTreeMap<LinkId, End>,
    cursor: u64,
    /// Hosts in other parts cannot be reached.
    part: usize,
}

/// One end of a link.
struct End {
    host: usize,
    other: LinkId,
    target: Option<Target>,
    up: bool,
    goodbye: bool,
    /// What is sent after the end was cut never arrives.
    cut: bool,
    /// Frames arrive in order.
    arrives: Instant,
}

enum Event {
    Connect { from: usize, life: u32, dial: Dial, hello: Vec<u8> },
    DialFailed { life: u32, target: Target },
    Frame { link: LinkId, frame: Frame },
    Lost { link: LinkId },
    Wake,
}

enum Frame {
    Hello(Vec<u8>),
    Gossip(Vec<u8>),
    Goodbye(Goodbye),
}

/// What one node came to believe of another.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    pub at: Instant,
    pub by: usize,
    pub about: usize,
    pub state: State,
}

pub struct Network<'m> {
    pub now: Instant,
    pub hosts: Vec<Host<'m>>,
    /// Everything that any node came to believe.
    pub beliefs: Vec<Belief>,
    /// Messages that a node can send at once on a link before it must wait.
    pub room: usize,
    pub rng: fastrand::Rng,
    pub messages: usize,
    pub bytes: usize,
    seed: u64,
    events: BTreeMap<(Instant, u64), (usize, Event)>,
    sequence: u64,
    memory: Box<dyn Iterator<Item = Storage<'m>> + 'm>,
}

/// Says how to see a failure again.
impl Drop for Network<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("network of seed {} at {:?}", self.seed, self.now);
        }
    }
}

impl<'m> Network<'m> {
    pub fn new<const MEMBERS: usize>(seed: u64, memory: &'m mut [StaticStorage<MEMBERS, 16>]) -> Self {
        Self {
            now: Instant::START,
            hosts: Vec::new(),
            beliefs: Vec::new(),
            room: usize::MAX,
            rng: fastrand::Rng::with_seed(seed),
            messages: 0,
            bytes: 0,
            seed,
            events: BTreeMap::new(),
            sequence: 0,
            memory: Box::new(memory.iter_mut().map(StaticStorage::lend)),
        }
    }

    pub fn address(host: usize) -> String {
        format!("n{host}:8374")
    }

    /// A machine that is not started yet.
    pub fn add(&mut self, kind: Kind, seeds: &[usize]) -> usize {
        self.hosts.push(Host {
            id: NodeId(self.rng.u128(1..).to_be_bytes()),
            kind,
            seeds: seeds.iter().map(|&seed| Self::address(seed)).collect(),
            components: Vec::new(),
            needs: Vec::new(),
            tune: |_| {},
            node: None,
            life: 0,
            paused: false,
            backlog: Vec::new(),
            links: BTreeMap::new(),
            cursor: 0,
            part: 0,
        });
        self.hosts.len() - 1
    }

    pub fn start(&mut self, at: usize, incarnation: u64) {
        let storage = self.memory.next().expect("memory for another life");
        let seed = self.rng.u64(..);
        let now = self.now;
        let host = &mut self.hosts[at];
        let mut config = Config::new(host.id, host.kind);
        (host.tune)(&mut config);
        let meta = describe(at, host);
        let mut node = Node::new(now, config, (incarnation, &meta), (storage, seed)).unwrap();
        for seed in &host.seeds {
            node.add_seed(now, seed).unwrap();
        }
        host.node = Some(node);
        host.life += 1;
        host.cursor = 0;
        self.schedule(Duration::ZERO, at, Event::Wake);
    }

    /// Machines of one kind, started at once, that know the first one's address.
    pub fn with<const MEMBERS: usize>(
        seed: u64,
        memory: &'m mut [StaticStorage<MEMBERS, 16>],
        hubs: usize,
        leaves: usize,
    ) -> Self {
        let mut network = Self::new(seed, memory);
        for number in 0..hubs + leaves {
            let kind = if number < hubs { Kind::Hub } else { Kind::Leaf };
            let at = network.add(kind, &[0]);
            network.start(at, 1);
        }
        network
    }

    /// Changes what a node offers.
    pub fn set_components(&mut self, at: usize, components: &[&'static str]) {
        self.hosts[at].components = components.to_vec();
        self.describe_again(at);
    }

    /// Changes what a leaf needs.
    pub fn set_needs(&mut self, at: usize, needs: &[&'static str]) {
        self.hosts[at].needs = needs.to_vec();
        self.describe_again(at);
    }

    fn describe_again(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        let mut meta = describe(at, host);
        let mut node = host.node.take().unwrap();
        meta.hubs = node.member(host.id).unwrap().meta.hubs;
        node.set_meta(&meta).unwrap();
        drop(meta);
        self.hosts[at].node = Some(node);
        self.settle(at);
    }

    /// The process ends and its kernel says so.
    pub fn kill(&mut self, at: usize) {
        let delay = self.delay();
        self.vanish_after(at, delay);
    }

    /// The machine loses its power: its peers notice by silence.
    pub fn vanish(&mut self, at: usize) {
        self.vanish_after(at, SILENCE);
    }

    fn vanish_after(&mut self, at: usize, delay: Duration) {
        self.hosts[at].node = None;
        self.hosts[at].paused = false;
        self.hosts[at].backlog.clear();
        for end in core::mem::take(&mut self.hosts[at].links).into_values() {
            if let Some(other) = self.hosts[end.host].links.get_mut(&end.other) {
                other.cut = true;
            }
            self.schedule(delay, end.host, Event::Lost { link: end.other });
        }
    }

    /// Leaves the cluster; the process ends a second later.
    pub fn leave(&mut self, at: usize) {
        let now = self.now;
        self.hosts[at].node.as_mut().unwrap().leave(now);
        self.settle(at);
        let links: Vec<LinkId> = self.hosts[at].links.keys().copied().collect();
        for link in links {
            self.say_goodbye(at, link, Goodbye::Leaving);
        }
        self.run(Duration::from_secs(1));
        self.kill(at);
    }

    /// The process stands still.
    pub fn pause(&mut self, at: usize) {
        self.hosts[at].paused = true;
    }

    /// It goes on. After a long pause its peers have given its links up.
    pub fn resume(&mut self, at: usize, paused_for: Duration) {
        self.hosts[at].paused = false;
        for event in core::mem::take(&mut self.hosts[at].backlog) {
            self.schedule(Duration::ZERO, at, event);
        }
        if paused_for > SILENCE {
            let links: Vec<LinkId> = self.hosts[at].links.keys().copied().collect();
            links.into_iter().for_each(|link| self.schedule(Duration::ZERO, at, Event::Lost { link }));
        }
    }

    /// Pauses a machine for some time while all others go on.
    pub fn pause_for(&mut self, at: usize, time: Duration) {
        self.pause(at);
        self.run(time.min(SILENCE));
        if time > SILENCE {
            let ends = self.hosts[at].links.values().map(|end| (end.host, end.other)).collect::<Vec<_>>();
            for (host, link) in ends {
                self.schedule(Duration::ZERO, host, Event::Lost { link });
            }
            self.run(time - SILENCE);
        }
        self.resume(at, time);
    }

    /// Splits the network: only hosts of one part reach each other.
    pub fn partition(&mut self, part: impl Fn(usize) -> usize) {
        (0..self.hosts.len()).for_each(|host| self.hosts[host].part = part(host));
        let parts: Vec<usize> = self.hosts.iter().map(|host| host.part).collect();
        let mut lost = Vec::new();
        for (at, host) in self.hosts.iter_mut().enumerate() {
            for (link, end) in &mut host.links {
                if parts[at] != parts[end.host] && !end.cut {
                    end.cut = true;
                    lost.push((at, *link));
                }
            }
        }
        lost.into_iter().for_each(|(at, link)| self.schedule(SILENCE, at, Event::Lost { link }));
    }

    /// Every link breaks at once, and every host can be dialled again.
    pub fn break_links(&mut self) {
        let ends = self.hosts.iter().enumerate();
        let ends = ends.flat_map(|(at, host)| host.links.keys().map(move |link| (at, *link)));
        for (at, link) in ends.collect::<Vec<_>>() {
            let delay = self.delay();
            self.schedule(delay, at, Event::Lost { link });
        }
    }

    pub fn heal(&mut self) {
        self.hosts.iter_mut().for_each(|host| host.part = 0);
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until something is so; the time that it took.
    pub fn until(&mut self, within: Duration, what: &str, so: impl Fn(&Self) -> bool) -> Duration {
        let start = self.now;
        while !so(self) {
            assert!(self.step(start + within), "not within {within:?}: {what}\n{}", self.views());
        }
        self.now.since(start)
    }

    /// What one node believes of another.
    pub fn state(&self, by: usize, about: usize) -> Option<State> {
        let node = self.hosts[by].node.as_ref()?;
        node.member(self.hosts[about].id).map(|member| member.record.state)
    }

    /// Whether every running hub believes this of a node.
    pub fn all_hubs_say(&self, about: usize, state: State) -> bool {
        self.running()
            .filter(|&by| self.hosts[by].kind == Kind::Hub)
            .all(|by| self.state(by, about) == Some(state))
    }

    pub fn running(&self) -> impl Iterator<Item = usize> {
        (0..self.hosts.len()).filter(|&at| self.hosts[at].node.is_some())
    }

    /// Whether every hub sees what runs as alive, with what it says of itself, and nothing else as running.
    pub fn converged(&self) -> bool {
        self.running().filter(|&by| self.hosts[by].kind == Kind::Hub).all(|by| {
            (0..self.hosts.len()).all(|about| {
                let view = self.hosts[by].node.as_ref().unwrap().member(self.hosts[about].id);
                match &self.hosts[about].node {
                    Some(node) => view.is_some_and(|member| member.record == node.record()),
                    None => view.is_none_or(|member| !member.record.state.is_live()),
                }
            })
        })
    }

    /// Links that are up between two hosts.
    pub fn links(&self, at: usize, other: usize) -> usize {
        self.hosts[at].links.values().filter(|end| end.host == other && end.up && !end.goodbye).count()
    }

    pub fn views(&self) -> String {
        let mut text = String::new();
        for by in self.running() {
            let states = (0..self.hosts.len()).map(|about| self.state(by, about));
            let states = states.map(|state| state.map_or("-".into(), |state| state.to_string()));
            let links =
                self.hosts[by].links.values().filter(|end| end.up).map(|end| end.host).collect::<Vec<_>>();
            text += &format!("n{by} sees {:?}, linked to {links:?}\n", states.collect::<Vec<String>>());
        }
        text
    }

    fn delay(&mut self) -> Duration {
        Duration::from_micros(self.rng.u64(500..20_000))
    }

    fn schedule(&mut self, after: Duration, host: usize, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now + after, self.sequence), (host, event));
    }

    /// The next thing that happens before `end`; `false` when nothing does.
    fn step(&mut self, end: Instant) -> bool {
        let timer = self.running().filter(|&at| !self.hosts[at].paused).filter_map(|at| {
            let due = self.hosts[at].node.as_ref().and_then(Node::poll_timeout)?;
            Some((due.max(self.now), at))
        });
        let timer = timer.min();
        let event = self.events.keys().next().copied();
        match (timer, event) {
            (Some((due, at)), None) if due <= end => self.wake(due, at),
            (Some((due, at)), Some((next, _))) if due < next && due <= end => self.wake(due, at),
            (_, Some(key)) if key.0 <= end => {
                let (host, event) = self.events.remove(&key).unwrap();
                self.now = key.0;
                if self.hosts[host].paused {
                    self.hosts[host].backlog.push(event);
                } else {
                    self.happen(host, event);
                    self.settle(host);
                }
            }
            _ => return false,
        }
        true
    }

    fn wake(&mut self, due: Instant, at: usize) {
        self.now = due;
        self.settle(at);
    }

    fn happen(&mut self, at: usize, event: Event) {
        match event {
            Event::Connect { from, life, dial, hello } => self.connect(at, (from, life), dial, hello),
            Event::DialFailed { life, target } => {
                let now = self.now;
                let host = &mut self.hosts[at];
                if let Some(node) = host.node.as_mut().filter(|_| host.life == life) {
                    node.handle_dial_failed(now, target);
                }
            }
            Event::Frame { link, frame } => self.receive(at, link, frame),
            Event::Lost { link } => self.end(at, link, Down::Lost),
            Event::Wake => {}
        }
    }

    fn connect(&mut self, at: usize, (from, life): (usize, u32), dial: Dial, hello: Vec<u8>) {
        let target = dial.target;
        let now = self.now;
        let dialler = &mut self.hosts[from];
        let Some(node) = dialler.node.as_mut().filter(|_| dialler.life == life) else { return };
        if from == at {
            node.handle_dialled_itself(now, target);
            return;
        }
        let reachable = self.hosts[at].part == self.hosts[from].part;
        if self.hosts[at].node.is_none() || !reachable {
            let wait = if reachable { self.delay() } else { DIAL_TIMEOUT };
            self.schedule(wait, from, Event::DialFailed { life, target });
            return;
        }
        self.sequence += 2;
        let (here, there) = (LinkId(self.sequence as u32), LinkId(self.sequence as u32 - 1));
        let end = |host, other, target| End {
            host,
            other,
            target,
            up: false,
            goodbye: false,
            cut: false,
            arrives: Instant::START,
        };
        self.hosts[at].links.insert(here, end(from, there, None));
        self.hosts[from].links.insert(there, end(at, here, Some(target)));
        let mine = encode_hello(self.hosts[at].node.as_ref().unwrap());
        self.put(at, here, Frame::Hello(mine));
        self.receive(at, here, Frame::Hello(hello));
    }

    fn put(&mut self, at: usize, link: LinkId, frame: Frame) {
        let delay = self.delay();
        let Some(end) = self.hosts[at].links.get_mut(&link) else { return };
        end.arrives = end.arrives.max(self.now + delay);
        let (host, other, after) = (end.host, end.other, end.arrives.since(self.now));
        if !end.cut {
            self.schedule(after, host, Event::Frame { link: other, frame });
        }
    }

    fn receive(&mut self, at: usize, link: LinkId, frame: Frame) {
        let now = self.now;
        let mut out = Messages { list: Vec::new(), room: self.room, full: false };
        let host = &mut self.hosts[at];
        let (Some(node), Some(end)) = (host.node.as_mut(), host.links.get_mut(&link)) else { return };
        if end.cut {
            return;
        }
        match frame {
            Frame::Hello(bytes) => {
                let hello: Hello<'_> = postcard::from_bytes(&bytes).unwrap();
                let how = end.target.map_or(How::Accepted, How::Dialled);
                match node.handle_link_up(now, link, how, &hello) {
                    Ok(()) => end.up = true,
                    Err(reason) => {
                        end.target = None;
                        self.say_goodbye(at, link, reason);
                    }
                }
            }
            Frame::Gossip(message) => {
                if end.up {
                    node.handle_gossip(now, link, &message, &mut out).unwrap();
                }
            }
            Frame::Goodbye(reason) => {
                if end.up {
                    node.handle_goodbye(link, reason);
                }
                self.say_goodbye(at, link, Goodbye::Agreed);
                self.end(at, link, Down::Goodbye(reason));
            }
        }
        self.gossip(at, link, out);
    }

    fn gossip(&mut self, at: usize, link: LinkId, out: Messages) {
        if out.full {
            self.schedule(Duration::from_millis(2), at, Event::Wake);
        }
        for message in out.list {
            assert!(message.len() <= 1024);
            self.messages += 1;
            self.bytes += message.len();
            self.put(at, link, Frame::Gossip(message));
        }
    }

    fn say_goodbye(&mut self, at: usize, link: LinkId, reason: Goodbye) {
        let Some(end) = self.hosts[at].links.get_mut(&link) else { return };
        if !core::mem::replace(&mut end.goodbye, true) {
            self.put(at, link, Frame::Goodbye(reason));
        }
    }

    fn end(&mut self, at: usize, link: LinkId, down: Down) {
        let now = self.now;
        let host = &mut self.hosts[at];
        let (Some(node), Some(end)) = (host.node.as_mut(), host.links.remove(&link)) else { return };
        match end.target {
            _ if end.up => node.handle_link_down(now, link, down),
            Some(target) => node.handle_dial_failed(now, target),
            None => {}
        }
    }

    /// Lets a node do what it wants to do, and notes what it came to believe.
    fn settle(&mut self, at: usize) {
        let now = self.now;
        if self.hosts[at].node.is_none() || self.hosts[at].paused {
            return;
        }
        let mut dials = Vec::new();
        let mut closing = Vec::new();
        let mut hello = Vec::new();
        if let Some(node) = &mut self.hosts[at].node {
            if node.poll_timeout().is_some_and(|due| due <= now) {
                node.handle_timeout(now);
            }
            dials.extend(core::iter::from_fn(|| node.poll_dial(now)));
            closing.extend(core::iter::from_fn(|| node.poll_close()));
            hello = encode_hello(node);
        }
        for (link, reason) in closing {
            self.say_goodbye(at, link, reason);
        }
        for dial in dials {
            self.dial(at, dial, hello.clone());
        }
        let up = self.hosts[at].links.iter().filter(|(_, end)| end.up && !end.goodbye);
        for link in up.map(|(link, _)| *link).collect::<Vec<_>>() {
            let mut out = Messages { list: Vec::new(), room: self.room, full: false };
            self.hosts[at].node.as_mut().unwrap().poll_gossip(now, link, &mut out);
            self.gossip(at, link, out);
        }
        let node = self.hosts[at].node.as_ref().unwrap();
        let due = node.poll_timeout();
        assert!(
            due.is_none_or(|due| due > now),
            "n{at} is due now and does nothing: it would keep its host busy"
        );
        self.note_beliefs(at);
    }

    fn note_beliefs(&mut self, by: usize) {
        let host = &self.hosts[by];
        let mut cursor = host.cursor;
        let mut beliefs = Vec::new();
        while let Some(member) = host.node.as_ref().unwrap().poll_change(&mut cursor) {
            if let Some(about) = self.hosts.iter().position(|host| host.id == member.record.id) {
                beliefs.push(Belief { at: self.now, by, about, state: member.record.state });
            }
        }
        self.hosts[by].cursor = cursor;
        self.beliefs.extend(beliefs);
    }

    fn dial(&mut self, at: usize, dial: Dial, hello: Vec<u8>) {
        let delay = self.delay();
        let life = self.hosts[at].life;
        let number = dial.address.strip_prefix('n').and_then(|rest| rest.strip_suffix(":8374"));
        match number.and_then(|number| number.parse::<usize>().ok()).filter(|&host| host < self.hosts.len()) {
            Some(host) if self.hosts[host].paused => {
                self.schedule(DIAL_TIMEOUT, at, Event::DialFailed { life, target: dial.target });
            }
            Some(host) => self.schedule(delay, host, Event::Connect { from: at, life, dial, hello }),
            None => self.schedule(delay, at, Event::DialFailed { life, target: dial.target }),
        }
    }
}

/// The messages that a node wants to send on one link now.
struct Messages {
    list: Vec<Vec<u8>>,
    room: usize,
    full: bool,
}

impl Outbox for Messages {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        if self.list.len() >= self.room {
            self.full = true;
            return Err(Full);
        }
        self.list.push(parts.concat());
        Ok(())
    }

    fn room(&self) -> usize {
        self.room.saturating_sub(self.list.len()).saturating_mul(1024)
    }
}

fn describe<'n>(at: usize, host: &Host<'_>) -> Meta<'n> {
    let name: &'static str = NAMES[at];
    let mut meta = Meta::new(name.split(':').next().unwrap_or(name), host.kind);
    meta.addrs.extend((host.kind == Kind::Hub).then_some(name));
    meta.components.extend(host.components.iter().copied());
    meta.needs.extend(host.needs.iter().copied());
    meta
}

const NAMES: [&str; 20] = [
    "n0:8374", "n1:8374", "n2:8374", "n3:8374", "n4:8374", "n5:8374", "n6:8374", "n7:8374", "n8:8374",
    "n9:8374", "n10:8374", "n11:8374", "n12:8374", "n13:8374", "n14:8374", "n15:8374", "n16:8374",
    "n17:8374", "n18:8374", "n19:8374",
];

fn encode_hello(node: &Node<'_>) -> Vec<u8> {
    let limits = Limits { frame: 1024, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 16 };
    let record: Record<'_> = node.record();
    let hello = Hello { version: 1, cluster: "test", limits, time: None, record };
    let mut buffer = [0; 1024];
    postcard::to_slice(&hello, &mut buffer).unwrap().to_vec()
}
