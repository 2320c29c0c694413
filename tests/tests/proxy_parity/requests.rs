//! Requests, as the component sees them.

use node_tests::upstream::Script;

use crate::play::Stage;

fn ok() -> Script {
    Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
}

#[test]
fn a_request_arrives_as_it_was_sent() {
    let stage = Stage::start("");
    let long = "x".repeat(3000);
    let many: String = (0..126).map(|n| format!("X-Field-{n}: {n}\r\n")).collect();
    for (name, request, expected) in [
        ("without a body", "GET /COMPONENT/a?b=c HTTP/1.1\r\n", &["GET /a?b=c HTTP/1.1\n"][..]),
        ("a POST without a body or a length", "POST /COMPONENT/a HTTP/1.1\r\n", &["POST /a HTTP/1.1"]),
        (
            "a POST of nothing",
            "POST /COMPONENT/a HTTP/1.1\r\nContent-Length: 0\r\n",
            &["content-length: 0\n"],
        ),
        ("an unknown method", "MY_METHOD /COMPONENT/a HTTP/1.1\r\n", &["MY_METHOD /a HTTP/1.1\n"]),
        ("a method in lower case", "patch /COMPONENT/a HTTP/1.1\r\n", &["patch /a HTTP/1.1\n"]),
        ("many fields", &format!("GET /COMPONENT/a HTTP/1.1\r\n{many}"), &["X-Field-125: 125\n"]),
        ("a long field", &format!("GET /COMPONENT/a HTTP/1.1\r\nX-Long: {long}\r\n"), &[&long]),
        ("an encoded slash", "GET /COMPONENT/a%2Fb/../c HTTP/1.1\r\n", &["GET /c HTTP/1.1\n"]),
        ("a kept encoded slash", "GET /COMPONENT/a%2Fb HTTP/1.1\r\n", &["GET /a%2Fb HTTP/1.1\n"]),
        ("an absolute target", "GET http://y/COMPONENT/a HTTP/1.1\r\n", &["host: y\n", "GET /a HTTP/1.1\n"]),
        ("an older version", "GET /COMPONENT/a HTTP/1.0\r\n", &["GET /a HTTP/1.1\n", "via: 1.0 maelstrom\n"]),
    ] {
        let played = stage.play(&format!("{request}Host: x\r\nConnection: close\r\n\r\n"), &ok());
        assert!(played.answer.starts_with("HTTP/1.1 200 OK\r\n"), "{name}: {}", played.answer);
        let [seen] = &played.seen[..] else { panic!("{name}: {:?}", played.seen) };
        for part in expected {
            assert!(seen.contains(part), "{name}: {part:?} in {seen}");
        }
        assert!(!seen.contains("connection"), "{name}: {seen}");
        if !request.contains("Content-Length") {
            assert!(
                !seen.contains("transfer-encoding") && !seen.contains("content-length"),
                "{name}: {seen}"
            );
        }
    }
}

#[test]
fn bodies_keep_their_framing_and_their_trailers() {
    let stage = Stage::start("");
    let played = stage.play(
        "PUT /COMPONENT/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        &ok(),
    );
    assert!(
        played.seen[0].ends_with("\n\nhello") && played.seen[0].contains("content-length: 5\n"),
        "{:?}",
        played.seen
    );
    let chunked = "POST /COMPONENT/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
    let played = stage.play(chunked, &ok());
    assert!(played.seen[0].ends_with("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), "{:?}", played.seen);
    assert!(!played.seen[0].contains("content-length"), "{:?}", played.seen);
    let with_others = chunked.replace("Connection: close", "Connection: close, X-Hop").replace(
        "X-Sum: 1\r\n",
        "X-Hop: 1\r\nMAELSTROM-COMPONENT: other\r\nx_real_ip: 1\r\nProxy: evil\r\nX-Sum:1\r\nHost: evil\r\n\
         Content-Length: 9\r\nTransfer-Encoding: chunked\r\nX-Forwarded-For: 203.0.113.1\r\nAuthorization: evil\r\n",
    );
    let played = stage.play(&with_others, &ok());
    assert!(played.seen[0].ends_with("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), "{:?}", played.seen);
}

#[test]
fn fields_of_this_hop_and_of_impostors_stay_behind() {
    let stage = Stage::start("");
    let request = "GET /COMPONENT/a HTTP/1.1\r\nHost: x\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\n\
                   TE: gzip\r\nUpgrade: h2c\r\nProxy: http://evil\r\nProxy-Authorization: y\r\nX_Real_IP: 1\r\n\
                   MAELSTROM_COMPONENT: other\r\nX-Forwarded-For: 203.0.113.1\r\nForwarded: for=203.0.113.1\r\n\
                   Via: 1.1 evil\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nX-Kept: 1\r\n\r\n";
    let seen = stage.play(request, &ok()).seen.remove(0).to_lowercase();
    for gone in ["x-hop", "keep-alive", "te:", "upgrade", "proxy", "_", "203.0.113.1", "evil", "https"] {
        assert!(!seen.contains(gone), "{gone} in {seen}");
    }
    for kept in [
        "x-kept: 1\n",
        "x-forwarded-for: 127.0.0.1\n",
        "x-forwarded-host: x\n",
        "x-forwarded-proto: http\n",
        "forwarded: for=127.0.0.1;host=\"x\";proto=http\n",
        "via: 1.1 maelstrom\n",
    ] {
        assert!(seen.contains(kept), "{kept:?} in {seen}");
    }
}

#[test]
fn no_component_is_asked_to_speak_http_2_with_a_client() {
    let stage = Stage::start("");
    let request = "GET /COMPONENT/a HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade, HTTP2-Settings\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let played = stage.play(request, &ok());
    let seen = played.seen[0].to_lowercase();
    assert!(!seen.contains("upgrade") && !seen.contains("http2") && !seen.contains("connection"), "{seen}");
    assert!(played.answer.starts_with("HTTP/1.1 200 OK\r\n"), "{}", played.answer);
}

#[test]
fn no_component_is_asked_for_a_tunnel() {
    let stage = Stage::start("");
    for target in ["/COMPONENT/a", "example.org:443", "/nobody/", "/"] {
        let played =
            stage.play(&format!("CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\nGET /COMPONENT/b"), &ok());
        assert!(played.answer.starts_with("HTTP/1.1 501 Not Implemented\r\n"), "{target}: {}", played.answer);
        assert!(played.answer.ends_with("CONNECT is not served here"), "{target}: {}", played.answer);
        assert!(played.seen.is_empty(), "{target}: {:?}", played.seen);
    }
}

#[test]
fn no_path_leaves_the_prefix_of_its_component() {
    let stage = Stage::start("/base");
    for path in [
        "/COMPONENT/../secret",
        "/COMPONENT/a/../../../secret",
        "/COMPONENT/%2e%2e/secret",
        "/COMPONENT/a/%2E./%2e%2e/../x",
    ] {
        let played =
            stage.play(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), &ok());
        assert!(played.seen.iter().all(|seen| seen.starts_with("GET /base/")), "{path}: {:?}", played.seen);
        assert!(played.answer.starts_with("HTTP/1.1 4"), "{path}: {}", played.answer);
    }
    let played = stage
        .play("GET /COMPONENT/a/./b/../c?x=/../y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &ok());
    assert!(played.seen[0].starts_with("GET /base/a/c?x=/../y HTTP/1.1\n"), "{:?}", played.seen);
}

#[test]
fn what_could_hide_a_second_request_is_refused_and_the_connection_ends() {
    let stage = Stage::start("");
    for (fields, status) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        ("Content-Length: +5\r\n", 400),
        ("Content-Length: 5, 5, 6\r\n", 400),
        ("Transfer-Encoding: JUNK, chunked\r\n", 501),
        ("Transfer-Encoding: gzip, chunked\r\n", 501),
        ("Transfer-Encoding: chunked, gzip\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: xchunked\r\n", 400),
        ("Transfer-Encoding : chunked\r\n", 400),
        ("Transfer-Encoding:\x0bchunked\r\n", 400),
        ("X: 1\r\n Content-Length: 5\r\n", 400),
        ("X: a\rb\r\n", 400),
        ("Host: y\r\n", 400),
        (" : 1\r\n", 400),
    ] {
        let hidden = "GET /COMPONENT/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
        let request = format!("POST /COMPONENT/a HTTP/1.1\r\nHost: x\r\n{fields}\r\n0\r\n\r\n{hidden}");
        let played = stage.play(&request, &ok());
        assert!(played.answer.starts_with(&format!("HTTP/1.1 {status} ")), "{fields:?}: {}", played.answer);
        assert_eq!(played.answer.matches("HTTP/1.1").count(), 1, "{fields:?}: {}", played.answer);
        assert!(played.seen.is_empty(), "{fields:?}: {:?}", played.seen);
    }
    // A server that ends a line at a bare LF takes trailers for the next request.
    for trailers in [
        "X: y\n\nGET /admin HTTP/1.1\r\nHost: h\r\n",
        "X: y\r\nZ: 1\n\nGET /admin HTTP/1.1\r\n",
        "X: y\r\n folded\r\n",
        "X: y\rGET /admin HTTP/1.1\r\n",
        "GET /admin HTTP/1.1\r\n",
        "X : y\r\n",
        "X: \0\r\n",
    ] {
        let head = "POST /COMPONENT/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        for component in ["loc", "rem"] {
            stage.upstream.plays(ok());
            let answer = stage.ask(&format!("{head}0\r\n{trailers}\r\n").replace("COMPONENT", component));
            assert!(answer.starts_with("HTTP/1.1 400 "), "{component}: {trailers:?}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{component}: {trailers:?}: {answer}");
            let seen = stage.upstream.seen().unwrap();
            assert!(!seen.iter().any(|seen| seen.contains("admin")), "{component}: {trailers:?}: {seen:?}");
        }
    }
    // Of HTTP/1.0 with chunks nobody can tell the end.
    let played = stage
        .play("POST /COMPONENT/a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &ok());
    assert!(played.answer.starts_with("HTTP/1.1 400 "), "{}", played.answer);
}

#[test]
fn requests_in_one_write_are_answered_in_their_order() {
    let stage = Stage::start("");
    let one = "POST /COMPONENT/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    let two =
        "POST /COMPONENT/2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nd\r\n0\r\n\r\n";
    let three = "GET /COMPONENT/3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let played = stage.play(&format!("{one}{two}{three}"), &ok());
    assert_eq!(played.answer.matches("HTTP/1.1 200 OK").count(), 3, "{}", played.answer);
    let lines: Vec<&str> = played.seen.iter().filter_map(|seen| seen.lines().next()).collect();
    assert_eq!(lines, ["POST /1 HTTP/1.1", "POST /2 HTTP/1.1", "GET /3 HTTP/1.1"]);
}
