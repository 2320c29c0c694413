//! A peer that breaks the rules: each time a typed error, a GOAWAY that says why, and never a panic.

use super::pipe::{self, End, LARGE, SMALL, config, hello};
use node_core::crypto::{Digest, PublicKey};
use node_core::identity::{Certificates, Channel, Greetings};
use node_core::link::{Event, GoAway, Limits, Open, PREFACE, PeerError, Phase, ResetCode, Service};
use node_core::sim::toy::Toy;
use node_core::time::{Duration, Instant};
use node_core::trust::Fingerprint;
use node_core::wire::{FrameKind as Kind, Proof};
use proptest::prelude::*;

mod peer {
    use super::*;
    use node_core::wire::Header;

    pub fn frame(kind: u8, flags: u8, exchange: u32, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap();
        let mut bytes = Header { length, kind, flags, exchange }.to_bytes().to_vec();
        bytes.extend(payload);
        bytes
    }

    /// The hello of a node, changed.
    pub fn hello_of(number: u8, change: impl FnOnce(&mut node_core::link::Hello<'_>)) -> Vec<u8> {
        let config = config(number, SMALL);
        let mut hello = hello(&config);
        change(&mut hello);
        postcard::to_extend(&hello, Vec::new()).unwrap()
    }

    /// A hello, and what is signed with it for an end with the hello `to`.
    pub fn proof_of(number: u8, hello: &[u8], to: &[u8]) -> Proof<'static> {
        let config = config(number, SMALL);
        let hash = |hello: &[u8]| Toy.sha256(&[hello]);
        let greetings = Greetings { ours: hash(hello), theirs: hash(to), exporter: false };
        let signature = config.identity.prove(&Channel::default(), &greetings).unwrap();
        let record = pipe::record(&config, Vec::leak(vec![0; 256]));
        Proof { signature, time: None, record }
    }

    /// The first two frames of a node, for an end of node 1.
    pub fn frames(hello: &[u8], proof: &Proof<'_>) -> Vec<u8> {
        let proof = postcard::to_extend(proof, Vec::new()).unwrap();
        [PREFACE.to_vec(), frame(1, 0, 0, hello), frame(10, 0, 0, &proof)].concat()
    }

    pub fn greeting(number: u8, change: impl FnOnce(&mut node_core::link::Hello<'_>)) -> Vec<u8> {
        greeting_to(1, SMALL, number, change)
    }

    /// What node `number` sends to node `to` first, which has these limits.
    pub fn greeting_to(
        to: u8,
        limits: Limits,
        number: u8,
        change: impl FnOnce(&mut node_core::link::Hello<'_>),
    ) -> Vec<u8> {
        let hello = hello_of(number, change);
        frames(&hello, &proof_of(number, &hello, &hello_of(to, |hello| hello.limits = limits)))
    }

    pub fn open(exchange: u32, flags: u8, data: &[u8]) -> Vec<u8> {
        let open = Open { to: Some(pipe::id(9)), hops: 0, budget_ms: 1000, service: Service::Rpc(1) };
        let mut buffer = [0; 64];
        let head = postcard::to_slice(&open, &mut buffer).unwrap();
        frame(3, flags, exchange, &[&[u8::try_from(head.len()).unwrap()], &*head, data].concat())
    }

    /// An end with small limits that has sent its hello.
    pub fn end() -> End {
        let mut end = End::new(config(1, SMALL), 4000);
        end.out.queue.clear();
        end
    }

    /// An end that has an honest hello and then `input`, and its result.
    pub fn after_hello(input: &[u8]) -> (End, Result<(), PeerError>) {
        let mut end = end();
        end.input = greeting(2, |_| {});
        end.receive(Instant::START).unwrap();
        end.out.queue.clear();
        end.input = input.to_vec();
        let result = end.receive(Instant::START);
        (end, result)
    }

    /// The result of an end whose first bytes are `input`.
    pub fn from_start(input: Vec<u8>) -> Result<(), PeerError> {
        let mut end = end();
        end.input = input;
        end.receive(Instant::START)
    }
}
use peer::{after_hello, frame, frames, from_start, greeting, greeting_to, hello_of, open, proof_of};

#[test]
fn another_protocol_is_no_link() {
    assert_eq!(from_start(b"GET / HTTP/1.1\r\n".to_vec()), Err(PeerError::NotALink(*b"GET / HT")));
    // Fewer than eight bytes are enough to refuse it.
    assert_eq!(from_start(b"MAX".to_vec()), Err(PeerError::NotALink(*b"MAX\0\0\0\0\0")));
}

#[test]
fn another_version_is_refused_by_its_number() {
    assert_eq!(from_start(greeting(2, |hello| hello.version = 9)), Err(PeerError::Version(9)));
}

#[test]
fn another_cluster_is_refused() {
    assert_eq!(from_start(greeting(2, |hello| hello.cluster = "other")), Err(PeerError::OtherCluster));
}

#[test]
fn a_peer_of_version_1_is_refused_with_a_sentence() {
    // Its hello began as every version does; the rest does not matter.
    let result = from_start([&PREFACE[..], &frame(1, 0, 0, b"\x01\x04test")].concat());
    assert_eq!(result, Err(PeerError::Version(1)));
    let said = result.unwrap_err();
    assert_eq!(said.to_string(), "the peer speaks protocol version 1, this node 2: update the older one");
    assert_eq!(said.go_away(), GoAway::OtherVersion);
}

#[test]
fn a_key_that_is_no_point_is_refused() {
    let no_key = greeting(2, |hello| hello.identity = PublicKey::NONE);
    assert_eq!(from_start(no_key), Err(PeerError::BadHello));
}

#[test]
fn a_proof_of_another_node_cluster_or_link_is_refused() {
    let (hello, mine) = (hello_of(2, |_| {}), hello_of(1, |_| {}));
    let proof = || proof_of(2, &hello, &mine);
    assert_eq!(from_start(frames(&hello, &proof())), Ok(()));
    let refused = Err(PeerError::BadProof(pipe::id(2)));
    assert_eq!(PeerError::BadProof(pipe::id(2)).go_away(), GoAway::Unproved);
    // Of a link whose other end said another hello, because its nonce was another one.
    let replayed = proof_of(2, &hello, &hello_of(1, |hello| hello.nonce = [8; 32]));
    assert_eq!(from_start(frames(&hello, &replayed)), refused);
    // For a hello that was changed on the way.
    let changed = hello_of(2, |hello| hello.exporter = true);
    assert_eq!(from_start(frames(&changed, &proof())), refused);
    // Returned by a peer that claims the identity of the prover.
    assert_eq!(from_start(frames(&mine, &proof_of(1, &hello, &mine))), Err(PeerError::BadProof(pipe::id(1))));
    // By one node in the name of another.
    let record = proof_of(3, &hello, &mine).record;
    assert_eq!(from_start(frames(&hello, &Proof { record, ..proof() })), refused);
    // Over other certificates.
    let channel = |theirs| Channel {
        certificates: Some(Certificates { ours: Fingerprint([1; 32]), theirs: Fingerprint([theirs; 32]) }),
        exporter: None,
    };
    let greetings = Greetings { ours: [1; 32], theirs: [2; 32], exporter: true };
    let identity = config(1, SMALL).identity;
    let [one, two] = [2, 3].map(|theirs| identity.prove(&channel(theirs), &greetings).unwrap());
    assert_ne!(one, two);
    let exported = |key| Channel { exporter: Some([key; 32]), ..channel(2) };
    assert_ne!(identity.prove(&exported(1), &greetings), identity.prove(&exported(2), &greetings));
}

#[test]
fn a_proof_that_is_missing_or_cannot_be_read_is_refused() {
    let hello = hello_of(2, |_| {});
    let start = [&PREFACE[..], &frame(1, 0, 0, &hello)].concat();
    let whole = postcard::to_extend(&proof_of(2, &hello, &hello_of(1, |_| {})), Vec::new()).unwrap();
    let with = |frame: &[u8]| from_start([&start, frame].concat());
    for length in (0..whole.len()).step_by(7) {
        let error = PeerError::BadPayload(Kind::Proof);
        assert_eq!(with(&frame(10, 0, 0, &whole[..length])), Err(error), "{length} bytes");
    }
    assert_eq!(with(&frame(2, 0, 0, &[6, 3])), Err(PeerError::Unexpected(Kind::Gossip)));
    assert_eq!(with(&frame(200, 0, 0, b"")), Err(PeerError::BadHello));
    assert_eq!(
        from_start([&PREFACE[..], &frame(10, 0, 0, &whole)].concat()),
        Err(PeerError::Unexpected(Kind::Proof))
    );
    assert_eq!(after_hello(&frame(10, 0, 0, &whole)).1, Err(PeerError::Unexpected(Kind::Proof)));
    // Bytes of a later revision are no fault.
    assert_eq!(with(&frame(10, 0, 0, &[&whole[..], b"later"].concat())), Ok(()));
    // Too late.
    let mut end = peer::end();
    end.input = start.clone();
    end.receive(Instant::START).unwrap();
    assert_eq!(end.tick(Instant::START + Duration::from_secs(5)), Err(PeerError::HelloTimeout));
}

#[test]
fn a_refusal_before_the_proof_is_understood() {
    let (mut end, hello) = (peer::end(), hello_of(2, |_| {}));
    end.input = [&PREFACE[..], &frame(1, 0, 0, &hello), &frame(9, 0, 0, &[5])].concat();
    end.receive(Instant::START).unwrap();
    assert_eq!((end.go_away, end.link.phase()), (Some(GoAway::OtherCluster), Phase::Over));
}

#[test]
fn limits_below_the_least_are_refused() {
    let limits = Limits { frame: 1023, ..SMALL };
    assert_eq!(from_start(greeting(2, |hello| hello.limits = limits)), Err(PeerError::BadHello));
}

#[test]
fn a_hello_that_cannot_be_read_is_refused() {
    for payload in [&b""[..], b"\x02", b"\x02\x05test"] {
        assert_eq!(from_start([&PREFACE[..], &frame(1, 0, 0, payload)].concat()), Err(PeerError::BadHello));
    }
}

#[test]
fn a_hello_with_fields_of_a_later_version_is_taken() {
    let hello = [hello_of(2, |_| {}), b"later".to_vec()].concat();
    let proof = proof_of(2, &hello, &hello_of(1, |_| {}));
    assert_eq!(from_start(frames(&hello, &proof)), Ok(()));
}

#[test]
fn no_frame_is_accepted_before_hello() {
    let input = [&PREFACE[..], &frame(7, 0, 0, &[0; 8])].concat();
    assert_eq!(from_start(input), Err(PeerError::Unexpected(Kind::Ping)));
}

#[test]
fn a_second_hello_is_out_of_turn() {
    let input = frame(1, 0, 0, &hello_of(2, |_| {}));
    assert_eq!(after_hello(&input).1, Err(PeerError::Unexpected(Kind::Hello)));
}

#[test]
fn a_frame_that_is_too_long_is_refused_by_its_header_alone() {
    let header = frame(99, 0, 0, &[0; 1025])[..8].to_vec();
    let error = PeerError::FrameTooLong { announced: 1025, limit: 1024 };
    assert_eq!(after_hello(&header).1, Err(error));
}

#[test]
fn a_frame_of_an_unknown_kind_is_skipped() {
    let (mut end, result) = after_hello(&[frame(200, 0xff, 7, &[1; 1024]), frame(7, 0, 0, &[5; 8])].concat());
    assert_eq!(result, Ok(()));
    end.link.poll_transmit(Instant::START, &mut end.out);
    assert_eq!(
        end.out.queue.into_iter().collect::<Vec<_>>(),
        frame(8, 0, 0, &[5; 8]),
        "the ping is answered"
    );
}

#[test]
fn an_unknown_service_is_reset_and_the_link_goes_on() {
    let payload = [5, 0, 0, 0xe8, 0x07, 77, b'?'];
    let (mut end, result) = after_hello(&frame(3, 0, 1 << 16, &payload));
    assert_eq!(result, Ok(()));
    end.link.poll_transmit(Instant::START, &mut end.out);
    let answer: Vec<u8> = end.out.queue.into_iter().collect();
    assert_eq!(answer, frame(5, 2, 1 << 16, &[ResetCode::Unknown as u8]));
}

#[test]
fn payloads_that_cannot_be_read_are_refused() {
    for (kind, bytes) in [
        (Kind::Open, 3),
        (Kind::Credit, 3),
        (Kind::Credit, 5),
        (Kind::Ping, 7),
        (Kind::Pong, 9),
        (Kind::GoAway, 0),
    ] {
        let input = frame(kind as u8, 0, 1 << 16, &vec![0xff; bytes]);
        assert_eq!(after_hello(&input).1, Err(PeerError::BadPayload(kind)), "{kind:?} of {bytes} bytes");
    }
}

#[test]
fn gossip_longer_than_a_message_may_be_is_refused() {
    let mut end = End::new(config(1, LARGE), 4000);
    end.input = [greeting_to(1, LARGE, 2, |_| {}), frame(2, 0, 0, &[0; 1025])].concat();
    assert_eq!(end.receive(Instant::START), Err(PeerError::BadPayload(Kind::Gossip)));
}

#[test]
fn a_reset_for_a_reason_of_a_later_version_is_a_reset() {
    let mut end = peer::end();
    end.input = greeting(2, |_| {});
    end.receive(Instant::START).unwrap();
    end.open(Instant::START, 3, 10, 1000).unwrap();
    let id = *end.talks.keys().next().unwrap();
    end.input = frame(5, 2, id.number, &[77]);
    assert_eq!(end.receive(Instant::START), Ok(()));
    assert_eq!(end.outcomes[&3], pipe::Outcome::PeerReset(ResetCode::Internal));
}

#[test]
fn an_exchange_number_zero_is_refused() {
    assert_eq!(after_hello(&open(0, 0, b"")).1, Err(PeerError::BadPayload(Kind::Open)));
}

#[test]
fn one_exchange_cannot_take_more_than_its_credit() {
    assert_eq!(after_hello(&open(1 << 16, 0, &[0; 701])).1, Err(PeerError::OverCredit));
    let (mut end, result) = after_hello(&peer_open_and_fill());
    assert_eq!(result, Ok(()));
    let id = *end.talks.keys().next().unwrap();
    end.input = frame(4, 0, id.number, &[0]);
    assert_eq!(end.link.handle_input(Instant::START, &end.input).err(), Some(PeerError::OverCredit));
}

#[test]
fn all_exchanges_together_cannot_take_more_than_the_credit_of_the_link() {
    // Each is within its own 700 bytes; the link allows 1000.
    let (mut end, result) = after_hello(&peer_open_and_fill());
    assert_eq!(result, Ok(()));
    let second = open(1 << 16 | 1, 0, &[0; 301]);
    assert_eq!(end.link.handle_input(Instant::START, &second).err(), Some(PeerError::OverCredit));
}

#[test]
fn bytes_for_an_exchange_that_is_over_cannot_take_more_than_the_credit_of_the_link() {
    let (mut end, _) = after_hello(&[]);
    let input = frame(4, 0, 5 << 16, &[0; 500]);
    for _ in 0..2 {
        assert!(end.link.handle_input(Instant::START, &input).unwrap().event.is_none());
    }
    assert_eq!(end.link.handle_input(Instant::START, &input).err(), Some(PeerError::OverCredit));
}

#[test]
fn bytes_after_the_end_are_out_of_turn() {
    let input = [open(1 << 16, 1, b""), frame(4, 0, 1 << 16, b"x")].concat();
    assert_eq!(after_hello(&input).1, Err(PeerError::Unexpected(Kind::Data)));
}

#[test]
fn more_exchanges_than_allowed_are_refused() {
    for input in [
        open(1 << 16 | 2, 0, b""),
        open(1 << 16 | 0xffff, 0, b""),
        [open(1 << 16, 0, b""), open(1 << 16, 0, b"")].concat(),
        [open(1 << 16, 0, b""), open(2 << 16, 0, b"")].concat(),
    ] {
        assert_eq!(after_hello(&input).1, Err(PeerError::TooManyExchanges));
    }
}

#[test]
fn endless_pings_are_answered_by_one_pong_at_a_time() {
    let (mut end, result) = after_hello(&frame(7, 0, 0, &[6; 8]).repeat(10_000));
    assert_eq!(result, Ok(()));
    end.link.poll_transmit(Instant::START, &mut end.out);
    assert_eq!(end.out.queue.len(), 16);
}

#[test]
fn a_flood_of_credit_is_harmless() {
    let credit = frame(6, 0, 0, &u32::MAX.to_le_bytes());
    assert_eq!(after_hello(&credit.repeat(3)).1, Ok(()));
}

#[test]
fn a_peer_without_hello_times_out() {
    let mut end = peer::end();
    let due = end.link.poll_timeout().unwrap();
    assert_eq!(end.link.handle_timeout(due), Err(PeerError::HelloTimeout));
}

#[test]
fn an_unresponsive_peer_is_pinged_and_then_given_up() {
    let (mut end, _) = after_hello(&[]);
    let due = end.link.poll_timeout().unwrap();
    end.tick(due).unwrap();
    assert_eq!(end.out.queue.len(), 16, "a ping");
    let due = end.link.poll_timeout().unwrap();
    assert_eq!(end.link.handle_timeout(due), Err(PeerError::Unresponsive));
}

#[test]
fn a_peer_that_never_reads_is_given_up_though_no_ping_leaves() {
    let (mut end, _) = after_hello(&[]);
    end.out.bound = 0;
    let mut now = end.link.poll_timeout().unwrap();
    end.tick(now).unwrap();
    now = end.link.poll_timeout().unwrap();
    assert_eq!(end.link.handle_timeout(now), Err(PeerError::Unresponsive));
    now = end.link.poll_timeout().unwrap();
    end.tick(now + Duration::from_secs(10)).unwrap();
    assert_eq!(end.link.phase(), Phase::Over);
}

#[test]
fn the_peer_learns_of_an_error_and_further_input_is_dropped() {
    let (mut end, result) = after_hello(&frame(7, 0, 0, b""));
    assert!(result.is_err());
    let more = end.link.handle_input(Instant::START, &[0xff; 100]).unwrap();
    assert!(more.consumed == 100 && more.event.is_none());
    end.link.poll_transmit(Instant::START, &mut end.out);
    let said = end.out.queue.make_contiguous().to_vec();
    let mut peer = End::new(config(2, LARGE), 4000);
    peer.input = [greeting_to(2, LARGE, 1, |_| {}), said].concat();
    peer.receive(Instant::START).unwrap();
    assert_eq!(peer.go_away, Some(GoAway::Protocol));
    assert_eq!(end.link.phase(), Phase::Over);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_frames_never_panic(
        frames in prop::collection::vec(
            (0..12u8, 0..4u8, 0..4u32, 0..3u32, prop::collection::vec(any::<u8>(), 0..64)), 0..20),
        cut in 0..64usize,
    ) {
        let mut input = greeting(2, |_| {});
        for (kind, flags, slot, generation, payload) in frames {
            input.extend(frame(kind, flags, generation << 16 | slot, &payload));
        }
        input.truncate(input.len() - cut.min(input.len()));
        let mut end = peer::end();
        let mut rest = input.as_slice();
        let mut opened = 0;
        while let Ok(taken) = end.link.handle_input(Instant::START, rest) {
            opened += usize::from(matches!(taken.event, Some(Event::Opened { .. })));
            rest = &rest[taken.consumed..];
            // A refused exchange holds its slot until the peer has been told.
            end.out.queue.clear();
            end.link.poll_transmit(Instant::START, &mut end.out);
            if taken.consumed == 0 || rest.is_empty() {
                break;
            }
        }
        prop_assert!(end.link.in_flight() <= opened.min(2));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_start(bytes.clone());
        let _ = after_hello(&bytes);
    }
}

fn peer_open_and_fill() -> Vec<u8> {
    // The bytes of serial 0x09090909, which the end checks.
    let data: Vec<u8> = (0..700usize).map(|at| (0x0909_0909_usize * 31 + at * 7) as u8).collect();
    open(1 << 16, 0, &data)
}
