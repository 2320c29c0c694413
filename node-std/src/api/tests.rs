mod interface;

use core::time::Duration;

use base64ct::{Base64, Encoding};
use node_core::gossip::{Kind, State};
use node_core::id::{Name, NodeId};
use node_core::rpc;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use interface::METHODS;

use super::node::{self, NodeStatus};
use super::testing::{Others, SLOW, api, api_of};
use super::{ANSWER_BUDGET, Api, FORBIDDEN, KeySlot, RpcError, TlsStatus};
use crate::access::{Caller, Credential};
use crate::cluster::{Cluster, Member};
use crate::identity::NodeKey;
use crate::link::Rtt;
use crate::testing::ANYBODY;

async fn answer(request: &str) -> Value {
    parse(api().answer(&ANYBODY, request.as_bytes()).await)
}

fn parse(answer: Option<Vec<u8>>) -> Value {
    serde_json::from_slice(&answer.unwrap()).unwrap()
}

async fn call(method: &str, params: Value) -> Value {
    answer(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()).await
}

fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error in {answer}"))
}

#[tokio::test]
async fn ids_come_back_as_they_were() {
    for id in [json!("a"), json!(7), json!(null)] {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": "NodeService.ListNodeStatus"});
        let answer = answer(&request.to_string()).await;
        assert_eq!((&answer["id"], &answer["jsonrpc"]), (&id, &json!("2.0")));
        assert!(answer.get("error").is_none(), "{answer}");
    }
}

#[tokio::test]
async fn parameters_come_in_an_array_or_alone_or_not_at_all() {
    let list = "NodeService.ListNodeStatus";
    for params in
        [json!(null), json!([]), json!([{}]), json!({}), json!([null]), json!([{"forceRefresh": true}])]
    {
        assert!(call(list, params.clone()).await["result"]["nodes"].is_array(), "{params}");
    }
    for params in [json!([{}, {}]), json!(1), json!("x"), json!([1])] {
        assert_eq!(code(&call(list, params.clone()).await), -32602, "{params}");
    }
    assert_eq!(code(&call("MaelNode.Ping", json!({})).await), -32602);
    assert_eq!(code(&call("MaelNode.Ping", json!([{"node": 7}])).await), -32602);
}

#[tokio::test]
async fn a_body_that_is_not_a_request_is_an_error() {
    for (request, expected) in [
        ("{", -32700),
        ("", -32700),
        ("\u{0}", -32700),
        ("[]", -32600),
        ("1", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#, -32601),
    ] {
        assert_eq!(code(&answer(request).await), expected, "{request}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(code(&answer(&deep).await), -32700);
    let flood = format!("[{}1]", "1,".repeat(100));
    assert_eq!(code(&answer(&flood).await), -32600);
}

#[tokio::test]
async fn a_batch_is_answered_in_order_without_its_notifications() {
    let list = |id| json!({"jsonrpc": "2.0", "id": id, "method": "NodeService.ListNodeStatus"});
    let notification = json!({"jsonrpc": "2.0", "method": "NodeService.ListNodeStatus"});
    let answers = answer(&json!([list(1), notification, 7, list(2)]).to_string()).await;
    let ids: Vec<_> = answers.as_array().unwrap().iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(ids, [json!(1), json!(null), json!(2)]);
    assert_eq!(api().answer(&ANYBODY, json!([notification]).to_string().as_bytes()).await, None);
    assert_eq!(api().answer(&ANYBODY, notification.to_string().as_bytes()).await, None);
}

#[tokio::test]
async fn ids_come_back_digit_by_digit() {
    for id in ["123456789012345678901234567890", "1.50", r#""\u0041\n""#] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"NodeService.ListNodeStatus"}}"#);
        let answer = api().answer(&ANYBODY, request.as_bytes()).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains(&format!(r#""id":{id},"result""#)), "{answer}");
    }
}

#[tokio::test]
async fn a_batch_holds_no_more_than_its_budget_and_says_what_it_left_out() {
    let any = member(1, "a");
    let members = (0..16_384_u32).map(|number| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let components = (0..8).map(|place| format!("component-{place}-of-{number}")).collect();
        Member { id: NodeId(id), components, ..any.clone() }
    });
    let api = api_of(Cluster::of(NodeId([1; 16]), members.collect()), TlsStatus::default());
    let list = |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "NodeService.ListNodeStatus"});
    let mut batch: Vec<Value> = (0..20).map(list).collect();
    batch.push(json!({"jsonrpc": "2.0", "id": 20, "method": "MaelNode.Leave"}));
    batch.push(json!({"jsonrpc": "2.0", "method": "MaelNode.Leave"}));
    batch.push(json!({"jsonrpc": "2.0", "id": 21}));
    let text = api.answer(&ANYBODY, Value::Array(batch).to_string().as_bytes()).await.unwrap();
    assert!(text.len() > ANSWER_BUDGET / 2 && text.len() < ANSWER_BUDGET + 64 * 1024, "{}", text.len());
    let answers: Vec<&RawValue> = serde_json::from_slice(&text).unwrap();
    assert_eq!(answers.len(), 22, "none is lost");
    let whole = answers.iter().take_while(|answer| answer.get().len() > 1 << 20).count();
    assert!((1..20).contains(&whole), "{whole}");
    for (id, answer) in answers.iter().enumerate().skip(whole) {
        let answer: Value = serde_json::from_str(answer.get()).unwrap();
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!((&answer["id"], code(&answer)), (&json!(id), if id == 21 { -32600 } else { -32000 }));
        let expected = if id == whole { "32 MiB" } else { "not carried out" };
        assert!(id == 21 || message.contains(expected), "{answer}");
    }
    assert!(!api.about.stop.is_cancelled(), "what is not carried out has no effect");
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_in_time() {
    let ping =
        |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "MaelNode.Ping", "params": {"node": "slow"}});
    let api = api_of(Cluster::of(NodeId([1; 16]), vec![member(SLOW, "slow")]), TlsStatus::default());
    let batch = Value::Array((0..100).map(ping).collect()).to_string();
    let start = tokio::time::Instant::now();
    let answers = parse(api.answer(&ANYBODY, batch.as_bytes()).await);
    assert!(start.elapsed() < Duration::from_secs(80), "{:?}", start.elapsed());
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 100);
    assert!(answers[0]["result"]["rttMicros"].is_u64(), "{}", answers[0]);
    assert_eq!(code(&answers[99]), -32000);
}

#[tokio::test]
async fn a_node_that_does_not_exist_is_not_found() {
    for method in ["MaelNode.Ping", "MaelNode.ListKeys"] {
        let answer = call(method, json!([{"node": "nowhere"}])).await;
        assert_eq!(code(&answer), 1003);
        assert!(answer["error"]["message"].as_str().unwrap().contains("\"nowhere\""), "{answer}");
    }
}

/// What has the form of a keyring sealed for the board with this number.
fn sealed(board: u8) -> Vec<u8> {
    [&[2][..], &[board; 16], &[1], &[7; 32], &[0], &[0], &[9; 64]].concat()
}

/// Pushes `bundle` to `node` through a hub with TLS, or without. The hub knows another hub and leaves, two of them with the name
/// twin.
async fn push(tls: bool, node: &str, bundle: &[u8]) -> Value {
    let leaf = |id, name, state| Member { kind: Kind::Leaf, state, ..member(id, name) };
    let cluster = Cluster::of(
        NodeId([1; 16]),
        vec![
            leaf(2, "board", State::Alive),
            leaf(3, "board", State::Left),
            leaf(4, "twin", State::Alive),
            leaf(5, "twin", State::Down),
            member(6, "hub"),
        ],
    );
    let api = api_of(cluster, TlsStatus { enabled: tls, health: "ok".into(), ..TlsStatus::default() });
    let params = json!({"node": node, "bundle": Base64::encode_string(bundle)});
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "MaelNode.PushKeys", "params": params});
    parse(api.answer(&ANYBODY, request.to_string().as_bytes()).await)
}

#[tokio::test]
async fn a_sealed_keyring_is_relayed_to_its_board() {
    let answer = push(true, "board", &sealed(2)).await;
    assert_eq!(answer["result"]["nodeId"], "02".repeat(16), "{answer}");
    assert_eq!(code(&push(true, "x", &sealed(2)).await), 1003);
    let answer = push(true, "board", &sealed(2)[..60]).await;
    assert_eq!(code(&answer), 1001);
    assert!(answer["error"]["message"].as_str().unwrap().starts_with("not a sealed keyring"), "{answer}");
}

#[tokio::test]
async fn a_keyring_is_not_relayed_to_another_board_than_its_own() {
    let answer = push(true, "board", &sealed(4)).await;
    assert_eq!(code(&answer), 1001);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(["02", "04"].iter().all(|id| message.contains(&id.repeat(16))), "{answer}");
}

#[tokio::test]
async fn a_keyring_in_the_clear_is_refused() {
    let answer = push(true, "board", &[1, 0]).await;
    assert_eq!(code(&answer), 1001);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("not sealed") && message.contains("update maelctl"), "{answer}");
}

#[tokio::test]
async fn keys_for_a_duplicate_name_need_an_id() {
    let answer = push(true, "twin", &sealed(4)).await;
    assert_eq!(code(&answer), 1001);
    let message = answer["error"]["message"].as_str().unwrap();
    let ids = [4, 5].map(|number: u8| (number, format!("{number:02x}").repeat(16)));
    assert!(message.contains("by its id") && ids.iter().all(|(_, id)| message.contains(id)), "{answer}");
    for (number, id) in ids {
        assert_eq!(push(true, &id, &sealed(number)).await["result"]["nodeId"], id);
    }
}

#[tokio::test]
async fn keys_are_not_relayed_without_tls() {
    let answer = push(false, "board", &sealed(2)).await;
    assert_eq!(code(&answer), 1001);
    assert!(answer["error"]["message"].as_str().unwrap().contains("--tls-dir"), "{answer}");
}

#[tokio::test]
async fn keys_for_a_hub_are_relayed_because_it_may_be_a_board() {
    let answer = push(true, "hub", &sealed(6)).await;
    assert_eq!(answer["result"]["nodeId"], "06".repeat(16), "{answer}");
    assert_eq!(code(&push(true, "hub", &sealed(2)).await), 1001, "they are for another one");
}

#[tokio::test]
async fn a_node_that_drains_ends_the_wait_for_events() {
    let api = api();
    let request =
        json!({"jsonrpc": "2.0", "id": 1, "method": "MaelNode.ListEvents", "params": {"waitMs": 60_000}});
    let request = request.to_string();
    let drain = async {
        tokio::task::yield_now().await;
        api.about.drain.cancel();
    };
    let both = async { tokio::join!(api.answer(&ANYBODY, request.as_bytes()), drain) };
    let (answer, ()) = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
    assert_eq!(parse(answer)["result"]["events"], json!([]));
}

#[tokio::test]
async fn a_batch_waits_for_nothing() {
    let ask = |params| json!({"jsonrpc": "2.0", "id": 1, "method": "MaelNode.ListEvents", "params": params});
    let batch = json!([ask(json!({"waitMs": 60_000})), ask(json!({"after": 0}))]).to_string();
    let answers = tokio::time::timeout(Duration::from_secs(10), answer(&batch)).await.unwrap();
    assert_eq!(code(&answers[0]), -32602);
    assert_eq!(answers[1]["result"]["events"], json!([]));
}

#[tokio::test]
async fn own_keys_need_no_other_node() {
    let answer = call("MaelNode.ListKeys", json!([])).await;
    assert_eq!(answer["result"], json!({"nodeId": "0".repeat(32), "slots": []}));
}

/// The answer to `MaelNode.Call` at a node that knows a hub and a board.
async fn call_of(roles: &str, node: &str, method: &str, params: Value) -> Value {
    let board = Member { kind: Kind::Leaf, ..member(3, "board") };
    let members = vec![member(1, "me"), member(2, "hub"), board];
    let api = api_of(Cluster::of(NodeId([1; 16]), members), TlsStatus::default());
    let params = json!({"node": node, "method": method, "params": params});
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "MaelNode.Call", "params": params});
    let caller = Caller { roles: roles.parse().unwrap(), credential: Credential::Nothing };
    parse(api.answer(&caller, request.to_string().as_bytes()).await)
}

#[tokio::test]
async fn a_hub_answers_a_call_itself() {
    let answer = call_of("application", "hub", "MaelNode.ListEvents", json!({"after": 7})).await;
    let passed = json!({"jsonrpc": "2.0", "id": 0, "method": "MaelNode.ListEvents", "params": {"after": 7}});
    assert_eq!(answer["result"], passed, "{answer}");
    let answer = call_of("application", "hub", "MaelNode.ListLinks", json!(null)).await;
    assert_eq!((code(&answer), &answer["error"]["message"]), (1003, &json!("no such link")));
    let answer = call_of("application", "hub", "MaelNode.Ping", json!({"node": "x".repeat(9000)})).await;
    assert_eq!(code(&answer), -32602, "{answer}");
}

#[tokio::test]
async fn a_board_answers_a_call_in_its_own_methods() {
    let board = "03".repeat(16);
    let answer = call_of("application", "board", "MaelNode.GetStatus", json!(null)).await;
    let brief = json!({
        "nodeId": board, "name": "x", "version": "1", "uptimeMs": 1, "links": 1, "members": 2, "stackHighWater": 3,
    });
    assert_eq!(answer["result"], brief, "{answer}");
    let answer = call_of("application", "board", "MaelNode.ListComponents", json!({})).await;
    assert_eq!(answer["result"], json!({"nodeId": board, "components": ["web"]}));
    let answer = call_of("application", "board", "MaelNode.Ping", json!({})).await;
    assert_eq!(answer["result"]["node"], board);
    assert_eq!(code(&call_of("application", "board", "MaelNode.ListMembers", json!({})).await), -32601);
    assert_eq!(code(&call_of("application", "board", "MaelNode.ListKeys", json!({})).await), -32002);
    assert_eq!(code(&call_of("application", "board", "MaelNode.Ping", json!({"node": "me"})).await), -32602);
    let answer = call_of("operator", "board", "NodeService.GetStatus", json!({})).await;
    assert_eq!(code(&answer), 1001);
    assert!(answer["error"]["message"].as_str().unwrap().contains("MaelNode.GetStatus"), "{answer}");
}

#[tokio::test]
async fn an_operator_calls_a_method_of_an_application() {
    let board = Member { kind: Kind::Leaf, ..member(3, "board") };
    let members = vec![member(1, "me"), board];
    let api = api_of(Cluster::of(NodeId([1; 16]), members), TlsStatus::default());
    let call = async |roles: &str, params: Value| {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": "MaelNode.CallMethod", "params": params});
        let caller = Caller { roles: roles.parse().unwrap(), credential: Credential::Nothing };
        parse(api.answer(&caller, request.to_string().as_bytes()).await)
    };
    let params = json!({"node": "board", "method": 0x1234, "body": "/w=="});
    let answer = call("operator", params.clone()).await;
    assert_eq!(answer["result"], json!({"nodeId": "03".repeat(16), "body": "EjT/"}), "{answer}");
    let answer = call("operator", json!({"node": "board", "method": 4096})).await;
    assert_eq!(answer["result"]["body"], "EAA=", "{answer}");
    assert_eq!(code(&call("application", params).await), i64::from(FORBIDDEN));
    for (node, method, body) in [
        ("board", 4095, ""),
        ("board", 34, ""),
        ("board", 65_536, ""),
        ("board", 4096, "no base64"),
        ("me", 4096, ""),
    ] {
        let answer = call("operator", json!({"node": node, "method": method, "body": body})).await;
        assert_eq!(code(&answer), 1001, "{method}: {answer}");
    }
    let long = Base64::encode_string(&[0; 8193]);
    let answer = call("operator", json!({"node": "board", "method": 4096, "body": long})).await;
    assert_eq!(code(&answer), 1001, "{answer}");
}

#[tokio::test]
async fn what_changes_a_node_is_asked_of_that_node() {
    for method in ["MaelNode.Leave", "MaelNode.RemoveNode", "MaelNode.ShowConfig", "MaelNode.PushKeys"] {
        for node in ["hub", "board"] {
            let answer = call_of("operator", node, method, json!({"node": "x", "bundle": ""})).await;
            assert_eq!(code(&answer), 1001, "{answer}");
            assert!(answer["error"]["message"].as_str().unwrap().contains("ask the node itself"), "{answer}");
        }
        for node in ["me", "hub", "board"] {
            let answer = call_of("application", node, method, json!({})).await;
            assert_eq!(code(&answer), i64::from(FORBIDDEN), "{answer}");
        }
    }
    assert_eq!(
        call_of("operator", "me", "MaelNode.Leave", json!({})).await["result"]["nodeId"],
        "01".repeat(16)
    );
    assert_eq!(code(&call_of("operator", "me", "MaelNode.Call", json!({})).await), 1001);
    assert_eq!(code(&call_of("operator", "hub", "Nothing.AtAll", json!({})).await), -32601);
    let wait = call_of("operator", "me", "MaelNode.ListEvents", json!({"waitMs": 1000})).await;
    assert_eq!(code(&wait), -32602);
}

#[tokio::test]
async fn a_peer_that_passes_a_call_on_may_only_read() {
    let api = api();
    let ask = async |method: &str, params: Value| {
        let request = json!({"jsonrpc": "2.0", "id": 0, "method": method, "params": params}).to_string();
        parse(api.answer_peer(request.as_bytes()).await)
    };
    for method in METHODS {
        let answer = ask(method, json!({"node": "x", "bundle": "", "method": "MaelNode.Leave"})).await;
        let refused = [1001, i64::from(FORBIDDEN)].map(Value::from).contains(&answer["error"]["code"]);
        let steers = [
            "MaelNode.Call",
            "MaelNode.CallMethod",
            "MaelNode.Leave",
            "MaelNode.PushKeys",
            "MaelNode.RemoveNode",
            "MaelNode.ShowConfig",
        ];
        assert_eq!(refused, steers.contains(&method), "{method}: {answer}");
    }
    assert!(!api.about.stop.is_cancelled());
    assert_eq!(code(&ask("MaelNode.ListEvents", json!({"waitMs": 1000})).await), -32602);
    for request in ["", "[]", r#"{"jsonrpc":"2.0","method":"MaelNode.ListLinks"}"#] {
        assert_eq!(api.answer_peer(request.as_bytes()).await, None, "{request}");
    }
}

#[tokio::test]
async fn only_operators_steer() {
    let api = api();
    let call = async |roles: &str, method: &str| {
        let caller = Caller { roles: roles.parse().unwrap(), credential: Credential::Nothing };
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"node": "x", "bundle": ""}});
        parse(api.answer(&caller, request.to_string().as_bytes()).await)
    };
    for method in METHODS {
        let steers = [
            "MaelNode.CallMethod",
            "MaelNode.Leave",
            "MaelNode.PushKeys",
            "MaelNode.RemoveNode",
            "MaelNode.ShowConfig",
        ]
        .contains(&method);
        for roles in ["hub", "leaf", "application", "hub,leaf,application"] {
            let answer = call(roles, method).await;
            assert_eq!(answer["error"]["code"] == FORBIDDEN, steers, "{method} by {roles}: {answer}");
            assert!(
                !steers || answer["error"]["message"].as_str().unwrap().contains("role operator"),
                "{answer}"
            );
        }
    }
    assert!(!api.about.stop.is_cancelled());
    assert_eq!(api.health()["refusedForRole"], 20);
    for method in METHODS {
        assert_ne!(call("operator", method).await["error"]["code"], FORBIDDEN, "{method}");
    }
    assert!(api.about.stop.is_cancelled());
}

fn member(id: u8, name: &str) -> Member {
    let rtt = Rtt::default();
    rtt.set(Duration::from_micros(250));
    Member {
        id: NodeId([id; 16]),
        identity: NodeKey::numbered(u128::from(id)).public(),
        name: Name::new(name).unwrap(),
        kind: Kind::Hub,
        state: State::Alive,
        incarnation: 3,
        since_unix_ms: 1000,
        addrs: vec!["10.0.0.1:8374".into(), "[fd00::1]:8374".into()],
        components: vec!["web".into()],
        hubs: vec![],
        active_key: [0xab; 32],
        keyring: [0; 32],
        linked: true,
        rtt: Some(rtt),
        evidence: None,
        asleep: false,
    }
}

#[test]
fn a_member_is_shown_whole() {
    let key = NodeKey::numbered(0x1f).public();
    let node = NodeStatus::new(&member(0x1f, "a"), true);
    assert_eq!(node.identity(), Some(key));
    for damaged in ["", "02", &"zz".repeat(33), &"07".repeat(33), &"+2".repeat(33)] {
        assert_eq!(NodeStatus { identity_key: Some(damaged.into()), ..node.clone() }.identity(), None);
    }
    let node = serde_json::to_value(node).unwrap();
    assert_eq!(
        node,
        json!({
            "nodeId": "1f".repeat(16), "identityKey": node_core::id::Hex(&key.to_sec1()).to_string(), "name": "a", "kind": "hub", "state": "alive", "incarnation": 3, "version": 3,
            "since": 1000, "peerUrl": "https://10.0.0.1:8374", "activeKey": format!("sha256:{}", "ab".repeat(32)), "activeKeyNotAfter": null,
            "keyringDigest": null, "components": ["web"], "hubs": [], "linked": true, "rttMicros": 250, "asleep": false,
        })
    );
    let leaf = Member { kind: Kind::Leaf, addrs: vec![], hubs: vec![NodeId([2; 16])], ..member(1, "b") };
    let leaf = NodeStatus::new(&leaf, false);
    assert_eq!((leaf.peer_url, leaf.kind.as_str(), leaf.hubs.len()), (None, "leaf", 1));
}

#[test]
fn a_node_is_found_by_name_or_id() {
    let gone = Member { state: State::Left, ..member(3, "b") };
    let members = vec![member(1, "a"), member(2, "b"), gone, member(4, "c"), member(5, "c")];
    let found = |node: &str| node::find(&members, node).map(|member| member.id);
    assert_eq!(found("04040404"), Ok(NodeId([4; 16])), "the first digits, as tables show them");
    assert!(found("0404040").is_err());
    assert_eq!(found("a"), Ok(NodeId([1; 16])));
    assert_eq!(found(&"05".repeat(16)), Ok(NodeId([5; 16])));
    // A name means the node that runs.
    assert_eq!(found("b"), Ok(NodeId([2; 16])));
    assert!(matches!(found("d"), Err(RpcError::NotFound(_))));
    // A name means the node that is down.
    let down = [member(1, "a"), Member { state: State::Down, ..member(6, "a") }];
    assert_eq!(node::find_down(&down, "a").map(|member| member.id), Ok(NodeId([6; 16])));
    let Err(RpcError::Invalid(message)) = found("c") else { panic!("not ambiguous") };
    assert!(message.contains(&"04".repeat(16)) && message.contains(&"05".repeat(16)), "{message}");
}
