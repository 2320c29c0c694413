//! Figures as a table, for readers and for the snapshot.

use core::fmt::Write as _;

use crate::figures::Figures;

/// The meaning of the columns.
pub const LEGEND: &str = "\
A round (rd) is the mean one-way delay. ideal: the rounds of an ideal epidemic, log_{f+1} H + (ln H) / f for H hubs and a
fan-out f: the eager-push peers of the mean hub, less one. msgs, B: sent by each node, including what carries them (74 B a
message: TLS, TCP, IP), pings and handshakes. dup: the share of messages that held records and told nothing new. false downs:
nodes that were declared down while they ran and could be reached; while silent: nodes that were declared down while they were
paused or could not be reached. whole: the time from the last event until every hub sees every node correctly; never: not
before the scenario ends. Handshakes (shakes) count at both ends; max is the busiest node. dials: to the address of invented
hubs.
";

/// A row of a table.
pub struct Row {
    /// How many nodes, and of which protocol if not ours.
    pub nodes: String,
    /// Their figures.
    pub figures: Figures,
}

/// A table of one scenario, with the columns of the first row.
#[must_use]
pub fn table(name: &str, about: &str, rows: &[Row]) -> String {
    let mut text = format!("{name}: {about}\n");
    let Some(first) = rows.first() else { return text };
    let columns: Vec<&str> = first.figures.iter().map(|(column, _)| column).collect();
    let widest = rows.iter().map(|row| row.nodes.len() + 1).max().map_or(8, |width| width.max(8));
    // Writing to a string does not fail.
    _ = write!(text, "{:>widest$}", "nodes");
    columns.iter().for_each(|column| _ = write!(text, "{:>width$}", column, width = width(column)));
    text.push('\n');
    for Row { nodes, figures } in rows {
        _ = write!(text, "{nodes:>widest$}");
        for column in &columns {
            let width = width(column);
            _ = match figures.of(column) {
                Some(figure) => write!(text, "{figure:>width$}"),
                None => write!(text, "{:>width$}", "-"),
            };
        }
        text.push('\n');
    }
    text
}

fn width(column: &str) -> usize {
    column.len().max(7) + 2
}
