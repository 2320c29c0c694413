//! What is printed, for people or for programs, and the exit status.

use std::process::ExitCode;

use serde_json::json;

use super::directory::{SlotSummary, Summary};
use super::finding::{Finding, Severity};
use crate::ctl::table::table;

/// All that was found.
#[derive(Default)]
pub struct Report {
    pub directories: Vec<Summary>,
    /// The worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The exit status: 0 in order, 3 warnings, 4 errors.
    pub fn exit_code(&self) -> ExitCode {
        match self.worst() {
            Severity::Note => ExitCode::SUCCESS,
            Severity::Warning => ExitCode::from(3),
            Severity::Error => ExitCode::from(4),
        }
    }

    /// For programs.
    pub fn json(&self) -> String {
        let status = match self.worst() {
            Severity::Note => "ok",
            Severity::Warning => "warnings",
            Severity::Error => "errors",
        };
        let (notes, findings): (Vec<&Finding>, Vec<&Finding>) =
            self.findings.iter().partition(|finding| finding.severity == Severity::Note);
        let directories = &self.directories;
        let answer =
            json!({"status": status, "directories": directories, "findings": findings, "notes": notes});
        format!("{answer:#}\n")
    }

    /// For people. Control characters in the names of files do not reach the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for directory in &self.directories {
            text += &format!("{}\n{}\n", directory.path, slots(&directory.slots));
        }
        for finding in &self.findings {
            let word = match finding.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            text += &format!("{word}: {}: {}\n", finding.subject, finding.problem);
            if !finding.remedy.is_empty() {
                text += &format!("    {}\n", finding.remedy);
            }
        }
        text += &match (self.count(Severity::Error), self.count(Severity::Warning)) {
            (0, 0) => "in order\n".to_owned(),
            (errors, warnings) => format!("errors: {errors}, warnings: {warnings}\n"),
        };
        text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
    }

    fn worst(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Note)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

fn slots(slots: &[SlotSummary]) -> String {
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |slot: &SlotSummary| {
        let (name, place, roles) = (slot.name.clone(), slot.place.to_owned(), slot.roles.clone());
        [name, place, known(&slot.algorithm), known(&slot.not_after), roles]
    };
    table(["SLOT", "USE", "KEY", "EXPIRES", "ROLES"], slots.iter().map(row).collect())
}
