//! The figures, as a table in Markdown and as JSON.

use std::fmt;

use serde::Serialize;

/// All figures.
#[derive(Serialize)]
pub struct Table {
    /// The kinds of connection.
    pub rows: Vec<Row>,
}

/// A kind of connection.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub what: &'static str,
    /// How many there were.
    pub count: u32,
    /// Bytes of maelstromd for each.
    pub ours: f64,
    /// Bytes of nginx for each.
    pub nginx: Option<f64>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Resident memory for each:\n\n| idle | how many | maelstromd | nginx |\n|---|---|---|---|"
        )?;
        for Row { what, count, ours, nginx } in &self.rows {
            let nginx = nginx.map(kib).unwrap_or_default();
            writeln!(f, "| {what} | {count} | {} | {nginx} |", kib(*ours))?;
        }
        Ok(())
    }
}

fn kib(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / 1024.0)
}
