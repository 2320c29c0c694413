//! How much a request may take.

use node_tests::http::Curl;
use node_tests::upstream::Script;

use crate::http2::Call;
use crate::play::Stage;

fn ok() -> Script {
    Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
}

fn upload(framing: &str, rest: &str) -> String {
    format!("POST /COMPONENT/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}\r\n\r\n{rest}")
}

#[test]
fn a_body_is_no_longer_than_the_node_and_the_component_take() {
    let chunked = "Transfer-Encoding: chunked";
    for (settings, flags) in [
        ("max_body: 10", &[][..]),
        ("", &[("--max-body-bytes", "10")]),
        ("max_body: 10", &[("--max-body-bytes", "11")]),
        ("max_body: 11", &[("--max-body-bytes", "10")]),
    ] {
        let stage = Stage::with("", settings, flags);
        for (name, request) in [
            ("a length", upload("Content-Length: 10", "0123456789")),
            ("one chunk", upload(chunked, "a\r\n0123456789\r\n0\r\n\r\n")),
            ("two chunks", upload(chunked, "5\r\n01234\r\n5\r\n56789\r\n0\r\nX-Sum: 1\r\n\r\n")),
        ] {
            for component in ["loc", "rem"] {
                stage.upstream.plays(ok());
                let answer = stage.ask(&request.replace("COMPONENT", component));
                assert!(answer.starts_with("HTTP/1.1 200 "), "{settings} {flags:?} {name}: {answer}");
            }
        }
        for (name, request) in [
            ("a length", upload("Content-Length: 11", "0123456789a")),
            ("a length without the body", upload("Content-Length: 11\r\nExpect: 100-continue", "")),
            ("one chunk", upload(chunked, "b\r\n0123456789a\r\n0\r\n\r\n")),
            ("two chunks", upload(chunked, "a\r\n0123456789\r\n1\r\na\r\n0\r\n\r\n")),
        ] {
            for component in ["loc", "rem"] {
                let place = format!("{settings} {flags:?} {name} {component}");
                stage.upstream.plays(ok());
                let answer = stage.ask(&request.replace("COMPONENT", component));
                assert!(answer.starts_with("HTTP/1.1 413 "), "{place}: {answer}");
                assert!(answer.ends_with("the request takes more than 10 bytes"), "{place}: {answer}");
                // A part may have arrived, which does not look whole.
                let seen = stage.upstream.seen().unwrap();
                assert!(!seen.iter().any(|seen| seen.contains("\r\n0\r\n")), "{place}: {seen:?}");
            }
        }
        for (component, has_length) in [("loc", true), ("loc", false), ("rem", true), ("rem", false)] {
            let place = format!("{settings} {flags:?} {component} {has_length}");
            let answer = |body| Call::upload(body, has_length).send(&stage.gateway(), component);
            assert_eq!(answer("0123456789"), "200 ok", "{place}");
            assert_eq!(answer("0123456789a"), "413 the request takes more than 10 bytes", "{place}");
        }
    }
}

#[test]
fn a_head_has_no_more_fields_and_bytes_than_the_node_takes() {
    const FIELDS: usize = 20;
    const BYTES: usize = 2048;
    let limits = [("--max-headers", FIELDS.to_string()), ("--max-head-bytes", BYTES.to_string())];
    let stage = Stage::with("", "", &limits.each_ref().map(|(flag, limit)| (*flag, limit.as_str())));
    // Where a request goes by its path, and where by a field.
    for (port, path, field) in
        [(stage.gateway(), "/rem/a", ""), (stage.private(), "/a", "MAELSTROM-COMPONENT: rem\r\n")]
    {
        let with_bytes = |len: usize| {
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{field}X: \r\n\r\n");
            Stage::ask_at(&port, &head.replace("X: ", &format!("X: {}", "x".repeat(len - head.len()))))
        };
        assert!(with_bytes(BYTES).starts_with("HTTP/1.1 200 "), "{path}");
        let answer = with_bytes(BYTES + 1);
        assert!(
            answer.starts_with("HTTP/1.1 431 ") && answer.contains("connection: close"),
            "{path}: {answer}"
        );
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let ask = |fields: &[String]| {
                let curl = Curl::get(&format!("http://{port}{path}")).flag(version);
                // Nothing but the host is sent that is not here.
                let curl = curl.header("User-Agent:").header("Accept:");
                let curl = if field.is_empty() { curl } else { curl.header(field.trim_end()) };
                fields.iter().fold(curl, |curl, field| curl.header(field)).send().unwrap().status
            };
            let others = 1 + usize::from(!field.is_empty());
            let fields: Vec<String> = (others..=FIELDS).map(|n| format!("X-{n}: 1")).collect();
            assert_eq!(ask(&fields[1..]), 200, "{path} {version}");
            assert_eq!(ask(&fields), 431, "{path} {version}");
            assert_eq!(ask(&[format!("X: {}", "x".repeat(BYTES / 2))]), 200, "{path} {version}");
            assert_eq!(ask(&[format!("X: {}", "x".repeat(BYTES))]), 431, "{path} {version}");
            assert_eq!(ask(&[format!("X: {}", "x".repeat(2 * BYTES))]), 431, "{path} {version}");
        }
    }
}
