//! The findings about loose files: which key belongs to which certificate, and whether a leaf leads to a CA.

use std::path::{Path, PathBuf};

use node_core::crypto::Software;
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{
    Authority, Certificate, Circumstances, MAX_CHAIN, Policy, Rejection, Rfc3339, TrustedBy, Usage,
};
use rustls::pki_types::CertificateDer;

use super::certificate::{Place, Subject};
use super::finding::{Finding, Severity, problem_and_remedy};
use super::{chain, finding_of};
use crate::ctl::error::CtlError;
use crate::tls::{KeyPassword, LooseFile, is_key_of, provider, survey_file};

/// A file, and what it holds.
struct File<'f> {
    path: &'f Path,
    file: LooseFile,
}

impl File<'_> {
    /// The certificate of a node, and those it is sent with. Of a CA the key is elsewhere.
    fn is_leaf(&self, all: &[Self]) -> bool {
        let Some(first) = self.file.certificates.first() else { return false };
        let is_ca = Certificate::parse(first).is_ok_and(|certificate| certificate.is_ca());
        !is_ca || all.iter().any(|other| other.file.key.as_ref().is_some_and(|key| is_key_of(key, first)))
    }
}

/// A CA, and its file.
struct Root<'f> {
    file: &'f Path,
    authority: Authority<'f>,
}

/// Checks files against each other.
///
/// # Errors
/// One cannot be read at all.
pub fn check(
    paths: &[&PathBuf],
    password: Option<&KeyPassword>,
    now: UnixTime,
) -> Result<Vec<Finding>, CtlError> {
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    for path in paths {
        match survey_file(path, password) {
            Ok(file) => files.push(File { path, file }),
            Err(error) => findings.push(finding_of(error, path)?),
        }
    }
    for File { path, file } in &files {
        findings.extend(file.problems.iter().map(|problem| Finding::of(problem, path)));
        if file.is_exposed {
            let text = ("holds a private key that every user of this machine can read", "chmod 600 it");
            findings.push(Finding::new(Severity::Warning, "readable", path, text));
        }
    }
    let (leaves, others): (Vec<&File<'_>>, Vec<&File<'_>>) =
        files.iter().partition(|file| file.is_leaf(&files));
    let mut roots = Vec::new();
    for file in others {
        findings.extend(authorities(file, now, &mut roots));
    }
    for file in leaves {
        findings.extend(leaf(file, &roots, now));
    }
    findings.extend(files.iter().filter_map(|file| key(file, &files)));
    Ok(findings)
}

/// The findings about the CAs in a file. Those that can be used are added to `roots`.
fn authorities<'f>(file: &'f File<'_>, now: UnixTime, roots: &mut Vec<Root<'f>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for der in &file.file.certificates {
        match Authority::read(der, &Software) {
            Ok(authority) => roots.push(Root { file: file.path, authority }),
            Err(error) => {
                let text = problem_and_remedy(&format!("holds a certificate that is {error}"));
                findings.push(Finding::new(Severity::Error, "no-ca", file.path, text));
            }
        }
        if let Ok(certificate) = Certificate::parse(der) {
            findings.extend(Subject { file: file.path, certificate, place: Place::Authority }.check(now));
        }
    }
    findings
}

/// The findings about a leaf and its chain.
fn leaf(file: &File<'_>, roots: &[Root<'_>], now: UnixTime) -> Vec<Finding> {
    let shown = &file.file.certificates;
    let Some(certificate) = shown.first().and_then(|der| Certificate::parse(der).ok()) else {
        let text = ("holds a certificate that cannot be read", "make it anew");
        return vec![Finding::new(Severity::Error, "certificate", file.path, text)];
    };
    let mut findings = Subject { file: file.path, certificate, place: Place::Leaf }.check(now);
    findings.extend(chain::check(file.path, shown));
    if !roots.is_empty() {
        // The path says what the usage lacks.
        findings.retain(|finding| finding.kind != "extended-key-usage");
        findings.push(under_a_ca(file.path, shown, roots, now));
    }
    findings
}

/// Whether a leaf leads to one of the CAs, by the policy of every node.
fn under_a_ca(path: &Path, shown: &[CertificateDer<'_>], roots: &[Root<'_>], now: UnixTime) -> Finding {
    let authorities: Vec<Authority<'_>> = roots.iter().map(|root| root.authority.clone()).collect();
    let chain: Vec<&[u8]> = shown.iter().take(MAX_CHAIN + 1).map(AsRef::as_ref).collect();
    let judge = |usage| {
        let policy = Policy { authorities: &authorities, usage, ..Policy::default() };
        let circumstances = Circumstances {
            clock: Some(WallClock::Reliable(now)),
            dialled: None,
            algorithms: provider().signature_verification_algorithms.all,
        };
        policy.judge(&chain, &circumstances, &Software).map(|accepted| (accepted.by, accepted.until))
    };
    let refused = |severity, kind, rejection: Rejection| {
        Finding::new(severity, kind, path, problem_and_remedy(&rejection.to_string()))
    };
    // Without its usage, if that is all that it lacks.
    let (by, until) = match (judge(Usage::BOTH), judge(Usage::ANY)) {
        (Ok(accepted), _) => accepted,
        (Err(rejection), Ok(_)) => return refused(Severity::Warning, "extended-key-usage", rejection),
        (Err(_), Err(rejection)) => return refused(Severity::Error, "no-path", rejection),
    };
    let root = match by {
        TrustedBy::Authority(index) => roots.get(index).map_or(path, |root| root.file),
        // There is no hook here.
        TrustedBy::Anchor(_) | TrustedBy::Hook => path,
    };
    let problem = format!("leads to the CA in {} until {}", root.display(), Rfc3339(until));
    Finding::new(Severity::Note, "path", path, (problem, ""))
}

/// Whether the key of a file belongs to a certificate, if there are any.
fn key(file: &File<'_>, all: &[File<'_>]) -> Option<Finding> {
    let key = file.file.key.as_ref()?;
    let mut first = all.iter().filter_map(|file| file.file.certificates.first()).peekable();
    first.peek()?;
    if first.any(|certificate| is_key_of(key, certificate)) {
        return None;
    }
    let mut rest = all.iter().flat_map(|file| file.file.certificates.iter().skip(1).take(MAX_CHAIN));
    let text = if rest.any(|certificate| is_key_of(key, certificate)) {
        (
            "belongs to a certificate that is not the first of its file",
            "put the node's own certificate first, those of its issuers after it",
        )
    } else {
        ("belongs to none of the certificates given", "copy both files of the pair")
    };
    Some(Finding::new(Severity::Error, "mismatch", file.path, text))
}
