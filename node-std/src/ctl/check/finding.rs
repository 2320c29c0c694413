//! One thing that is worth saying, and what to do about it.

use std::path::Path;

use serde::Serialize;

use crate::tls::{DirectoryProblem, FileProblem, TlsError};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is in order. It is good to know.
    Note,
    /// It works now, but not for long or not for all.
    Warning,
    /// A node would not start, or a peer would not be accepted.
    Error,
}

/// A finding.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// A short name for programs.
    pub kind: &'static str,
    /// The file or the directory.
    pub subject: String,
    pub problem: String,
    pub remedy: String,
}

impl Finding {
    pub fn new(
        severity: Severity,
        kind: &'static str,
        subject: &Path,
        problem_and_remedy: (impl Into<String>, impl Into<String>),
    ) -> Self {
        let (problem, remedy) = problem_and_remedy;
        let subject = subject.display().to_string();
        Self { severity, kind, subject, problem: problem.into(), remedy: remedy.into() }
    }

    /// An error of reading the directory, which keeps a node from starting.
    pub fn of(error: &TlsError, directory: &Path) -> Self {
        let (path, text) = match error {
            TlsError::Directory { path, problem } => (path.as_path(), problem.to_string()),
            TlsError::File { path, problem } => (path.as_path(), problem.to_string()),
            other => (directory, other.to_string()),
        };
        Self::new(Severity::Error, kind(error), path, problem_and_remedy(&text))
    }
}

/// The two parts of an error text of this program: `problem: remedy`.
pub fn problem_and_remedy(text: &str) -> (String, String) {
    let (problem, remedy) = text.rsplit_once(": ").unwrap_or((text, ""));
    (problem.to_owned(), remedy.to_owned())
}

fn kind(error: &TlsError) -> &'static str {
    match error {
        TlsError::File { problem, .. } => match problem {
            FileProblem::BadAuthority(_) | FileProblem::BadCertificate(_) => "certificate",
            FileProblem::BadList(_) | FileProblem::TooLongList => "list",
            FileProblem::BadKey(_) | FileProblem::NotEc(_) => "key",
            FileProblem::BadName(_) => "name",
            FileProblem::BadPassword | FileProblem::WrongPassword => "password",
            FileProblem::BadPem(_)
            | FileProblem::Empty
            | FileProblem::Growing
            | FileProblem::Missing(_)
            | FileProblem::TooLong => "damaged",
            FileProblem::Encrypted | FileProblem::OtherEncryption | FileProblem::TraditionalEncryption => {
                "encrypted"
            }
            FileProblem::KeyMismatch | FileProblem::KeyMismatchWithin | FileProblem::OtherKey(_) => {
                "mismatch"
            }
            FileProblem::KeyWithoutCertificate => "key-without-certificate",
            FileProblem::LongChain => "chain",
            FileProblem::NoProgram(_) => "program",
            FileProblem::NotAFile | FileProblem::Unreadable(_) => "unreadable",
            FileProblem::SameSlot(_) => "same-slot",
            FileProblem::TooMany(_) => "too-many",
            FileProblem::Writable => "writable",
        },
        TlsError::Directory { problem: DirectoryProblem::Writable, .. } => "writable",
        TlsError::Directory { problem: DirectoryProblem::Changing, .. } => "changing",
        _ => "directory",
    }
}
