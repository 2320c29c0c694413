//! Peers that dial a hub with a certificate that a CA signed: the hub's own rules decide (`Listen::rules`).

use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::crypto::SoftwareSigner;
use node_core::time::UnixTime;
use node_core::trust::{Anchor, Usage};
use node_embedded::{
    CrlCheck, HubNames, HubRules, Leaf, Listen, RevocationLists, Settings, StartError, TlsSigner,
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};

use crate::authority::Ca;
use crate::boards::{Board, HUB, Running, World, beside, call, until};
use crate::clock::run;
use crate::identity::{Identity, named_bundle, signer};

/// The address of the second leaf, where it is a hub.
const TWO: [&str; 1] = ["10.0.0.3:8374"];

fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Peers of any name count whose certificates this CA signed for clients.
fn rules(ca: &Ca) -> HubRules<'static> {
    let authorities = vec![&*ca.certificate.clone().leak()].leak();
    HubRules { names: HubNames::Any, usage: Usage::CLIENT, ..HubRules::new(authorities) }
}

/// Starts the hub, whose keyring knows the first leaf alone.
async fn boot_hub(world: &World, rules: HubRules<'static>) -> Running {
    let trusted = [("one.leaf.operator", &world.one.identity)];
    let keyring = named_bundle(&[("hub.hub", &world.hub.identity)], &trusted);
    boot(&world.hub, keyring, Some(Listen { rules: Some(leaked(rules)), ..Listen::at(&HUB) })).await
}

/// Starts the second leaf with this certificate, perhaps as a hub.
async fn boot_two(world: &World, shown: &Identity, is_hub: bool) -> Running {
    let keyring = named_bundle(&[("two", shown)], &[("hub.hub", &world.hub.identity)]);
    boot(&world.two, keyring, is_hub.then(|| Listen::at(&TWO))).await
}

async fn boot(board: &Board, keyring: Vec<u8>, listen: Option<Listen<'static>>) -> Running {
    let hubs: &[&str] = if board.name == "hub" { &[] } else { &HUB };
    let settings = Settings {
        not_before: UnixTime(1_796_040_000),
        keyring: Some(keyring.leak()),
        uses: &["hub-echo"],
        listen,
        ..Settings::new(board.name, "maelstrom", hubs)
    };
    board.boot_with(settings).await
}

/// Runs `test` with a hub of these rules and the second leaf.
fn with_peer(
    rules: HubRules<'static>,
    shown: &Identity,
    is_hub: bool,
    test: impl AsyncFnOnce(&World, Leaf<'static>, Leaf<'static>),
) {
    let (world, tasks) = World::new();
    run(tasks, async {
        let hub = boot_hub(&world, rules).await;
        let two = boot_two(&world, shown, is_hub).await;
        let (node, peer) = (hub.node, two.node);
        beside([hub.task, two.task], test(&world, node, peer)).await;
    });
}

/// Waits until the two are linked and answer each other.
async fn answer_each_other(_: &World, hub: Leaf<'static>, two: Leaf<'static>) {
    until(|| hub.links() == 1 && two.links() == 1).await;
    Timer::after_secs(1).await;
    for (from, component) in [(hub, "two-echo"), (two, "hub-echo")] {
        assert_eq!(call(&from, component, "/", b"x").await.unwrap(), (200, b"x".to_vec()));
    }
}

/// The peer dials again and again, and in vain. A board of the keyring has its link beside it.
#[track_caller]
fn expect_no_link(rules: HubRules<'static>, shown: &Identity, is_hub: bool, why: &str) {
    with_peer(rules, shown, is_hub, async |world, hub, two| {
        let one = world.boot_leaf(&world.one).await;
        select(Timer::after_secs(30), one.task).await;
        assert_eq!((hub.links(), one.node.links(), two.links()), (1, 1, 0), "{why}");
    });
}

#[test]
fn a_leaf_that_a_ca_signed_gets_a_link() {
    let root = Ca::root("root");
    with_peer(rules(&root), &root.sign(), false, answer_each_other);
    let client = root.sign_with(for_clients);
    with_peer(rules(&root), &client, false, answer_each_other);
    let listed = HubRules { names: HubNames::OneOf(&["hub.example.com"]), ..rules(&root) };
    with_peer(listed, &client, false, answer_each_other);
}

#[test]
fn a_hub_that_a_ca_signed_gets_a_link_only_if_it_may_be_dialled_as_well() {
    let root = Ca::root("root");
    with_peer(rules(&root), &root.sign(), true, answer_each_other);
    expect_no_link(rules(&root), &root.sign_with(for_clients), true, "a leaf's certificate");
}

#[test]
fn leaves_that_the_rules_do_not_allow_get_no_link() {
    let root = Ca::root("root");
    let allowed = rules(&root);
    let shown = root.sign();
    for (rules, why) in [
        (rules(&Ca::root("root")), "another CA of that name"),
        (HubRules { names: HubNames::OneOf(&["two.example.com"]), ..allowed }, "another name"),
        (HubRules::new(allowed.authorities), "nobody dialled it under a name"),
        (
            HubRules { pinned: leaked([Anchor::Certificate(root.sign().fingerprint())]), ..allowed },
            "not pinned",
        ),
        (HubRules { crl_check: CrlCheck::Peer, crls: Some(revoking(&root)), ..allowed }, "revoked"),
    ] {
        expect_no_link(rules, &shown, false, why);
    }
    let expired = root.sign_with(|params| params.not_after = date_time_ymd(2025, 1, 1));
    expect_no_link(allowed, &expired, false, "expired");
    let server = root.sign_with(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    expect_no_link(allowed, &server, false, "for servers alone");
}

#[test]
fn a_hub_whose_tls_key_is_in_a_device_is_not_started() {
    let (world, tasks) = World::new();
    run(tasks, async {
        let device = signer();
        let tls = Some(TlsSigner { key: device.public_key(), signer: leaked(device) as &SoftwareSigner });
        let keyring = Some(&*world.hub_keyring().leak());
        let hub = Settings {
            tls,
            keyring,
            listen: Some(Listen::at(&HUB)),
            ..Settings::new("hub", "maelstrom", &[])
        };
        let refused = world.hub.try_boot(hub).await.err().unwrap();
        assert!(matches!(refused, StartError::HubKeyInDevice), "{refused}");
        // As a leaf it may have one.
        let leaf = Settings { listen: None, hubs: &HUB, ..hub };
        assert!(world.hub.try_boot(leaf).await.is_ok());
    });
}

fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

/// The list of this CA, which revokes all that it signs here.
fn revoking(ca: &Ca) -> &'static RevocationLists<'static> {
    let lists = leaked(RevocationLists::new(vec![0; 2048].leak()));
    lists.replace(&[&ca.list(true, 2030)]).unwrap();
    lists
}
