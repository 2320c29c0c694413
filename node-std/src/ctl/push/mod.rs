//! `maelctl keys push`: a keyring for a board, sealed here and relayed by the node that is asked.
//!
//! The private keys are encrypted to the identity of the board before they leave this process. The node that is asked, and every
//! hub on the way, relays what it cannot read. A keyring takes this way through the files:
//!
//! ```text
//! board (for whom?) -> check (would the board be lost?) -> seal -> the node -> trial (did the board keep it?)
//! ```

mod board;
mod check;
mod error;
mod seal;
#[cfg(test)]
mod tests;
mod trial;

use core::time::Duration;
use std::path::Path;

use base64ct::{Base64, Encoding};
use node_core::keys::SlotInfo;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use error::PushError;

use super::client::{Client, read};
use super::error::CtlError;
use crate::api::{KeyList, LinkList, NodeList, StatusAnswer};
use crate::tls::{BoardKeyring, Operator};

/// The node that is asked.
pub trait Node {
    /// The result of a method of its JSON-RPC.
    fn call(&self, method: &str, params: Value) -> impl Future<Output = Result<Value, CtlError>>;

    /// Its URL.
    fn url(&self) -> &str;
}

impl Node for Client {
    async fn call(&self, method: &str, params: Value) -> Result<Value, CtlError> {
        Self::call(self, method, params).await
    }

    fn url(&self) -> &str {
        Self::url(self)
    }
}

/// Checks that the node that is asked knows a board by this name or id.
///
/// # Errors
/// It knows none, or several, or the name is that of another node.
pub async fn find_board<N: Node>(node: &N, board: &str) -> Result<(), CtlError> {
    let list: NodeList = read(node.call("NodeService.ListNodeStatus", json!({})).await?)?;
    board::find(&list.nodes, board)?;
    Ok(())
}

/// A keyring that is to be pushed.
pub struct Push<'p, N> {
    /// The node that relays it.
    pub node: &'p N,
    /// The board: its name or id.
    pub board: &'p str,
    /// The directory that the keyring was read from.
    pub dir: &'p Path,
    /// The keyring.
    pub keyring: BoardKeyring,
    /// Seals it.
    pub operator: Operator,
    /// Skips the checks that keep a board from getting lost.
    pub force: bool,
    /// How long the node may take until the board has stored the keyring.
    pub timeout: Duration,
}

impl<N: Node> Push<'_, N> {
    /// Pushes the keyring, and waits until the board has a link with it. Returns the answer of the node.
    ///
    /// # Errors
    /// The keyring was not sent or not taken, and nothing changed; or the board did not keep it.
    pub async fn run(&self) -> Result<Value, CtlError> {
        let late = || PushError::Late { url: self.node.url().to_owned(), seconds: self.timeout.as_secs() };
        let sent = tokio::time::timeout(self.timeout, self.send()).await.map_err(|_| late())?;
        let (answer, trial) = sent?;
        trial.wait(self.node).await?;
        Ok(answer)
    }

    /// Seals the keyring, and sends it. The board has stored it when this returns.
    async fn send(&self) -> Result<(Value, trial::Trial), CtlError> {
        let status: StatusAnswer = self.ask("NodeService.GetStatus", json!({})).await?;
        let list: NodeList = self.ask("NodeService.ListNodeStatus", json!({})).await?;
        let board = board::find(&list.nodes, self.board)?;
        // By its id: a name could mean another board by the time that the node reads it.
        let id = board.id.to_string();
        let slots = self.slots(&id).await?;
        if !self.force {
            check::mutual_trust(&status.status.tls.slots, &slots, self.node.url())?;
            check::operators(&slots, &self.operator.slot, self.dir)?;
        }
        let sealed = seal::seal(&seal::Order {
            cluster: &status.status.cluster_id,
            board: board.identity,
            operator: &self.operator,
            bundle: &self.keyring.bundle,
        })?;
        let links: LinkList = self.ask("MaelNode.ListLinks", json!({})).await?;
        let params = json!({"node": id, "bundle": Base64::encode_string(&sealed)});
        let answer = self.node.call("MaelNode.PushKeys", params).await?;
        let trial = trial::Trial {
            board: self.board.to_owned(),
            dir: self.dir.to_owned(),
            expected: trial::shown(&slots),
            old_links: trial::links_to(&links, &id),
            id,
        };
        Ok((answer, trial))
    }

    /// The slots as the board `id` will have them: without a private key among them, those of a key that the board has now are pairs.
    async fn slots(&self, id: &str) -> Result<Vec<SlotInfo>, CtlError> {
        let mut slots = self.keyring.slots.clone();
        if slots.iter().any(|slot| slot.has_key) {
            return Ok(slots);
        }
        let keys: KeyList = self.ask("MaelNode.ListKeys", json!({"node": id})).await?;
        let held: Vec<String> =
            keys.slots.into_iter().filter(|slot| slot.pair).map(|slot| slot.spki_sha256).collect();
        slots.iter_mut().for_each(|slot| slot.has_key = held.contains(&slot.spki.to_string()));
        if slots.iter().any(|slot| slot.has_key) {
            return Ok(slots);
        }
        Err(PushError::NoKey { board: self.board.to_owned(), dir: self.dir.to_owned() }.into())
    }

    async fn ask<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, CtlError> {
        read(self.node.call(method, params).await?)
    }
}
