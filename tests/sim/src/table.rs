//! Figures as a table, for people and for the snapshot.

use core::fmt::Write as _;

use crate::figures::Figures;

/// What the columns mean.
pub const LEGEND: &str = "\
A round (rd) is the mean one-way delay. ideal: rounds of an ideal epidemic, log_{f+1} H + (ln H) / f for H hubs and a
fan-out f of the mean hub's links to hubs less one. msgs, B: sent by each node, with what carries them (74 B a message:
TLS, TCP, IP), pings and handshakes. dup: messages of all that held records and told nothing new. false downs: nodes
called down that ran and could be reached; while silent: those that stood still or could not. whole: from the last event
until every hub sees every node as it is. Handshakes (shakes) count at both ends; max is the busiest node's.
";

/// A row: how many nodes, what they showed.
pub type Row = (usize, Figures);

/// A table of one scenario.
#[must_use]
pub fn table(name: &str, about: &str, rows: &[Row]) -> String {
    let mut text = format!("{name}: {about}\n");
    let Some((_, first)) = rows.first() else { return text };
    let columns: Vec<&str> = first.iter().map(|(column, _)| column).collect();
    // Writing to a string does not fail.
    _ = write!(text, "{:>8}", "nodes");
    columns.iter().for_each(|column| _ = write!(text, "{:>width$}", column, width = width(column)));
    text.push('\n');
    for (nodes, figures) in rows {
        _ = write!(text, "{nodes:>8}");
        figures
            .iter()
            .for_each(|(column, figure)| _ = write!(text, "{figure:>width$}", width = width(column)));
        text.push('\n');
    }
    text
}

fn width(column: &str) -> usize {
    column.len().max(7) + 2
}
