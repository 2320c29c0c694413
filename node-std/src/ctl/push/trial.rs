//! The trial of a new keyring: a board keeps it when a link comes up with it, and otherwise goes back by itself.

use core::time::Duration;
use std::path::PathBuf;

use node_core::keys::{Keyring, SlotInfo};
use serde_json::json;
use tokio::time::Instant;

use super::Node;
use super::error::PushError;
use crate::api::{KeyList, KeySlot, LinkList};
use crate::ctl::client::read;
use crate::ctl::error::CtlError;

/// How long the board is waited for.
pub const WAIT: Duration = Duration::from_secs(90);
/// A board that has not gone back by now has kept the keyring: 60 s for the trial, and time to store and to answer.
pub const OVER: Duration = Duration::from_secs(80);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(15);

/// A board that tries a keyring.
pub struct Trial {
    /// The board, as people call it.
    pub board: String,
    /// Its id.
    pub id: String,
    /// The directory that the keyring was read from.
    pub dir: PathBuf,
    /// The keyring, as the board will show it.
    pub expected: Vec<Shown>,
    /// The links to the board before the keyring was sent.
    pub old_links: Vec<LinkMark>,
}

/// What a board says of a slot: the certificate, whether it has the key, whether it signs with it.
pub type Shown = (String, bool, bool);
/// What tells a link from another one: the address at the other end, and since when it is up.
pub type LinkMark = (String, u64);

/// A look at the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has the new keyring, and a link with it.
    Kept,
    /// It has the new keyring. Whether a link came up with it is not seen.
    Trying,
    /// It has another keyring.
    Old,
    /// It is not reached. The text says why.
    Gone(String),
}

impl Trial {
    /// Waits until the board has kept the keyring.
    pub async fn wait(&self, node: &impl Node) -> Result<(), PushError> {
        let look = async || {
            let seen = tokio::time::timeout(LOOK, self.look(node)).await;
            let late = || Seen::Gone(format!("no answer within {} s", LOOK.as_secs()));
            seen.map_or_else(|_| late(), |seen| seen.unwrap_or_else(|error| Seen::Gone(error.to_string())))
        };
        self.judge(look).await
    }

    /// Looks until it is decided.
    pub(super) async fn judge(&self, look: impl AsyncFn() -> Seen) -> Result<(), PushError> {
        let start = Instant::now();
        let mut tried = false;
        loop {
            let seen = look().await;
            let waited = start.elapsed();
            match seen {
                Seen::Kept => return Ok(()),
                Seen::Trying if waited >= OVER => return Ok(()),
                // The board says Ok before it begins to use the new keyring.
                Seen::Old if tried || waited >= WAIT => {
                    let (board, dir) = (self.board.clone(), self.dir.clone());
                    return Err(PushError::Reverted { board, dir });
                }
                Seen::Gone(reason) if waited >= WAIT => {
                    let (board, dir) = (self.board.clone(), self.dir.clone());
                    return Err(PushError::Gone { board, dir, seconds: waited.as_secs(), reason });
                }
                Seen::Trying => tried = true,
                Seen::Old | Seen::Gone(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(super) async fn look(&self, node: &impl Node) -> Result<Seen, CtlError> {
        let keys: KeyList = read(node.call("MaelNode.ListKeys", json!({"node": self.id})).await?)?;
        let mut slots: Vec<Shown> = keys.slots.into_iter().map(of_slot).collect();
        slots.sort();
        if slots != self.expected {
            return Ok(Seen::Old);
        }
        let links: LinkList = read(node.call("MaelNode.ListLinks", json!({})).await?)?;
        let links = links_to(&links, &self.id);
        // A board keeps its old link until a new one is up, and answers over it. A board that had a link here and has none is
        // linked to another hub now. Of a board that never had one, this node does not see the links.
        let is_new = |link: &LinkMark| !self.old_links.contains(link);
        let moved = links.is_empty() && !self.old_links.is_empty();
        Ok(if moved || links.iter().any(is_new) { Seen::Kept } else { Seen::Trying })
    }
}

/// How a board with these slots shows them.
pub fn shown(slots: &[SlotInfo]) -> Vec<Shown> {
    let active = Keyring::new(slots).ok().map(|keyring| keyring.active().name.clone());
    let is_active = |slot: &SlotInfo| active.as_ref() == Some(&slot.name);
    let mut shown: Vec<Shown> =
        slots.iter().map(|slot| of_slot(KeySlot::new(slot, is_active(slot)))).collect();
    shown.sort();
    shown
}

fn of_slot(slot: KeySlot) -> Shown {
    (slot.certificate_sha256, slot.pair, slot.active)
}

/// The links of a node to the board with this id.
pub fn links_to(links: &LinkList, id: &str) -> Vec<LinkMark> {
    let links = links.links.iter().filter(|link| link.node_id == id);
    links.map(|link| (link.address.clone(), link.since)).collect()
}
