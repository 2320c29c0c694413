use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::path::Path;

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Full};
use node_core::crypto::{Derive, P256Secret, PublicKey, Software, SoftwareSigner};
use node_core::gossip::{Kind, State};
use node_core::id::{Name, NodeId};
use node_core::identity::{Identity, node_id};
use node_core::keys::{Bundle, BundleSlot, MAX_BUNDLE, Recipient, SlotInfo};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::trial::{OVER, Seen, Trial, WAIT, shown};
use super::{Node, Push, PushError, board, check};
use crate::api::testing::{Others, api_of};
use crate::api::{Api, KeySlot, NodeStatus, TlsStatus};
use crate::clock::unix_millis;
use crate::cluster::{Cluster, Member};
use crate::ctl::CtlError;
use crate::testing::ANYBODY;
use crate::tls::{BoardKeyring, Operator};

/// A certificate and its private key.
#[derive(Clone, Copy)]
struct Pair {
    name: &'static str,
    certificate: &'static [u8],
    secret: &'static [u8; 32],
}

const A: Pair = Pair {
    name: "a",
    certificate: include_bytes!("../../../../node-core/tests/fixtures/p256_a.der"),
    secret: include_bytes!("../../../../node-core/tests/fixtures/p256_a.secret"),
};
const B: Pair = Pair {
    name: "b",
    certificate: include_bytes!("../../../../node-core/tests/fixtures/p256_b.der"),
    secret: include_bytes!("../../../../node-core/tests/fixtures/p256_b.secret"),
};

impl Pair {
    const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    fn slot(self) -> BundleSlot<'static> {
        BundleSlot::pair(Name::new(self.name).unwrap(), self.certificate, P256Secret(self.secret))
    }

    /// The slot without the key.
    fn trusted(self) -> BundleSlot<'static> {
        BundleSlot::trusted(Name::new(self.name).unwrap(), self.certificate)
    }

    fn operator(self) -> Operator {
        let BoardKeyring { slots, .. } = keyring([self.slot()]);
        let signer = SoftwareSigner::new(P256Secret(self.secret)).unwrap();
        Operator { slot: slots[0].clone(), certificate: self.certificate.to_vec(), signer }
    }
}

fn keyring<const N: usize>(slots: [BundleSlot<'_>; N]) -> BoardKeyring {
    let keyring = unchecked(slots);
    assert!(keyring.slots.iter().any(|slot| slot.has_key));
    keyring
}

/// A keyring as a directory has it, with or without a pair.
fn unchecked<const N: usize>(slots: [BundleSlot<'_>; N]) -> BoardKeyring {
    let mut bundle = Bundle::default();
    slots.into_iter().for_each(|slot| bundle.push(slot).unwrap());
    let slots = bundle.describe(&Software).unwrap().to_vec();
    let bundle = Zeroizing::new(bundle.encode(&mut [0; MAX_BUNDLE]).unwrap().to_vec());
    BoardKeyring { slots, bundle }
}

/// As JSON-RPC shows a keyring whose first slot is active.
fn listed(slots: &[SlotInfo]) -> Vec<KeySlot> {
    slots.iter().enumerate().map(|(at, slot)| KeySlot::new(slot, at == 0)).collect()
}

/// A node with a link to one board, whose identity key is the number 0x0505…
struct Hub {
    api: Api<Others>,
    board: SoftwareSigner,
    /// What the board says of its keys.
    keys: RefCell<Vec<KeySlot>>,
    /// Since when the link to the board is up, if there is one.
    since: Cell<Option<u64>>,
    /// Every parameter that was sent, as text.
    heard: RefCell<String>,
    /// The sealed keyring.
    pushed: RefCell<Option<Vec<u8>>>,
}

impl Hub {
    /// The node has the keyring `slots`, and says that the identity of the board is `identity`.
    fn new(slots: &[SlotInfo], identity: Option<PublicKey>) -> Self {
        let board = SoftwareSigner::new(P256Secret(&[5; 32])).unwrap();
        let id = node_id(board.public_key(), &Software);
        let me = NodeId([1; 16]);
        let member = |id, name, kind, identity| Member {
            id,
            identity,
            name: Name::new(name).unwrap(),
            kind,
            state: State::Alive,
            incarnation: 1,
            since_unix_ms: 0,
            addrs: Vec::new(),
            components: Vec::new(),
            hubs: Vec::new(),
            active_key: [0; 32],
            keyring: [0; 32],
            linked: true,
            rtt: None,
            evidence: None,
            asleep: false,
        };
        let identity = identity.unwrap_or_else(|| board.public_key());
        let members =
            vec![member(me, "hub", Kind::Hub, PublicKey::NONE), member(id, "kettle", Kind::Leaf, identity)];
        let tls =
            TlsStatus { enabled: true, health: "ok".into(), slots: listed(slots), ..TlsStatus::default() };
        Self {
            api: api_of(Cluster::of(me, members), tls),
            board,
            keys: RefCell::default(),
            since: Cell::new(Some(1)),
            heard: RefCell::default(),
            pushed: RefCell::default(),
        }
    }

    fn board_id(&self) -> String {
        node_id(self.board.public_key(), &Software).to_string()
    }

    /// What the board finds in the keyring that was pushed, if the pair of `operator` may seal for it.
    fn opened(&self, operator: Pair) -> (u64, Vec<u8>) {
        let key = Software.public_key(P256Secret(operator.secret)).unwrap();
        let certificate = operator.operator().slot.certificate;
        let identity = Identity::new("test", self.board.public_key(), &self.board, &Software);
        let recipient = Recipient { identity, unseal: &self.board, epoch: 0 };
        let mut sealed = self.pushed.borrow().clone().unwrap();
        let opened = recipient.open(&mut sealed, |signer| (signer == certificate).then_some(key)).unwrap();
        (opened.epoch, opened.bundle.to_vec())
    }

    async fn push(&self, keyring: BoardKeyring, operator: Pair, force: bool) -> Result<Value, CtlError> {
        let push = Push {
            node: self,
            board: "kettle",
            dir: Path::new("tls"),
            keyring,
            operator: operator.operator(),
            force,
            timeout: Duration::from_secs(5),
        };
        push.run().await
    }
}

impl Node for Hub {
    async fn call(&self, method: &str, params: Value) -> Result<Value, CtlError> {
        self.heard.borrow_mut().push_str(&params.to_string());
        match method {
            "MaelNode.ListKeys" => return Ok(json!({"nodeId": "", "slots": *self.keys.borrow()})),
            "MaelNode.ListLinks" => {
                let link = self.since.get().map(|since| {
                    json!({
                        "nodeId": self.board_id(), "name": "kettle", "kind": "leaf", "address": "10.0.0.2:1",
                        "dialled": false, "gossip": true, "since": since, "rttMicros": null, "peerKey": null,
                    })
                });
                let links = link.as_slice();
                return Ok(json!({"respondingNodeId": "", "observedAt": 1, "links": links}));
            }
            "MaelNode.PushKeys" => {
                let sealed = Base64::decode_vec(params["bundle"].as_str().unwrap()).unwrap();
                *self.pushed.borrow_mut() = Some(sealed);
                // The board comes back with a new link.
                self.since.set(Some(2));
            }
            _ => {}
        }
        let asked = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = Request::post("/_mael/v1").header(CONTENT_TYPE, "application/json");
        let request = request.body(Full::<Bytes>::from(asked.to_string())).unwrap();
        let answer = self.api.respond(request, &ANYBODY).await.into_body().collect().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.to_bytes()).unwrap();
        match answer["error"]["message"].as_str() {
            Some(message) => Err(CtlError::Refused(message.to_owned())),
            None => Ok(answer["result"].clone()),
        }
    }

    fn url(&self) -> &'static str {
        "https://hub"
    }
}

/// The text of an error.
fn text<T>(result: Result<T, impl ToString>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn what_is_pushed_is_a_keyring_that_only_the_board_can_read() {
    let new = keyring([A.slot(), B.slot()]);
    let (slots, bundle) = (new.slots.clone(), new.bundle.to_vec());
    let hub = Hub::new(&slots, None);
    hub.keys.replace(listed(&slots));
    let before = unix_millis();
    let answer = hub.push(new, A, false).await.unwrap();
    assert_eq!(answer["nodeId"], hub.board_id());
    let (epoch, opened) = hub.opened(A);
    assert_eq!(opened, bundle);
    assert!((before..=unix_millis()).contains(&epoch), "an epoch grows with the time");
    let sent = hub.pushed.borrow().clone().unwrap();
    for Pair { secret, .. } in [A, B] {
        assert!(bundle.windows(32).any(|part| part == secret), "the keyring has the key");
        assert!(!sent.windows(32).any(|part| part == secret), "what was sent has not");
        assert!(!hub.heard.borrow().contains(&Base64::encode_string(secret)));
    }
}

#[tokio::test]
async fn a_board_that_holds_its_key_gets_a_keyring_without_one() {
    let trusted = || unchecked([A.trusted(), B.trusted()]);
    let hub = Hub::new(&keyring([A.slot(), B.slot()]).slots, None);
    // The board shows A as a pair, so it has that key.
    let mut shown = listed(&keyring([A.slot(), B.trusted()]).slots);
    hub.keys.replace(shown.clone());
    hub.push(trusted(), A, false).await.unwrap();
    let (_, opened) = hub.opened(A);
    assert_eq!(opened, trusted().bundle.to_vec());
    assert!([A, B].iter().all(|pair| !opened.windows(32).any(|part| part == pair.secret)));
    // It shows none as a pair, or another one.
    shown[0].pair = false;
    for shown in [shown, listed(&keyring([B.named("x").slot()]).slots)] {
        let hub = Hub::new(&keyring([A.slot(), B.slot()]).slots, None);
        hub.keys.replace(shown);
        let error = text(hub.push(unchecked([A.trusted()]), A, true).await);
        assert!(error.starts_with("kettle would refuse tls: it has no private key"), "{error}");
        assert_eq!(hub.pushed.borrow().as_ref(), None);
    }
}

#[tokio::test]
async fn no_keys_are_sealed_for_an_identity_that_is_not_the_boards() {
    let other = SoftwareSigner::new(P256Secret(&[6; 32])).unwrap().public_key();
    let new = keyring([A.slot()]);
    let hub = Hub::new(&new.slots, Some(other));
    // Not even by force.
    let error = text(hub.push(new, A, true).await);
    assert!(error.contains("must not get the keys") && error.contains(&hub.board_id()), "{error}");
    assert!(error.contains(&node_id(other, &Software).to_string()), "{error}");
    assert_eq!(hub.pushed.borrow().as_ref(), None);
    let hub = Hub::new(&keyring([A.slot()]).slots, Some(PublicKey::NONE));
    let error = text(hub.push(keyring([A.slot()]), A, true).await);
    assert!(error.contains("update maelstromd"), "{error}");
}

#[tokio::test]
async fn keys_with_which_the_board_is_lost_are_sent_only_by_force() {
    let hub = Hub::new(&keyring([A.slot()]).slots, None);
    let error = text(hub.push(keyring([B.slot()]), A, false).await);
    assert!(error.contains("the board would be lost: https://hub does not trust b.crt"), "{error}");
    let hub = Hub::new(&keyring([A.slot(), B.slot()]).slots, None);
    let error = text(hub.push(keyring([A.slot()]), B, false).await);
    assert!(error.contains("no further keys from you") && error.contains("b.operator.crt"), "{error}");
    assert_eq!(hub.pushed.borrow().as_ref(), None);
    hub.keys.replace(listed(&keyring([A.slot()]).slots));
    hub.push(keyring([A.slot()]), B, true).await.unwrap();
    assert!(hub.pushed.borrow().is_some());
}

#[test]
fn the_node_and_the_board_must_trust_each_other() {
    let trust = |hub: BoardKeyring, new: BoardKeyring| {
        text(check::mutual_trust(&listed(&hub.slots), &new.slots, "https://hub"))
    };
    let error = trust(keyring([A.slot(), B.slot()]), keyring([B.slot()]));
    assert!(error.contains("it would not trust a.crt, which https://hub shows"), "{error}");
    assert!(error.contains("into the directory as a.hub.crt"), "{error}");
    // A board with a key of its own has only the certificate of its hub, which must say that it is one.
    let hub = || keyring([A.slot(), B.trusted()]);
    let error = trust(hub(), keyring([B.slot(), A.trusted()]));
    assert!(error.contains("https://hub for a hub, whose certificate is a.crt"), "{error}");
    assert!(error.contains("name it a.hub.crt"), "{error}");
    assert_eq!(trust(hub(), keyring([B.slot(), A.named("a.hub").trusted()])), "");
    let error = trust(keyring([B.slot()]), keyring([A.slot(), B.slot()]));
    assert!(error.contains("https://hub does not trust a.crt"), "{error}");
    // Old and new keys overlap while they are swapped.
    assert_eq!(trust(keyring([A.slot()]), keyring([A.slot(), B.slot()])), "");
    assert_eq!(trust(keyring([A.slot(), B.slot()]), keyring([A.slot()])), "");
    assert_eq!(trust(keyring([A.slot()]), keyring([A.slot(), B.trusted()])), "");
}

#[test]
fn a_board_must_keep_an_operator() {
    let operators = |new: BoardKeyring, signer: Pair| {
        text(check::operators(&new.slots, &signer.operator().slot, Path::new("tls")))
    };
    let leaf = A.named("board.leaf");
    let error = operators(keyring([leaf.slot(), B.trusted()]), B);
    let expected = "the board would take no further keys: tls has no operator";
    assert!(error.starts_with(expected) && error.contains("b.operator.crt"), "{error}");
    let error = operators(keyring([A.slot(), B.trusted()]), B);
    assert!(error.contains("is b.crt in tls, which is no operator; name it b.operator.crt"), "{error}");
    let error = operators(keyring([A.slot()]), B.named("ops.operator"));
    assert!(error.contains("ops.operator.crt of --tls-dir, is not in tls"), "{error}");
    assert!(error.contains("put it into it as ops.operator.crt"), "{error}");
    // Of a certificate in two slots, the least counts, as on a board.
    let error = operators(keyring([A.slot(), B.named("b.leaf").trusted(), B.slot()]), B);
    assert!(error.contains("is no operator"), "{error}");
    for good in [keyring([A.slot(), B.slot()]), keyring([leaf.slot(), B.named("b.operator").trusted()])] {
        assert_eq!(operators(good, B), "");
    }
}

#[test]
fn a_board_is_found_by_name_or_id() {
    let status = |key: u8, name: &str, state: &str| -> NodeStatus {
        let identity = SoftwareSigner::new(P256Secret(&[key; 32])).unwrap().public_key();
        serde_json::from_value(json!({
            "nodeId": node_id(identity, &Software).to_string(), "identityKey": format!("{identity:?}"), "name": name,
            "kind": "leaf", "state": state, "incarnation": 1, "version": 1, "since": 1, "peerUrl": null, "activeKey": null,
            "keyringDigest": null, "components": [], "hubs": [], "linked": true, "rttMicros": null,
        }))
        .unwrap()
    };
    let hub = NodeStatus { kind: "hub".into(), ..status(6, "hub", "alive") };
    let nodes = [
        status(1, "kettle", "alive"),
        status(2, "kettle", "left"),
        status(3, "twin", "alive"),
        status(4, "twin", "down"),
        hub,
    ];
    let id = |node: &NodeStatus| node.node_id.clone();
    let found = |given: &str| board::find(&nodes, given).map(|board| board.id.to_string());
    assert_eq!(found("kettle").unwrap(), id(&nodes[0]));
    for node in &nodes[..4] {
        assert_eq!(found(&node.node_id).unwrap(), id(node));
        assert_eq!(found(&node.node_id.to_uppercase()).unwrap(), id(node));
        assert_eq!(found(&node.node_id[..8]).unwrap(), id(node));
        assert!(matches!(found(&node.node_id[..7]), Err(PushError::NoNode { .. })));
    }
    let error = text(found("twin"));
    assert!(nodes[2..4].iter().all(|node| error.contains(&node.node_id)), "{error}");
    assert!(text(found("hub")).starts_with("hub is a hub"));
    assert_eq!(found(&id(&nodes[4])).unwrap(), id(&nodes[4]), "a hub that is a board");
}

/// What becomes of a trial during which the board is seen so, second by second. The last sight stays.
async fn judge(sights: &[(u64, Seen)]) -> (String, Duration) {
    let start = tokio::time::Instant::now();
    let trial = Trial {
        board: "kettle".into(),
        id: String::new(),
        dir: "tls".into(),
        expected: Vec::new(),
        old_links: Vec::new(),
    };
    let look = async || {
        let past = sights.iter().rev().find(|(from, _)| start.elapsed() >= Duration::from_secs(*from));
        past.unwrap().1.clone()
    };
    (text(trial.judge(look).await), start.elapsed())
}

fn gone() -> Seen {
    Seen::Gone("no link".into())
}

#[tokio::test(start_paused = true)]
async fn a_board_that_comes_back_with_the_new_keys_has_kept_them() {
    let (error, _) = judge(&[(0, Seen::Old), (2, gone()), (30, Seen::Kept)]).await;
    assert_eq!(error, "");
    // The link to the node that is asked stayed. Had the board found no other, it would have gone back.
    let (error, took) = judge(&[(0, Seen::Trying)]).await;
    assert_eq!(error, "");
    assert!(took >= OVER, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_went_back_is_told_from_one_that_is_gone() {
    for sights in [
        &[(0, Seen::Trying), (5, gone()), (65, Seen::Old)][..],
        &[(0, Seen::Old)],
        &[(0, gone()), (61, Seen::Old)],
    ] {
        let (error, took) = judge(sights).await;
        assert!(error.starts_with("kettle is back on its old keys"), "{error}");
        assert!(took < WAIT + Duration::from_secs(2), "{took:?}");
    }
    let (error, took) = judge(&[(0, gone())]).await;
    assert!(error.starts_with("kettle took the keys of tls, and is not reached since"), "{error}");
    assert!(error.contains("no link") && took >= WAIT, "{error} {took:?}");
}

#[tokio::test]
async fn a_link_that_was_there_before_proves_nothing() {
    let new = keyring([A.slot(), B.slot()]).slots;
    let hub = Hub::new(&new, None);
    hub.keys.replace(listed(&new));
    let trial = |old_links| Trial {
        board: "kettle".into(),
        id: hub.board_id(),
        dir: "tls".into(),
        expected: shown(&new),
        old_links,
    };
    let old = ("10.0.0.2:1".to_owned(), 1);
    assert_eq!(trial(vec![old.clone()]).look(&hub).await.unwrap(), Seen::Trying);
    hub.since.set(Some(2));
    assert_eq!(trial(vec![old.clone()]).look(&hub).await.unwrap(), Seen::Kept);
    // The board went to another hub; or it was always there.
    hub.since.set(None);
    assert_eq!(trial(vec![old.clone()]).look(&hub).await.unwrap(), Seen::Kept);
    assert_eq!(trial(Vec::new()).look(&hub).await.unwrap(), Seen::Trying);
    // The same certificates, but the other one is active.
    let mut swapped = listed(&new);
    swapped.iter_mut().for_each(|slot| slot.active = !slot.active);
    hub.keys.replace(swapped);
    assert_eq!(trial(vec![old]).look(&hub).await.unwrap(), Seen::Old);
}
