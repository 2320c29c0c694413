//! The leaf joins, answers and asks.

use anyhow::ensure;
use node_tests::wait::eventually;
use serde_json::json;

use crate::board::ECHO;
use crate::peer::Peer;
use crate::world::{BOARD, BOARD_ECHO, World, call};

#[test]
fn a_leaf_is_known_alive_with_its_hub_and_its_key() {
    let world = World::start();
    // It is a member as soon as it dials; its record names its hub a moment later.
    let board = eventually(|| {
        let (board, hub) = (world.ctl().node(BOARD)?, world.ctl().node("hub")?);
        ensure!(board.hubs == [hub.node_id], "{board:?}");
        Ok(board)
    })
    .unwrap();
    assert_eq!((&*board.kind, &*board.state, board.linked), ("leaf", "alive", true));
    assert_eq!(board.active_key, Some(world.active()));
    assert_eq!(board.node_id, world.board.with(async |held| held.leaf.id().to_string()));
}

#[test]
fn bodies_far_longer_than_the_leafs_buffers_come_back() {
    let world = World::start();
    let body: Vec<u8> = (0..100_000u32).map(|place| (place % 251) as u8).collect();
    for length in [0, 1, 1000, body.len()] {
        world.echoes(&body[..length]).unwrap();
    }
    for length in [0, 1, 1000, 20_000] {
        world.is_answered(&body[..length]).unwrap();
    }
}

#[test]
fn a_peer_calls_the_leafs_own_method_through_the_daemon() {
    let world = World::start();
    let leaf = world.board.with(async |held| held.leaf.id());
    let mut peer = Peer::greet(world.daemon.private(), Some(&world.made)).unwrap();
    let answer = call(&mut peer, leaf, ECHO, b"back", 0);
    assert_eq!(postcard::from_bytes::<Result<&[u8], ()>>(&answer).unwrap(), Ok(&b"back"[..]));
}

#[test]
fn maelctl_pings_the_leaf_and_lists_its_keys() {
    let world = World::start();
    for arguments in [&["ping", BOARD][..], &["keys", "ls", BOARD]] {
        let output = world.ctl().run(arguments).unwrap();
        assert_eq!(output.code, 0, "{output:?}");
    }
}

#[test]
fn maelctl_shows_what_the_leaf_counts() {
    let world = World::start();
    let ctl = world.ctl();
    world.echoes(b"one request").unwrap();
    let counted = ctl.json(&["counters", BOARD]).unwrap();
    for (name, count) in
        [("starts", 1), ("handshakes", 1), ("linksUp", 1), ("linksDown", 0), ("stackSize", 4096)]
    {
        assert_eq!(counted[name], json!(count), "{name}: {counted}");
    }
    assert_eq!((&counted["name"], &counted["stackHighWater"]), (&json!(BOARD), &json!(1234)));
    assert!(counted["requests"].as_u64() >= Some(1), "{counted}");
    let output = ctl.run(&["counters", BOARD]).unwrap();
    assert!(output.code == 0 && output.stdout.contains("2862 of 4096 bytes"), "{output:?}");
    // A server has no such counters, and says so.
    let output = ctl.run(&["counters", "hub"]).unwrap();
    assert!(output.code == 1 && output.stderr.contains("only boards have counters"), "{output:?}");
}

#[test]
fn maelctl_calls_the_methods_of_the_leaf() {
    let world = World::start();
    let ctl = world.ctl();
    let id = ctl.node(BOARD).unwrap().node_id;
    for node in [BOARD, &id] {
        let status = ctl.json(&["call", node, "MaelNode.GetStatus"]).unwrap();
        assert_eq!(
            (&status["name"], &status["nodeId"], &status["links"]),
            (&json!(BOARD), &json!(id), &json!(1))
        );
    }
    let members = ctl.json(&["call", BOARD, "MaelNode.ListMembers"]).unwrap();
    let names: Vec<_> = members["members"].as_array().unwrap().iter().map(|member| &member["name"]).collect();
    assert!(names.contains(&&json!(BOARD)) && names.contains(&&json!("hub")), "{members}");
    let components = ctl.json(&["call", BOARD, "MaelNode.ListComponents"]).unwrap();
    assert!(components["components"].as_array().unwrap().contains(&json!(BOARD_ECHO)), "{components}");
    let keys = ctl.json(&["call", BOARD, "MaelNode.ListKeys"]).unwrap();
    assert_eq!(keys["slots"][0]["certificateSha256"], world.active());
    assert_eq!(ctl.json(&["call", BOARD, "MaelNode.Ping"]).unwrap()["name"], BOARD);
    let output = ctl.run(&["call", BOARD, "NodeService.GetStatus"]).unwrap();
    assert!(output.code == 1 && output.stderr.contains("is a board, and answers only"), "{output:?}");
}
