//! The board's requests to components elsewhere.

use embassy_futures::join::join;
use embassy_time::Duration;
use node_embedded::{Call, CallError, CallResponse, ExchangeError};

use crate::world::with_board;

async fn text(mut response: CallResponse<'_, '_>) -> Result<String, ExchangeError> {
    let (mut whole, mut part) = (Vec::new(), [0; 50]);
    loop {
        match response.read(&mut part).await? {
            0 => return Ok(String::from_utf8(whole).unwrap()),
            read => whole.extend_from_slice(&part[..read]),
        }
    }
}

#[test]
fn a_request_says_how_long_its_body_is() {
    with_board(async |_, leaf| {
        let send = async |method, body| {
            let mut head = [0; 256];
            let call = Call { method, body, ..Call::get("hub-echo", "/request") };
            text(leaf.call(&call, &mut head).await.unwrap()).await.unwrap()
        };
        let start = |method| format!("{method} /request HTTP/1.1\r\nmaelstrom-component: hub-echo\r\n");
        for method in ["GET", "DELETE", "OPTIONS"] {
            assert_eq!(send(method, b"").await, format!("{}\r\n", start(method)));
        }
        assert_eq!(send("POST", b"").await, format!("{}content-length: 0\r\n\r\n", start("POST")));
        assert_eq!(send("PATCH", b"hi").await, format!("{}content-length: 2\r\n\r\nhi", start("PATCH")));
    });
}

#[test]
fn a_body_is_streamed_with_and_without_a_length() {
    with_board(async |_, leaf| {
        for (length, field) in [(None, "transfer-encoding: chunked"), (Some(3000), "content-length: 3000")] {
            let call = Call { method: "PUT", ..Call::get("hub-echo", "/request") };
            let mut head = [0; 256];
            let stream = leaf.open(&call, length, &mut head).await.unwrap();
            assert_eq!(stream.read(&mut [0; 9]).await, Err(ExchangeError::Misuse), "the head comes first");
            let send = async {
                for _ in 0..3 {
                    stream.write(&[b'x'; 1000]).await.unwrap();
                }
                if length.is_some() {
                    assert_eq!(stream.write(b"more").await, Err(ExchangeError::Misuse));
                }
                stream.finish().await.unwrap();
            };
            let receive = async {
                let mut head = [0; 256];
                let head = stream.response(&mut head).await.unwrap();
                assert_eq!(head.status(), 200);
                let (mut whole, mut part) = (Vec::new(), [0; 100]);
                while let read @ 1.. = stream.read(&mut part).await.unwrap() {
                    whole.extend_from_slice(&part[..read]);
                }
                String::from_utf8(whole).unwrap()
            };
            let ((), seen) = join(send, receive).await;
            assert!(seen.contains(&format!("\r\n{field}\r\n")), "{seen}");
            assert!(seen.ends_with(&format!("\r\n\r\n{}", "x".repeat(3000))), "{seen}");
        }
    });
}

#[test]
fn a_body_shorter_than_announced_is_not_ended() {
    with_board(async |_, leaf| {
        let mut head = [0; 256];
        let stream = leaf.open(&Call::get("hub-echo", "/echo"), Some(2), &mut head).await.unwrap();
        stream.write(b"1").await.unwrap();
        assert_eq!(stream.finish().await, Err(ExchangeError::Misuse));
        drop(stream);
        let call = Call::post("hub-echo", "/echo", b"body");
        assert_eq!(leaf.open(&call, None, &mut head).await.map(drop), Err(CallError::BadRequest));
        let fields = [("content-length", &b"3"[..])];
        let call = Call { fields: &fields, ..call };
        assert_eq!(leaf.call(&call, &mut head).await.map(drop), Err(CallError::BadRequest));
    });
}

#[test]
fn interim_responses_are_skipped_and_head_has_no_body() {
    with_board(async |_, leaf| {
        let mut head = [0; 256];
        let response = leaf.call(&Call::post("hub-echo", "/interim", b"hello"), &mut head).await.unwrap();
        assert_eq!((response.status(), response.field("content-length")), (200, Some(&b"5"[..])));
        assert_eq!(text(response).await.unwrap(), "hello");
        let call = Call { method: "HEAD", ..Call::get("hub-echo", "/") };
        let response = leaf.call(&call, &mut head).await.unwrap();
        assert_eq!(response.field("content-length"), Some(&b"5"[..]));
        assert_eq!(text(response).await.unwrap(), "");
    });
}

#[test]
fn a_response_shorter_than_its_head_says_is_an_error() {
    with_board(async |_, leaf| {
        let mut head = [0; 256];
        let response = leaf.call(&Call::post("hub-echo", "/short", b"hello"), &mut head).await.unwrap();
        assert_eq!(text(response).await, Err(ExchangeError::BadBody));
    });
}

#[test]
fn an_answer_before_the_request_is_whole_ends_it() {
    with_board(async |world, leaf| {
        let mut head = [0; 256];
        // More than the hub takes at once.
        let body = vec![0; 200_000];
        let call = Call { timeout: Duration::from_secs(60), ..Call::post("hub-echo", "/refuse", &body) };
        let response = leaf.call(&call, &mut head).await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(text(response).await.unwrap(), "");
        let stream = leaf.open(&Call::get("hub-echo", "/refuse"), None, &mut head).await.unwrap();
        assert_eq!(stream.response(&mut head).await.unwrap().status(), 413);
        assert_eq!(stream.read(&mut [0; 1]).await, Ok(0));
        assert_eq!(stream.write(b"more").await, Err(ExchangeError::Answered));
        drop(stream);
        // Nothing of that stays behind.
        for _ in 0..5 {
            assert_eq!(leaf.call(&call, &mut head).await.unwrap().status(), 413);
        }
        assert_eq!(world.hub.links(), 1);
    });
}
