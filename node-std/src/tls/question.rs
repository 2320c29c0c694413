//! What a verify command is told of a peer: one JSON object.

use node_core::crypto::{Digest, Software};
use node_core::id::Hex;
use node_core::trust::{Certificate, Fingerprint, Rejection, Rfc3339, SubjectName};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use x509_cert::der::Decode;
use x509_cert::der::pem::{LineEnding, encode_string};

/// The peer that showed `chain`, its own certificate first, with the errors that the policy found. `None` when its certificate
/// cannot be read.
pub(super) fn question(
    chain: &[&[u8]],
    dialled: Option<&ServerName<'_>>,
    errors: &[Rejection],
) -> Option<Value> {
    let der = *chain.first()?;
    let certificate = Certificate::parse(der).ok()?;
    let rest = x509_cert::Certificate::from_der(der).ok().map(|rest| rest.tbs_certificate);
    let (subject, issuer) = match &rest {
        Some(rest) => (rest.subject.to_string(), rest.issuer.to_string()),
        None => (common_name(certificate.common_name), common_name(certificate.issuer_name())),
    };
    let sha256 = |bytes: &[u8]| Fingerprint(Software.sha256(&[bytes])).to_string();
    let pem = |der: &&[u8]| encode_string("CERTIFICATE", LineEnding::LF, der).unwrap_or_default();
    let reasons: Vec<String> = errors.iter().map(Rejection::to_string).collect();
    Some(json!({
        "event": if errors.is_empty() { "valid_peer" } else { "bad_cert" },
        "reason": reasons.first(),
        "reasons": reasons,
        // Nobody's signature was checked: the names and numbers below are the peer's own word.
        "signed": !errors.iter().any(Rejection::leaves_no_path),
        "side": if dialled.is_some() { "dialling" } else { "listening" },
        "dialled": dialled.map(|name| name.to_str()),
        "subject": subject,
        "issuer": issuer,
        "names": certificate.names().map(|name| name_text(&name)).collect::<Vec<String>>(),
        "serial": Hex(certificate.serial).to_string(),
        "notBefore": Rfc3339(certificate.not_before).to_string(),
        "notAfter": Rfc3339(certificate.not_after).to_string(),
        "certificateSha256": sha256(der),
        "publicKeySha256": sha256(certificate.spki),
        "chain": chain.iter().map(pem).collect::<Vec<String>>(),
    }))
}

fn common_name(name: Option<&str>) -> String {
    name.map(|name| format!("CN={name}")).unwrap_or_default()
}

/// As in the rules that give roles.
fn name_text(name: &SubjectName<'_>) -> String {
    match name {
        SubjectName::Dns(name) => format!("dns:{name}"),
        SubjectName::Email(name) => format!("email:{name}"),
        SubjectName::Uri(name) => format!("uri:{name}"),
        SubjectName::Ip(address) => format!("ip:{address}"),
    }
}
