//! The board's components: what they may answer, and what requests that stall cost the others.

use embassy_futures::join::{join, join_array};
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer};
use node_core::link::Service;
use node_core::rpc::Method;
use node_embedded::Leaf;

use crate::board::board;
use crate::clock::run;
use crate::flash::Flash;
use crate::hub::Ask;
use crate::world::{World, with_board, world};

/// A request as a hub sends it.
fn request(line: &str, fields: &str, body: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nmaelstrom-component: board-echo\r\n{fields}\r\n{body}").into_bytes()
}

/// Sends a request, and returns the whole response.
async fn ask(world: &World, leaf: Leaf<'_>, request: &[u8]) -> Result<String, String> {
    let response = world.hub.request(leaf.id(), Service::Http, request).await?;
    Ok(String::from_utf8(response).unwrap())
}

/// Sends the start of an upload, and nothing more.
async fn stall(world: &World, leaf: Leaf<'_>, path: &str) -> Result<String, String> {
    let body = request(&format!("POST {path}"), "content-length: 1000\r\n", "the start");
    let ask = Ask { service: Service::Http, body: &body, end: false, budget_ms: 300_000 };
    world.hub.ask(leaf.id(), ask).await.map(|response| String::from_utf8(response).unwrap())
}

#[test]
fn a_response_is_as_long_as_its_head_says() {
    with_board(async |world, leaf| {
        let get = async |path: &str| ask(world, leaf, &request(&format!("GET {path}"), "", "")).await;
        // Without a length, the head has the mark of a body, and the body is bare.
        let echo = ask(world, leaf, &request("POST /echo", "content-length: 2\r\n", "hi")).await.unwrap();
        assert_eq!(echo, "HTTP/1.1 200 OK\r\nx-method: POST\r\ntransfer-encoding: chunked\r\n\r\nhi");
        assert_eq!(get("/empty").await.unwrap(), "HTTP/1.1 204 No Content\r\n\r\n");
        for path in ["/short", "/long", "/twice"] {
            assert_eq!(get(path).await, Err("reset: internal error".to_owned()), "{path}");
        }
        for path in ["/fails", "/elsewhere", "/interim", "/hop", "/no-answer"] {
            let answer = get(path).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 500 "), "{path}: {answer}");
        }
    });
}

#[test]
fn who_waits_to_send_the_body_is_told_to_go_on_if_the_component_reads_it() {
    with_board(async |world, leaf| {
        let asks = async |path: &str| {
            ask(world, leaf, &request(&format!("POST {path}"), "expect: 100-continue\r\n", "hi"))
                .await
                .unwrap()
        };
        let read = asks("/collect").await;
        assert!(read.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{read}");
        // The answer has begun: it says as much.
        assert!(asks("/echo").await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(asks("/nothing").await.starts_with("HTTP/1.1 404 "));
    });
}

#[test]
fn an_answer_to_head_has_the_head_of_an_answer_to_get_and_no_body() {
    with_board(async |world, leaf| {
        let head = ask(world, leaf, &request("HEAD /collect", "", "")).await.unwrap();
        assert_eq!(head, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\n");
        let unknown = ask(world, leaf, &request("HEAD /nothing", "", "")).await.unwrap();
        assert!(unknown.starts_with("HTTP/1.1 404") && unknown.ends_with("\r\n\r\n"), "{unknown}");
    });
}

#[test]
fn a_request_is_as_long_as_its_head_says() {
    with_board(async |world, leaf| {
        for (fields, body, status) in [
            ("content-length: 5\r\n", "hello", 200),
            ("transfer-encoding: chunked\r\n", "hello", 200),
            // A peer that knows of no mark.
            ("", "hello", 200),
            ("content-length: 6\r\n", "hello", 400),
            ("content-length: 4\r\n", "hello", 400),
            ("content-length: 5\r\ntransfer-encoding: chunked\r\n", "hello", 400),
            ("transfer-encoding: gzip, chunked\r\n", "hello", 501),
        ] {
            let answer = ask(world, leaf, &request("PUT /collect", fields, body)).await.unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{fields}: {answer}");
            assert!(status != 200 || answer.ends_with("\r\n\r\n5"), "{answer}");
        }
    });
}

#[test]
fn stalled_uploads_leave_the_board_to_others_and_are_given_up() {
    with_board(async |world, leaf| {
        let begun = Instant::now();
        let stalled = join_array([(); 4].map(|()| stall(world, leaf, "/collect")));
        let others = async {
            Timer::after_millis(100).await;
            for _ in 0..3 {
                assert_eq!(world.http(leaf, "/echo", b"small").await, Ok((200, b"small".to_vec())));
            }
            assert!(begun.elapsed().as_secs() < 1, "they waited for stalled uploads");
        };
        let ([one, two, three, four], ()) = join(stalled, others).await;
        for answer in [one, two] {
            assert!(answer.as_ref().unwrap().starts_with("HTTP/1.1 408 "), "{answer:?}");
        }
        // No worker was free for the others in the time that they may wait.
        assert_eq!([three, four], [(); 2].map(|()| Err("reset: full".to_owned())));
        assert!((10..12).contains(&begun.elapsed().as_secs()), "{}", begun.elapsed());
        // The answer has begun: nobody may take it for a whole one.
        assert_eq!(stall(world, leaf, "/echo").await, Err("reset: out of time".to_owned()));
    });
}

#[test]
fn a_caller_that_takes_no_answer_loses_its_worker() {
    let (world, tasks) = world();
    run(tasks, async {
        world.hub.give_no_credit();
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            let begun = Instant::now();
            let body = request("GET /echo", "", "");
            let ask = Ask { service: Service::Http, body: &body, end: true, budget_ms: 300_000 };
            assert_eq!(world.hub.ask(leaf.id(), ask).await, Err("reset: out of time".to_owned()));
            assert!((10..12).contains(&begun.elapsed().as_secs()), "{}", begun.elapsed());
        };
        select(test, task).await;
    });
}

#[test]
fn an_upload_that_trickles_is_given_up_too() {
    with_board(async |world, leaf| {
        // More than the hub sends at once: the rest comes byte by byte.
        let body = request("POST /collect", "content-length: 2000\r\n", &"x".repeat(2000));
        let ask = Ask { service: Service::Http, body: &body, end: true, budget_ms: 300_000 };
        let begun = Instant::now();
        let answer = world.hub.ask_slowly(leaf.id(), ask, Some(Duration::from_secs(4))).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
        assert!((10..18).contains(&begun.elapsed().as_secs()), "{}", begun.elapsed());
    });
}

#[test]
fn a_component_that_reads_slowly_gets_the_whole_upload() {
    with_board(async |world, leaf| {
        // The hub sends as fast as the board reads. The board reads 500 bytes and then waits for 5 s.
        let body = "x".repeat(4000);
        let begun = Instant::now();
        let request = request("POST /slow", "content-length: 4000\r\n", &body);
        let ask = Ask { service: Service::Http, body: &request, end: true, budget_ms: 300_000 };
        let answer = String::from_utf8(world.hub.ask(leaf.id(), ask).await.unwrap()).unwrap();
        assert!(answer.ends_with("\r\n\r\n4000"), "{answer}");
        assert!(begun.elapsed().as_secs() > 30, "the time in which the board itself is slow does not count");
    });
}

#[test]
fn a_request_waits_a_bounded_time_for_a_worker() {
    with_board(async |world, leaf| {
        let begun = Instant::now();
        let busy = join_array([(); 3].map(|()| world.http(leaf, "/never", b"")));
        let fourth = async {
            Timer::after_millis(100).await;
            let answer = world.http(leaf, "/echo", b"").await;
            assert_eq!(answer, Err("reset: full".to_owned()));
            begun.elapsed().as_secs()
        };
        match select(busy, fourth).await {
            Either::First(_) => panic!("the fourth request waited as long as the others took"),
            Either::Second(waited) => assert_eq!(waited, 5),
        }
    });
}

#[test]
fn requests_to_components_leave_a_place_for_the_operator() {
    with_board(async |world, leaf| {
        let busy = join_array([(); 5].map(|()| world.http(leaf, "/never", b"")));
        let operator = async {
            Timer::after_millis(100).await;
            let begun = Instant::now();
            let sixth = world.http(leaf, "/echo", b"").await;
            assert_eq!(sixth, Err("reset: full".to_owned()));
            assert_eq!(world.rpc(leaf, Method::Ping.number(), b"hello").await, b"\0hello");
            assert!(begun.elapsed().as_millis() < 500, "{}", begun.elapsed());
        };
        assert!(matches!(select(busy, operator).await, Either::Second(())));
    });
}
