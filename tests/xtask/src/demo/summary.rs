//! The figures of the demo.

use std::time::Duration;

use node_tests::board::Sizes;
use node_tests::load::Tally;

/// The figures.
#[derive(Default)]
pub struct Summary {
    /// Members of the cluster.
    pub members: usize,
    /// From the first start until all see each other.
    pub formed: Duration,
    /// Requests during the rotations.
    pub rotating: Tally,
    /// The board's own requests, during the rotations.
    pub from_board: Counts,
    /// How long each rotation took, from `mv` until every node was seen with the new key.
    pub rotations: Vec<Duration>,
    /// Requests between the Linux nodes that were left, while one was dead.
    pub without_one: Tally,
    /// From the kill until the node was declared down.
    pub down: Duration,
    /// From its start until all saw it alive.
    pub back: Duration,
    /// From the kill of the board's hub until the board answered through another.
    pub moved: Duration,
    /// Most bytes of stack that the board used.
    pub stack: u64,
    /// The whole demo.
    pub total: Duration,
}

/// Counts of requests.
#[derive(Default)]
pub struct Counts {
    /// With status 200.
    pub answered: u64,
    /// All others.
    pub failed: u64,
}

impl Summary {
    /// As lines of text.
    pub fn text(&self, sizes: Sizes) -> String {
        let seconds = |time: &Duration| format!("{:.1} s", time.as_secs_f64());
        let rotations: Vec<_> = self.rotations.iter().map(seconds).collect();
        let lines = [
            ("members", format!("{}, a board among them, formed in {}", self.members, seconds(&self.formed))),
            ("rotations", format!("{}, in {}", rotations.len(), rotations.join(" and "))),
            ("requests while keys were rotated", counts(self.rotating.answered, self.rotating.failed)),
            ("the board's own requests", counts(self.from_board.answered, self.from_board.failed)),
            ("requests while a node was dead", counts(self.without_one.answered, self.without_one.failed)),
            (
                "the killed node",
                format!("declared down after {}, back after {}", seconds(&self.down), seconds(&self.back)),
            ),
            ("the board", format!("reached through another hub after {}", seconds(&self.moved))),
            ("the board's memory", format!("{sizes}, stack {:.1} KiB", self.stack as f64 / 1024.0)),
            ("time", seconds(&self.total)),
        ];
        lines
            .iter()
            .fold(String::from("\n"), |text, (what, figure)| text + &format!("{what:>33}  {figure}\n"))
    }
}

fn counts(answered: u64, failed: u64) -> String {
    format!("{answered} answered, {failed} failed")
}
