//! What a certificate says.

use node_core::crypto::{Digest, Software};
use node_core::time::UnixTime;
use node_core::trust::{Certificate, Fingerprint, Rfc3339, SubjectName};
use serde::Serialize;
use serde_json::{Value, json};
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::DB;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::Status;
use crate::clock::unix_time;

/// A certificate in words.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal digits.
    pub serial: String,
    pub names: Vec<String>,
    pub key: String,
    pub usages: Vec<String>,
    pub ca: bool,
    pub version: u8,
    /// As in RFC 3339.
    pub not_before: String,
    /// As in RFC 3339.
    pub not_after: String,
    pub certificate_sha256: String,
    pub spki_sha256: String,
    pub status: Status,
    /// The whole days until its end. Negative after it.
    pub days_left: i64,
}

impl Description {
    /// Describes the certificate in this DER. `None` when it cannot be read.
    pub fn of(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::parse(der).ok()?;
        let rest = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate;
        let key_usage = rest.get::<KeyUsage>().ok()?.map(|(_, usage)| usage);
        let purposes = rest.get::<ExtendedKeyUsage>().ok()?.map(|(_, usage)| usage.0).unwrap_or_default();
        let usages =
            key_usage.into_iter().flat_map(|usage| usage.0).map(|usage| usage_name(usage).to_owned());
        let Certificate { not_before, not_after, .. } = certificate;
        let (now, sha256) = (unix_time(), |bytes| Fingerprint(Software.sha256(&[bytes])).to_string());
        Some(Self {
            subject: printable(&rest.subject.to_string()),
            issuer: printable(&rest.issuer.to_string()),
            serial: certificate.serial.iter().map(|byte| format!("{byte:02x}")).collect(),
            names: certificate.names().map(|name| subject_name(&name)).collect(),
            key: certificate.algorithm.to_string(),
            usages: usages.chain(purposes.iter().map(purpose_name)).collect(),
            ca: certificate.is_ca(),
            version: certificate.version,
            not_before: Rfc3339(not_before).to_string(),
            not_after: Rfc3339(not_after).to_string(),
            certificate_sha256: sha256(der),
            spki_sha256: sha256(certificate.spki),
            status: Status::of(not_before, not_after, now),
            days_left: days_between(now, not_after),
        })
    }

    /// For a program, with the file that it is from.
    pub fn json(&self, file: &str) -> Value {
        let mut value = json!(self);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("file".to_owned(), json!(file));
        }
        value
    }
}

fn days_between(now: UnixTime, end: UnixTime) -> i64 {
    const DAY: i64 = 24 * 3600;
    end.0.cast_signed().saturating_sub(now.0.cast_signed()).div_euclid(DAY)
}

fn subject_name(name: &SubjectName<'_>) -> String {
    match name {
        SubjectName::Dns(name) => format!("DNS:{name}"),
        SubjectName::Ip(address) => format!("IP:{address}"),
        SubjectName::Email(address) => format!("email:{address}"),
        SubjectName::Uri(uri) => format!("URI:{uri}"),
    }
}

const fn usage_name(usage: KeyUsages) -> &'static str {
    match usage {
        KeyUsages::DigitalSignature => "digitalSignature",
        KeyUsages::NonRepudiation => "nonRepudiation",
        KeyUsages::KeyEncipherment => "keyEncipherment",
        KeyUsages::DataEncipherment => "dataEncipherment",
        KeyUsages::KeyAgreement => "keyAgreement",
        KeyUsages::KeyCertSign => "keyCertSign",
        KeyUsages::CRLSign => "cRLSign",
        KeyUsages::EncipherOnly => "encipherOnly",
        KeyUsages::DecipherOnly => "decipherOnly",
    }
}

fn purpose_name(purpose: &ObjectIdentifier) -> String {
    match DB.by_oid(purpose) {
        Some(name) => name.strip_prefix("id-kp-").unwrap_or(name).to_owned(),
        None => purpose.to_string(),
    }
}

/// A name from a file must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
