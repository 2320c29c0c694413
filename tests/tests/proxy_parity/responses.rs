//! Responses, as the client sees them.

use node_tests::upstream::Script;

use crate::play::Stage;

const GET: &str = "GET /COMPONENT/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[test]
fn a_response_arrives_as_it_was_sent() {
    let stage = Stage::start("");
    for (name, answer, expected, body) in [
        (
            "a length",
            "HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-Kept: 1\r\n\r\nok",
            &["HTTP/1.1 201 Made\r\n", "content-length: 2\r\n", "X-Kept: 1\r\n", "via: 1.1 maelstrom\r\n"][..],
            "\r\n\r\nok",
        ),
        (
            "chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            &["transfer-encoding: chunked\r\n"],
            "2\r\nok\r\n0\r\n\r\n",
        ),
        (
            "trailers",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\n\r\n2\r\nok\r\n0\r\nX-Hop: 1\r\nMaelstrom-Error: busy x\r\nSet-Cookie: evil\r\nX-Sum:1\r\nContent-Length: 9\r\n\r\n",
            &["transfer-encoding: chunked\r\n"],
            "2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
        ),
        (
            "a length and chunks",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
            &["transfer-encoding: chunked\r\n"],
            "hello world\r\n0\r\n\r\n",
        ),
        (
            "no content",
            "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n",
            &["HTTP/1.1 204 No Content\r\n"],
            "\r\n\r\n",
        ),
        (
            "fields of the hop",
            "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nMaelstrom-Error: x\r\nContent-Length: 0\r\n\r\n",
            &["HTTP/1.1 200 OK\r\n"],
            "\r\n\r\n",
        ),
        (
            "interim responses",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            &["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n", "HTTP/1.1 200 OK\r\n"],
            "ok",
        ),
    ] {
        let played = stage.play(GET, &Script::answer(answer));
        for part in expected {
            assert!(played.answer.contains(part), "{name}: {part:?} in {}", played.answer);
        }
        assert!(played.answer.ends_with(body), "{name}: {}", played.answer);
        for gone in ["X-Hop", "Keep-Alive", "aelstrom-Error"] {
            assert!(!played.answer.contains(gone), "{name}: {}", played.answer);
        }
        assert!(
            !(played.answer.contains("content-length") && played.answer.contains("transfer-encoding")),
            "{name}: {}",
            played.answer
        );
    }
}

#[test]
fn the_version_is_that_of_the_gateway_and_an_end_by_closing_becomes_one_in_chunks() {
    let stage = Stage::start("");
    let old = Script::answer("HTTP/1.0 200 OK\r\nX: 1\r\n\r\nuntil the end").close();
    let played = stage.play(GET, &old);
    assert!(played.answer.starts_with("HTTP/1.1 200 OK\r\n"), "{}", played.answer);
    assert!(played.answer.contains("via: 1.0 maelstrom\r\n"), "{}", played.answer);
    assert!(
        played.answer.contains("transfer-encoding: chunked") && played.answer.ends_with("\r\n0\r\n\r\n"),
        "{}",
        played.answer
    );
    // A client of HTTP/1.0 knows no chunks.
    let played = stage.play("GET /COMPONENT/a HTTP/1.0\r\n\r\n", &old);
    assert!(
        played.answer.ends_with("\r\n\r\nuntil the end") && !played.answer.contains("chunked"),
        "{}",
        played.answer
    );
}

#[test]
fn the_answer_to_head_has_a_length_and_no_body() {
    let stage = Stage::start("");
    let head = GET.replace("GET", "HEAD");
    let played = stage.play(&head, &Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"));
    assert!(
        played.answer.contains("content-length: 500\r\n") && played.answer.ends_with("\r\n\r\n"),
        "{}",
        played.answer
    );
}

#[test]
fn an_upstream_that_breaks_the_rules_is_a_bad_gateway() {
    let stage = Stage::start("");
    for answer in [
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "",
    ] {
        let played = stage.play(GET, &Script::answer(answer).close());
        assert!(played.answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer:?}: {}", played.answer);
        assert!(!played.answer.contains("127.0.0.1"), "the world learns no address: {}", played.answer);
    }
}

#[test]
fn a_response_that_is_cut_never_looks_whole() {
    let stage = Stage::start("");
    let played =
        stage.play(GET, &Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf").close());
    assert!(played.answer.contains("content-length: 50\r\n"), "{}", played.answer);
    let played = stage.play(
        GET,
        &Script::answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").close(),
    );
    assert!(!played.answer.ends_with("0\r\n\r\n"), "{}", played.answer);
    // A client that ends a line at a bare LF takes trailers for the next response.
    let split = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\n\nHTTP/1.1 200 Evil\r\nY: 1\r\n\r\n";
    let played = stage.play(GET, &Script::answer(split));
    assert!(!played.answer.contains("\n0\r\n") && !played.answer.contains("Evil"), "{}", played.answer);
}

#[test]
fn what_may_have_been_acted_on_is_not_repeated() {
    let stage = Stage::start("");
    for (method, most) in [("DELETE", 1), ("POST", 1), ("GET", 1)] {
        let request = GET.replace("GET", method);
        let played = stage.play(&request, &Script::answer("").close());
        assert!(played.answer.starts_with("HTTP/1.1 502 "), "{}", played.answer);
        assert!(played.seen.len() <= most, "{method}: {:?}", played.seen);
    }
}

#[test]
fn an_answer_before_the_request_ends_arrives() {
    let stage = Stage::start("");
    let body = "x".repeat(100_000);
    let request = format!(
        "POST /COMPONENT/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let refusal =
        Script::answer("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").early().close();
    for component in ["loc", "rem"] {
        for _ in 0..30 {
            stage.upstream.plays(refusal.clone());
            let answer = stage.ask(&request.replace("COMPONENT", component));
            assert!(
                answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("big"),
                "{component}: {answer:?}"
            );
        }
    }
}

#[test]
fn a_response_with_many_fields_arrives_with_all_of_them() {
    let stage = Stage::start("");
    let many: String = (0..200).map(|n| format!("X-Field-{n}: {n}\r\n")).collect();
    let answer = format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 2\r\n\r\nok");
    let played = stage.play(GET, &Script::answer(&answer));
    assert!(played.answer.contains("X-Field-199: 199\r\n"), "{}", played.answer);
}
