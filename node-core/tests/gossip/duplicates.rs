//! Two processes with one identity.

use core::time::Duration;

use node_core::gossip::{
    Direction, Kind, LinkEnd, Metadata, Node, Record, Rival, Start, State, StaticStorage,
};
use node_core::id::LinkId;
use node_core::link::GoAway;
use node_core::sim::Cluster;

use super::fixture::{ME, PEER, START, at, hear, hub, link_up, state, with_neighbour};
use super::hello::signed;

const FIRST: Start = Start { at: 1000, random: 5 };
const SECOND: Start = Start { at: 2000, random: 1 };

/// A record of PEER, as the process that was started then publishes it.
fn peer(start: Start, incarnation: u64, rival: Option<Rival<'static>>) -> Record<'static> {
    of(Metadata { start, rival, ..Metadata::new("peer", Kind::Hub) }, incarnation)
}

fn of(mut metadata: Metadata<'_>, incarnation: u64) -> Record<'static> {
    metadata.addrs.extend(["10.0.0.2:8374"]);
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    signed(&Record { id: PEER, incarnation, state: State::Alive, by: None, metadata })
}

fn link(node: &mut Node<'_>, number: u32, record: &Record<'_>) -> Result<(), GoAway> {
    node.handle_link_up(at(10), LinkId(number), Direction::Accepted, record)
}

#[test]
fn the_second_process_is_refused_while_the_first_is_linked_and_the_cluster_hears_of_it() {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut node = hub(&mut memory);
    link(&mut node, 1, &peer(FIRST, 5, None)).unwrap();
    assert_eq!(link(&mut node, 2, &peer(SECOND, 6, None)), Err(GoAway::Duplicate));
    assert_eq!((node.poll_ping(), node.poll_ping()), (Some(LinkId(1)), None), "is the first still there?");
    assert_eq!(node.poll_close(), None);
    assert_eq!(node.link_to(PEER), Some(LinkId(1)));
    assert_eq!(node.member(PEER).unwrap().metadata.start, SECOND, "the first hears what the second says");
    // The first names the second. It is refused also where the first has no link.
    let rival = Some(Rival { start: SECOND, address: "10.0.0.9:1" });
    hear(&mut node, at(20), &peer(FIRST, 7, rival));
    node.handle_link_down(at(30), LinkId(1), LinkEnd::Lost);
    assert_eq!(link(&mut node, 3, &peer(SECOND, 6, None)), Err(GoAway::Duplicate));
    assert_eq!(node.poll_ping(), None);
    // A third start is judged anew.
    link(&mut node, 4, &peer(Start { at: 3000, random: 1 }, 8, None)).unwrap();
}

#[test]
fn a_link_to_the_second_process_ends_when_the_first_names_it_or_links() {
    let rival = Some(Rival { start: SECOND, address: "" });
    for names in [true, false] {
        with_neighbour(|node| {
            node.handle_link_down(at(0), LinkId(1), LinkEnd::GoAway(GoAway::Leaving));
            link(node, 2, &peer(SECOND, 6, None)).unwrap();
            if names {
                link_up(node, at(11), 3, super::fixture::OTHER, &[]);
                super::fixture::hear_on(node, at(20), 3, &peer(FIRST, 7, rival));
            } else {
                link(node, 3, &peer(FIRST, 7, None)).unwrap();
            }
            assert_eq!(node.poll_close(), Some((LinkId(2), GoAway::Duplicate)), "{names}");
        });
    }
}

#[test]
fn a_node_that_restarted_is_linked_when_its_former_life_is_over() {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut node = hub(&mut memory);
    link(&mut node, 1, &peer(FIRST, 5, None)).unwrap();
    let again = peer(SECOND, 6, None);
    assert_eq!(link(&mut node, 2, &again), Err(GoAway::Duplicate));
    node.handle_link_down(at(10), LinkId(1), LinkEnd::Lost);
    link(&mut node, 3, &again).unwrap();
    assert_eq!((node.link_to(PEER), state(&node, PEER)), (Some(LinkId(3)), Some(State::Alive)));
}

#[test]
fn the_same_process_may_link_again_at_any_time() {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut node = hub(&mut memory);
    link(&mut node, 1, &peer(FIRST, 5, None)).unwrap();
    link(&mut node, 2, &peer(FIRST, 5, None)).unwrap();
    assert_eq!(node.poll_close(), Some((LinkId(1), GoAway::Replaced)));
}

/// A record of this node by another process with its identity.
fn copy(start: Start, rival: Option<Rival<'_>>, incarnation: u64, state: State) -> Record<'static> {
    let mut metadata = Metadata { start, rival, ..Metadata::new("me", Kind::Hub) };
    metadata.addrs.extend(["10.0.0.9:8374"]);
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    let by = (state != State::Alive).then_some(PEER);
    signed(&Record { id: ME, incarnation, state, by, metadata })
}

#[test]
fn a_node_names_a_process_that_started_later_and_not_its_former_life() {
    let later = Start { at: START.at + 1, random: 0 };
    with_neighbour(|node| {
        hear(node, at(0), &copy(Start { at: START.at - 1, random: 0 }, None, 4, State::Alive));
        assert_eq!((node.record().incarnation, own(node).rival), (5, None), "its former life is outbid");
        hear(node, at(0), &copy(later, None, 6, State::Alive));
        assert_eq!(node.record().incarnation, 7);
        assert_eq!(own(node).rival, Some(Rival { start: later, address: "10.0.0.9:8374" }));
        // The adapter changes what it knows of; the rest stays.
        node.set_metadata(&Metadata::new("renamed", Kind::Hub)).unwrap();
        assert_eq!((own(node).name, own(node).rival.map(|rival| rival.start)), ("renamed", Some(later)));
    });
}

#[test]
fn a_process_that_is_named_does_not_outbid_the_first_until_that_is_gone() {
    let me = Some(Rival { start: START, address: "10.0.0.1:8374" });
    let first = Start { at: START.at - 1, random: 0 };
    with_neighbour(|node| {
        hear(node, at(0), &copy(first, me, 4, State::Alive));
        assert_eq!(node.record().incarnation, 1);
        hear(node, at(0), &copy(first, me, 4, State::Down));
        assert_eq!(node.record().incarnation, 5, "the first is gone: this one takes its place");
    });
}

fn own<'n>(node: &'n Node<'_>) -> Metadata<'n> {
    node.member(ME).unwrap().metadata
}

#[test]
fn a_copy_of_a_leaf_is_refused_whichever_hub_it_dials() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 6, 1);
        cluster.until(Duration::from_secs(10), "all see all", Cluster::converged);
        let leaf = 6;
        let id = cluster.hosts[leaf].id;
        let hubs: Vec<usize> = (0..6).filter(|at| cluster.node(*at).unwrap().link_to(id).is_none()).collect();
        let copy = cluster.add(Kind::Leaf, &hubs[..2]);
        cluster.hosts[copy].id = id;
        let incarnation = cluster.hosts[leaf].incarnation() + 1;
        cluster.start(copy, incarnation);
        let first = |cluster: &Cluster, at: usize| {
            let member = cluster.node(at).and_then(|node| node.member(id));
            member.is_some_and(|member| member.metadata.name == "n6" && member.metadata.rival.is_some())
        };
        let named = |cluster: &Cluster| (0..6).all(|at| first(cluster, at));
        cluster.until(Duration::from_secs(10), "every hub knows of both, and counts the first", named);
        cluster.run(Duration::from_secs(60));
        assert!(named(&cluster), "seed {seed}");
        // The copy tries now and then, and has a link until the GOAWAY arrives.
        let mut linked = 0;
        for _ in 0..100 {
            cluster.run(Duration::from_millis(100));
            let ids = (0..6).map(|at| cluster.hosts[at].id);
            linked += usize::from(ids.clone().any(|hub| cluster.node(copy).unwrap().link_to(hub).is_some()));
        }
        assert!(linked < 20, "seed {seed}: the copy is linked for {linked} of 100 moments");
    }
}

#[test]
fn a_copy_of_a_node_is_refused_by_the_whole_cluster_which_hears_of_both() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 6, 1);
        cluster.until(Duration::from_secs(10), "all see all", Cluster::converged);
        let copy = cluster.add(Kind::Hub, &[0, 3]);
        cluster.hosts[copy].id = cluster.hosts[2].id;
        let incarnation = cluster.hosts[2].incarnation() + 1;
        cluster.start(copy, incarnation);
        let first = |cluster: &Cluster, at: usize| {
            let member = cluster.node(at).and_then(|node| node.member(cluster.hosts[2].id));
            member.is_some_and(|member| member.metadata.name == "n2" && member.metadata.rival.is_some())
        };
        let named = |cluster: &Cluster| (0..6).all(|at| first(cluster, at));
        cluster.until(Duration::from_secs(10), "every hub knows of both, and counts the first", named);
        cluster.run(Duration::from_secs(60));
        assert!(named(&cluster), "seed {seed}");
        // The copy tries now and then, and is never linked for long.
        let id = cluster.hosts[2].id;
        let linked = |at: &usize| cluster.node(*at).unwrap().link_to(id).is_some();
        assert!((0..6).filter(|at| *at != 2).filter(linked).count() > 0, "seed {seed}: the first is linked");
        assert_eq!(cluster.node(copy).unwrap().active_view_len(), 0, "seed {seed}: the copy is not");
        // The first ends, and the copy takes its place.
        cluster.kill(2);
        let took = |cluster: &Cluster| {
            let member = |at: usize| cluster.node(at).and_then(|node| node.member(id));
            (0..6).filter(|at| *at != 2).all(|at| member(at).is_some_and(|m| m.metadata.name == "n7"))
        };
        cluster.until(Duration::from_secs(60), "the copy took the place of the first", took);
    }
}
