//! A certificate as lines for people.

use super::{Description, Status};

/// The lines of one certificate of a file that holds `of`.
pub fn section(file: &str, number: usize, of: usize, certificate: &Description) -> String {
    let Description { status, days_left, .. } = certificate;
    let list = |all: &[String]| if all.is_empty() { "-".to_owned() } else { all.join(", ") };
    let end = match status {
        Status::Expired => format!("{} ago", days(-days_left)),
        Status::Valid | Status::ExpiringSoon | Status::NotYetValid => format!("in {}", days(*days_left)),
    };
    let place = if of > 1 { format!("{file}, certificate {number} of {of}") } else { file.to_owned() };
    let lines = [
        ("Subject", certificate.subject.clone()),
        ("Issuer", certificate.issuer.clone()),
        ("Serial", certificate.serial.clone()),
        ("Names", list(&certificate.names)),
        ("Key", certificate.key.clone()),
        ("Usages", list(&certificate.usages)),
        ("CA", if certificate.ca { "yes" } else { "no" }.to_owned()),
        ("Version", certificate.version.to_string()),
        ("Not before", certificate.not_before.clone()),
        ("Not after", format!("{} ({end})", certificate.not_after)),
        ("Certificate", certificate.certificate_sha256.clone()),
        ("Public key", certificate.spki_sha256.clone()),
        ("Status", status.to_string()),
    ];
    let lines = lines.map(|(label, value)| format!("  {:13}{value}\n", format!("{label}:")));
    format!("{place}\n{}", lines.concat())
}

fn days(number: i64) -> String {
    if number == 1 { "1 day".to_owned() } else { format!("{number} days") }
}
