//! Random histories: once the network is whole again, every view is right.

use core::time::Duration;

use node_core::gossip::{Config, Kind, Metadata, Record, State};
use node_core::id::NodeId;
use node_core::sim::{Cluster, Conditions, Path, toy};
use node_core::wire::gossip::Tag;
use node_core::wire::record::MAX_METADATA;

/// Plays one history, `HISTORY=17 cargo test -p node-core --test gossip random`, or a range of them, `HISTORY=2000..40000 cargo …`.
const VARIABLE: &str = "HISTORY";
const HISTORIES: u64 = 2000;

#[test]
fn views_are_right_once_the_network_is_whole() {
    let seeds = std::env::var(VARIABLE).unwrap_or_else(|_| format!("0..{HISTORIES}"));
    match seeds.split_once("..") {
        Some((first, end)) => (first.parse().unwrap()..end.parse().unwrap()).for_each(history),
        None => history(seeds.parse().unwrap()),
    }
}

fn history(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
    // Few hubs link all to all. With a small active view, as among many hubs, a change takes several steps and links are evicted.
    let sparse = rng.bool();
    let (hubs, leaves) = (rng.usize(2..if sparse { 12 } else { 6 }), rng.usize(0..4));
    let count = hubs + leaves;
    let mut cluster = Cluster::new(seed, conditions(&mut rng));
    cluster.capacity.members = 2 * count.max(8);
    cluster.replay = format!("{VARIABLE}={seed} cargo test -p node-core --test gossip random");
    for number in 0..count {
        let at = cluster.add(if number < hubs { Kind::Hub } else { Kind::Leaf }, &[0, 1]);
        cluster.hosts[at].drift = rng.i32(-500..500);
        if sparse && number < hubs {
            cluster.hosts[at].tune = sparsely;
        }
        cluster.start(at, 1);
    }
    for _ in 0..rng.usize(1..20) {
        something_happens(&mut cluster, &mut rng);
        let most = 1 << rng.u32(4..16);
        cluster.run(Duration::from_millis(rng.u64(0..most)));
        // Nothing piles up: a timer for each host, and what is under way on its links.
        assert!(cluster.net.scheduled() < 60 * count, "{} events", cluster.net.scheduled());
    }
    make_whole(&mut cluster);
    // Where links are few, a hub may vanish with all its neighbours: then only a random probe finds it.
    let limit = Duration::from_secs(if sparse { 900 } else { 240 });
    cluster.until(limit, "all views are right", Cluster::converged);
    let declared_down = cluster.declared_down.len();
    cluster.run(Duration::from_secs(120));
    // Leaves that a full hub sends away change their records now and then: such a change may be under way. Where links are few,
    // the overlay itself may fall apart when some links are evicted, until a random probe.
    let limit = if sparse { limit } else { Duration::from_secs(2) };
    cluster.until(limit, "all views are right still", Cluster::converged);
    // Nobody was declared down in between.
    assert_eq!(cluster.declared_down[declared_down..], []);
}

fn sparsely(config: &mut Config) {
    (config.active_view, config.max_active_view, config.fanout, config.max_leaves) = (2, 4, 1, 2);
}

/// From a good network to a bad one.
fn conditions(rng: &mut fastrand::Rng) -> Conditions {
    Conditions {
        loss: [0.0, 0.0, 0.01, 0.1][rng.usize(0..4)],
        bandwidth: [u64::MAX, 1_000_000, 50_000][rng.usize(0..3)],
        buffer: [1, 4096, 65_536][rng.usize(0..3)],
        link_life: [None, Some(Duration::from_secs(60))][rng.usize(0..2)],
        ..Conditions::default()
    }
}

fn something_happens(cluster: &mut Cluster, rng: &mut fastrand::Rng) {
    let count = cluster.hosts.len();
    let at = rng.usize(0..count);
    let runs = cluster.hosts[at].is_running();
    match rng.u8(0..20) {
        0 | 1 if runs => cluster.kill(at),
        2 if runs => cluster.vanish(at),
        3 if runs => cluster.leave(at),
        4 if runs => cluster.pause_for(at, Duration::from_millis(rng.u64(0..30_000))),
        5 if runs => cluster.pause(at),
        6 => cluster.resume(at),
        7 => {
            let parts: Vec<usize> = (0..count).map(|_| rng.usize(0..2)).collect();
            cluster.net.partition(|host| parts[host]);
        }
        8 => {
            // The third part reaches both others.
            let parts: Vec<usize> = (0..count).map(|_| rng.usize(0..3)).collect();
            match rng.bool() {
                true => cluster.net.cut(|host| parts[host], &[Path { from: 0, to: 1 }]),
                false => cluster
                    .net
                    .refuse(|host| parts[host], &[Path { from: 0, to: 1 }, Path { from: 1, to: 0 }]),
            }
        }
        9 => cluster.net.heal(),
        10 if runs => cluster.set_components(at, [&["a"][..], &["a", "b"], &[]][rng.usize(0..3)]),
        11 => cluster.net.set_effort(at, Duration::from_millis(rng.u64(0..50))),
        12 if runs => {
            let most = 1 << rng.u32(8..23);
            cluster.jump_clock(at, Duration::from_millis(rng.u64(0..most)));
        }
        13 | 14 if runs => {
            let message = lie(cluster, rng, at);
            cluster.lie(at, &message);
        }
        15 if runs && cluster.hosts[at].kind == Kind::Leaf => cluster.sleep(at, rng.u32(1..120)),
        16 if runs => cluster.wake(at),
        17 if runs => {
            let id = cluster.hosts[rng.usize(0..count)].id;
            cluster.remove(at, id);
        }
        _ if !runs => cluster.start(at, rng.u64(0..3)),
        _ => cluster.net.break_links(),
    }
}

/// A false message of a host: a record of a member that exists or does not, with metadata or without, or random bytes.
fn lie(cluster: &Cluster, rng: &mut fastrand::Rng, liar: usize) -> Vec<u8> {
    if rng.u8(0..4) == 0 {
        let length = rng.usize(0..100);
        return core::iter::repeat_with(|| rng.u8(0..8)).take(length).collect();
    }
    let ids: Vec<NodeId> = cluster.hosts.iter().map(|host| host.id).collect();
    let known = |rng: &mut fastrand::Rng| rng.usize(0..ids.len());
    let about = known(rng);
    // A record about itself is no lie; it makes up a member instead.
    let made_up = about == liar || rng.u8(0..3) == 0;
    let id = if made_up { NodeId(rng.u128(1..).to_be_bytes()) } else { ids[about] };
    let address = Cluster::address(rng.usize(0..2 * ids.len()));
    let mut metadata = Metadata::new("x", [Kind::Hub, Kind::Leaf][rng.usize(0..2)]);
    metadata.addrs.extend(rng.bool().then_some(address.as_str()));
    metadata
        .hubs
        .extend([[id, NodeId([7; 16])][rng.usize(0..2)], ids[known(rng)]].into_iter().take(rng.usize(0..3)));
    metadata.sleep_s = [0, 0, 60][rng.usize(0..3)];
    let jump = [0, 0, 1, 2, 1 << 40, 1 << 62][rng.usize(0..6)];
    let incarnation = cluster.hosts[about].incarnation() + jump;
    let state = [State::Alive, State::Suspect, State::Down, State::Left][rng.usize(0..4)];
    let by = rng.bool().then(|| ids[known(rng)]);
    metadata.left = state == State::Left && by.is_none();
    let mut buffer = [rng.u8(..); MAX_METADATA];
    // The metadata of a member that it makes up, with a key of its own, or a forged one.
    let signer = toy::identity("sim", if made_up || rng.bool() { id } else { ids[liar] });
    metadata.identity = toy::key(id);
    let len = metadata.encode(&mut buffer).unwrap().len();
    // Fields of a later version, within the bounds or not.
    let len = len + [0, 0, 20, 700][rng.usize(0..4)];
    let metadata = &mut buffer[..len.min(MAX_METADATA)];
    signer.sign_record(incarnation, metadata).unwrap();
    let mut record = Record { id, incarnation, state, by, metadata: &[] };
    // What the member said itself, or what the liar makes of it.
    let said = cluster.hosts[about].node().map(|node| node.record()).filter(|_| !made_up);
    match rng.u8(0..3) {
        0 if said.is_some() => {
            let said = said.unwrap();
            record = Record { incarnation: said.incarnation, metadata: said.metadata, ..record };
        }
        1 if !made_up => {}
        _ => record.metadata = metadata,
    }
    postcard::to_extend(&record, vec![Tag::Records as u8]).unwrap()
}

/// Heals the network and lets all hosts run at full speed. The first two run, so that a node that lost everything can join.
fn make_whole(cluster: &mut Cluster) {
    cluster.net.heal();
    cluster.net.conditions = Conditions::default();
    for at in 0..cluster.hosts.len() {
        cluster.resume(at);
        cluster.net.set_effort(at, Duration::ZERO);
        cluster.wake(at);
    }
    // A node that is leaving has ended then.
    cluster.run(Duration::from_secs(2));
    for seed in [0, 1] {
        if !cluster.hosts[seed].is_running() {
            cluster.start(seed, 1);
        }
    }
}
