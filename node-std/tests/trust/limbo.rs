//! The cases of x509-limbo (C2SP) against the trust policy, as a server and as a board build it.
//!
//! The cases are not part of this repository. Without their folder beside it, the test says that it was skipped.

use core::time::Duration;
use std::collections::BTreeSet;
use std::fs;

use node_core::crypto::{SOFTWARE_ALGORITHMS, Software};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{Authority, Circumstances, DEPTH, Names, Policy, Rejection, Revocation, Usage};
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use rustls::crypto::ring as backend;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, ServerName, SignatureVerificationAlgorithm,
};
use serde_json::Value;
use webpki::{CertRevocationList, OwnedCertRevocationList};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/x509-limbo.json");

/// What the policy says of a case, or why the case cannot be asked.
fn judge(case: &Value, algorithms: &[&dyn SignatureVerificationAlgorithm]) -> Result<(), String> {
    let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
    let certificate = |pem: &Value| {
        CertificateDer::from_pem_slice(pem.as_str().unwrap().as_bytes()).map_err(|error| error.to_string())
    };
    let list =
        |name: &str| case[name].as_array().unwrap().iter().map(certificate).collect::<Result<Vec<_>, _>>();
    let (roots, rest) = (list("trusted_certs")?, list("untrusted_intermediates")?);
    let authorities: Vec<_> = roots.iter().filter_map(|root| Authority::read(root, &Software).ok()).collect();
    let peer = certificate(&case["peer_certificate"])?;
    let chain: Vec<&[u8]> = core::iter::once(&peer).chain(&rest).map(AsRef::as_ref).collect();
    let name = case["expected_peer_name"]["value"].as_str();
    let name = name
        .map(|name| ServerName::try_from(name.to_owned()).map_err(|error| error.to_string()))
        .transpose()?;
    let lists: Vec<CertRevocationList<'static>> = case["crls"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pem| {
            let der = CertificateRevocationListDer::from_pem_slice(pem.as_str().unwrap().as_bytes()).unwrap();
            OwnedCertRevocationList::from_der(&der)
                .map(CertRevocationList::Owned)
                .map_err(|error| format!("{error:?}"))
        })
        .collect::<Result<_, _>>()?;
    let lists: Vec<&CertRevocationList<'_>> = lists.iter().collect();
    let time = text("validation_time");
    let now = if time.is_empty() { NOW } else { seconds(&time) };
    let depth = case["max_chain_depth"].as_u64().map_or(DEPTH, |depth| u8::try_from(depth).unwrap());
    let server = text("validation_kind") == "SERVER";
    let policy = Policy {
        authorities: &authorities,
        names: if name.is_some() { Names::Dialled } else { Names::Any },
        usage: if server { Usage::SERVER } else { Usage::CLIENT },
        depth,
        revocation: if lists.is_empty() { Revocation::Off } else { Revocation::Peer(&lists) },
        ..Policy::default()
    };
    let clock = Some(WallClock::Reliable(UnixTime(now)));
    let circumstances = Circumstances { clock, dialled: name.as_ref(), algorithms };
    policy.judge(&chain, &circumstances, &Software).map(|_| ()).map_err(|error: Rejection| error.to_string())
}

/// 2026-11-30T12:00:00Z.
const NOW: u64 = 1_796_040_000;

/// The seconds since 1970 of a time in RFC 3339.
fn seconds(time: &str) -> u64 {
    let fields: Vec<u64> =
        time.split(|each: char| !each.is_ascii_digit()).filter_map(|field| field.parse().ok()).collect();
    let [year, month, day, hour, minute, second, ..] = fields[..] else { panic!("{time}") };
    // Days from civil (Howard Hinnant): years begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second).as_secs()
}

/// Cases that the policy judges otherwise than x509-limbo, and why. Most are rules for public CAs, about what a CA writes into its
/// certificates. They do not change who can be trusted by a CA that the operator chose.
const DIFFERENCES: [(&str, &[&str]); 9] = [
    (
        "webpki neither needs nor reads the identifiers of keys (AKI, SKI): the signature decides",
        &[
            "rfc5280::aki::critical-aki",
            "rfc5280::aki::cross-signed-root-missing-aki",
            "rfc5280::aki::leaf-missing-aki",
            "rfc5280::ski::intermediate-missing-ski",
            "webpki::aki::root-with-aki-all-fields",
            "webpki::aki::root-with-aki-authoritycertissuer",
            "webpki::aki::root-with-aki-authoritycertserialnumber",
            "webpki::aki::root-with-aki-missing-keyidentifier",
            "webpki::aki::root-with-aki-ski-mismatch",
        ],
    ),
    (
        "the common name is shown and never compared: only alternative names count",
        &[
            "webpki::cn::ipv4-hex-mismatch",
            "webpki::cn::ipv4-leading-zeros-mismatch",
            "webpki::cn::ipv6-non-rfc5952-mismatch",
            "webpki::cn::ipv6-uncompressed-mismatch",
            "webpki::cn::ipv6-uppercase-mismatch",
            "webpki::cn::not-in-san",
            "webpki::cn::punycode-not-in-san",
            "webpki::cn::utf8-vs-punycode-mismatch",
        ],
    ),
    (
        "the certificate of a CA is no peer's own, unless exactly it is trusted",
        &["pathlen::validation-ignores-pathlen-in-leaf", "rfc5280::ca-as-leaf"],
    ),
    (
        "a CA of the same name as its issuer is taken for a loop: refused, which is safe",
        &["pathlen::max-chain-depth-1-self-issued", "rfc5280::nc::permitted-self-issued"],
    ),
    (
        "webpki knows name constraints for DNS names and addresses. Others are refused, which is safe",
        &[
            "rfc5280::nc::nc-permits-email-domain",
            "rfc5280::nc::nc-permits-email-exact",
            "rfc5280::nc::permitted-dn-match",
        ],
    ),
    (
        "a malformed or misplaced constraint that allows nothing more than is shown",
        &[
            "rfc5280::nc::invalid-dnsname-leading-period",
            "rfc5280::nc::not-allowed-in-ee-noncritical",
            "rfc5280::nc::permitted-dns-match-noncritical",
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences",
        ],
    ),
    (
        "form: what is marked critical, the length of a serial number, a CA without a name, a leaf's key usage",
        &[
            "crl::crlnumber-critical",
            "rfc5280::ca-empty-subject",
            "rfc5280::leaf-ku-keycertsign",
            "rfc5280::root-non-critical-basic-constraints",
            "rfc5280::serial::too-long",
            "webpki::eku::ee-critical-eku",
        ],
    ),
    (
        "rules for public CAs about suffixes and sizes of keys. The handshake needs a key that the TLS library verifies",
        &[
            "webpki::forbidden-p192-leaf",
            "webpki::forbidden-rsa-not-divisible-by-8-in-root",
            "webpki::san::public-suffix-multi-label-wildcard-san",
        ],
    ),
    (
        "a board checks signatures of P-256 alone",
        &["webpki::cryptographydotio-chain", "webpki::forbidden-rsa-not-divisible-by-8-in-root"],
    ),
];

#[test]
fn every_case_is_judged_as_expected_or_the_difference_is_explained() {
    let Ok(cases) = fs::read(CASES) else {
        eprintln!("skipped: {CASES} is not there");
        return;
    };
    let cases: Value = serde_json::from_slice(&cases).unwrap();
    let explained: Vec<_> = DIFFERENCES.iter().flat_map(|(_, cases)| *cases).collect();
    let mut differences = BTreeSet::new();
    for (who, algorithms) in [("server", server_algorithms()), ("board", SOFTWARE_ALGORITHMS)] {
        for case in cases["testcases"].as_array().unwrap() {
            let (id, expected) = (case["id"].as_str().unwrap(), case["expected_result"] == "SUCCESS");
            let found = judge(case, algorithms);
            if found.is_ok() != expected {
                assert!(explained.contains(&&id), "{who}: {id}: expected {expected}, {found:?}");
                differences.insert(id);
            }
        }
    }
    let stale: Vec<_> = explained.into_iter().filter(|id| !differences.contains(**id)).collect();
    assert!(stale.is_empty(), "no longer a difference: {stale:?}");
}

fn server_algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    backend::default_provider().signature_verification_algorithms.all
}
