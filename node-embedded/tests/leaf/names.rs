//! Hubs by name, and by IPv6: all addresses of a name are dialled in turn.

use core::pin::pin;

use embassy_futures::select::{Either, select};
use embassy_net::IpEndpoint;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_time::Timer;
use node_embedded::{DialError, LinkEvent, Settings};
use rand_core::OsRng;

use crate::board::{settings, try_board};
use crate::cable::Network;
use crate::clock::run;
use crate::flash::Flash;
use crate::task::Task;
use crate::world::world;

/// A name server: it answers each question with these addresses of each kind.
struct NameServer {
    four: &'static [[u8; 4]],
    six: &'static [[u8; 16]],
}

impl NameServer {
    /// Answers for ever. The cable is the network of the test.
    fn serve(self, network: &Network) -> Task {
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
                socket.send_to(&self.answer(&question[..length]), asker).await.unwrap();
            }
        })
    }

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

/// The events of a board that dials `address` for some seconds.
fn events(address: &'static str, server: Option<NameServer>, seconds: u64) -> Vec<LinkEvent> {
    let (world, mut tasks) = world();
    tasks.extend(server.map(|server| server.serve(&world.network)));
    run(tasks, async {
        let settings = Settings { hubs: Box::leak(Box::new([address])), ..settings(&world.keyring()) };
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        let collect = async {
            let mut time = pin!(Timer::after_secs(seconds));
            let mut events = Vec::new();
            while let Either::First(event) = select(leaf.next_event(), time.as_mut()).await {
                events.push(event);
            }
            events
        };
        match select(collect, task).await {
            Either::First(events) => events,
            Either::Second(()) => unreachable!("a board runs for ever"),
        }
    })
}

const NAME: &str = "hub.example:8374";
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

#[test]
fn a_name_that_nobody_knows_or_that_no_server_answers_for_says_so() {
    for server in [Some(NameServer { four: &[], six: &[] }), None] {
        let events = events(NAME, server, 6);
        let Some(LinkEvent::DialFailed { address, endpoint: None, error }) = events.first() else {
            panic!("{events:?}")
        };
        assert!(address == NAME && matches!(error, DialError::UnknownName), "{error:?}");
    }
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
