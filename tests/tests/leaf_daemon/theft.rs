//! A member takes no board away, nor rolls it back.

use base64ct::{Base64, Encoding as _};
use node_core::crypto::{PublicKey, Software};
use node_core::identity::node_id;
use node_core::keys::{MAX_SEALED, Sealer};
use node_core::rpc::{Code, Method, Response};
use node_std::tls::{Operator, read_operator};
use node_tests::http::Curl;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;
use rand_core::OsRng;
use serde_json::{Value, json};

use crate::peer::Peer;
use crate::world::{BOARD, World, call};

/// The cluster of a node that is told nothing else.
const CLUSTER: &str = "maelstrom";

/// The identity of a member, as `maelctl cluster nodes --json` shows it.
fn identity(world: &World, name: &str) -> PublicKey {
    let shown = world.ctl().json(&["cluster", "nodes"]).unwrap();
    let member = shown["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap();
    let digits = member["identityKey"].as_str().unwrap();
    let number = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let key: Vec<u8> = (0..digits.len()).step_by(2).map(number).collect();
    PublicKey::from_sec1(&key).unwrap()
}

/// The keyring `keys`, sealed for the member with this identity.
fn seal(keys: &TlsDir, board: PublicKey, operator: &Operator, epoch: u64) -> Vec<u8> {
    let sealer = Sealer {
        cluster: CLUSTER,
        board,
        epoch,
        certificate: operator.slot.certificate,
        signer: &operator.signer,
    };
    sealer.seal(&keys.bundle().unwrap(), &mut OsRng, &mut [0; MAX_SEALED]).unwrap().to_vec()
}

/// Lets the daemon bring the bytes to the board, without the checks of maelctl.
fn push(world: &World, sealed: &[u8]) -> Value {
    let params = json!({"node": BOARD, "bundle": Base64::encode_string(sealed)});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "MaelNode.PushKeys", "params": params});
    let request = Curl::get(&format!("https://{}/_mael/v1", world.daemon.private())).flag("--insecure");
    let request = request.certificate(&world.made, "server_a").header("Content-Type: application/json");
    request.option("--data", &call.to_string()).send().unwrap().json().unwrap()
}

fn is_refused(answer: &Value, why: &str) {
    let message = answer["error"]["message"].as_str();
    assert!(message.is_some_and(|message| message.contains(why)), "{answer}");
}

#[test]
fn a_member_takes_no_board_away_over_a_link_of_its_own() {
    let world = World::start();
    let board = identity(&world, BOARD);
    let before = world.ctl().node(BOARD).unwrap().active_key;
    let thief = TlsDir::with_pair(Algorithm::P256, "thief").unwrap();
    thief.trust(&world.made, "server_a", "hub.hub").unwrap();
    world.keys.trust(&thief, "thief", "thief").unwrap();
    let mut member = eventually(|| Peer::greet(world.daemon.private(), Some(&thief))).unwrap();
    let own = seal(&thief, board, &read_operator(thief.path()).unwrap(), 1);
    let mut forged = seal(&thief, board, &read_operator(world.made.path()).unwrap(), 1);
    *forged.last_mut().unwrap() ^= 1;
    for (slot, (sealed, why)) in
        [(own, "is no operator of this board"), (forged, "is forged")].iter().enumerate()
    {
        let method = Method::KeysReplace.number();
        let answer = call(&mut member, node_id(board, &Software), method, sealed, slot as u32);
        let refused = postcard::from_bytes::<Response<'_, [u8; 32]>>(&answer).unwrap().unwrap_err();
        assert!(refused.code == Code::Refused && refused.message.contains(why), "{refused:?}");
    }
    assert_eq!(world.ctl().node(BOARD).unwrap().active_key, before);
    world.works();
}

#[test]
fn a_board_takes_each_keyring_once_and_only_from_an_operator_and_only_its_own() {
    let world = World::start();
    let board = identity(&world, BOARD);
    let operator = read_operator(world.made.path()).unwrap();
    let before = world.ctl().node(BOARD).unwrap().active_key;

    // A member whose key the daemon knows makes a keyring of its own.
    let thief = TlsDir::with_pair(Algorithm::P256, "server_a").unwrap();
    let own = seal(&thief, board, &read_operator(thief.path()).unwrap(), 1);
    is_refused(&push(&world, &own), "is no operator of this board");
    // It says that the operator signed it.
    let mut forged = seal(&thief, board, &operator, 1);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    is_refused(&push(&world, &forged), "is forged");
    // It brings what was sealed for the daemon.
    let others = seal(&world.made, identity(&world, "hub"), &operator, 1);
    is_refused(&push(&world, &others), "is sealed for the board");
    // It brings the keys in the clear.
    is_refused(&push(&world, &world.made.bundle().unwrap()), "is not sealed");
    assert_eq!(world.ctl().node(BOARD).unwrap().active_key, before);
    world.works();

    // It kept a keyring that the operator pushed, and brings it again when the next is there.
    let kept = seal(&world.made, board, &operator, 5);
    world.made.rotate().unwrap();
    world.sync();
    let next = seal(&world.made, board, &operator, 6);
    for sealed in [&kept, &next] {
        let answer = push(&world, sealed);
        assert!(answer["result"].is_object(), "{answer}");
        world.works();
    }
    for old in [&kept, &next] {
        is_refused(&push(&world, old), "had epoch 6 already");
    }
    world.works();
}
