//! Figures as a table, for people and for the snapshot.

use core::fmt::Write as _;

use crate::figures::Figures;

/// What the columns mean.
pub const LEGEND: &str = "\
A round (rd) is the mean one-way delay. ideal: rounds of an ideal epidemic, log_{f+1} H + (ln H) / f for H hubs and a
fan-out f: the hubs that the mean hub tells at once, less one. msgs, B: sent by each node, with what carries them (74 B a message:
TLS, TCP, IP), pings and handshakes. dup: messages of all that held records and told nothing new. false downs: nodes
called down that ran and could be reached; while silent: those that stood still until then, or could not. whole: from the last event
until every hub sees every node as it is; never: not before the scenario is over. Handshakes
(shakes) count at both ends; max is the busiest node's.
";

/// A row: how many nodes, and of what if of others than ours; what they showed.
pub type Row = (String, Figures);

/// A table of one scenario, with the columns of the first row.
#[must_use]
pub fn table(name: &str, about: &str, rows: &[Row]) -> String {
    let mut text = format!("{name}: {about}\n");
    let Some((_, first)) = rows.first() else { return text };
    let columns: Vec<&str> = first.iter().map(|(column, _)| column).collect();
    let widest = rows.iter().map(|(nodes, _)| nodes.len() + 1).max().map_or(8, |width| width.max(8));
    // Writing to a string does not fail.
    _ = write!(text, "{:>widest$}", "nodes");
    columns.iter().for_each(|column| _ = write!(text, "{:>width$}", column, width = width(column)));
    text.push('\n');
    for (nodes, figures) in rows {
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
