//! Whether the certificates of a file stand in order: each signed by the next.

use std::path::Path;

use node_core::trust::Certificate;
use rustls::pki_types::CertificateDer;

use super::finding::{Finding, Severity};

/// Finds the first certificate that does not sign the one before it.
pub fn check(file: &Path, chain: &[CertificateDer<'_>]) -> Option<Finding> {
    let parsed = chain.iter().map(|der| Certificate::parse(der)).collect::<Result<Vec<_>, _>>();
    let Ok(parsed) = parsed else {
        let problem = "holds a certificate after the first one that cannot be read";
        let remedy = "put only the node's own certificate and those of its issuers into it";
        return Some(Finding::new(Severity::Warning, "chain", file, (problem, remedy)));
    };
    let pairs = parsed.iter().zip(parsed.iter().skip(1));
    let broken = pairs.enumerate().find(|(_, (lower, upper))| lower.issuer != upper.subject)?;
    let (index, _) = broken;
    let problem = format!(
        "is out of order: certificate {} in it was not issued by the one after it, so peers may not find the path to their CA",
        index + 1
    );
    let remedy = "put the node's own certificate first, then its issuer, then the issuer of that one";
    Some(Finding::new(Severity::Warning, "chain", file, (problem, remedy)))
}
