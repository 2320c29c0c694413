//! The log of a board, as a hub asks for it.

use embassy_futures::join::join;
use embassy_time::Timer;
use node_core::link::Service;
use node_core::rpc::{LogItem, LogLevel, LogRequest, Method, Response};

use crate::hub::Ask;
use crate::world::with_board;

fn request(request: LogRequest) -> Vec<u8> {
    postcard::to_extend(&request, Vec::new()).unwrap()
}

/// The messages, and the number of the last item where the board asks to be asked again.
fn read(answer: &[u8]) -> (Vec<String>, Option<u64>) {
    let (result, mut items) = postcard::take_from_bytes::<Response<'_, ()>>(answer).unwrap();
    result.unwrap();
    let (mut lines, mut until) = (Vec::new(), None);
    while !items.is_empty() {
        assert_eq!(until, None, "it is the last item");
        let (item, rest) = postcard::take_from_bytes::<LogItem<'_>>(items).unwrap();
        items = rest;
        match item {
            LogItem::Line(line) => lines.push(line.message.to_owned()),
            LogItem::Until(number) => until = Some(number),
            LogItem::Lost(_) => {}
        }
    }
    (lines, until)
}

// One test, because a firmware has one log and one reader of it. Boards of other tests log into it as well.
#[test]
fn a_hub_reads_the_lines_and_follows_them_for_a_minute_without_holding_up_methods() {
    with_board(async |world, leaf| {
        let all = LogRequest { follow: false, ..LogRequest::ALL };
        let (lines, until) = read(&world.rpc(leaf, Method::Logs.number(), &request(all)).await);
        assert!(!lines.is_empty());
        assert_eq!(until, None);
        let errors = LogRequest { level: LogLevel::Error, ..all };
        assert!(read(&world.rpc(leaf, Method::Logs.number(), &request(errors)).await).0.is_empty());
        let answer = world.rpc(leaf, Method::Logs.number(), &[0xff; 4]).await;
        assert!(postcard::from_bytes::<Response<'_, ()>>(&answer).unwrap().is_err());

        let body = request(LogRequest::ALL);
        let service = Service::Rpc(Method::Logs.number());
        let follow = world.hub.ask(leaf.id(), Ask { service, body: &body, end: true, budget_ms: 120_000 });
        let meanwhile = async {
            Timer::after_secs(50).await;
            (
                world.rpc(leaf, Method::Ping.number(), b"hello").await,
                world.hub.request(leaf.id(), service, &body).await,
            )
        };
        let (followed, (pong, second)) = join(follow, meanwhile).await;
        assert_eq!(pong, b"\0hello");
        assert!(second.is_err(), "there is one reader at a time");
        let (lines, until) = read(&followed.unwrap());
        assert!(!lines.is_empty());
        assert!(until.is_some(), "it ends after a minute, and says where to go on");
    });
}
