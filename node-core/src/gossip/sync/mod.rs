//! Synchronisation between two hubs: range-based set reconciliation finds where two tables differ.
//!
//! A range fingerprint is the sum of the hashes of all live members in a range of ids. A hub that finds that a range differs
//! answers with finer fingerprints, or, when it holds few members there, with an item list: their versions. The other side sends
//! the records that the first lacks, and asks by IWANT for those that it lacks itself. Nothing is remembered between two messages:
//! a hub that has no room for an answer drops it and starts again soon. For tables that are equal it is one small message.

mod budget;
mod reconciliation;

#[cfg(test)]
use reconciliation::start;
pub use reconciliation::{Sync, handle_fingerprints, handle_iwant, is_due, poll};

#[cfg(test)]
mod tests;
