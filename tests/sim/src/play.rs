//! Plays a scenario.

use core::time::Duration;

use node_core::gossip::Kind;
use node_core::sim::{Capacity, Cluster, Known, Traffic, cluster::Shape};
use node_core::time::Instant;

use crate::agenda::{Agenda, Step};
use crate::figures::{Figure, Figures};
use crate::scenario::{Action, Measure, Scenario, Start, seconds};

/// How often views are compared while the cluster heals.
const GLANCE: Duration = Duration::from_millis(100);
/// Bytes for each member's description: a name, an address, two hubs, a component.
const META: usize = 120;
/// Links that a hub has room for.
const PEERS: usize = 64;

/// One scenario with one cluster.
pub struct Play<'s> {
    scenario: &'s Scenario,
    cluster: Cluster,
    rng: fastrand::Rng,
    agenda: Agenda,
    /// When counting began.
    start: Instant,
    end: Instant,
    /// What was sent before the first event, and when that was.
    idle: Option<(Traffic, Instant)>,
    changes: u32,
    followed: Vec<usize>,
    /// When the last event was over.
    calm: Instant,
    /// When all views were right after it.
    whole: Option<Instant>,
    /// A hub that was wrong a moment ago.
    wrong: usize,
}

/// How a play went.
pub struct Played {
    /// What it showed.
    pub figures: Figures,
    /// The time that passed in it.
    pub simulated: Duration,
}

impl<'s> Play<'s> {
    /// Sets the scene. `replay` is what to run to see it again.
    #[must_use]
    pub fn new(scenario: &'s Scenario, nodes: usize, (seed, replay): (u64, String)) -> Self {
        let leaves = (nodes as f64 * scenario.leaves).round() as usize;
        let shape = Shape { hubs: nodes.saturating_sub(leaves).max(2), leaves };
        let capacity = Capacity { members: nodes + nodes / 100 + SPARE, peers: PEERS, meta: META };
        let mut cluster = match scenario.start {
            Start::Whole => Cluster::whole(seed, scenario.conditions(), shape, capacity),
            Start::Together => together(seed, scenario, shape, capacity),
        };
        cluster.replay = replay;
        Self {
            scenario,
            cluster,
            rng: fastrand::Rng::with_seed(seed ^ 0x5ce_9a10),
            agenda: Agenda::default(),
            start: Instant::START,
            end: Instant::START,
            idle: None,
            changes: 0,
            followed: Vec::new(),
            calm: Instant::START,
            whole: None,
            wrong: 0,
        }
    }

    /// Plays it. `progress` is told the share that is over.
    pub fn play(mut self, progress: &mut dyn FnMut(f64)) -> Played {
        let settled = Instant::START + seconds(self.scenario.settle);
        self.run_until(settled, progress);
        self.cluster.net.clear_traffic();
        self.cluster.convictions.clear();
        self.cluster.hosts.iter_mut().for_each(|host| host.duplicates = 0);
        self.start = self.cluster.now();
        self.calm = self.start;
        self.end = self.start + seconds(self.scenario.lasts);
        self.agenda = Agenda::of(self.scenario, self.start);
        while let Some((at, step)) = self.agenda.next(self.end) {
            self.run_until(at, progress);
            self.take(step);
        }
        if self.scenario.measure.contains(&Measure::Heal) {
            self.heal(progress);
        } else {
            self.run_until(self.end, progress);
        }
        let simulated = self.cluster.now().since(Instant::START);
        Played { figures: self.figures(), simulated }
    }

    fn run_until(&mut self, at: Instant, progress: &mut dyn FnMut(f64)) {
        let whole = self.scenario.settle + self.scenario.lasts;
        while self.cluster.now() < at {
            let step = at.since(self.cluster.now()).min(Duration::from_secs(1));
            self.cluster.run(step);
            progress(self.cluster.now().since(Instant::START).as_secs_f64() / whole);
        }
    }

    /// Runs until all views are right, or time is up.
    fn heal(&mut self, progress: &mut dyn FnMut(f64)) {
        self.run_until(self.calm, progress);
        while self.cluster.now() < self.end {
            match self.cluster.wrong_hub(self.wrong) {
                Some(hub) => self.wrong = hub,
                None => {
                    self.whole = Some(self.cluster.now());
                    return;
                }
            }
            self.run_until(self.cluster.now() + GLANCE, progress);
        }
    }

    fn take(&mut self, step: Step) {
        let now = self.cluster.now();
        if self.idle.is_none() {
            self.idle = Some((self.sum(), now));
        }
        self.calm = self.calm.max(now);
        match step {
            Step::Do(action) => self.act(action),
            Step::Start(at, true) => self.cluster.start(at, 0),
            Step::Start(at, false) => self.cluster.restart(at),
            Step::Pause(action) => self.pause_one(action),
            Step::Resume(at, action) => {
                self.cluster.resume(at);
                self.pause_one(action);
            }
            Step::Heal => self.cluster.net.heal(),
        }
    }

    fn act(&mut self, action: Action) {
        let now = self.cluster.now();
        match action {
            Action::Change => self.change(),
            Action::Crash { nodes } => self.depart(nodes, Cluster::kill),
            Action::Vanish { nodes } => self.depart(nodes, Cluster::vanish),
            Action::Leave { nodes } => self.depart(nodes, Cluster::leave),
            Action::Join { nodes } => {
                for _ in 0..nodes {
                    let at = self.cluster.add(Kind::Hub, &[0, 1]);
                    self.cluster.start(at, 1);
                }
            }
            Action::Restart { share, gone, forget } => {
                for at in self.some(share) {
                    self.cluster.kill(at);
                    // As after a power cut, when all hosts have the same configuration.
                    if let Some(host) = self.cluster.hosts.get_mut(at) {
                        host.seeds = [0, 1].map(Cluster::address).into();
                    }
                    // Not all in the same microsecond.
                    let again = now + seconds(gone) + Duration::from_micros(self.rng.u64(0..1_000_000));
                    self.agenda.add(again, Step::Start(at, forget));
                }
            }
            Action::Pause { share, .. } => {
                let count = (self.cluster.hosts.len() as f64 * share).round() as usize;
                (0..count).for_each(|_| self.pause_one(action));
            }
            Action::Slow { share, effort } => {
                for at in self.some(share) {
                    self.cluster.net.set_effort(at, seconds(effort / 1000.0));
                }
            }
            Action::Partition { share, lasts, one_way } => {
                let mut zones = vec![0; self.cluster.hosts.len()];
                self.some(share).into_iter().filter_map(|at| zones.get_mut(at).map(|zone| *zone = 1)).count();
                let zone = |at: usize| zones.get(at).copied().unwrap_or(0);
                if one_way {
                    self.cluster.net.cut(zone, &[(0, 1)]);
                } else {
                    self.cluster.net.partition(zone);
                }
                self.agenda.add(now + seconds(lasts), Step::Heal);
            }
        }
    }

    fn change(&mut self) {
        let Some(at) = self.hub() else { return };
        self.changes += 1;
        let component = format!("c{}", self.changes);
        let next = self.cluster.node(at).map_or(0, |node| node.record().incarnation) + 1;
        self.followed.push(self.cluster.follow(at, Known::Incarnation(next)));
        self.cluster.set_components(at, &[&component]);
    }

    fn depart(&mut self, nodes: usize, how: fn(&mut Cluster, usize)) {
        for _ in 0..nodes {
            let Some(at) = self.hub() else { return };
            self.followed.push(self.cluster.follow(at, Known::Departed));
            how(&mut self.cluster, at);
        }
    }

    /// A running host stands still for a while.
    fn pause_one(&mut self, action: Action) {
        let Action::Pause { from, to, .. } = action else { return };
        let now = self.cluster.now();
        let awake: Vec<usize> =
            self.cluster.running().filter(|&at| !self.cluster.net.is_paused(at)).collect();
        let Some(&at) = self.rng.choice(&awake) else { return };
        self.cluster.pause(at);
        let least = seconds(from);
        let more = seconds(to).saturating_sub(least);
        let micros = u64::try_from(more.as_micros()).unwrap_or(u64::MAX);
        let time = least + Duration::from_micros(self.rng.u64(0..=micros));
        self.agenda.add(now + time, Step::Resume(at, action));
    }

    /// A running hub that is none of the first two, through which others join.
    fn hub(&mut self) -> Option<usize> {
        let hubs: Vec<usize> = self.cluster.hubs().filter(|&at| at > 1).collect();
        self.rng.choice(&hubs).copied()
    }

    /// A share of all running hosts but the first two, at random.
    fn some(&mut self, share: f64) -> Vec<usize> {
        let mut all: Vec<usize> = self.cluster.running().filter(|&at| at > 1).collect();
        self.rng.shuffle(&mut all);
        all.truncate((self.cluster.hosts.len() as f64 * share).round() as usize);
        all
    }

    /// What all nodes sent together.
    fn sum(&mut self) -> Traffic {
        let mut sum = Traffic::NONE;
        for at in 0..self.cluster.hosts.len() {
            let traffic = self.cluster.net.traffic(at);
            sum.sent += traffic.sent;
            sum.bytes += traffic.bytes;
            sum.handshakes += traffic.handshakes;
            sum.peak_handshakes = sum.peak_handshakes.max(traffic.peak_handshakes);
            sum.peak_links = sum.peak_links.max(traffic.peak_links);
        }
        sum
    }

    // Figures

    fn figures(&mut self) -> Figures {
        let mut figures = Figures::default();
        let (sum, now) = (self.sum(), self.cluster.now());
        let (idle, idle_end) = self.idle.unwrap_or((sum, now));
        let nodes = self.cluster.hosts.len() as f64;
        let idle_time = idle_end.since(self.start).as_secs_f64().max(1e-6);
        for measure in &self.scenario.measure {
            match measure {
                Measure::Spread => self.spread(&mut figures),
                Measure::Cost => {
                    let time = now.since(idle_end).as_secs_f64();
                    let each = |all: u64, idle: u64| {
                        let news = (all - idle) as f64 - idle as f64 / idle_time * time;
                        news / nodes / f64::from(self.changes.max(1))
                    };
                    figures.add("msgs/change", Figure::Count(each(sum.sent, idle.sent)));
                    figures.add("B/change", Figure::Whole(each(sum.bytes, idle.bytes)));
                    let received: u64 =
                        (0..self.cluster.hosts.len()).map(|at| self.cluster.net.traffic(at).received).sum();
                    let duplicates: u64 = self.cluster.hosts.iter().map(|host| host.duplicates).sum();
                    figures.add("dup", Figure::Share(duplicates as f64 / received.max(1) as f64));
                }
                Measure::Idle => {
                    figures.add("msgs/s", Figure::Count(idle.sent as f64 / nodes / idle_time));
                    figures.add("B/s", Figure::Whole(idle.bytes as f64 / nodes / idle_time));
                }
                Measure::Verdicts => {
                    let convictions = &self.cluster.convictions;
                    let excused = convictions.iter().filter(|conviction| conviction.excused).count();
                    figures.add("false downs", Figure::Whole((convictions.len() - excused) as f64));
                    figures.add("while silent", Figure::Whole(excused as f64));
                }
                Measure::Heal => {
                    let time = self.whole.map(|whole| whole.since(self.calm).as_secs_f64());
                    figures.add("whole s", Figure::Seconds(time));
                }
                Measure::Handshakes => {
                    figures.add("shakes/s max", Figure::Whole(sum.peak_handshakes.into()));
                    // Both ends count.
                    figures.add("shakes/node", Figure::Count(sum.handshakes as f64 / nodes));
                }
                Measure::Links => {
                    figures.add("links", Figure::Count(self.mean_links()));
                    figures.add("links max", Figure::Whole(sum.peak_links as f64));
                }
                Measure::Memory => {
                    let capacity = self.cluster.capacity;
                    figures.add("B/member", Figure::Whole(capacity.bytes_for_each_member() as f64));
                    figures.add("of it meta", Figure::Whole(capacity.meta as f64));
                }
            }
        }
        figures
    }

    fn spread(&self, figures: &mut Figures) {
        let round = self.scenario.conditions().round().as_secs_f64().max(1e-6);
        let counts = |at: usize| self.cluster.is_hub(at) && self.cluster.node(at).is_some();
        let time = |share: f64| {
            let spreads = self.followed.iter().filter_map(|&number| self.cluster.spread(number));
            let times: Option<Vec<f64>> =
                spreads.map(|spread| Some(spread.time(share, counts)?.as_secs_f64())).collect();
            let times = times.filter(|times| !times.is_empty())?;
            Some(times.iter().sum::<f64>() / times.len() as f64)
        };
        let [half, most, all] = [0.5, 0.99, 1.0].map(time);
        for (name, time) in [("50% s", half), ("99% s", most), ("100% s", all)] {
            figures.add(name, Figure::Seconds(time));
        }
        for (name, time) in [("50% rds", half), ("99% rds", most), ("100% rds", all)] {
            figures.add(name, Figure::Rounds(time.map(|time| time / round)));
        }
        figures.add("ideal rds", Figure::Rounds(Some(self.ideal())));
    }

    /// Rounds that an ideal epidemic takes with the fan-out that hubs have: each link but the one it came from.
    fn ideal(&self) -> f64 {
        let hubs = self.cluster.hubs().count().max(1) as f64;
        let fan_out = (self.mean_links() - 1.0).max(1.0);
        hubs.ln() / (fan_out + 1.0).ln() + hubs.ln() / fan_out
    }

    /// Links to hubs that a hub has.
    fn mean_links(&self) -> f64 {
        let hubs: Vec<usize> = self.cluster.hubs().collect();
        let links =
            hubs.iter().flat_map(|&at| self.cluster.peers(at)).filter(|&peer| self.cluster.is_hub(peer));
        links.count() as f64 / hubs.len().max(1) as f64
    }
}

/// Members beyond those that there are at first.
const SPARE: usize = 16;

fn together(seed: u64, scenario: &Scenario, shape: Shape, capacity: Capacity) -> Cluster {
    let mut cluster = Cluster::new(seed, scenario.conditions());
    cluster.keep_beliefs = false;
    cluster.capacity = capacity;
    for number in 0..shape.hubs + shape.leaves {
        let at = cluster.add(if number < shape.hubs { Kind::Hub } else { Kind::Leaf }, &[0, 1]);
        cluster.start(at, 1);
    }
    cluster
}
