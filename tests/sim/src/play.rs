//! Plays a scenario.

mod measure;

use core::ops::Range;
use core::time::Duration;

use node_core::gossip::Kind;
use node_core::sim::cluster::Shape;
use node_core::sim::{Capacity, Cluster, Known, Path, Traffic};
use node_core::time::Instant;

use crate::agenda::{Agenda, Step};
use crate::figures::Figures;
use crate::scenario::{Action, Measure, Scenario, Start, seconds};
use crate::subject::{Lie, Subject};

/// How often views are compared while the cluster heals.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes for each member's metadata, on average: a name, and an address or two hubs.
const METADATA: usize = 168;
/// Links that a hub has room for: half as many as a server, for 10,000 of them are a gigabyte.
const PEERS: usize = 512;

/// One scenario with one cluster.
pub struct Play<'s, S> {
    scenario: &'s Scenario,
    cluster: S,
    rng: fastrand::Rng,
    agenda: Agenda,
    /// When counting began.
    start: Instant,
    end: Instant,
    /// The traffic before the first event.
    idle: Option<Idle>,
    changes: u32,
    followed: Vec<usize>,
    /// When the last event was over.
    calm: Instant,
    /// When all views were right after that.
    whole: Option<Instant>,
    /// A hub that was wrong a moment ago.
    wrong: usize,
    /// The last lie of the member that lies.
    lie: Option<Lie>,
}

/// Traffic until the first event.
#[derive(Clone, Copy)]
struct Idle {
    traffic: Traffic,
    end: Instant,
}

/// The outcome of a play.
pub struct Played {
    /// Its figures.
    pub figures: Figures,
    /// The simulated time that passed after the cluster had settled.
    pub watched: Duration,
    /// The processor time that this took.
    pub cpu: Duration,
}

impl<'s> Play<'s, Cluster> {
    /// Prepares a play. `replay` is the command that plays it again.
    #[must_use]
    pub fn new(scenario: &'s Scenario, nodes: usize, seed: u64, replay: String) -> Self {
        let leaves = (nodes as f64 * scenario.leaves).round() as usize;
        let shape = Shape { hubs: nodes.saturating_sub(leaves).max(2), leaves };
        let capacity = Capacity {
            members: nodes + nodes / 100 + SPARE + scenario.invented(),
            peers: PEERS,
            metadata: METADATA,
        };
        let mut cluster = match scenario.start {
            Start::Whole => Cluster::whole(seed, scenario.conditions(), shape, capacity),
            Start::Together => together(seed, scenario, shape, capacity),
        };
        cluster.replay = replay;
        Self::with(scenario, cluster, seed)
    }
}

impl<'s, S: Subject> Play<'s, S> {
    /// Prepares a play with a cluster of any protocol that has started as the scenario says.
    #[must_use]
    pub fn with(scenario: &'s Scenario, cluster: S, seed: u64) -> Self {
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
            lie: None,
        }
    }

    /// Plays the scenario. `progress` is given the share that is over.
    pub fn play(mut self, progress: &mut dyn FnMut(f64)) -> Played {
        let settled = Instant::START + seconds(self.scenario.settle);
        self.run_until(settled, progress);
        self.cluster.reset_counters();
        let before = cpu_time();
        self.start = self.now();
        self.calm = self.start;
        self.end = self.start + seconds(self.scenario.lasts);
        self.agenda = Agenda::of(self.scenario, self.start);
        while let Some((at, step)) = self.agenda.next(self.end) {
            self.run_until(at, progress);
            self.take(step);
        }
        if self.scenario.measure.contains(&Measure::Heal) && self.agenda.is_done() {
            self.heal(progress);
        } else {
            self.run_until(self.end, progress);
        }
        let watched = self.now().since(self.start);
        Played { figures: self.figures(), watched, cpu: cpu_time().saturating_sub(before) }
    }

    fn run_until(&mut self, at: Instant, progress: &mut dyn FnMut(f64)) {
        let whole = self.scenario.settle + self.scenario.lasts;
        while self.now() < at {
            let step = at.since(self.now()).min(Duration::from_secs(1));
            self.cluster.run(step);
            progress(self.now().since(Instant::START).as_secs_f64() / whole);
        }
    }

    fn now(&self) -> Instant {
        self.cluster.net().now()
    }

    /// Runs until all views are right, or time is up.
    fn heal(&mut self, progress: &mut dyn FnMut(f64)) {
        self.run_until(self.calm, progress);
        while self.now() < self.end {
            match self.cluster.wrong(self.wrong) {
                Some(hub) => self.wrong = hub,
                None => {
                    self.whole = Some(self.now());
                    return;
                }
            }
            self.run_until(self.now() + CHECK_INTERVAL, progress);
        }
    }

    fn take(&mut self, step: Step) {
        let now = self.now();
        if self.idle.is_none() {
            self.idle = Some(Idle { traffic: self.cluster.traffic(), end: now });
        }
        self.calm = self.calm.max(now);
        match step {
            Step::Do(action) => self.act(action),
            Step::Start { at, forget } => self.cluster.start_again(at, forget),
            Step::Pause(at, action) => self.pause(at, action),
            Step::Resume(at, action) => {
                self.cluster.net_mut().resume(at);
                self.pause_next(at, action);
            }
            Step::Heal => self.cluster.net_mut().heal(),
        }
    }

    fn act(&mut self, action: Action) {
        let now = self.now();
        match action {
            Action::Change => self.change(),
            Action::Crash { nodes } => self.depart(nodes, S::kill),
            Action::Vanish { share } => self.some(share).into_iter().for_each(|at| self.cluster.vanish(at)),
            Action::Leave { nodes } => self.depart(nodes, S::leave),
            Action::Join { nodes } => (0..nodes).for_each(|_| self.join()),
            Action::Invent { hubs, accepts } => self.invent(hubs, accepts),
            Action::Restart { share, gone, forget } => {
                for at in self.some(share) {
                    self.cluster.kill(at);
                    // Not all in the same microsecond.
                    let again = now + seconds(gone) + Duration::from_micros(self.rng.u64(0..1_000_000));
                    self.agenda.add(again, Step::Start { at, forget });
                }
            }
            Action::Pause { share, .. } => {
                self.some(share).into_iter().for_each(|at| self.pause_next(at, action));
            }
            Action::Slow { share, effort } => {
                for at in self.some(share) {
                    self.cluster.net_mut().set_effort(at, seconds(effort / 1000.0));
                }
            }
            Action::Partition { share, lasts, one_way } => {
                let mut zones = vec![0; self.hosts().len()];
                self.some(share).into_iter().filter_map(|at| zones.get_mut(at).map(|zone| *zone = 1)).count();
                let zone = |at: usize| zones.get(at).copied().unwrap_or(0);
                if one_way {
                    self.cluster.net_mut().cut(zone, &[Path { from: 0, to: 1 }]);
                } else {
                    self.cluster.net_mut().partition(zone);
                }
                self.agenda.add(now + seconds(lasts), Step::Heal);
            }
        }
    }

    fn change(&mut self) {
        let Some(at) = self.hub() else { return };
        self.changes += 1;
        let component = format!("c{}", self.changes);
        self.followed.push(self.cluster.change(at, &component));
    }

    fn join(&mut self) {
        let at = self.cluster.join();
        if self.scenario.measure.contains(&Measure::Spread) {
            self.followed.push(self.cluster.follow(at, Known::Incarnation(1)));
        }
    }

    fn invent(&mut self, hubs: usize, accepts: bool) {
        let lie = match self.lie {
            Some(last) => Lie { incarnation: last.incarnation + 1, ..last },
            None => {
                let Some(liar) = self.hub() else { return };
                Lie { liar, hubs, incarnation: 1, at: self.cluster.add_bystander(accepts) }
            }
        };
        self.cluster.invent(lie);
        self.lie = Some(lie);
    }

    fn depart(&mut self, nodes: usize, how: fn(&mut S, usize)) {
        for _ in 0..nodes {
            let Some(at) = self.hub() else { return };
            self.followed.push(self.cluster.follow(at, Known::Departed));
            how(&mut self.cluster, at);
        }
    }

    /// Pauses a host after a rest, or another one immediately.
    fn pause_next(&mut self, at: usize, action: Action) {
        let Action::Pause { rest, .. } = action else { return };
        if rest > 0.0 {
            let rest = self.between(0.0, 2.0 * rest);
            return self.agenda.add(self.now() + rest, Step::Pause(at, action));
        }
        let mut awake = self.running();
        awake.retain(|&at| !self.cluster.net().is_paused(at));
        if let Some(&at) = self.rng.choice(&awake) {
            self.pause(at, action);
        }
    }

    fn pause(&mut self, at: usize, action: Action) {
        let Action::Pause { from, to, .. } = action else { return };
        self.cluster.net_mut().pause(at);
        let time = self.between(from, to);
        self.agenda.add(self.now() + time, Step::Resume(at, action));
    }

    /// A random time between two numbers of seconds.
    fn between(&mut self, from: f64, to: f64) -> Duration {
        let more = seconds(to).saturating_sub(seconds(from));
        let micros = u64::try_from(more.as_micros()).unwrap_or(u64::MAX);
        seconds(from) + Duration::from_micros(self.rng.u64(0..=micros))
    }

    /// A running hub, but not one of the first two: others join through these.
    fn hub(&mut self) -> Option<usize> {
        let mut hubs = self.running();
        hubs.retain(|&at| at > 1 && self.cluster.is_hub(at));
        self.rng.choice(&hubs).copied()
    }

    /// A random share of all running hosts but the first two.
    fn some(&mut self, share: f64) -> Vec<usize> {
        let mut all = self.running();
        all.retain(|&at| at > 1);
        self.rng.shuffle(&mut all);
        all.truncate((self.hosts().len() as f64 * share).round() as usize);
        all
    }

    fn hosts(&self) -> Range<usize> {
        0..self.cluster.net().machines()
    }

    fn running(&self) -> Vec<usize> {
        self.hosts().filter(|&at| self.cluster.net().is_running(at)).collect()
    }
}

/// Room for members that join later.
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

/// Processor time that this process has used.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
