//! Tie break: of two links to one peer one stays.

use super::links::Overlay;
use super::peer::Peer;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::{GoAway, Start};

/// Two links that were dialled from both ends within this time are a simultaneous dial.
const SIMULTANEOUS: Duration = Duration::from_secs(5);

/// A link that just came up, as far as its rival matters.
pub(super) struct Newcomer {
    pub me: NodeId,
    pub peer: NodeId,
    pub dialled: bool,
    /// This node wants it in its active view.
    pub grafted: bool,
}

/// The outcome for a newcomer and its rival.
pub(super) enum Outcome {
    /// There is no other link to the peer.
    NoRival,
    /// The newcomer replaces its rival; whether this node wants it in its active view.
    Replaces { grafted: bool },
}

impl Overlay<'_> {
    /// Of two links the newer stays; of two that were dialled from both ends at the same time, the one that the smaller id dialled.
    ///
    /// # Errors
    /// [`GoAway::Replaced`]: the rival stays.
    pub(super) fn break_tie(&self, now: Instant, newcomer: &Newcomer) -> Result<Outcome, GoAway> {
        let is_rival = |peer: &&Peer| peer.is_usable() && peer.id == newcomer.peer;
        let Some(rival) = self.peers.iter().find(is_rival) else { return Ok(Outcome::NoRival) };
        let crossed = rival.dialled != newcomer.dialled && now.since(rival.up_at) < SIMULTANEOUS;
        let dialled_by_smaller = newcomer.dialled == (newcomer.me < newcomer.peer);
        if crossed && !dialled_by_smaller {
            return Err(GoAway::Replaced);
        }
        // The peer may have seen either of two dials that cross end: what this one was made for still holds.
        Ok(Outcome::Replaces { grafted: rival.grafted || (crossed && newcomer.grafted) })
    }

    /// Ends the rivals of a link that stays. `start` is the process at its other end.
    pub(super) fn end_rivals(&mut self, peer: NodeId, start: Start) {
        let rivals = self.peers.iter_mut().filter(|rival| rival.is_usable() && rival.id == peer);
        rivals.for_each(|rival| {
            let same = rival.start == start;
            rival.go_away = Some(if same { GoAway::Replaced } else { GoAway::Duplicate });
        });
    }
}
