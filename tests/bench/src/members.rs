//! Twenty members on one loopback: how soon they know each other, how soon all know that one was killed, and what they
//! cost while nothing happens. Agents of serf do the same, to compare with.

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
/// Before idling is measured, what a join leads to is over.
const SETTLING: Duration = Duration::from_secs(10);
const IDLING: Duration = Duration::from_secs(20);

/// A process that says which members it knows.
trait Member: Send {
    fn name(&self) -> String;
    fn pid(&self) -> u32;
    /// Where others join through it.
    fn addr(&self) -> SocketAddr;
    /// The end of what it said so far.
    fn mark(&self) -> Mark;
    /// Waits until it says, after `mark`, that the member of this name is alive, or that it is not.
    fn learns(&self, mark: Mark, name: &str, alive: bool) -> Result<()>;
    fn kill(&mut self);
}

/// Starts the member of this number in a namespace, to join through another.
type Start<'s, M> = dyn Fn(u8, &Arc<Namespace>, Option<SocketAddr>) -> Result<M> + Sync + 's;

/// Measures maelstromd over mutual TLS, and serf as it comes when it is there.
///
/// # Errors
///
/// One does not start, or does not learn in time what it should.
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
        // The cluster before is gone first.
        members.clear();
        let time;
        (members, time) = cluster(start)?;
        joined.push(time);
    }
    thread::sleep(SETTLING);
    let idle = Cost::of(&members)?;
    thread::sleep(IDLING);
    let idle = Cost::of(&members)?.since(&idle);
    let mut missed = Vec::new();
    for _ in 0..TIMES {
        let mut victim = members.pop().context("more members than are killed")?;
        let marks: Vec<Mark> = members.iter().map(M::mark).collect();
        let killed = Instant::now();
        victim.kill();
        for (member, mark) in members.iter().zip(marks) {
            member.learns(mark, &victim.name(), false)?;
        }
        missed.push(killed.elapsed());
    }
    let share = f64::from(NODES) * IDLING.as_secs_f64();
    Ok(Figures {
        joined: Spread::of(joined),
        missed: Spread::of(missed),
        idle_cpu_millis: idle.cpu.as_secs_f64() * 1e3 / share,
        idle_bytes: idle.bytes as f64 / share,
    })
}

/// Starts a cluster: one member, then all others at once through it. Returns how long it took from there until each
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

/// What members have used since they were started.
struct Cost {
    cpu: Duration,
    bytes: u64,
}

impl Cost {
    fn of(members: &[impl Member]) -> Result<Self> {
        let pids: Vec<u32> = members.iter().map(Member::pid).collect();
        let pid = pids.first().context("nobody")?;
        // The loopback is theirs alone: whatever it has carried, one of them sent.
        let interfaces = fs::read_to_string(format!("/proc/{pid}/net/dev"))?;
        let loopback = interfaces.lines().find_map(|line| line.trim_start().strip_prefix("lo:"));
        let received = loopback.and_then(|counts| counts.split_whitespace().next()).context("loopback")?;
        Ok(Self { cpu: cpu::used_by(&pids)?, bytes: received.parse()? })
    }

    fn since(&self, before: &Self) -> Self {
        Self { cpu: self.cpu - before.cpu, bytes: self.bytes - before.bytes }
    }
}
