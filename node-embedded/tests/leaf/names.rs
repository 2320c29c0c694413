//! Hubs by name, and by IPv6: all addresses of a name are dialled in turn. Name servers that are wrong, silent or forged.

use core::cell::Cell;
use core::pin::pin;
use std::rc::Rc;

use embassy_futures::select::{Either, select};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{ConfigV4, ConfigV6, IpEndpoint, Ipv4Cidr, StaticConfigV4};
use embassy_time::{Duration, Instant, Timer};
use node_embedded::{DialError, Leaf, LinkEvent, Settings};
use rand_core::OsRng;

use crate::board::{settings, try_board};
use crate::cable::{self, Network};
use crate::clock::run;
use crate::flash::Flash;
use crate::task::Task;
use crate::world::world;

/// The packets that a name server sends when it reads this question.
trait Answers: Fn(&[u8]) -> Vec<Vec<u8>> + 'static {}

impl<A: Fn(&[u8]) -> Vec<Vec<u8>> + 'static> Answers for A {}

/// Answers for ever. The cable is the network of the test.
fn serve(network: &Network, answers: impl Answers) -> Task {
    let network = network.hub;
    Box::pin(async move {
        let mut metadata = [[PacketMetadata::EMPTY; 4]; 2];
        let [first, second] = &mut metadata;
        let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
        let mut socket = UdpSocket::new(network, first, &mut rx, second, &mut tx);
        socket.bind(53).unwrap();
        loop {
            let mut question = [0; 512];
            let (length, asker) = socket.recv_from(&mut question).await.unwrap();
            for packet in answers(&question[..length]) {
                socket.send_to(&packet, asker).await.unwrap();
            }
        }
    })
}

/// A name server: it answers each question with these addresses of each kind.
#[derive(Clone, Copy)]
struct NameServer {
    four: &'static [[u8; 4]],
    six: &'static [[u8; 16]],
}

impl NameServer {
    /// RFC 1035 section 4.
    fn answer(&self, question: &[u8]) -> Vec<u8> {
        const AAAA: u8 = 28;
        let kind = question[question.len() - 3];
        let addresses: Vec<&[u8]> = match kind {
            AAAA => self.six.iter().map(|address| &address[..]).collect(),
            _ => self.four.iter().map(|address| &address[..]).collect(),
        };
        let mut answer = question.to_vec();
        answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::try_from(addresses.len()).unwrap()]);
        for address in addresses {
            answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0]);
            answer.push(u8::try_from(address.len()).unwrap());
            answer.extend(address);
        }
        answer
    }
}

/// Runs `test` with a board whose hubs have these addresses.
fn with_hubs<T>(
    hubs: &[&'static str],
    prepare: impl FnOnce(&Network) -> Option<Task>,
    test: impl AsyncFnOnce(Leaf<'static>) -> T,
) -> T {
    let (world, mut tasks) = world();
    tasks.extend(prepare(&world.network));
    run(tasks, async {
        let settings = Settings { hubs: Box::leak(hubs.into()), ..settings(&world.keyring()) };
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        match select(test(leaf), task).await {
            Either::First(result) => result,
            Either::Second(()) => unreachable!("a board runs for ever"),
        }
    })
}

/// The events of the next seconds.
async fn collect(leaf: Leaf<'_>, seconds: u64) -> Vec<LinkEvent> {
    let mut time = pin!(Timer::after_secs(seconds));
    let mut events = Vec::new();
    while let Either::First(event) = select(leaf.next_event(), time.as_mut()).await {
        events.push(event);
    }
    events
}

/// The events of a board that dials `address` for some seconds.
fn events(address: &'static str, server: Option<NameServer>, seconds: u64) -> Vec<LinkEvent> {
    let prepare = |network: &Network| server.map(|server| serve(network, move |q| vec![server.answer(q)]));
    with_hubs(&[address], prepare, async |leaf| collect(leaf, seconds).await)
}

/// The events of a board that dials [`NAME`] for some seconds, with a name server that answers so.
fn events_with(answers: impl Answers, seconds: u64) -> Vec<LinkEvent> {
    with_hubs(&[NAME], |network| Some(serve(network, answers)), async |leaf| collect(leaf, seconds).await)
}

const NAME: &str = "hub.example:8374";
/// A name that no server knows.
const NOBODY: &str = "nobody.example:8374";
const HUB: [u8; 4] = [10, 0, 0, 2];

/// The address of a dial that failed for want of an answer.
fn timed_out(event: &LinkEvent) -> Option<IpEndpoint> {
    match event {
        LinkEvent::DialFailed { endpoint, error: DialError::Timeout, .. } => *endpoint,
        _ => None,
    }
}

/// The address of a link.
fn up(event: Option<&LinkEvent>) -> Option<IpEndpoint> {
    match event {
        Some(LinkEvent::Up { endpoint, .. }) => Some(*endpoint),
        _ => None,
    }
}

fn at(address: [u8; 4]) -> Option<IpEndpoint> {
    Some((core::net::Ipv4Addr::from(address), 8374).into())
}

#[test]
fn a_name_leads_to_its_hub() {
    let server = NameServer { four: &[HUB], six: &[] };
    let events = events(NAME, Some(server), 3);
    assert_eq!((events.len(), up(events.first())), (1, at(HUB)), "{events:?}");
}

#[test]
fn the_next_address_of_a_name_is_dialled_when_the_first_ones_do_not_answer() {
    let server = NameServer { four: &[[10, 0, 0, 9], [10, 0, 0, 8], HUB], six: &[] };
    let events = events(NAME, Some(server), 13);
    assert_eq!(events.iter().filter_map(timed_out).count(), 2, "{events:?}");
    assert_eq!((events.len(), up(events.last())), (3, at(HUB)), "{events:?}");
}

#[test]
fn each_dial_begins_with_another_address_and_tries_four() {
    let (a, b, c, d) = ([10, 0, 0, 6], [10, 0, 0, 7], [10, 0, 0, 8], [10, 0, 0, 9]);
    let server = NameServer { four: Box::leak(Box::new([a, b, c, d, [10, 0, 0, 5]])), six: &[] };
    let events = events(NAME, Some(server), 42);
    let dialled: Vec<_> = events.iter().map(timed_out).collect();
    assert_eq!(dialled[..8], [a, b, c, d, b, c, d, a].map(at), "{events:?}");
}

/// The error of a dial that found no address.
fn unresolved(event: Option<&LinkEvent>) -> Option<(&str, DialError)> {
    match event {
        Some(LinkEvent::DialFailed { address, endpoint: None, error }) => Some((address, *error)),
        _ => None,
    }
}

/// The hub's right answer.
fn right(question: &[u8]) -> Vec<u8> {
    NameServer { four: &[HUB], six: &[] }.answer(question)
}

/// An answer without addresses, with this code (RFC 1035 section 4.1.1).
fn refusal(question: &[u8], code: u8) -> Vec<u8> {
    let mut answer = NameServer { four: &[], six: &[] }.answer(question);
    answer[3] |= code;
    answer
}

#[test]
fn a_name_that_no_server_knows_says_so_at_once() {
    const SERVER_FAILURE: u8 = 2;
    const NO_SUCH_NAME: u8 = 3;
    for code in [0, SERVER_FAILURE, NO_SUCH_NAME] {
        let events = events_with(move |question| vec![refusal(question, code)], 1);
        assert!(matches!(unresolved(events.first()), Some((NAME, DialError::UnknownName))), "{events:?}");
    }
}

#[test]
fn a_name_server_that_is_silent_or_answers_garbage_is_one_that_does_not_answer() {
    /// Of the header.
    const ID: usize = 0;
    const FLAGS: usize = 2;
    const QUESTIONS: usize = 5;
    /// Of the question: the name's first letter.
    const LETTER: usize = 13;
    /// Of the answer, from its end: an address, its length, and the pointer to its name.
    const LENGTH: usize = 4 + 1;
    const POINTER: usize = 4 + 2 + 4 + 2 + 2 + 1;

    let change = |place: fn(usize) -> usize, byte: u8| {
        move |question: &[u8]| {
            let mut answer = right(question);
            let place = place(answer.len());
            assert_ne!(answer[place], byte);
            answer[place] = byte;
            vec![answer]
        }
    };
    type Sent = Box<dyn Fn(&[u8]) -> Vec<Vec<u8>>>;
    let garbage: [(&str, Sent); 11] = [
        ("silent", Box::new(|_| vec![])),
        ("an empty packet", Box::new(|_| vec![vec![]])),
        ("zeros", Box::new(|_| vec![vec![0; 100]])),
        ("the question", Box::new(|question| vec![question.to_vec()])),
        (
            "cut off anywhere",
            Box::new(|question| {
                let right = right(question);
                (0..right.len()).map(|length| right[..length].to_vec()).collect()
            }),
        ),
        (
            "for another question",
            Box::new(|question| {
                let mut answer = right(question);
                answer[ID] ^= 0x5a;
                vec![answer]
            }),
        ),
        ("for another name", Box::new(change(|_| LETTER, b'x'))),
        ("without a question", Box::new(change(|_| QUESTIONS, 0))),
        ("another kind of message", Box::new(change(|_| FLAGS, 0x91))),
        ("an address of three bytes", Box::new(change(|length| length - LENGTH, 3))),
        ("a name that points to itself", Box::new(change(|length| length - POINTER, 0x1d))),
    ];
    for (what, answers) in garbage {
        let events = events_with(answers, 6);
        assert_eq!(events.len(), 1, "{what}: {events:?}");
        assert!(
            matches!(unresolved(events.first()), Some((NAME, DialError::NoNameServer))),
            "{what}: {events:?}"
        );
    }
}

#[test]
fn a_forged_answer_before_the_right_one_leads_nowhere() {
    // Some that did not see the question guess its id.
    let events = events_with(
        |question| {
            let forged = (1..200).map(|guess| {
                let mut answer = NameServer { four: &[[10, 0, 0, 66]], six: &[] }.answer(question);
                answer[1] ^= guess;
                answer
            });
            forged.take(3).chain([right(question)]).collect()
        },
        3,
    );
    assert_eq!((events.len(), up(events.first())), (1, at(HUB)), "{events:?}");
}

#[test]
fn a_name_that_leads_to_an_address_without_a_hub_says_so() {
    let nobody_listens = NameServer { four: &[HUB], six: &[] };
    let events = events("hub.example:8375", Some(nobody_listens), 1);
    let Some(LinkEvent::DialFailed { address, endpoint: Some(endpoint), error }) = events.first() else {
        panic!("{events:?}")
    };
    assert_eq!((address.as_str(), endpoint.port), ("hub.example:8375", 8375));
    assert!(matches!(error, DialError::Refused), "{error:?}");
}

/// Knows the hub of [`NAME`] alone.
fn knows_one(question: &[u8]) -> Vec<Vec<u8>> {
    let known = question.windows(3).any(|label| label == b"hub");
    vec![if known { right(question) } else { refusal(question, 3) }]
}

#[test]
fn one_name_of_two_that_resolves_is_enough() {
    for hubs in [[NOBODY, NAME], [NAME, NOBODY]] {
        let events = with_hubs(
            &hubs,
            |network| Some(serve(network, knows_one)),
            async |leaf| {
                let events = collect(leaf, 120).await;
                assert_eq!(leaf.links(), 1);
                events
            },
        );
        let (ups, failed): (Vec<_>, Vec<_>) =
            events.iter().partition(|event| matches!(event, LinkEvent::Up { .. }));
        assert_eq!((ups.len(), up(ups.first().copied())), (1, at(HUB)), "{events:?}");
        for event in failed {
            assert!(matches!(unresolved(Some(event)), Some((NOBODY, DialError::UnknownName))), "{event:?}");
        }
    }
}

#[test]
fn a_name_that_does_not_resolve_is_asked_for_less_and_less_often_until_it_does() {
    let known = Rc::new(Cell::new(false));
    let server = known.clone();
    let answers =
        move |question: &[u8]| vec![if server.get() { right(question) } else { refusal(question, 3) }];
    with_hubs(
        &[NAME],
        |network| Some(serve(network, answers)),
        async |leaf| {
            let mut dials = Vec::new();
            while dials.last().is_none_or(|last: &Instant| last.as_secs() < 300) {
                let event = leaf.next_event().await;
                assert!(unresolved(Some(&event)).is_some(), "{event:?}");
                dials.push(Instant::now());
            }
            let gaps: Vec<_> = dials.windows(2).map(|two| two[1] - two[0]).collect();
            assert!(gaps[0] < Duration::from_secs(2), "{gaps:?}");
            let late = &gaps[gaps.len() / 2..];
            let steady = Duration::from_secs(15)..Duration::from_secs(45);
            assert!(gaps.len() > 8 && late.iter().all(|gap| steady.contains(gap)), "{gaps:?}");
            known.set(true);
            let resolved = Instant::now();
            leaf.linked().await;
            assert!(resolved.elapsed() < Duration::from_secs(45), "{:?}", resolved.elapsed());
        },
    );
}

#[test]
fn the_second_name_server_is_asked_when_the_first_one_is_silent() {
    const SILENT: core::net::Ipv4Addr = core::net::Ipv4Addr::new(10, 0, 0, 53);
    let prepare = |network: &Network| {
        // One kind of address: smoltcp asks for the second kind when it has an answer for the first.
        network.board.set_config_v6(ConfigV6::None);
        network.board.set_config_v4(ConfigV4::Static(StaticConfigV4 {
            address: Ipv4Cidr::new(cable::BOARD, 24),
            gateway: None,
            dns_servers: [SILENT, cable::HUB].into_iter().collect(),
        }));
        Some(serve(network, |question| vec![right(question)]))
    };
    let events = with_hubs(&[NAME], prepare, async |leaf| collect(leaf, 18).await);
    assert_eq!((events.len(), up(events.first())), (1, at(HUB)), "{events:?}");
}

#[cfg(feature = "ipv6")]
mod ipv6 {
    use super::{DialError, HUB, LinkEvent, NAME, NameServer, at, events, timed_out, up};

    const SIX: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    const SILENT: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

    #[test]
    fn a_hub_is_dialled_by_its_ipv6_address() {
        let events = events("[fd00::2]:8374", None, 3);
        let hub = (core::net::Ipv6Addr::from(SIX), 8374).into();
        assert_eq!((events.len(), up(events.first())), (1, Some(hub)), "{events:?}");
    }

    #[test]
    fn an_ipv6_address_that_cannot_be_dialled_says_why() {
        for (address, expected) in [
            ("[2001:db8::1]:8374", DialError::NoRoute),
            ("[fd00::2:8374", DialError::Malformed),
            ("fd00::2:8374", DialError::Malformed),
            ("[10.0.0.2]:8374", DialError::Malformed),
        ] {
            let events = events(address, None, 1);
            let Some(LinkEvent::DialFailed { error, .. }) = events.first() else { panic!("{events:?}") };
            assert_eq!(core::mem::discriminant(error), core::mem::discriminant(&expected), "{address}");
        }
    }

    #[test]
    fn a_name_with_both_kinds_of_addresses_leads_to_whichever_answers() {
        let server = NameServer { four: &[HUB], six: &[SILENT, SILENT] };
        let events = events(NAME, Some(server), 7);
        let silent = (core::net::Ipv6Addr::from(SILENT), 8374).into();
        assert_eq!(events.first().and_then(timed_out), Some(silent), "{events:?}");
        assert_eq!((events.len(), up(events.last())), (2, at(HUB)), "{events:?}");
    }
}
