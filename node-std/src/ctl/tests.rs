use clap::Parser;
use clap::error::ErrorKind;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::client::Client;
use super::commands::follow;
use super::{CtlError, Flags, answer};
use crate::api::testing::api;
use crate::testing::{ANYBODY, server};

/// The output of `maelctl`. Every test gives a URL, so that the environment's does not matter.
async fn maelctl(arguments: &[&str]) -> Result<String, CtlError> {
    let flags = Flags::try_parse_from(core::iter::once(&"maelctl").chain(arguments)).unwrap();
    answer(flags).await
}

/// A node without TLS.
async fn node() -> String {
    let addr = server(|request: Request<Incoming>| async {
        assert_eq!((request.uri().path(), request.method().as_str()), ("/_mael/v1", "POST"));
        let response = api().respond(request, &ANYBODY).await;
        let (parts, body) = response.into_parts();
        Response::from_parts(parts, Full::new(body.collect().await.unwrap().to_bytes()))
    })
    .await;
    format!("http://{addr}")
}

#[tokio::test]
async fn json_is_what_the_node_answered() {
    let url = node().await;
    let printed = maelctl(&["--url", &url, "cluster", "nodes", "--json"]).await.unwrap();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert!(printed["nodes"].is_array() && printed["respondingNodeId"].is_string(), "{printed}");
    let printed = maelctl(&["keys", "ls", "--json", "--url", &url]).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap()["nodeId"], "0".repeat(32));
}

#[tokio::test]
async fn people_get_a_table() {
    let url = node().await;
    let printed = maelctl(&["--url", &url, "cluster", "nodes"]).await.unwrap();
    assert!(printed.starts_with("NAME  ID  KIND  STATE"), "{printed}");
    assert!(maelctl(&["--url", &url, "keys", "ls"]).await.unwrap().starts_with("SLOT"));
    assert!(maelctl(&["version"]).await.unwrap().starts_with("maelctl "));
}

#[tokio::test]
async fn a_follower_is_told_how_many_events_were_missed() {
    let event = |number: u64| {
        json!({
            "number": number, "at": 0, "nodeId": "01".repeat(16), "name": "a", "before": null, "state": "alive",
            "incarnation": 1, "by": null, "reason": null,
        })
    };
    // More events than are kept happen before the first request and after it. Then the node is gone.
    let addr = server(move |request: Request<Incoming>| async move {
        let asked = request.into_body().collect().await.unwrap().to_bytes();
        let asked: Value = serde_json::from_slice(&asked).unwrap();
        let list = |numbers: [u64; 2]| {
            let [_, last] = numbers;
            json!({"result": {"respondingNodeId": "", "last": last, "events": numbers.map(event)}})
        };
        let answer = match asked["params"][0]["after"].as_u64() {
            Some(0) => list([5, 6]),
            Some(6) => list([10, 11]),
            _ => json!({"error": {"message": "gone"}}),
        };
        Response::new(Full::<bytes::Bytes>::from(answer.to_string()))
    })
    .await;
    let flags = ["maelctl", "--url", &format!("http://{addr}"), "cluster", "events", "--follow"];
    let client = Client::new(&Flags::try_parse_from(flags).unwrap()).unwrap();
    let mut printed = Vec::new();
    assert!(follow(&client, false, &mut printed).await.is_err());
    let printed = String::from_utf8(printed).unwrap();
    let lines: Vec<_> = printed.lines().map(|line| line == "… events missed: 3").collect();
    assert_eq!(lines, [false, false, true, false, false], "{printed}");
}

#[tokio::test]
async fn a_refusal_fails_with_the_nodes_own_text() {
    let error = maelctl(&["--url", &node().await, "ping", "nowhere"]).await.unwrap_err();
    assert!(error.to_string().starts_with("there is no node \"nowhere\""), "{error}");
    assert_eq!(error.exit_code(), 1);
}

#[tokio::test]
async fn a_node_that_is_not_there_is_named() {
    let addr = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{addr}");
    let error = maelctl(&["--url", &url, "cluster", "nodes"]).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("{url}: Connection refused")), "{error}");
    assert_eq!(error.exit_code(), 1);
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let error = maelctl(&["--url", &url, "--timeout", "1", "cluster", "nodes"]).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{url}: no answer within 1 s"));
}

#[tokio::test]
async fn another_service_is_recognised() {
    let addr = server(|_| async { Response::new(Full::<bytes::Bytes>::from("<html>")) }).await;
    let error = maelctl(&["--url", &format!("http://{addr}"), "cluster", "nodes"]).await.unwrap_err();
    assert!(error.to_string().contains("is it a Maelstrom node?"), "{error}");
}

#[tokio::test]
async fn url_and_keys_must_agree() {
    for (arguments, expected) in [
        (
            &["--url", "http://h", "--tls-dir", "/tls"][..],
            "http://h (--url, MAELSTROM_PRIVATE_URL) is not encrypted",
        ),
        (&["--url", "https://h"], "https://h needs keys"),
        (&["--url", "ftp://h"], "ftp://h: expected http://HOST:PORT"),
        // A wrong port must not lead to another node.
        (&["--url", "http://h:99999"], "http://h:99999: expected http://HOST:PORT"),
        (&["--url", "http://h:"], "http://h:: expected http://HOST:PORT"),
        (&["--url", "http://me@h"], "http://me@h: expected http://HOST:PORT"),
        (&["--url", "http://h/path"], "http://h/path: expected http://HOST:PORT"),
        (&["--url", "h:8374"], "h:8374: expected http://HOST:PORT"),
    ] {
        let error = maelctl(&[arguments, &["cluster", "nodes"]].concat()).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[tokio::test]
async fn a_directory_without_keys_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let error = maelctl(&["--tls-dir", path, "cluster", "nodes"]).await.unwrap_err();
    assert!(error.to_string().contains(path), "{error}");
    assert_eq!(error.exit_code(), 1);
}

#[tokio::test]
async fn keys_are_not_pushed_without_a_key_to_seal_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let error = maelctl(&["--url", "http://h", "keys", "push", "board", path]).await.unwrap_err();
    let message = "http://h is asked without one: write https://, and give your keys with --tls-dir";
    assert!(error.to_string().contains(message), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[tokio::test]
async fn an_empty_variable_counts_as_unset() {
    let url = node().await;
    assert!(maelctl(&["--url", &url, "--tls-dir", "", "keys", "ls"]).await.is_ok());
}

#[test]
fn a_command_that_does_not_exist_is_a_mistake_of_the_caller() {
    let error = Flags::try_parse_from(["maelctl", "dance"]).unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::InvalidSubcommand, 2));
}
