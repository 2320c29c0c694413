//! PROTOCOL.md is true: this code writes and reads its vectors, and every rule that code cites exists.

extern crate alloc;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use node_core::crypto::{Derive, P256Secret, Software, SoftwareSigner};
use node_core::gossip::{
    Birth, Config as NodeConfig, Direction, Kind, LinkEnd, Metadata, Node, Record, Start, State,
    StaticStorage, Storage, Target,
};
use node_core::id::{Hex, LinkId, Name, NodeId};
use node_core::identity::{Certificates, Channel, Identity};
use node_core::keys::{
    Bundle, BundleSlot, Keyring, MAX_BUNDLE, MAX_SEALED, Recipient, Sealer, SlotInfo, addressee,
};
use node_core::link::{
    Config, Event, Exchange, Full, GoAway, Introduction, LentLink, Limits, Open, Outbox, PREFACE, ResetCode,
    Service,
};
use node_core::provision::{
    Blob, Draft, Ip, MAX_BLOB, MAX_SETTINGS, Settings, Wifi, certificate_request, frame,
};
use node_core::rpc::{Code, Counters, Method, Response, RpcError};
use node_core::time::{Duration, Instant, UnixTime};
use node_core::trust::{Fingerprint, KeyAlgorithm};
use node_core::wire::record::MAX_METADATA;
use rand_core::{CryptoRng, RngCore};

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");
const NOW: Instant = Instant::from_micros(1_000_000);

#[cfg_attr(test, test)]
pub(crate) fn this_code_writes_the_vectors() {
    let documented = make::documented();
    let written = make::written();
    for (name, bytes) in &written {
        let text = documented.get(name.as_str()).cloned().unwrap_or_default();
        assert_eq!(text, Hex(bytes).to_string(), "the vector {name} of PROTOCOL.md");
    }
    let names: BTreeSet<&str> = written.iter().map(|(name, _)| name.as_str()).collect();
    let unknown: Vec<_> = documented.keys().filter(|name| !names.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "vectors that nothing writes: {unknown:?}");
}

#[cfg_attr(test, test)]
pub(crate) fn the_vectors_of_a_link_parse_as_the_text_says() {
    let mut ours = [Exchange::FREE; 2];
    let mut theirs = [Exchange::FREE; 2];
    let mut link = LentLink::new(make::config(2), &mut ours, &mut theirs, NOW);
    let mut memory = Vec::new();
    link.greet(make::nonce(2), make::channel(2), &mut make::Bytes(&mut memory)).unwrap();
    let mut buffer = [0; MAX_METADATA];
    for (name, expected) in [
        ("hello", "Greeted"),
        ("proof", "Up"),
        (
            "open",
            "Opened { id: Theirs 0.1, open: Open { to: None, hops: 0, budget_ms: 5000, service: Rpc(1) }, data: [], end: true }",
        ),
        (
            "open-relayed",
            "Opened { id: Theirs 1.1, open: Open { to: Some(33333333333333333333333333333333), hops: 1, budget_ms: 30000, service: Http }, data: [71], end: false }",
        ),
        ("data", "Data { id: Theirs 1.1, data: [69, 84, 32], end: false }"),
        ("credit-link", "Credit(None)"),
        ("reset", "Reset { id: Theirs 1.1, code: Cancelled }"),
        ("goodbye", "GoAway(Leaving)"),
    ] {
        let bytes = make::bytes(name);
        let mut rest = bytes.as_slice();
        let mut last = String::new();
        while !rest.is_empty() {
            let input = link.handle_input(NOW, rest).unwrap();
            rest = &rest[input.consumed..];
            last = match input.event {
                Some(Event::Greeted) => {
                    let record = make::record(2, &mut buffer);
                    link.prove(make::TIME, record, &mut make::Bytes(&mut memory)).unwrap();
                    "Greeted".into()
                }
                Some(Event::Up(Introduction { limits, time, record })) => {
                    assert_eq!((limits, time), (make::config(1).limits, make::TIME));
                    assert_eq!(record, make::record(1, &mut [0; MAX_METADATA]));
                    "Up".into()
                }
                event => event.map(|event| format!("{event:?}")).unwrap_or_default(),
            };
        }
        assert_eq!(last, expected, "{name}");
    }
}

#[cfg_attr(test, test)]
pub(crate) fn the_board_of_the_vector_opens_the_sealed_bundle() {
    let mut sealed = make::bytes("sealed-bundle");
    let identity = make::identity(1);
    assert_eq!(addressee(&sealed), Ok((identity.id, make::EPOCH)));
    let board = make::key(1);
    let recipient = Recipient { identity, unseal: &board, epoch: make::EPOCH - 1 };
    let operator = Software.public_key(P256Secret(&[0x22; 32])).unwrap();
    let opened =
        recipient.open(&mut sealed, |signer| (signer == make::OPERATOR).then_some(operator)).unwrap();
    assert_eq!(opened.bundle, make::bytes("bundle"));
}

#[cfg_attr(test, test)]
pub(crate) fn a_blob_is_read_as_the_text_says() {
    let blob = make::bytes("provisioning-blob");
    let blob = Blob::read(&blob).unwrap();
    assert_eq!((blob.epoch, blob.signer, blob.kind), (make::EPOCH, make::OPERATOR, "qemu"));
    assert_eq!((blob.board, blob.new_identity), (Some(make::identity(1).id), false));
    assert_eq!(
        (blob.settings, blob.keyring),
        (&make::bytes("settings")[..], Some(&make::bytes("bundle")[..]))
    );
    let settings = make::bytes("settings");
    let settings = Settings::decode(&settings).unwrap();
    assert_eq!(settings.hubs, ["192.168.1.10:8374", "hub.example.com:8374"]);
    let hub = make::bytes("settings-hub");
    let hub = Settings::decode(&hub).unwrap();
    assert_eq!((hub.hubs.len(), &hub.listen[..]), (0, &["192.168.1.7:8374"][..]));
    let frame = make::bytes("serial-refused");
    let answer = frame::decode(&mut frame[1..frame.len() - 1].to_vec()).map(|answer| match answer {
        frame::Answer::Refused(text) => text.to_owned(),
        other => format!("{other:?}"),
    });
    assert_eq!(answer.as_deref(), Ok("no"));
}

#[cfg(test)]
mod rules {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_rule_that_code_cites_is_in_the_protocol() {
        let mut cited = BTreeMap::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut cited);
        assert!(cited.len() > 20);
        for (rule, file) in cited {
            assert!(
                PROTOCOL.contains(&format!("**{rule}**")),
                "{file} cites {rule}, which PROTOCOL.md does not have"
            );
        }
    }

    #[test]
    fn rules_have_one_number_each_in_order() {
        let rules: Vec<&str> = PROTOCOL.split("**R-").skip(1).filter_map(|rest| rest.get(..3)).collect();
        assert!(rules.is_sorted_by(|a, b| a < b), "{rules:?}");
    }

    /// Every rule cited in the Rust files below a folder, with one of those files.
    fn collect(folder: &Path, cited: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                collect(&path, cited);
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for rest in text.split("R-").skip(1) {
                    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    if number.len() == 3 {
                        cited.insert(format!("R-{number}"), path.display().to_string());
                    }
                }
            }
        }
    }
}

#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at what it does not expect")]
mod make {
    use super::*;

    /// The hexadecimal digits of each block that is marked `hex NAME`.
    pub fn documented() -> BTreeMap<String, String> {
        let blocks = PROTOCOL.split("```hex ").skip(1).filter_map(|block| block.split("```").next());
        let blocks = blocks.filter_map(|block| block.split_once('\n'));
        let digits = |text: &str| {
            let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
            lines.flat_map(str::chars).filter(|digit| !digit.is_whitespace()).collect::<String>()
        };
        blocks.map(|(name, text)| (name.trim().to_owned(), digits(text))).collect()
    }

    pub fn bytes(name: &str) -> Vec<u8> {
        let digits = documented().remove(name).unwrap();
        (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    pub struct Bytes<'v>(pub &'v mut Vec<u8>);

    impl Outbox for Bytes<'_> {
        fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
            parts.iter().for_each(|part| self.0.extend(*part));
            Ok(())
        }

        fn room(&self) -> usize {
            65536
        }
    }

    pub fn id(number: u8) -> NodeId {
        NodeId([number * 0x11; 16])
    }

    pub fn config(number: u8) -> Config<Identity<'static>> {
        let five = Duration::from_secs(5);
        let limits = Limits { frame: 4096, exchanges: 2, exchange_credit: 8, link_credit: 16, members: 16 };
        Config {
            identity: identity(number),
            limits,
            hello_timeout: five,
            ping_after: five,
            ping_timeout: five,
        }
    }

    fn metadata(number: u8) -> Metadata<'static> {
        let mut metadata = Metadata::new(["", "one", "two", "three", "four"][usize::from(number)], Kind::Hub);
        metadata.addrs.extend(["10.0.0.1:8374"]);
        metadata.components.extend(["billing"]);
        metadata
    }

    /// The node whose identity key is the number `number * 0x1111…`.
    pub fn identity(number: u8) -> Identity<'static> {
        let signer = Box::leak(Box::new(SoftwareSigner::new(P256Secret(&[number * 0x11; 32])).unwrap()));
        Identity::new("demo", signer.public_key(), signer, &Software)
    }

    pub const TIME: Option<UnixTime> = Some(UnixTime(1_700_000_000));

    /// The start of every node, one second before [`TIME`].
    const START: Start = Start { at: 1_699_999_999_000, random: 7 };

    pub fn nonce(number: u8) -> [u8; 32] {
        [0xa0 + number; 32]
    }

    /// The channel between nodes one and two, seen from one of them.
    pub fn channel(number: u8) -> Channel {
        let shown = |number| Fingerprint([0xc0 + number; 32]);
        let certificates = Certificates { ours: shown(number), theirs: shown(3 - number) };
        Channel { certificates: Some(certificates), exporter: Some([0xe0; 32]) }
    }

    pub fn record<'b>(number: u8, buffer: &'b mut [u8]) -> Record<'b> {
        let identity = identity(number);
        let metadata = Metadata { start: START, identity: identity.key, ..metadata(number) };
        let length = metadata.encode(buffer).unwrap().len();
        let metadata = &mut buffer[..length];
        identity.sign_record(1, metadata).unwrap();
        Record { id: identity.id, incarnation: 1, state: State::Alive, by: None, metadata }
    }

    pub fn written() -> Vec<(String, Vec<u8>)> {
        let mut all = frames();
        all.extend(gossip());
        all.extend(others());
        all.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
    }

    /// Two links send every kind of frame.
    fn frames() -> Vec<(&'static str, Vec<u8>)> {
        let mut slots = [Exchange::FREE; 8];
        let (one, two) = slots.split_at_mut(4);
        let ((a, b), (c, d)) = (one.split_at_mut(2), two.split_at_mut(2));
        let mut one = LentLink::new(config(1), a, b, NOW);
        let mut two = LentLink::new(config(2), c, d, NOW);
        let mut vectors = Vec::new();
        let take = |link: &mut LentLink<'_>, bytes: &[u8]| {
            let mut rest = bytes;
            let mut ids = Vec::new();
            while !rest.is_empty() {
                let input = link.handle_input(NOW, rest).unwrap();
                rest = &rest[input.consumed..];
                if let Some(Event::Opened { id, .. }) = input.event {
                    ids.push(id);
                }
            }
            ids
        };
        let mut out = Vec::new();
        two.greet(nonce(2), channel(2), &mut Bytes(&mut out)).unwrap();
        let mut write =
            |name, link: &mut LentLink<'_>, act: &mut dyn FnMut(&mut LentLink<'_>, &mut Bytes<'_>)| {
                let mut bytes = Vec::new();
                act(link, &mut Bytes(&mut bytes));
                link.poll_transmit(NOW, &mut Bytes(&mut bytes));
                vectors.push((name, bytes.clone()));
                bytes
            };
        let bytes = write("hello", &mut one, &mut |link, out| link.greet(nonce(1), channel(1), out).unwrap());
        one.handle_input(NOW, &out[..PREFACE.len()]).unwrap();
        one.handle_input(NOW, &out[PREFACE.len()..]).unwrap();
        take(&mut two, &bytes);
        let mut buffer = [0; MAX_METADATA];
        let bytes = write("proof", &mut one, &mut |link, out| {
            link.prove(TIME, record(1, &mut buffer), out).unwrap();
        });
        let mut proof = Vec::new();
        two.prove(TIME, record(2, &mut buffer), &mut Bytes(&mut proof)).unwrap();
        take(&mut one, &proof);
        take(&mut two, &bytes);

        let ping = Open { to: None, hops: 0, budget_ms: 5000, service: Service::Rpc(Method::Ping.number()) };
        let bytes = write("open", &mut one, &mut |link, out| {
            link.open(NOW, &ping, &[], true, out).unwrap();
        });
        let asked = take(&mut two, &bytes)[0];
        let answer = postcard::to_slice(&Response::Ok(()), &mut [0; 8]).unwrap().to_vec();
        let bytes = write("answer", &mut two, &mut |link, out| {
            link.send(asked, &answer, true, out).unwrap();
        });
        take(&mut one, &bytes);

        // One that stays open, so that the next has another slot.
        let mut held = Vec::new();
        one.open(NOW, &ping, &[], false, &mut Bytes(&mut held)).unwrap();
        take(&mut two, &held);
        let relayed = Open { to: Some(id(3)), hops: 1, budget_ms: 30_000, service: Service::Http };
        let mut opened = None;
        let bytes = write("open-relayed", &mut one, &mut |link, out| {
            opened = Some(link.open(NOW, &relayed, b"G", false, out).unwrap().0);
        });
        let theirs = take(&mut two, &bytes)[0];
        let bytes = write("data", &mut one, &mut |link, out| {
            link.send(opened.unwrap(), b"ET ", false, out).unwrap();
        });
        take(&mut two, &bytes);
        write("credit", &mut two, &mut |link, _| link.release(theirs, 4));
        write("reset", &mut one, &mut |link, _| link.reset(opened.unwrap(), ResetCode::Cancelled));
        let bytes = write("ping", &mut one, &mut |link, _| link.ping(NOW));
        take(&mut two, &bytes);
        write("pong", &mut two, &mut |_, _| {});
        // The credit of an exchange that is over returns to the link.
        for _ in 0..2 {
            take(&mut two, &[4, 0, 4, 0, 9, 0, 9, 0, 0, 0, 0, 0]);
        }
        write("credit-link", &mut two, &mut |_, _| {});
        write("goodbye", &mut one, &mut |link, _| link.go_away(GoAway::Leaving));
        vectors
    }

    struct Messages(Vec<Vec<u8>>);

    impl Outbox for Messages {
        fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
            self.0.push(parts.concat());
            Ok(())
        }

        fn room(&self) -> usize {
            65536
        }
    }

    fn up(node: &mut Node<'_>, link: u32, direction: Direction, peer: u8) {
        node.handle_link_up(NOW, LinkId(link), direction, &record(peer, &mut [0; MAX_METADATA])).unwrap();
    }

    fn node(number: u8, storage: Storage<'_>) -> Node<'_> {
        let identity = identity(number);
        let config = NodeConfig::new(identity.id, Kind::Hub);
        let birth = Birth { incarnation: 1, start: START, metadata: &metadata(number), seed: 1 };
        Node::new(NOW, config, identity, birth, storage).unwrap()
    }

    /// Node one knows node three, node two knows node four; they reconcile.
    fn gossip() -> Vec<(&'static str, Vec<u8>)> {
        let mut memory = [const { StaticStorage::<8, 4>::new() }; 2];
        let [one, two] = &mut memory;
        let (mut one, mut two) = (node(1, one.lend()), node(2, two.lend()));
        for (node, peer) in [(&mut one, 3), (&mut two, 4)] {
            up(node, 9, Direction::Accepted, peer);
            node.handle_link_down(NOW, LinkId(9), LinkEnd::GoAway(GoAway::Full));
        }
        up(&mut one, 1, Direction::Dialled(Target::Seed(0)), 2);
        up(&mut two, 1, Direction::Accepted, 1);
        let mut said = Messages(Vec::new());
        one.poll_gossip(NOW, LinkId(1), &mut said);
        two.handle_gossip(NOW, LinkId(1), &said.0[1].clone(), &mut said).unwrap();
        one.handle_gossip(NOW, LinkId(1), &said.0[2].clone(), &mut said).unwrap();
        let names = ["gossip-standing", "gossip-compare", "gossip-have", "gossip-need", "gossip-records"];
        assert_eq!(said.0.len(), names.len());
        names.into_iter().zip(said.0).collect()
    }

    fn others() -> Vec<(&'static str, Vec<u8>)> {
        let slot = |name: &str, certificate| SlotInfo {
            name: Name::new(name).unwrap(),
            certificate: Fingerprint([certificate; 32]),
            spki: Fingerprint([0; 32]),
            not_before: UnixTime(0),
            not_after: UnixTime(0),
            has_key: true,
            algorithm: KeyAlgorithm::P256,
        };
        let slots = [slot("a", 0x22), slot("b", 0x11), slot("c", 0x33), slot("d", 0x33)];
        let digest = Keyring::new(&slots).unwrap().digest(&Software);
        let mut bundle = Bundle::default();
        let key = P256Secret(&[0x11; 32]);
        bundle.push(BundleSlot::pair(Name::new("a").unwrap(), &[0x30, 0x00], key)).unwrap();
        bundle.push(BundleSlot::trusted(Name::new("b").unwrap(), &[0x30, 0x01, 0x05])).unwrap();
        let mut buffer = [0; MAX_BUNDLE];
        let bundle = bundle.encode(&mut buffer).unwrap().to_vec();
        let refused: Response<'_, ()> = Err(RpcError { code: Code::Refused, message: "no" });
        let refused = postcard::to_slice(&refused, &mut [0; 64]).unwrap().to_vec();
        let counters = Counters {
            starts: 3,
            handshakes: 5,
            handshakes_failed: 300,
            dials_failed: 7,
            links_up: 2,
            links_down: 1,
            reconnects: 1,
            requests: 100,
            requests_failed: 4,
            pages_erased: 5,
            pages: 8,
            stack_size: Some(8192),
        };
        let counters: Response<'_, Counters> = Ok(counters);
        let counters = postcard::to_slice(&counters, &mut [0; 64]).unwrap().to_vec();
        vec![
            ("keyring-digest", digest.0.to_vec()),
            ("sealed-bundle", sealed(&bundle)),
            ("settings", settings()),
            ("settings-hub", settings_of_a_hub()),
            ("provisioning-blob", blob(&bundle)),
            ("serial-identify", framed(&frame::Request::Identify)),
            ("serial-refused", framed(&frame::Answer::Refused("no"))),
            ("serial-request-certificate", framed(&frame::Request::RequestCertificate)),
            ("certificate-request", request()),
            ("bundle", bundle),
            ("answer-counters", counters),
            ("answer-refused", refused),
        ]
    }

    /// An operator's certificate.
    pub const OPERATOR: Fingerprint = Fingerprint([0xc0; 32]);
    /// An epoch.
    pub const EPOCH: u64 = 1_700_000_000_000;

    /// The key number `number * 0x1111…`.
    pub fn key(number: u8) -> SoftwareSigner {
        SoftwareSigner::new(P256Secret(&[number * 0x11; 32])).unwrap()
    }

    /// `bundle` sealed for node one by an operator with the key of node two.
    fn sealed(bundle: &[u8]) -> Vec<u8> {
        let (board, signer) = (identity(1).key, &key(2));
        let sealer = Sealer { cluster: "demo", board, epoch: EPOCH, certificate: OPERATOR, signer };
        sealer.seal(bundle, &mut Fives, &mut [0; MAX_SEALED]).unwrap().to_vec()
    }

    fn settings() -> Vec<u8> {
        let settings = Settings {
            hubs: ["192.168.1.10:8374", "hub.example.com:8374"].into_iter().collect(),
            ip: Ip::Static {
                address: [192, 168, 1, 20].into(),
                prefix: 24,
                gateway: Some([192, 168, 1, 1].into()),
                name_servers: [[192, 168, 1, 1].into()].into_iter().collect(),
            },
            wifi: Some(Wifi { ssid: "home", passphrase: "12345678" }),
            uses: ["archive"].into_iter().collect(),
            pins: [Fingerprint([0xd0; 32])].into_iter().collect(),
            not_before: UnixTime(1_700_000_000),
            ..Settings::new("kitchen", "demo")
        };
        settings.encode(&mut [0; MAX_SETTINGS]).unwrap().to_vec()
    }

    fn settings_of_a_hub() -> Vec<u8> {
        let mut settings = Settings::new("attic", "demo");
        settings.listen.push("192.168.1.7:8374").unwrap();
        settings.encode(&mut [0; MAX_SETTINGS]).unwrap().to_vec()
    }

    /// For node one, signed by an operator with the key of node two.
    fn blob(bundle: &[u8]) -> Vec<u8> {
        let draft = Draft {
            epoch: EPOCH,
            kind: "qemu",
            board: Some(identity(1).id),
            new_identity: false,
            settings: &settings(),
            keyring: Some(bundle),
        };
        draft.sign(OPERATOR, &key(2), &Software, &mut [0; MAX_BLOB]).unwrap().to_vec()
    }

    /// Of node one, for a certificate of the key of node three.
    fn request() -> Vec<u8> {
        let key = Software.decompress(key(3).public_key()).unwrap();
        certificate_request(identity(1).id, &key, &self::key(3)).unwrap().to_vec()
    }

    fn framed(message: &impl serde::Serialize) -> Vec<u8> {
        frame::encode(message, &mut [0; 64], &mut [0; 80]).unwrap().to_vec()
    }

    /// Gives only the byte 0x55.
    struct Fives;

    impl RngCore for Fives {
        fn next_u32(&mut self) -> u32 {
            0x5555_5555
        }

        fn next_u64(&mut self) -> u64 {
            0x5555_5555_5555_5555
        }

        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            bytes.fill(0x55);
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
            self.fill_bytes(bytes);
            Ok(())
        }
    }

    impl CryptoRng for Fives {}
}
