//! What a command that made files says.

use std::path::PathBuf;

use serde_json::json;

use super::Outcome;
use super::info::Description;

/// What was made.
pub struct Report {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The certificates in them that are new.
    pub certificates: Vec<Description>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What to do next.
    pub next: String,
}

impl Report {
    /// For a program or for people.
    pub fn outcome(self, json: bool) -> Outcome {
        let Self { files, certificates, warnings, next } = self;
        let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        let text = if json {
            let report =
                json!({"files": files, "certificates": certificates, "warnings": warnings, "next": next});
            format!("{report:#}\n")
        } else {
            format!("wrote {}\nnext: {next}\n", files.join("\nwrote "))
        };
        let problems = warnings.iter().map(|warning| format!("warning: {warning}")).collect();
        Outcome { text, problems, status: 0 }
    }
}
