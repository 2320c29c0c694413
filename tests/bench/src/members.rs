//! Twenty members on one loopback: how soon they know each other, how soon all declare a killed one down, and how much they
//! use while idle. Agents of serf do the same, for comparison.

mod figures;
mod maelstromd;
mod serf;

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use node_tests::daemon::Mark;
use node_tests::netns::Namespace;
use node_tests::pki::{Algorithm, TlsDir};

use crate::cpu;
pub use figures::Members;
use figures::{Figures, Spread};

const NODES: u8 = 20;
/// Clusters that are started, and members of the last one that are killed.
const TIMES: usize = 5;
/// Time for the effects of the joins to end, before the idle cluster is measured.
const SETTLING: Duration = Duration::from_secs(10);
const IDLING: Duration = Duration::from_secs(20);

/// A process that logs which members it knows.
trait Member: Send {
    fn name(&self) -> String;
    fn pid(&self) -> u32;
    /// The address that others join through.
    fn addr(&self) -> SocketAddr;
    /// The end of its log so far.
    fn mark(&self) -> Mark;
    /// Waits until it logs, after `mark`, that the member of this name is alive, or that it is not.
    fn learns(&self, mark: Mark, name: &str, alive: bool) -> Result<()>;
    fn kill(&mut self);
}

/// Starts the member of this number in a namespace, to join through another.
type Start<'s, M> = dyn Fn(u8, &Arc<Namespace>, Option<SocketAddr>) -> Result<M> + Sync + 's;

/// Measures maelstromd over mutual TLS, and serf as it comes when it is there.
///
/// # Errors
///
/// One does not start, or does not learn of another in time.
pub fn measure() -> Result<Members> {
    let keys = TlsDir::generate(Algorithm::P256)?;
    let maelstromd = figures(&|number, namespace, seed| maelstromd::start(number, namespace, seed, &keys))?;
    let serf = match serf::program() {
        Some(program) => {
            Some(figures(&|number, namespace, seed| serf::Agent::start(&program, number, namespace, seed))?)
        }
        None => None,
    };
    Ok(Members { nodes: NODES, maelstromd, serf })
}

fn figures<M: Member>(start: &Start<'_, M>) -> Result<Figures> {
    let mut joined = Vec::new();
    let mut members = Vec::new();
    for _ in 0..TIMES {
        // The cluster before this one ends first.
        members.clear();
        let time;
        (members, time) = cluster(start)?;
        joined.push(time);
    }
    thread::sleep(SETTLING);
    let idle = Cost::of(&members)?;
    thread::sleep(IDLING);
    let idle = Cost::of(&members)?.since(&idle);
    let mut down = Vec::new();
    for _ in 0..TIMES {
        let mut victim = members.pop().context("more members than are killed")?;
        let marks: Vec<Mark> = members.iter().map(M::mark).collect();
        let killed = Instant::now();
        victim.kill();
        for (member, mark) in members.iter().zip(marks) {
            member.learns(mark, &victim.name(), false)?;
        }
        down.push(killed.elapsed());
    }
    let share = f64::from(NODES) * IDLING.as_secs_f64();
    Ok(Figures {
        joined: Spread::of(joined),
        down: Spread::of(down),
        idle_cpu_millis: idle.cpu.as_secs_f64() * 1e3 / share,
        idle_bytes: idle.bytes as f64 / share,
    })
}

/// Starts a cluster: one member, then all others together through it. Returns how long it took from there until each
/// knew all.
fn cluster<M: Member>(start: &Start<'_, M>) -> Result<(Vec<M>, Duration)> {
    let namespace = &Arc::new(Namespace::new()?);
    let seed = start(1, namespace, None)?;
    let addr = seed.addr();
    let began = Instant::now();
    let mut members = vec![seed];
    thread::scope(|scope| {
        let join = |number| scope.spawn(move || start(number, namespace, Some(addr)));
        let joining: Vec<_> = (2..=NODES).map(join).collect();
        for thread in joining {
            members.push(thread.join().expect("a start does not panic")?);
        }
        anyhow::Ok(())
    })?;
    for member in &members {
        for other in &members {
            if other.name() != member.name() {
                member.learns(Mark::default(), &other.name(), true)?;
            }
        }
    }
    Ok((members, began.elapsed()))
}

/// The resources that members have used since their start.
struct Cost {
    cpu: Duration,
    bytes: u64,
}

impl Cost {
    fn of(members: &[impl Member]) -> Result<Self> {
        let pids: Vec<u32> = members.iter().map(Member::pid).collect();
        let pid = pids.first().context("nobody")?;
        // No other process uses this loopback: every byte on it was sent by a member.
        let interfaces = fs::read_to_string(format!("/proc/{pid}/net/dev"))?;
        let loopback = interfaces.lines().find_map(|line| line.trim_start().strip_prefix("lo:"));
        let received = loopback.and_then(|counts| counts.split_whitespace().next()).context("loopback")?;
        Ok(Self { cpu: cpu::used_by(&pids)?, bytes: received.parse()? })
    }

    fn since(&self, before: &Self) -> Self {
        Self { cpu: self.cpu - before.cpu, bytes: self.bytes - before.bytes }
    }
}
