//! Hubs whose certificates a CA signed: each rule accepts and refuses, with real TLS.

use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::crypto::{Digest, Software};
use node_core::link::Service;
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{Anchor, BadAuthority, Certificate, Fingerprint, Usage};
use node_embedded::{
    BadHubRules, BadLists, CrlCheck, HubNames, HubRules, JudgeHub, Known, RevocationLists, Settings,
    StartError,
};
use rand_core::OsRng;
use rcgen::{
    BasicConstraints, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, NameConstraints,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType, date_time_ymd,
};

use crate::authority::{Ca, params};
use crate::board::{BUILT, settings, try_board};
use crate::clock::run;
use crate::flash::Flash;
use crate::hub::Ask;
use crate::identity::{Identity, bundle, named_bundle};
use crate::world::{World, world};

/// What these CAs signed is trusted.
fn rules(authorities: &[&Ca]) -> HubRules<'static> {
    let ders: Vec<&'static [u8]> = authorities.iter().map(|ca| &*ca.certificate.clone().leak()).collect();
    HubRules::new(ders.leak())
}

fn sha256(der: &[u8]) -> Fingerprint {
    Fingerprint(Software.sha256(&[der]))
}

/// The board's reason to refuse what a hub shows, empty when it trusts it.
fn reason(rules: &HubRules<'_>, shown: &Identity) -> String {
    let chain: Vec<&[u8]> =
        core::iter::once(&shown.certificate).chain(&shown.path).map(Vec::as_slice).collect();
    let clock = Some(WallClock::NotBefore(UnixTime(BUILT)));
    let known = Known { anchors: &[], clock, dialled: "10.0.0.2" };
    rules.judge(&chain, &known).err().map(|rejection| rejection.to_string()).unwrap_or_default()
}

/// The settings of a board that knows hubs only by these rules.
fn settings_with(world: &World, rules: &HubRules<'static>) -> Settings<'static> {
    let rules: &'static HubRules<'static> = Box::leak(Box::new(*rules));
    Settings { hub_rules: Some(rules), ..settings(&bundle(&[&world.board_identity], &[])) }
}

/// Links that come up in 10 seconds.
fn links(rules: &HubRules<'static>, shown: &Identity) -> usize {
    let (world, tasks) = world();
    world.hub.configure(shown, world.trusted.clone());
    let settings = settings_with(&world, rules);
    run(tasks, async {
        let (_leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        select(Timer::after_secs(10), task).await;
    });
    assert!(world.hub.visits().0 > 0, "it was dialled");
    world.hub.shown().len()
}

/// The hub gets a link, or none for a reason that contains `why`.
#[track_caller]
fn expect(rules: &HubRules<'static>, shown: &Identity, why: &str) {
    let said = reason(rules, shown);
    assert!(said.is_empty() == why.is_empty() && said.contains(why), "{why:?}: {said}");
    assert_eq!(links(rules, shown), usize::from(why.is_empty()), "{why}");
}

#[test]
fn what_a_ca_signed_is_trusted_directly_and_through_two_intermediates() {
    let (other, root) = (Ca::root("other"), Ca::root("root"));
    let trusted = rules(&[&other, &root]);
    let inner = root.intermediate("inner");
    expect(&trusted, &root.sign(), "");
    expect(&trusted, &inner.sign(), "");
    expect(&trusted, &inner.intermediate("innermost").sign(), "");
    expect(&trusted, &Identity { path: Vec::new(), ..inner.sign() }, "unknown authority");
    // An intermediate can be named as a CA.
    expect(&rules(&[&inner]), &Identity { path: Vec::new(), ..inner.sign() }, "");
    expect(&trusted, &Ca::root("stranger").sign(), "unknown authority");
    expect(&trusted, &Ca::root("root").sign(), "is not by the CA of that name");
    let ca_as_leaf = |params: &mut rcgen::CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    expect(&trusted, &root.sign_with(ca_as_leaf), "CA:TRUE");
    // A hub is no CA.
    let hub = root.sign();
    let posing = Ca { issuer: Issuer::new(params("hub"), hub.key), ..Ca::root("hub") };
    let forged = Identity { path: vec![hub.certificate], ..posing.sign() };
    expect(&trusted, &forged, "one of its issuers is no CA");
}

#[test]
fn three_certificates_of_700_bytes_fit_into_a_handshake() {
    let padded = |params: &mut rcgen::CertificateParams| {
        let uri = format!("https://example.com/{}", "x".repeat(400));
        params.subject_alt_names.push(SanType::URI(uri.as_str().try_into().unwrap()));
    };
    let root = Ca::root("root");
    let inner = root.intermediate_with("inner", padded).intermediate_with("innermost", padded);
    let shown = inner.sign_with(padded);
    for der in shown.path.iter().chain([&shown.certificate]) {
        assert!((700..900).contains(&der.len()), "{}", der.len());
    }
    expect(&rules(&[&root]), &shown, "");
}

#[test]
fn depth_counts_intermediates() {
    let root = Ca::root("root");
    let two = root.intermediate("inner").intermediate("innermost").sign();
    for (depth, why) in [(0, "raise depth"), (1, "raise depth"), (2, "")] {
        expect(&HubRules { depth, ..rules(&[&root]) }, &two, why);
    }
    let mut inner = root.intermediate("0");
    for name in ["1", "2", "3", "4", "5"] {
        inner = inner.intermediate(name);
        expect(&rules(&[&root]), &inner.sign(), if inner.path.len() > 2 { "raise depth" } else { "" });
    }
}

#[test]
fn the_usage_of_a_certificate_counts() {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let root = Ca::root("root");
    let with = |usages: Vec<_>| root.sign_with(|params| params.extended_key_usages = usages);
    let server = rules(&[&root]);
    expect(&server, &with(vec![]), "");
    expect(&server, &with(vec![ServerAuth, ClientAuth]), "");
    expect(&server, &with(vec![ClientAuth]), "does not allow server authentication");
    let both = HubRules { usage: Usage::BOTH, ..server };
    expect(&both, &with(vec![ServerAuth, ClientAuth]), "");
    expect(&both, &with(vec![ServerAuth]), "does not allow server and client authentication");
}

#[test]
fn a_ca_makes_a_hub_only_of_a_certificate_that_may_dial_and_be_dialled() {
    let root = Ca::root("root");
    let server = root.sign_with(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert_eq!(reason(&rules(&[&root]), &server), "");
    assert_eq!(links(&rules(&[&root]), &server), 0);
}

#[test]
fn names_are_those_that_were_dialled_or_listed() {
    let root = Ca::root("root");
    let named = |name: &str| {
        let names = rcgen::CertificateParams::new([name.to_owned()]).unwrap().subject_alt_names;
        root.sign_with(|params| params.subject_alt_names = names)
    };
    let dialled = rules(&[&root]);
    expect(&dialled, &named("10.0.0.2"), "");
    expect(&dialled, &named("10.0.0.3"), "not for the name that was dialled");
    expect(&dialled, &named("hub.example.com"), "not for the name that was dialled");
    expect(&HubRules { names: HubNames::Any, ..dialled }, &named("10.0.0.3"), "");
    let listed = HubRules { names: HubNames::OneOf(&["other.example.com", "hub.example.com"]), ..dialled };
    expect(&listed, &named("hub.example.com"), "");
    expect(&listed, &named("10.0.0.2"), "none of the names that are allowed");
}

#[test]
fn a_host_that_can_be_no_name_is_in_no_certificate() {
    let root = Ca::root("root");
    let shown = root.sign();
    let known =
        Known { anchors: &[], clock: Some(WallClock::NotBefore(UnixTime(BUILT))), dialled: "hub example" };
    let said = rules(&[&root]).judge(&[&shown.certificate], &known).unwrap_err().to_string();
    assert!(said.contains("none of the names"), "{said}");
}

#[test]
fn a_ca_may_be_constrained_to_names() {
    let root = Ca::root_with("root", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".into())],
            excluded_subtrees: vec![GeneralSubtree::DnsName("secret.example.com".into())],
        });
    });
    let any = HubRules { names: HubNames::Any, ..rules(&[&root]) };
    for (name, why) in
        [("a.example.com", ""), ("a.secret.example.com", "constraints"), ("a.example.org", "constraints")]
    {
        let names = vec![SanType::DnsName(name.try_into().unwrap())];
        expect(&any, &root.sign_with(|params| params.subject_alt_names = names), why);
    }
}

#[test]
fn pins_beside_a_ca_let_in_only_what_they_name() {
    let root = Ca::root("root");
    let (shown, other) = (root.sign(), root.sign());
    let spki = sha256(Certificate::parse(&shown.certificate).unwrap().spki);
    for pin in [Anchor::Certificate(sha256(&shown.certificate)), Anchor::Spki(spki)] {
        let pinned = HubRules { pinned: vec![pin].leak(), ..rules(&[&root]) };
        expect(&pinned, &shown, "");
        expect(&pinned, &other, "pinned_certs");
        expect(&HubRules { pinned: pinned.pinned, ..rules(&[&Ca::root("x")]) }, &shown, "unknown authority");
    }
}

#[test]
fn dates_are_judged_by_the_time_floor() {
    let root = Ca::root("root");
    let trusted = rules(&[&root]);
    expect(
        &trusted,
        &root.sign_with(|params| params.not_after = date_time_ymd(2025, 1, 1)),
        "expired at 2025",
    );
    // The board knows only that it is the time of its build or later.
    expect(&trusted, &root.sign_with(|params| params.not_before = date_time_ymd(2027, 1, 1)), "");
    let ended = Ca::root_with("ended", |params| params.not_after = date_time_ymd(2025, 1, 1));
    expect(&rules(&[&ended]), &ended.sign(), "an issuer expired at 2025");
    let inner = root.intermediate_with("inner", |params| params.not_after = date_time_ymd(2025, 1, 1));
    expect(&trusted, &inner.sign(), "an issuer expired at 2025");
}

#[test]
fn only_hubs_with_p256_keys_are_taken() {
    let root = Ca::root("root");
    for kind in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let shown = root.sign_key(KeyPair::generate_for(kind).unwrap(), |_| ());
        expect(&rules(&[&root]), &shown, "P-256");
    }
}

#[test]
fn a_ca_may_have_another_key_than_its_hubs() {
    for kind in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let root = Ca::root_of(KeyPair::generate_for(kind).unwrap(), "root", |_| ());
        expect(&rules(&[&root]), &root.sign(), "");
        let twin = Ca::root_of(KeyPair::generate_for(kind).unwrap(), "root", |_| ());
        expect(&rules(&[&root]), &twin.sign(), "is not by the CA of that name");
    }
}

/// Memory that holds these lists.
fn lent(lists: &[&[u8]]) -> Option<&'static RevocationLists<'static>> {
    let lent = Box::leak(Box::new(RevocationLists::new(vec![0; 2048].leak())));
    lent.replace(lists).unwrap();
    Some(lent)
}

#[test]
fn each_value_of_crl_check_means_what_it_means_in_erlang() {
    let root = Ca::root("root");
    let inner = root.intermediate("inner");
    let shown = inner.sign();
    let of_root = root.list(false, 2030);
    let [good, revoking, stale] =
        [(false, 2030), (true, 2030), (false, 2022)].map(|(revokes, until)| inner.list(revokes, until));
    let forged = Ca::root("inner").list(true, 2030);
    let (unknown, revoked) = ("is not known (crl_check)", "is revoked");
    for (crl_check, lists, why) in [
        (CrlCheck::Off, vec![&revoking], ""),
        (CrlCheck::Chain, vec![&good, &of_root], ""),
        (CrlCheck::Chain, vec![&good], unknown),
        (CrlCheck::Chain, vec![], unknown),
        (CrlCheck::Chain, vec![&revoking, &of_root], revoked),
        (CrlCheck::Chain, vec![&stale, &of_root], "should have been replaced at 2022"),
        (CrlCheck::Chain, vec![&forged, &of_root], "is not signed by the CA"),
        (CrlCheck::Peer, vec![&good], ""),
        (CrlCheck::Peer, vec![&of_root], unknown),
        (CrlCheck::Peer, vec![&revoking], revoked),
        (CrlCheck::BestEffort, vec![], ""),
        (CrlCheck::BestEffort, vec![&stale], ""),
        (CrlCheck::BestEffort, vec![&of_root, &revoking], revoked),
        (CrlCheck::BestEffort, vec![&forged], "is not signed by the CA"),
    ] {
        let lists: Vec<&[u8]> = lists.into_iter().map(Vec::as_slice).collect();
        expect(&HubRules { crl_check, crls: lent(&lists), ..rules(&[&root]) }, &shown, why);
    }
    // Without memory for lists there are none.
    expect(&HubRules { crl_check: CrlCheck::Peer, ..rules(&[&root]) }, &shown, unknown);
    expect(&HubRules { crl_check: CrlCheck::BestEffort, ..rules(&[&root]) }, &shown, "");
}

#[test]
fn lists_that_do_not_fit_or_cannot_be_read_leave_those_before() {
    let root = Ca::root("root");
    let (good, revoking) = (root.list(false, 2030), root.list(true, 2030));
    let lists = RevocationLists::new(vec![0; revoking.len()].leak());
    lists.replace(&[&revoking]).unwrap();
    let room = revoking.len();
    let needed = good.len() + room;
    assert_eq!(lists.replace(&[&good, &revoking]), Err(BadLists::TooLong { needed, room }));
    assert_eq!(lists.replace(&[&good[1..]]), Err(BadLists::Malformed { number: 1 }));
    let crls = Some(&*Box::leak(Box::new(lists)));
    let checked = HubRules { crl_check: CrlCheck::Peer, crls, ..rules(&[&root]) };
    assert!(reason(&checked, &root.sign()).contains("is revoked"));
}

#[test]
fn a_hub_that_a_new_list_revokes_loses_its_link_and_others_keep_one() {
    let root = Ca::root("root");
    let (good, revoking) = (root.list(false, 2030), root.list(true, 2030));
    let rules = HubRules { crl_check: CrlCheck::Peer, crls: lent(&[&good]), ..rules(&[&root]) };
    let (world, tasks) = world();
    world.hub.configure(&root.sign(), world.trusted.clone());
    let settings = settings_with(&world, &rules);
    run(tasks, async {
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        let test = async {
            leaf.linked().await;
            leaf.replace_crls(&[&good]).unwrap();
            Timer::after_secs(20).await;
            assert_eq!((leaf.links(), world.hub.links()), (1, 1));
            leaf.replace_crls(&[&revoking]).unwrap();
            Timer::after_secs(20).await;
            assert_eq!((leaf.links(), world.hub.links()), (0, 0));
            assert_eq!(
                world.hub.shown().len(),
                2,
                "it was judged again by the first list, and no more after"
            );
        };
        select(test, task).await;
    });
}

#[test]
fn a_revoked_hub_cannot_keep_its_link_by_an_exchange() {
    let root = Ca::root("root");
    let rules =
        HubRules { crl_check: CrlCheck::Peer, crls: lent(&[&root.list(false, 2030)]), ..rules(&[&root]) };
    let (world, tasks) = world();
    world.hub.configure(&root.sign(), world.trusted.clone());
    let settings = settings_with(&world, &rules);
    run(tasks, async {
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        let test = async {
            leaf.linked().await;
            // The exchange begins.
            Timer::after_secs(1).await;
            leaf.replace_crls(&[&root.list(true, 2030)]).unwrap();
            Timer::after_secs(20).await;
            assert_eq!(world.hub.links(), 1, "the exchange has time");
            Timer::after_secs(20).await;
            assert_eq!((leaf.links(), world.hub.links()), (0, 0));
        };
        let exchange = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            let body = b"POST /never HTTP/1.1\r\nmaelstrom-component: board-echo\r\n\r\n";
            let ask = Ask { service: Service::Http, body, end: true, budget_ms: 3_600_000 };
            let _ = world.hub.ask(leaf.id(), ask).await;
        };
        select(select(test, task), async {
            exchange.await;
            core::future::pending::<()>().await;
        })
        .await;
    });
}

#[test]
fn a_link_ends_when_the_ca_of_its_hub_expires() {
    let root = Ca::root_with("root", |params| params.not_after = date_time_ymd(2030, 1, 1));
    let (world, tasks) = world();
    world.hub.configure(&root.sign(), world.trusted.clone());
    // 2029-12-31T23:59:00Z.
    world.hub.tell_time(1_893_455_940);
    let settings = settings_with(&world, &rules(&[&root]));
    run(tasks, async {
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        let test = async {
            leaf.linked().await;
            Timer::after_secs(50).await;
            assert_eq!(leaf.links(), 1);
            Timer::after_secs(30).await;
            assert_eq!((leaf.links(), world.hub.links()), (0, 0));
        };
        select(test, task).await;
    });
}

#[test]
fn the_keyring_counts_beside_the_rules() {
    let stranger = Ca::root("stranger");
    for (name, may) in [("a.hub", 1), ("a.leaf", 0)] {
        let (world, tasks) = world();
        let keyring = named_bundle(&[("a", &world.board_identity)], &[(name, &world.hub_identity)]);
        let settings =
            Settings { keyring: Some(keyring.leak()), ..settings_with(&world, &rules(&[&stranger])) };
        run(tasks, async {
            let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
            select(Timer::after_secs(10), task).await;
            assert_eq!(leaf.links(), may, "{name}");
        });
    }
}

#[test]
fn rules_that_cannot_be_used_stop_the_start() {
    let root = Ca::root("root");
    let leaf = Box::leak(Box::new(root.sign()));
    let no_ca = HubRules::new(vec![&*root.certificate.clone().leak(), &*leaf.certificate].leak());
    let good = rules(&[&root]);
    let five = rules(&[&root, &root, &root, &root, &root]);
    let bad_name = HubRules { names: HubNames::OneOf(&["hub.example.com", "no name"]), ..good };
    let problem = BadAuthority::NoCa;
    for (rules, expected) in [
        (no_ca, BadHubRules::Authority { number: 2, problem }),
        (five, BadHubRules::TooMany),
        (bad_name, BadHubRules::Name { number: 2 }),
    ] {
        let (world, tasks) = world();
        let settings = settings_with(&world, &rules);
        run(tasks, async {
            match try_board(&world.network, Flash::new(), OsRng, settings).await {
                Err(StartError::HubRules(bad)) => assert_eq!(bad, expected),
                other => panic!("{:?}", other.err()),
            }
        });
    }
}
