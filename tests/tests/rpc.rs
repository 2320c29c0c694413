//! JSON-RPC 2.0 as curl speaks it to a real daemon.

use node_tests::cluster::Cluster;
use node_tests::ctl::Ctl;
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

fn pair() -> Cluster {
    let cluster = Cluster::plaintext(&["ada", "ben"], |setup| setup).unwrap();
    cluster.is_whole().unwrap();
    cluster
}

#[test]
fn maelctl_calls_a_method_of_any_node() {
    let cluster = pair();
    let ctl = cluster.nodes[0].ctl();
    let id = ctl.node("ben").unwrap().node_id;
    for node in ["ben", &id] {
        let output = ctl.run(&["call", node, "NodeService.GetStatus"]).unwrap();
        assert_eq!(output.code, 0, "{output:?}");
        let answer: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!((&answer["status"]["name"], &answer["status"]["nodeId"]), (&json!("ben"), &json!(id)));
        assert!(answer["status"]["softwareVersion"].is_string(), "it answered itself: {answer}");
    }
    let brief = ctl.json(&["call", "ben", "MaelNode.GetStatus"]).unwrap();
    assert_eq!((&brief["name"], &brief["members"]), (&json!("ben"), &json!(2)));
    // From ben's point of view.
    let answer = ctl.json(&["call", "ben", "NodeService.ListNodeStatus"]).unwrap();
    assert_eq!(answer["respondingNodeId"], json!(id));
    let answer = ctl.json(&["call", "ben", "MaelNode.Ping", r#"{"node": "ada"}"#]).unwrap();
    assert_eq!(answer["name"], "ada");
    let events = ctl.json(&["call", "ben", "MaelNode.ListEvents", r#"{"after": 0}"#]).unwrap();
    assert!(events["events"].as_array().is_some_and(|events| !events.is_empty()), "{events}");
    // And of the node that is asked itself.
    assert_eq!(ctl.json(&["call", "ada", "MaelNode.GetStatus"]).unwrap()["name"], "ada");
}

#[test]
fn the_errors_of_another_node_are_its_own() {
    let cluster = pair();
    let call = |method: &str, params: Value| {
        let params = json!({"node": "ben", "method": method, "params": params});
        ask(
            &cluster.nodes[0],
            &json!({"jsonrpc": "2.0", "id": 1, "method": "MaelNode.Call", "params": params}),
        )
    };
    let answer = call("MaelNode.Ping", json!({"node": "nobody"}));
    assert_eq!(answer["error"]["code"], 1003, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("nobody"), "{answer}");
    assert_eq!(call("MaelNode.Ping", json!({}))["error"]["code"], -32602);
    assert_eq!(call("Nothing.AtAll", json!({}))["error"]["code"], -32601);
}

#[test]
fn a_node_that_passes_a_call_on_gives_no_role_away() {
    let mut cluster = pair();
    // This maelctl has the token of ada, and ben would take its word if it passed the call on.
    let ctl = cluster.nodes[0].ctl();
    for arguments in [
        &["call", "ben", "MaelNode.Leave"][..],
        &["call", "ben", "MaelNode.ShowConfig"],
        &["call", "ben", "MaelNode.RemoveNode", r#"{"node": "ada"}"#],
    ] {
        let output = ctl.run(arguments).unwrap();
        assert!(output.code == 1 && output.stderr.contains("ask the node itself"), "{output:?}");
    }
    // Without a role, the node that is asked refuses first.
    let nobody = cluster.nodes[0].setup().home().join("nowhere");
    let url = format!("http://{}", cluster.nodes[0].private());
    let output = Ctl::to(&url).data_dir(&nobody).run(&["call", "ada", "MaelNode.Leave"]).unwrap();
    assert!(output.code == 1 && output.stderr.contains("needs the role operator"), "{output:?}");
    cluster.is_whole().unwrap();
    // An operator of the node that is asked may do there what it may do.
    let output = ctl.run(&["call", "ada", "MaelNode.Leave"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(cluster.nodes[0].wait_for_exit().unwrap().success());
}

#[test]
fn a_call_that_cannot_be_made_says_why() {
    let node = node();
    let ctl = node.ctl();
    for (arguments, code, said) in [
        (&["call", "nobody", "MaelNode.GetStatus"][..], 1, "\"nobody\""),
        (&["call", "ada", "Nothing.AtAll"], 1, "MaelNode.GetStatus"),
        (&["call", "ada", "MaelNode.GetStatus", "7"], 2, "an object is needed"),
        (&["call", "ada", "MaelNode.GetStatus", "{"], 2, "not JSON"),
        (&["call", "ada"], 2, "METHOD"),
    ] {
        let output = ctl.run(arguments).unwrap();
        assert!(output.code == code && output.stderr.contains(said), "{arguments:?}: {output:?}");
    }
}
