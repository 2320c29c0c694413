//! Each rule of the policy accepts and refuses.

use core::time::Duration;

use node_core::crypto::{Digest, Software};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{
    AcceptedKeys, Anchor, Authority, BadAuthority, Certificate, Fingerprint, Names, Policy, SubjectName,
    TrustedBy, Usage,
};
use rcgen::{
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ED25519,
    SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, ServerName};

use crate::authority::{Ca, Known, NOW, judge, refusal};

const ACCEPTED: Known<'_> = Known::ACCEPTED;

fn dialled(name: &str) -> Known<'_> {
    Known { dialled: Some(name), ..ACCEPTED }
}

fn sha256(der: &[u8]) -> Fingerprint {
    Fingerprint(Software.sha256(&[der]))
}

#[test]
fn what_a_ca_signed_is_trusted_directly_and_through_intermediates() {
    let (other, root) = (Ca::root("other"), Ca::root("root"));
    let authorities = [other.authority(), root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let inner = root.intermediate("inner");
    for ca in [&root, &inner, &inner.intermediate("innermost")] {
        assert_eq!(judge(&policy, &ca.sign(|_| ()), ACCEPTED).unwrap().0, TrustedBy::Authority(1));
    }
    assert_eq!(judge(&policy, &other.sign(|_| ()), ACCEPTED).unwrap().0, TrustedBy::Authority(0));
    // Without the intermediate there is no path.
    let alone = &inner.sign(|_| ())[..1];
    assert!(refusal(&policy, alone, ACCEPTED).contains("unknown authority"));
    // The same name is not the same CA.
    let twin = Ca::root("root");
    assert!(refusal(&policy, &twin.sign(|_| ()), ACCEPTED).contains("is not by the CA of that name"));
    // A node is no CA.
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = root.sign_key(&leaf_key, |_| ());
    let mut posing = Ca::root_with("node", |params| params.is_ca = IsCa::NoCa);
    posing.issuer = rcgen::Issuer::new(params_of("node"), leaf_key);
    let shown = [posing.sign(|_| ()), leaf].concat();
    assert!(refusal(&policy, &shown, ACCEPTED).contains("one of its issuers is no CA"));
}

fn params_of(name: &str) -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params
}

#[test]
fn a_ca_that_was_renewed_with_its_key_is_good_beside_its_predecessor() {
    let old = Ca::root_with("root", |params| params.not_after = date_time_ymd(2025, 1, 1));
    let mut params = params_of("root");
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    let renewed = params.self_signed(old.issuer.key()).unwrap().der().clone();
    let shown = old.sign(|_| ());
    let [old, renewed] = [&old.certificate, &renewed].map(|der| Authority::read(der, &Software).unwrap());
    let until = |authorities: &[Authority<'_>]| {
        let policy = Policy { authorities, ..Policy::default() };
        judge(&policy, &shown, ACCEPTED).map(|(by, days)| (by, days / 365)).map_err(|error| error.to_string())
    };
    assert_eq!(until(&[old.clone(), renewed.clone()]), Ok((TrustedBy::Authority(1), 3)));
    assert_eq!(until(&[renewed, old.clone()]), Ok((TrustedBy::Authority(0), 3)));
    assert!(until(&[old]).unwrap_err().contains("expired at 2025"));
}

#[test]
fn only_the_certificate_of_a_ca_is_one() {
    let leaf = Ca::root_with("root", |params| params.is_ca = IsCa::NoCa).certificate;
    assert_eq!(Authority::read(&leaf, &Software).err(), Some(BadAuthority::NoCa));
    let signs_nothing = |params: &mut rcgen::CertificateParams| {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    };
    let ca = Ca::root_with("root", signs_nothing).certificate;
    assert_eq!(Authority::read(&ca, &Software).err(), Some(BadAuthority::NoCa));
    assert!(Authority::read(&CertificateDer::from(b"junk".as_slice()), &Software).is_err());
    // A CA is not a peer, unless exactly its certificate is trusted.
    let root = Ca::root("root");
    let shown = [root.intermediate("inner").certificate];
    let (authorities, exact) = ([root.authority()], [Anchor::Certificate(sha256(&shown[0]))]);
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    assert!(refusal(&policy, &shown, ACCEPTED).contains("CA:TRUE"));
    let policy = Policy { anchors: &exact, ..policy };
    assert_eq!(judge(&policy, &shown, ACCEPTED).unwrap().0, TrustedBy::Anchor(0));
}

#[test]
fn depth_counts_intermediates() {
    let root = Ca::root("root");
    let two = root.intermediate("inner").intermediate("innermost").sign(|_| ());
    let authorities = [root.authority()];
    for (depth, may) in [(0, false), (1, false), (2, true), (3, true)] {
        let policy = Policy { authorities: &authorities, depth, ..Policy::default() };
        assert_eq!(judge(&policy, &two, ACCEPTED).is_ok(), may, "{depth}");
        assert!(may || refusal(&policy, &two, ACCEPTED).contains("raise depth"));
    }
}

#[test]
fn the_usage_of_a_certificate_and_of_its_issuers_counts() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    let root = Ca::root("root");
    let authorities = [root.authority()];
    for (has, needs, may) in [
        (vec![], Usage::BOTH, true),
        (vec![ServerAuth], Usage::SERVER, true),
        (vec![ServerAuth], Usage::CLIENT, false),
        (vec![ClientAuth], Usage::SERVER, false),
        (vec![ClientAuth], Usage::CLIENT, true),
        (vec![ServerAuth], Usage::BOTH, false),
        (vec![ServerAuth, ClientAuth], Usage::BOTH, true),
        (vec![CodeSigning], Usage::ANY, true),
        (vec![Any], Usage::SERVER, false),
    ] {
        let shown = root.sign(|params| params.extended_key_usages.clone_from(&has));
        let policy = Policy { authorities: &authorities, usage: needs, ..Policy::default() };
        assert_eq!(judge(&policy, &shown, ACCEPTED).is_ok(), may, "{has:?} {needs}");
        assert!(may || refusal(&policy, &shown, ACCEPTED).contains(&format!("does not allow {needs}")));
    }
}

#[test]
fn a_dialled_name_must_be_in_the_certificate() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, names: Names::Dialled, ..Policy::default() };
    let shown = root.sign(|_| ());
    for (name, may) in [
        ("node.example.com", true),
        ("NODE.example.com", true),
        ("10.0.0.1", true),
        ("10.0.0.2", false),
        ("other.example.com", false),
        ("a.node.example.com", false),
        ("node", false),
    ] {
        assert_eq!(judge(&policy, &shown, dialled(name)).is_ok(), may, "{name}");
        assert!(may || refusal(&policy, &shown, dialled(name)).contains("not for the name that was dialled"));
    }
    // RFC 9525: one label, the leftmost.
    let wild = root.sign(|params| {
        params.subject_alt_names = vec![SanType::DnsName("*.example.com".try_into().unwrap())];
    });
    for (name, may) in [("a.example.com", true), ("example.com", false), ("a.b.example.com", false)] {
        assert_eq!(judge(&policy, &wild, dialled(name)).is_ok(), may, "{name}");
    }
    // A peer that dialled has no such name.
    assert!(judge(&policy, &shown, ACCEPTED).is_ok());
    let any = Policy { names: Names::Any, ..policy };
    assert!(judge(&any, &shown, dialled("whoever")).is_ok());
}

#[test]
fn names_can_be_listed_for_both_sides() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let known = ["a.example.com", "node.example.com"].map(|name| ServerName::try_from(name).unwrap());
    let listed =
        |names| Policy { authorities: &authorities, names: Names::OneOf(names), ..Policy::default() };
    let shown = root.sign(|_| ());
    assert!(judge(&listed(&known), &shown, ACCEPTED).is_ok());
    assert!(judge(&listed(&known), &shown, dialled("elsewhere")).is_ok());
    for none in [&known[..1], &[]] {
        assert!(refusal(&listed(none), &shown, ACCEPTED).contains("none of the names that are allowed"));
    }
}

#[test]
fn the_names_of_a_certificate_are_read_in_their_order() {
    let shown = Ca::root("root").sign(|params| {
        params.subject_alt_names.insert(0, SanType::Rfc822Name("ann@example.com".try_into().unwrap()));
        params.subject_alt_names.push(SanType::URI("spiffe://example.com/shop".try_into().unwrap()));
    });
    let certificate = Certificate::parse(&shown[0]).unwrap();
    let names: Vec<_> = certificate.names().collect();
    let expected = [
        SubjectName::Email("ann@example.com"),
        SubjectName::Dns("node.example.com"),
        SubjectName::Ip([10, 0, 0, 1].into()),
        SubjectName::Uri("spiffe://example.com/shop"),
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_usage_of_a_certificate_is_read() {
    use rcgen::{ExtendedKeyUsagePurpose as Purpose, KeyUsagePurpose};
    let usage = |purposes: &[Purpose]| {
        let shown = Ca::root("root").sign(|params| params.extended_key_usages = purposes.to_vec());
        Certificate::parse(&shown[0]).unwrap().extended_key_usage()
    };
    assert_eq!(usage(&[]), None);
    assert_eq!(usage(&[Purpose::ServerAuth]), Some(Usage::SERVER));
    assert_eq!(usage(&[Purpose::CodeSigning, Purpose::ClientAuth]), Some(Usage::CLIENT));
    assert_eq!(usage(&[Purpose::ClientAuth, Purpose::ServerAuth]), Some(Usage::BOTH));
    assert_eq!(usage(&[Purpose::CodeSigning]), Some(Usage::ANY));
    let signs = |usages: &[KeyUsagePurpose]| {
        let shown = Ca::root("root").sign(|params| params.key_usages = usages.to_vec());
        Certificate::parse(&shown[0]).unwrap().may_sign_handshakes()
    };
    assert!(signs(&[]) && signs(&[KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::DigitalSignature]));
    assert!(!signs(&[KeyUsagePurpose::KeyAgreement]));
}

#[test]
fn a_ca_may_be_constrained_to_names() {
    let constrained = Ca::root_with("root", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".into())],
            excluded_subtrees: vec![GeneralSubtree::DnsName("secret.example.com".into())],
        });
    });
    let authorities = [constrained.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    for (name, may) in [("a.example.com", true), ("a.secret.example.com", false), ("a.example.org", false)] {
        let shown = constrained.sign(|params| {
            params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        });
        assert_eq!(judge(&policy, &shown, ACCEPTED).is_ok(), may, "{name}");
        assert!(may || refusal(&policy, &shown, ACCEPTED).contains("name constraints"));
    }
}

#[test]
fn pins_beside_a_ca_let_in_only_what_they_name() {
    let root = Ca::root("root");
    let (shown, other) = (root.sign(|_| ()), root.sign(|_| ()));
    let spki = sha256(Certificate::parse(&shown[0]).unwrap().spki);
    let authorities = [root.authority()];
    for pin in [Anchor::Certificate(sha256(&shown[0])), Anchor::Spki(spki)] {
        let pinned = [pin];
        let policy = Policy { authorities: &authorities, pinned: &pinned, ..Policy::default() };
        assert!(judge(&policy, &shown, ACCEPTED).is_ok());
        assert!(refusal(&policy, &other, ACCEPTED).contains("pinned_certs"));
        // A pin beside a CA is not enough by itself.
        let stranger = Ca::root("stranger");
        let authorities = [stranger.authority()];
        assert!(judge(&Policy { authorities: &authorities, ..policy }, &shown, ACCEPTED).is_err());
    }
}

#[test]
fn kinds_of_keys_can_be_demanded() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let ed25519 = root.sign_key(&KeyPair::generate_for(&PKCS_ED25519).unwrap(), |_| ());
    let p256 = root.sign(|_| ());
    for (keys, why) in
        [(AcceptedKeys::Any, None), (AcceptedKeys::Ec, Some("ec_only")), (AcceptedKeys::P256, Some("P-256"))]
    {
        let policy = Policy { authorities: &authorities, keys, ..Policy::default() };
        assert!(judge(&policy, &p256, ACCEPTED).is_ok());
        assert_eq!(judge(&policy, &ed25519, ACCEPTED).is_ok(), why.is_none(), "{keys:?}");
        assert!(why.is_none_or(|why| refusal(&policy, &ed25519, ACCEPTED).contains(why)));
    }
}

#[test]
fn the_first_end_of_validity_on_the_path_ends_the_decision() {
    let brief_root = Ca::root_with("root", |params| params.not_after = date_time_ymd(2026, 12, 10));
    let root = Ca::root("root");
    let brief = |params: &mut rcgen::CertificateParams| params.not_after = date_time_ymd(2026, 12, 5);
    for (ca, shown, days) in [
        (&root, root.sign(brief), 4),
        (&brief_root, brief_root.sign(|_| ()), 9),
        (&brief_root, brief_root.intermediate("inner").sign(|_| ()), 9),
    ] {
        let authorities = [ca.authority()];
        let policy = Policy { authorities: &authorities, ..Policy::default() };
        assert_eq!(judge(&policy, &shown, ACCEPTED).unwrap().1, days);
    }
}

#[test]
fn a_certificate_must_remain_valid_for_a_while() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let shown = root.sign(|params| params.not_after = date_time_ymd(2026, 12, 5));
    for (days, may) in [(0, true), (4, true), (5, false)] {
        let min_remaining = Duration::from_secs(days * 24 * 3600);
        let policy = Policy { authorities: &authorities, min_remaining, ..Policy::default() };
        assert_eq!(judge(&policy, &shown, ACCEPTED).is_ok(), may, "{days}");
        assert!(may || refusal(&policy, &shown, ACCEPTED).contains("min_remaining_validity"));
    }
}

#[test]
fn dates_are_judged_by_what_is_known_of_the_time() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let young = root.sign(|params| params.not_before = date_time_ymd(2027, 1, 1));
    let old = root.sign(|params| params.not_after = date_time_ymd(2025, 1, 1));
    let at = |clock| Known { clock, dialled: None };
    assert!(refusal(&policy, &young, ACCEPTED).contains("is valid only from 2027"));
    assert!(refusal(&policy, &old, ACCEPTED).contains("expired at 2025"));
    // A node without a clock knows that it is this time or later.
    let floor = |time: u64| at(WallClock::NotBefore(UnixTime(time)));
    assert!(judge(&policy, &young, floor(NOW.0)).is_ok());
    assert!(refusal(&policy, &old, floor(NOW.0)).contains("expired at 2025"));
    assert!(judge(&policy, &old, floor(0)).is_ok());
    // A CA expires, too.
    let ended = Ca::root_with("root", |params| params.not_after = date_time_ymd(2025, 1, 1));
    let authorities = [ended.authority()];
    let policy = Policy { authorities: &authorities, ..policy };
    assert!(refusal(&policy, &ended.sign(|_| ()), ACCEPTED).contains("an issuer expired at 2025"));
}

#[test]
fn nobody_is_trusted_by_nothing() {
    let root = Ca::root("root");
    let shown = root.sign(|_| ());
    assert!(judge(&Policy::default(), &shown, ACCEPTED).is_err());
    assert!(judge(&Policy::default(), &[], ACCEPTED).is_err());
    // A CA that a peer brings along is its own affair.
    let with_root = [shown, vec![root.certificate.clone()]].concat();
    let stranger = Ca::root("stranger");
    let authorities = [stranger.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    assert!(judge(&policy, &with_root, ACCEPTED).is_err());
}
