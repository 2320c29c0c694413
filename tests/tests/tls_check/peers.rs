//! Two directories: whether their nodes accept each other.

use node_tests::pki::TlsDir;

use crate::answer::{Answer, Finding, check, empty, healthy, make};

fn check_peer(own: &TlsDir, peer: &TlsDir) -> Answer {
    check(&[own.path().to_str().unwrap(), "--peer", peer.path().to_str().unwrap()])
}

fn name(keys: &TlsDir) -> String {
    keys.path().file_name().unwrap().to_str().unwrap().to_owned()
}

/// Which directory refuses, and what it is shown.
fn refusals(answer: &Answer) -> Vec<(String, String, bool)> {
    let read = |found: &Finding| {
        let shown = found.problem.split(" shows ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        (found.file.clone(), shown, found.severity == "error")
    };
    let mut all: Vec<_> = answer.all("peer-refused").iter().map(read).collect();
    all.sort();
    all
}

#[test]
fn copies_of_one_directory_accept_each_other() {
    let own = healthy();
    let peer = own.copy().unwrap();
    let answer = check_peer(&own, &peer);
    assert_eq!(answer.code, 0, "{:#}", answer.json);
    assert_eq!(answer.all("peer-accepted").len(), 4);
    assert!(answer.one("note", "next-key-shared", &name(&peer)).problem.contains("server_b"));
}

#[test]
fn a_peer_that_is_one_rotation_behind_is_accepted_and_then_no_more() {
    let own = healthy();
    let peer = own.copy().unwrap();
    own.rotate().unwrap();
    // After its next rotation the node shows what the peer has not got yet.
    let answer = check_peer(&own, &peer);
    assert_eq!((answer.code, refusals(&answer)), (3, vec![(name(&peer), "server_b".to_owned(), false)]));
    own.rotate().unwrap();
    let answer = check_peer(&own, &peer);
    assert_eq!(answer.code, 4);
    let expected = [(&peer, "server_a", true), (&peer, "server_b", false), (&own, "server_a", true)];
    let mut expected = expected.map(|(dir, shown, now)| (name(dir), shown.to_owned(), now)).to_vec();
    expected.sort();
    assert_eq!(refusals(&answer), expected, "{:#}", answer.json);
}

#[test]
fn nodes_with_keys_of_their_own() {
    let (one, two) = (empty(), empty());
    make(&one, "one", "");
    make(&two, "two", "");
    assert_eq!(refusals(&check_peer(&one, &two)).len(), 2);
    one.trust(&two, "two", "two").unwrap();
    two.trust(&one, "one", "one.hub").unwrap();
    let answer = check_peer(&one, &two);
    let found = answer.one("warning", "peer-role", &name(&one));
    assert!(found.problem.contains("takes its peer for a leaf"), "{found:?}");
    assert!(found.remedy.contains("two.hub.crt"), "{found:?}");
    std::fs::rename(one.file("two.crt"), one.file("two.hub.crt")).unwrap();
    let answer = check_peer(&one, &two);
    assert_eq!((answer.code, answer.all("peer-accepted").len()), (0, 2), "{:#}", answer.json);
    std::fs::rename(one.file("two.hub.crt"), one.file("two.operator.crt")).unwrap();
    // A tool is no node, and need not be one.
    check_peer(&one, &two).one("note", "peer-role", &name(&one));
}

#[test]
fn a_peer_without_a_pair() {
    let (one, two) = (healthy(), empty());
    two.trust(&one, "server_a", "server_a").unwrap();
    check_peer(&one, &two).one("error", "peer", &name(&two));
}
