//! JSON-RPC 2.0 as curl speaks it to a real daemon.

use node_tests::cluster::Cluster;
use node_tests::daemon::{Daemon, Setup};
use node_tests::http::{Answer, Curl};
use serde_json::{Value, json};

/// Posts `body` to the node.
fn post(node: &Daemon, body: &str) -> Answer {
    let request = Curl::get(&format!("http://{}/_mael/v1", node.private())).option("--data", body);
    request.header("Content-Type: application/json").send().unwrap()
}

fn ask(node: &Daemon, body: &Value) -> Value {
    let answer = post(node, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().unwrap()
}

fn call(id: Value, method: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method})
}

fn node() -> Daemon {
    Setup::named("ada").unwrap().start().unwrap()
}

#[test]
fn each_mistake_has_the_code_of_its_kind() {
    let node = node();
    for (body, code) in [
        (r#"{"jsonrpc": "2.0", "method": "x", "params": "#, -32700),
        (r#"[{"jsonrpc": "2.0""#, -32700),
        ("[]", -32600),
        ("7", -32600),
        (r#"{"jsonrpc": "1.0", "id": 1, "method": "NodeService.GetStatus"}"#, -32600),
        (r#"{"jsonrpc": "2.0", "id": [], "method": "NodeService.GetStatus"}"#, -32600),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": 1}"#, -32600),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "NodeService.Nothing"}"#, -32601),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "MaelNode.Ping", "params": [{}]}"#, -32602),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "MaelNode.Ping", "params": "ada"}"#, -32602),
        (
            r#"{"jsonrpc": "2.0", "id": 1, "method": "MaelNode.RemoveNode", "params": {"node": "ada"}}"#,
            -32001,
        ),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "MaelNode.Ping", "params": {"node": "nobody"}}"#, 1003),
    ] {
        let answer = post(&node, body);
        assert_eq!(answer.status, 200, "{body}");
        let answer = answer.json().unwrap();
        assert_eq!(answer["error"]["code"], code, "{body}: {answer}");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty(), "{body}: {answer}");
        assert_eq!(answer["jsonrpc"], "2.0");
    }
    let token = std::fs::read_to_string(node.setup().data_dir().join("token")).unwrap();
    let remove = r#"{"jsonrpc": "2.0", "id": 1, "method": "MaelNode.RemoveNode", "params": {"node": "ada"}}"#;
    let request = Curl::get(&format!("http://{}/_mael/v1", node.private())).option("--data", remove);
    let request = request.header("Content-Type: application/json");
    let answer = request.header(&format!("Authorization: Bearer {}", token.trim())).send().unwrap();
    assert_eq!(answer.json().unwrap()["error"]["code"], 1001, "a node that lives is not removed");
}

#[test]
fn an_answer_has_the_id_of_its_request() {
    let node = node();
    for id in [json!("a\n\"b"), json!(7), json!(-1.5), json!(null)] {
        let answer = ask(&node, &call(id.clone(), "NodeService.GetStatus"));
        assert_eq!(answer["id"], id);
        assert_eq!(answer["result"]["status"]["name"], "ada");
    }
}

#[test]
fn a_notification_has_no_answer() {
    let node = node();
    let notification = json!({"jsonrpc": "2.0", "method": "NodeService.GetStatus"});
    for body in [notification.clone(), json!([notification, {"jsonrpc": "2.0", "method": "Nothing.AtAll"}])] {
        let answer = post(&node, &body.to_string());
        assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{body}");
    }
}

#[test]
fn a_batch_is_answered_call_by_call() {
    let node = node();
    let batch = json!([
        call(json!("one"), "NodeService.GetStatus"),
        {"jsonrpc": "2.0", "method": "NodeService.GetStatus"},
        {"nonsense": true},
        call(json!(2), "Nothing.AtAll"),
        call(json!(3), "NodeService.ListNodeStatus"),
    ]);
    let answers = ask(&node, &batch);
    let answers = answers.as_array().unwrap();
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!("one"), &json!(null), &json!(2), &json!(3)]);
    assert_eq!(answers[1]["error"]["code"], -32600);
    assert_eq!(answers[2]["error"]["code"], -32601);
    assert_eq!(answers[3]["result"]["nodes"][0]["name"], "ada");
}

#[test]
fn a_batch_of_too_many_calls_is_refused_whole() {
    let node = node();
    let answer = ask(&node, &json!(vec![call(json!(1), "NodeService.GetStatus"); 101]));
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &json!(null)));
    assert!(answer["error"]["message"].as_str().unwrap().contains("100"), "{answer}");
    let answers = ask(&node, &json!(vec![call(json!(1), "NodeService.GetStatus"); 100]));
    assert_eq!(answers.as_array().unwrap().len(), 100);
}

#[test]
fn the_same_answers_come_over_http_2() {
    let cluster = Cluster::plaintext(&["ada", "ben"], |setup| setup).unwrap();
    cluster.is_whole().unwrap();
    let batch = json!([call(json!(1), "MaelNode.ListLinks"), call(json!(2), "barrister-idl")]).to_string();
    let url = format!("http://{}/_mael/v1", cluster.nodes[0].private());
    let request = Curl::get(&url).flag("--http2-prior-knowledge").option("--data", &batch);
    let answers = request.header("Content-Type: application/json").send().unwrap().json().unwrap();
    assert_eq!(answers[0]["result"]["links"][0]["name"], "ben", "{answers}");
    assert!(answers[1]["result"].is_array(), "{answers}");
}
