//! The roles of a certificate that a CA signed.

use node_core::crypto::{Digest, Software};
use node_core::id::NodeId;
use node_core::trust::{Certificate, Certified, Fingerprint, GrantedBy, Match, RoleRule, roles_of};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose as Purpose, SanType};

use crate::authority::Ca;

/// The roles of a certificate that is made like this, under these rules.
fn roles(rules: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, GrantedBy) {
    let rules: Vec<RoleRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    let chain = Ca::root("root").sign(change);
    let certificate = Certificate::parse(&chain[0]).unwrap();
    let certified = Certified {
        signed: true,
        certificate: &certificate,
        fingerprint: Fingerprint(Software.sha256(&[&chain[0]])),
        spki: Fingerprint(Software.sha256(&[certificate.spki])),
    };
    let matched = Match { certified: Some(certified), node: Some(NodeId([7; 16])), ..Match::default() };
    let granted = roles_of(&rules, &matched);
    (granted.roles.to_string(), granted.by)
}

#[test]
fn its_usage_decides_unless_a_rule_does() {
    let by_default = |purposes: &[Purpose]| {
        let (roles, by) = roles(&[], |params| params.extended_key_usages = purposes.to_vec());
        assert_eq!(by, GrantedBy::Default);
        roles
    };
    assert_eq!(by_default(&[]), "hub, leaf, application");
    assert_eq!(by_default(&[Purpose::ServerAuth, Purpose::ClientAuth]), "hub, leaf, application");
    for purpose in [Purpose::ClientAuth, Purpose::ServerAuth, Purpose::CodeSigning] {
        assert_eq!(by_default(&[purpose]), "leaf, application");
    }
}

#[test]
fn a_rule_names_it_by_any_of_its_names() {
    let made = |params: &mut CertificateParams| {
        params.distinguished_name.push(DnType::CommonName, "ann");
        params.subject_alt_names = vec![
            SanType::Rfc822Name("ann@Example.com".try_into().unwrap()),
            SanType::DnsName("ops.example.com".try_into().unwrap()),
            SanType::DnsName("*.wild.example".try_into().unwrap()),
            SanType::URI("spiffe://example.com/ops/ann?x=1".try_into().unwrap()),
            SanType::IpAddress([10, 0, 0, 7].into()),
        ];
    };
    for rule in [
        "cn:ann",
        "cn:a*",
        "email:ann@example.com",
        "email:ann@*",
        "email:*@EXAMPLE.com",
        "dns:OPS.example.com",
        "dns:*.example.com",
        "dns:*.wild.example",
        "uri:spiffe://example.com/ops/*",
        "uri:spiffe://example.com/ops/ann?x=1",
        "ip:10.0.0.7",
    ] {
        let granted = roles(&[&format!("{rule}=operator")], made);
        assert_eq!(granted, ("operator".to_owned(), GrantedBy::Rule), "{rule}");
    }
    for rule in [
        "cn:an",
        "cn:ops.example.com",
        "email:Ann@example.com",
        "email:*@ample.com",
        "dns:ann",
        "dns:example.com",
        "dns:*.com",
        "dns:host.wild.example",
        "uri:spiffe://example.com/op",
        "ip:10.0.0.8",
        "ann",
        "ops.example.com",
    ] {
        assert_eq!(roles(&[&format!("{rule}=operator")], made).1, GrantedBy::Default, "{rule}");
    }
}

#[test]
fn a_rule_with_a_name_that_cannot_be_is_refused() {
    for rule in [
        "mail:a@b",
        "dns:",
        "dns:a.*",
        "dns:*.a.*",
        "ip:shop",
        "ip:10.0.0.*",
        "email:*@",
        "email:*@a*",
        "cn:a*b",
        "uri:*x*",
    ] {
        let error = format!("{rule}=hub").parse::<RoleRule>().unwrap_err();
        assert!(error.to_string().starts_with("a name of a certificate is email:"), "{rule}: {error}");
    }
}
