//! The entries for bytes of a peer. Each function takes any bytes and must not panic; node-core's tests replay the
//! corpora through the same functions (`node-core/tests/corpora.rs`).
//!
//! `cargo +nightly fuzz run --features libfuzzer link` in this folder looks for bytes that make one panic.

use node_core::crypto::{
    BadSignature, Derive, Digest, P256Secret, PublicKey, Sign, SignError, Signature, Software,
    SoftwareSigner, Verify,
};
use node_core::gossip::{
    Birth, Config as NodeConfig, Direction, Failure, Kind, LinkEnd, Metadata, Node, Record, Start, State,
    StaticStorage,
};
use node_core::http::{
    Chunk, ChunkDecoder, Connection, NO_FIELD, RequestHead, ResponseHead, Trailers, content_length,
    is_hop_by_hop, request_length, response_length,
};
use node_core::id::{LinkId, NodeId};
use node_core::identity::{Channel, Identity};
use node_core::keys::{Bundle, Keyring, Recipient, addressee};
use node_core::link::{Config, Event, Exchange, Limits, Link, Outbox, SliceOutbox};
use node_core::provision::{Blob, Recipient as BlobRecipient, Settings, frame};
use node_core::route::path::normalize;
use node_core::time::{Duration, Instant, UnixTime, WallClock};
use node_core::trust::{Authority, Certificate, Circumstances, Names, Policy, RevocationList, Usage};
use node_core::wire::record::MAX_METADATA;
use pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, ServerName, SignatureVerificationAlgorithm, alg_id,
};
use webpki::{CertRevocationList, OwnedCertRevocationList};

/// The name of a target and of its corpus, and the function that takes its inputs.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 12] = [
    ("bundle", bundle),
    ("certificate", certificate),
    ("chunks", chunks),
    ("crl", crl),
    ("gossip", gossip),
    ("http", http),
    ("identity", identity),
    ("link", link),
    ("path", path),
    ("provision", provision),
    ("sealed", sealed),
    ("target", target),
];

/// A key whose hash, in this fuzzing, begins with its own bytes.
const fn key(byte: u8) -> [u8; PublicKey::LEN] {
    let mut sec1 = [byte; PublicKey::LEN];
    sec1[0] = 2;
    sec1
}

/// Takes every signature, so that bytes of a peer reach what lies behind the check.
struct Gullible;

impl Digest for Gullible {
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        match parts {
            [[_, key @ ..]] if key.len() == PublicKey::LEN - 1 => key.try_into().unwrap_or([0; 32]),
            _ => Software.sha256(parts),
        }
    }
}

impl Verify for Gullible {
    fn verify(&self, _: &[u8], _: &[u8], _: &Signature) -> Result<(), BadSignature> {
        Ok(())
    }
}

impl Sign for Gullible {
    fn sign(&self, _: &[u8]) -> Result<Signature, SignError> {
        Ok(Signature::from_bytes([1; Signature::LEN]))
    }
}

/// A node that takes every signature.
fn gullible(byte: u8) -> Identity<'static> {
    Identity::new("demo", PublicKey::from_sec1(&key(byte)).unwrap_or(PublicKey::NONE), &Gullible, &Gullible)
}

const LIMITS: Limits =
    Limits { frame: 4096, exchanges: 2, exchange_credit: 64, link_credit: 100, members: 16 };

/// A keyring for a board.
pub fn bundle(input: &[u8]) {
    let Ok(bundle) = Bundle::decode(input) else { return };
    if let Ok(slots) = bundle.validate(&Software) {
        let keyring = Keyring::new(&slots);
        assert!(keyring.is_ok(), "a validated bundle is a keyring");
    }
}

/// Takes every signature; ids are true hashes.
struct Credulous;

impl Digest for Credulous {
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        Software.sha256(parts)
    }
}

impl Verify for Credulous {
    fn verify(&self, _: &[u8], _: &[u8], _: &Signature) -> Result<(), BadSignature> {
        Ok(())
    }
}

/// A blob that provisions a board, settings, and a frame of a serial line.
pub fn provision(input: &[u8]) {
    let recipient = BlobRecipient { kind: "board", id: NodeId([7; 16]), epoch: 1, keyring: None, key: None };
    if let Ok(blob) = Blob::read(input) {
        let _ = blob.check(&recipient, &Gullible);
        let _ = blob.check(&BlobRecipient { keyring: blob.keyring, ..recipient }, &Gullible);
        let _ = Settings::decode(blob.settings);
    }
    let _ = Settings::decode(input);
    let _ = frame::decode::<frame::Request<'_>>(&mut input.to_vec());
    let _ = frame::decode::<frame::Answer<'_>>(&mut input.to_vec());
}

/// A keyring that somebody sealed for the board of PROTOCOL.md's vectors. Every certificate is an operator's.
pub fn sealed(input: &[u8]) {
    let secret = P256Secret(&[0x11; 32]);
    let (Ok(board), Ok(point)) = (SoftwareSigner::new(secret), Software.public_key(secret)) else { return };
    let identity = Identity::new("demo", PublicKey::from(&point), &board, &Credulous);
    let mut copy = input.to_vec();
    let opened = Recipient { identity, unseal: &board, epoch: 0 }.open(&mut copy, |_| Some(point));
    if let Ok(opened) = opened {
        assert_eq!(addressee(input), Ok((identity.id, opened.epoch)));
        bundle(opened.bundle);
    }
}

/// A certificate in DER.
pub fn certificate(input: &[u8]) {
    if let Ok(certificate) = Certificate::parse(input) {
        let _ = (certificate.p256_key(), certificate.is_ca(), certificate.may_sign_certificates());
        let _ = (certificate.may_sign_handshakes(), certificate.extended_key_usage());
        // Each name takes bytes, so they end.
        assert!(certificate.names().count() <= input.len());
    }
}

/// A list of revoked certificates, or a certificate that says where one is.
pub fn crl(input: &[u8]) {
    let head = RevocationList::parse(input);
    if let Ok(head) = &head {
        let _ = (head.is_signed_by(input, &[&AnySignature]), head.edition);
    }
    if let Ok(list) = OwnedCertRevocationList::from_der(input) {
        let list = CertRevocationList::from(list);
        let _ = list.find_serial(input);
        // A list that one of the two takes for another CA's would be checked with the wrong key.
        assert!(head.is_ok_and(|head| head.issuer == list.issuer()), "both read the same list");
    }
    if let Ok(certificate) = Certificate::parse(input) {
        for url in certificate.distribution_points() {
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "a URL has no blanks");
        }
    }
}

/// Takes every signature of a CA with a P-256 key.
#[derive(Debug)]
struct AnySignature;

impl SignatureVerificationAlgorithm for AnySignature {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

/// Certificates, each after its length in two bytes: that of a CA, then those that a peer shows.
pub fn path(input: &[u8]) {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some((length, more)) = rest.split_first_chunk() {
        let (part, behind) = more.split_at(usize::from(u16::from_be_bytes(*length)).min(more.len()));
        parts.push(part);
        rest = behind;
    }
    let Some((ca, shown)) = parts.split_first() else { return };
    let ca = CertificateDer::from(*ca);
    let authorities: Vec<_> = Authority::read(&ca, &Software).into_iter().collect();
    let Ok(name) = ServerName::try_from("node.example.com") else { return };
    let names = [name.clone()];
    let algorithms: &[&dyn SignatureVerificationAlgorithm] = &[&AnySignature];
    for (clock, names, usage) in [
        (WallClock::Reliable(UnixTime(1_796_040_000)), Names::Dialled, Usage::BOTH),
        (WallClock::NotBefore(UnixTime(0)), Names::OneOf(&names), Usage::ANY),
    ] {
        let policy = Policy { authorities: &authorities, names, usage, ..Policy::default() };
        let circumstances = Circumstances { clock: Some(clock), dialled: Some(&name), algorithms };
        if let Ok(accepted) = policy.judge(shown, &circumstances, &Software) {
            assert!(accepted.until <= accepted.certificate.not_after);
        }
    }
}

/// Gossip messages, each after its length in two bytes, then an hour.
pub fn gossip(input: &[u8]) {
    let mut memory = StaticStorage::<8, 4>::new();
    let metadata = Metadata::new("two", Kind::Hub);
    let (me, peer) = (gullible(0x22), gullible(0x11));
    let config = NodeConfig::new(me.id, Kind::Hub);
    let mut now = Instant::START;
    let birth = Birth { incarnation: 1, start: Start { at: 2, random: 2 }, metadata: &metadata, seed: 1 };
    let Ok(mut node) = Node::new(now, config, me, birth, memory.lend()) else { return };
    let mut buffer = [0; MAX_METADATA];
    let metadata = Metadata { identity: peer.key, ..Metadata::new("one", Kind::Hub) };
    let Ok(metadata) = metadata.encode(&mut buffer) else { return };
    let record = Record { id: peer.id, incarnation: 1, state: State::Alive, by: None, metadata };
    let link = LinkId(1);
    assert!(node.handle_link_up(now, link, Direction::Accepted, &record).is_ok());
    let mut rest = input;
    while let Some((length, after)) = rest.split_first_chunk() {
        let (message, after) = after.split_at(after.len().min(u16::from_le_bytes(*length).into()));
        rest = after;
        let mut buffer = [0; 8192];
        let mut out = SliceOutbox::new(&mut buffer);
        let understood = node.handle_gossip(now, link, message, &mut out).is_ok();
        node.poll_gossip(now, link, &mut out);
        if !understood {
            break;
        }
    }
    node.handle_link_down(now, link, LinkEnd::Lost);
    for _ in 0..36 {
        now = now + Duration::from_secs(100);
        node.handle_timeout(now);
        while let Some(dial) = node.poll_dial(now) {
            node.handle_dial_failed(now, dial.target, Failure::Refused);
        }
    }
    assert!(node.members().count() <= 8);
    assert!(node.member(me.id).is_some(), "a node knows itself");
}

/// A request's or response's head.
pub fn http(input: &[u8]) {
    let mut slots = [NO_FIELD; 16];
    if let Ok(Some(head)) = RequestHead::parse(input, &mut slots) {
        assert!(head.len <= input.len());
        let _ = (content_length(head.fields), request_length(head.version, head.fields));
        let connection = Connection::of(head.fields);
        assert!(head.fields.iter().all(|field| !is_hop_by_hop(field.name) || !connection.passes(field.name)));
    }
    let mut slots = [NO_FIELD; 16];
    if let Ok(Some(head)) = ResponseHead::parse(input, &mut slots) {
        assert!(head.len <= input.len());
        let _ = response_length(head.version, head.status, false, head.fields);
    }
}

/// A body in chunks: however it is cut, it is the same body, and nothing in it is taken for two things.
pub fn chunks(input: &[u8]) {
    let whole = decode(input, input.len().max(1));
    for piece in [1, 2, 7] {
        assert_eq!(decode(input, piece), whole, "in pieces of {piece}");
    }
    trailers(input);
}

/// Field lines after a body. Those that are taken are the same to a reader that ends a line at a bare CR or LF, too.
fn trailers(lines: &[u8]) -> Option<()> {
    let fields = Trailers::parse(lines).ok()?;
    let (mut count, mut written) = (0, Vec::new());
    for field in fields {
        written.extend_from_slice(&[field.name.as_bytes(), b":", field.value, b"\r\n"].concat());
        count += 1;
    }
    let ends = |end: u8| lines.iter().filter(|&&byte| byte == end).count();
    assert_eq!((ends(b'\n'), ends(b'\r')), (count, count), "a line is a field");
    assert!(
        Trailers::parse(&written).is_ok_and(|read| read.eq(fields)),
        "what is written anew reads the same"
    );
    Some(())
}

/// The bytes of data, and how many bytes the body took; `None` when it is not over or none.
fn decode(input: &[u8], piece: usize) -> Option<(usize, u64, usize)> {
    let (mut decoder, mut done, mut here) = (ChunkDecoder::default(), 0, 0);
    let (mut len, mut sum) = (0_usize, 0_u64);
    while here < input.len() {
        here = (here + piece).min(input.len());
        loop {
            let held = input.get(done..here)?;
            let (skip, chunk) = decoder.next(held).ok()?;
            assert!(skip <= held.len());
            done += skip;
            match chunk {
                Chunk::Incomplete => break,
                Chunk::Data(data) => {
                    let bytes = input.get(done..done + data)?;
                    len += data;
                    sum = bytes
                        .iter()
                        .fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
                    if let Some(all) = decoder.ends_after(input.get(done..here)?, data) {
                        return Some((len, sum, done + all));
                    }
                    decoder.take(data);
                    done += data;
                }
                Chunk::End(fields, all) => {
                    assert!(fields <= all);
                    assert!(trailers(input.get(done..done + fields)?).is_some(), "they were read");
                    return Some((len, sum, done + all));
                }
            }
        }
    }
    None
}

/// The target of a request: what is left of it leads nowhere up, and is not changed a second time.
pub fn target(input: &[u8]) {
    let Ok(text) = core::str::from_utf8(input) else { return };
    let (mut buffer, mut again) = (vec![0; text.len()], vec![0; text.len()]);
    let Ok(path) = normalize(text, &mut buffer) else { return };
    assert!(path.starts_with('/'));
    let before_query = path.split('?').next().unwrap_or_default();
    assert!(before_query.split('/').all(|segment| segment != ".." && segment != "."));
    assert_eq!(normalize(path, &mut again), Ok(path));
}

/// A record in postcard: only its member can have signed it.
pub fn identity(input: &[u8]) {
    let secret = [0x22; 32];
    let Ok(signer) = SoftwareSigner::new(P256Secret(&secret)) else { return };
    let me = Identity::new("demo", signer.public_key(), &signer, &Software);
    let Ok(record) = postcard::from_bytes::<Record<'_>>(input) else { return };
    assert!(me.verify_record(&record).is_err() || record.metadata.len() > Signature::LEN + PublicKey::LEN);
    let mut own = record.metadata.to_vec();
    if me.sign_record(record.incarnation, &mut own).is_ok() {
        let signed = Record { id: me.id, metadata: &own, ..record };
        let is_mine = Metadata::decode(&own).is_ok_and(|metadata| metadata.identity == me.key);
        assert!(is_mine || me.verify_record(&signed).is_err(), "the key in a record is that of its member");
    }
}

/// Bytes that a peer sends on a link.
pub fn link(input: &[u8]) {
    let now = Instant::START;
    let five = Duration::from_secs(5);
    let config = Config {
        identity: gullible(0x22),
        limits: LIMITS,
        hello_timeout: five,
        ping_after: five,
        ping_timeout: five,
    };
    let (mut ours, mut theirs) = ([Exchange::FREE; 2], [Exchange::FREE; 2]);
    let mut link = Link::new(config, &mut ours[..], &mut theirs[..], now);
    let mut buffer = [0; 256];
    let greeted = link.greet([3; 32], Channel::default(), &mut SliceOutbox::new(&mut buffer));
    assert!(greeted.is_ok(), "an empty outbox has room for a hello");
    let mut rest = input;
    while let Ok(taken) = link.handle_input(now, rest) {
        let mut buffer = [0; 256];
        let mut out = SliceOutbox::new(&mut buffer);
        match taken.event {
            Some(Event::Greeted) => {
                let metadata: &[u8] = &[];
                let id = config.identity.id;
                let own = Record { id, incarnation: 1, state: State::Alive, by: None, metadata };
                assert!(link.prove(None, own, &mut out).is_ok(), "the outbox has room for a proof");
            }
            Some(Event::Opened { id, data, .. }) => {
                link.release(id, data.len());
                let _ = link.send(id, b"an answer", data.len() > 4, &mut out);
            }
            Some(Event::Data { id, data, .. }) if data.len() % 2 == 0 => link.release(id, data.len()),
            _ => {}
        }
        link.poll_transmit(now, &mut out);
        assert!(out.room() <= 256 && link.in_flight() <= 4);
        rest = rest.get(taken.consumed..).unwrap_or_default();
        if taken.consumed == 0 || rest.is_empty() {
            break;
        }
    }
}
