//! The steps of the demo, in order.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use node_tests::board::Machine;
use node_tests::daemon::Daemon;
use node_tests::fleet::{BOARD, COMPONENT, Fleet, NODES};
use node_tests::load::{Load, Tally};
use node_tests::wait::eventually;

use super::summary::{Counts, Summary};
use super::view::View;
use super::watch::Watch;

/// How often each client asks. Together they keep the cluster busy, and leave the emulated board some of the machine.
const PERIOD: Duration = Duration::from_millis(25);
/// Answers to each client group between two events, so that each happens under load.
const STEADY: u64 = 20;

/// Plays all steps, and leaves the cluster running.
///
/// # Errors
///
/// The first step that fails.
pub fn tell(view: &View) -> Result<(Fleet, Summary)> {
    let mut summary = Summary::default();
    let mut fleet = form(view, &mut summary)?;
    thread::scope(|scope| {
        let ctls = fleet.cluster.nodes.iter().map(Daemon::ctl).collect();
        let watch = Watch::start(scope, view, ctls);
        requests(view, &fleet)?;
        rotations(view, &fleet, &watch, &mut summary)?;
        kill(view, &mut fleet, &watch, &mut summary)
    })?;
    summary.total = view.elapsed();
    Ok((fleet, summary))
}

fn form(view: &View, summary: &mut Summary) -> Result<Fleet> {
    view.step("Three Linux nodes and a board become one cluster over mutual TLS");
    view.say("openssl makes three P-256 pairs by Maelstrom's recipe: server_a, server_b, server_c");
    let daemons = Fleet::daemons()?;
    for node in &daemons.cluster.nodes {
        let (name, private, gateway) = (node.name(), node.private(), node.gateway());
        view.say(&format!("{name}: maelstromd at {private}, gateway {gateway}, pid {}", node.pid()));
    }
    let fleet = daemons.with_board(Machine::An386)?;
    view.say(&format!("{BOARD}: a Cortex-M4F in QEMU, pid {}", fleet.board.pid()));
    fleet.is_whole()?;
    summary.formed = view.elapsed();
    view.say("all four see each other; `maelctl cluster nodes` says:");
    let output = fleet.node(NODES[0]).ctl().run(&["cluster", "nodes"])?;
    ensure!(output.code == 0, "maelctl cluster nodes ended with {}: {}", output.code, output.stderr);
    view.quote(&output.stdout);
    summary.members = fleet.node(NODES[0]).ctl().nodes()?.len();
    Ok(fleet)
}

fn requests(view: &View, fleet: &Fleet) -> Result<()> {
    view.step("Requests go in every direction");
    for node in &fleet.cluster.nodes {
        let status = fleet.board_status(node)?;
        view.say(&format!("GET {}/{BOARD}/ is answered by the board: {status}", node.gateway()));
        fleet.board_echoes(node, "hello, board")?;
        fleet.component_answers(node)?;
    }
    view.say(&format!("POST to /{BOARD}/echo comes back from the board, through each gateway"));
    view.say(&format!(
        "GET /{COMPONENT}/ is answered by the component behind a Linux node, through each gateway"
    ));
    let (answered, _) = fleet.board_is_answered(3)?;
    view.say(&format!("{answered} requests made on the board were answered by {COMPONENT}"));
    Ok(())
}

fn rotations(view: &View, fleet: &Fleet, watch: &Watch, summary: &mut Summary) -> Result<()> {
    view.step("The cluster's key is rotated twice, on every node, under load");
    let (answered, failed) = fleet.board_is_answered(1)?;
    let processes = processes(fleet)?;
    let load = loads(&fleet.cluster.nodes, watch);
    goes_on(&load)?;
    for round in 1..=2 {
        let begun = Instant::now();
        let next = fleet.make_next_key()?;
        view.say(&format!("rotation {round}: mv a to c, b to a, and openssl makes a new b"));
        for (index, name) in NODES.iter().enumerate() {
            fleet.sync(index)?;
            view.say(&format!("the directory is synced to {name}"));
        }
        view.say(&format!("maelctl keys push {BOARD} {}", fleet.made.path().display()));
        view.quote(&fleet.push(&fleet.made)?);
        fleet.all_use(&next)?;
        summary.rotations.push(begun.elapsed());
        view.say(&format!("every node uses it, after {:.1?}", begun.elapsed()));
        goes_on(&load)?;
    }
    let (answered_now, failed_now) = fleet.board_is_answered(1)?;
    summary.from_board = Counts { answered: answered_now - answered, failed: failed_now - failed };
    summary.rotating = end(load);
    // Every request to the board goes through its hub.
    let hub = fleet.board_hub(fleet.node(NODES[0]))?;
    fleet.about(BOARD, fleet.about(&hub, none_failed(&summary.rotating)))?;
    let result = summary.from_board.failed == 0;
    fleet.about(BOARD, result.then_some(()).context("a request of the board failed"))?;
    let (answered, from_board) = (summary.rotating.answered, summary.from_board.answered);
    view.say(&format!(
        "{answered} requests were answered, and {from_board} more that the board made; none failed"
    ));
    ensure_same_processes(view, fleet, &processes)
}

fn kill(view: &View, fleet: &mut Fleet, watch: &Watch, summary: &mut Summary) -> Result<()> {
    let victim = NODES[0];
    view.step(&format!("{victim} is killed with SIGKILL, and comes back"));
    let hub = fleet.board_hub(fleet.node(NODES[1]))?;
    view.say(&format!("the board is linked to {hub}"));
    let [_, left @ ..] = &fleet.cluster.nodes[..] else { bail!("there is no node") };
    let load: Vec<_> = neighbour_loads(left, watch).collect();
    goes_on(&load)?;
    fleet.cluster.nodes[0].kill();
    let killed = Instant::now();
    view.say(&format!("{victim} is dead"));
    let other = fleet.node(NODES[1]);
    fleet.about(other.name(), eventually(|| other.ctl().sees(victim, "down")))?;
    summary.down = killed.elapsed();
    view.say(&format!("{victim} was declared down after {:.1?}", killed.elapsed()));
    eventually(|| fleet.board_echoes(other, "who is your hub now?"))?;
    summary.moved = killed.elapsed();
    view.say(&format!("the board answers, linked to {}", fleet.board_hub(other)?));
    goes_on(&load)?;
    fleet.cluster.nodes[0].restart()?;
    let started = Instant::now();
    view.say(&format!("{victim} is started again: the same ports, the same data directory, no --join"));
    fleet.is_whole()?;
    summary.back = started.elapsed();
    let status = fleet.board_status(fleet.node(victim))?;
    summary.stack = status["stackHighWater"].as_u64().unwrap_or_default();
    view.say(&format!("all four see each other again; the board, through {victim}: {status}"));
    goes_on(&load)?;
    summary.without_one = end(load);
    none_failed(&summary.without_one)
}

/// For each gateway: one client of the board, two of another Linux node.
fn loads(nodes: &[Daemon], watch: &Watch) -> Vec<Load> {
    nodes.iter().map(|node| board_load(node, watch)).chain(neighbour_loads(nodes, watch)).collect()
}

fn board_load(node: &Daemon, watch: &Watch) -> Load {
    watched(Load::steady(&format!("{}/{BOARD}/", node.gateway()), 1, PERIOD * 2), watch)
}

/// Through each gateway to the component that only the next node has: every request crosses a link between the two.
fn neighbour_loads<'f>(nodes: &'f [Daemon], watch: &'f Watch) -> impl Iterator<Item = Load> + 'f {
    nodes.iter().zip(nodes.iter().cycle().skip(1)).map(|(node, next)| {
        watched(Load::steady(&format!("{}/{}/", node.gateway(), next.name()), 2, PERIOD), watch)
    })
}

fn watched(load: Load, watch: &Watch) -> Load {
    watch.add(load.watch());
    load
}

fn goes_on(load: &[Load]) -> Result<()> {
    load.iter().try_for_each(|load| load.goes_on(STEADY))
}

fn end(load: Vec<Load>) -> Tally {
    load.into_iter().fold(Tally::default(), |mut sum, load| {
        sum += load.stop();
        sum
    })
}

fn none_failed(tally: &Tally) -> Result<()> {
    ensure!(tally.failed == 0, "{} requests failed:\n  {}", tally.failed, tally.failures.join("\n  "));
    Ok(())
}

/// Process ids and uptimes, which show whether a process was started again.
struct Processes {
    pids: Vec<u32>,
    daemons: Duration,
    board: u64,
}

fn processes(fleet: &Fleet) -> Result<Processes> {
    let nodes = &fleet.cluster.nodes;
    let pids = nodes.iter().map(Daemon::pid).chain([fleet.board.pid()]).collect();
    let uptimes = nodes.iter().map(Daemon::uptime).collect::<Result<Vec<_>>>()?;
    let status = fleet.board_status(fleet.node(NODES[0]))?;
    let board = status["uptimeMs"].as_u64().with_context(|| format!("no uptimeMs in {status}"))?;
    Ok(Processes { pids, daemons: uptimes.into_iter().min().unwrap_or_default(), board })
}

fn ensure_same_processes(view: &View, fleet: &Fleet, before: &Processes) -> Result<()> {
    let now = processes(fleet)?;
    ensure!(now.pids == before.pids, "a process was replaced: {:?} are now {:?}", before.pids, now.pids);
    ensure!(now.board > before.board && now.daemons >= before.daemons, "a node was started again");
    view.say(&format!(
        "no process was restarted: the same process ids, the daemons are up for {} s, the board for {:.1} s",
        now.daemons.as_secs(),
        now.board as f64 / 1000.0
    ));
    Ok(())
}
