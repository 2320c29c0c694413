//! Why a keyring did not get to a board, or did not stay there.

use std::path::PathBuf;

use node_core::id::{Name, NodeId};
use node_core::keys::{KeyringError, SealError};

/// Why `maelctl keys push` failed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// No member is meant.
    #[error("there is no node {node:?}: say a name or an id that `maelctl cluster nodes` shows")]
    NoNode {
        /// What was given.
        node: String,
    },
    /// More than one member is meant.
    #[error("several nodes are named {node}: say which by its id: {ids}")]
    SeveralNodes {
        /// What was given.
        node: String,
        /// Their ids.
        ids: String,
    },
    /// The member is most likely no board.
    #[error(
        "{node} is a {kind}: if it is a server, its keyring is its TLS directory, change the files there; if it is a board, give its whole \
         id in place of its name"
    )]
    NoBoard {
        /// What was given.
        node: String,
        /// What it is.
        kind: String,
    },
    /// The node that is asked does not say the identity of the board.
    #[error("the node that is asked does not know the identity key of {node}: update maelstromd there")]
    NoIdentity {
        /// What was given.
        node: String,
    },
    /// The identity is that of another node.
    #[error(
        "the node that is asked shows for {node} ({id}) the identity key of {of}: it must not get the keys; ask another node"
    )]
    OtherIdentity {
        /// What was given.
        node: String,
        /// The id that is shown.
        id: String,
        /// The id that the key has.
        of: NodeId,
    },
    /// The keyring breaks a rule.
    #[error("{0}")]
    Keyring(KeyringError),
    /// There is no pair, and the board holds no key of a certificate in the keyring.
    #[error(
        "{board} would refuse {}: it has no private key, and no certificate of a key that {board} has now; put a pair into it, or \
         a certificate that was made with maelctl cert board --request",
        dir.display()
    )]
    NoKey {
        /// The board.
        board: String,
        /// The new keyring.
        dir: PathBuf,
    },
    /// The node that is asked would refuse the board.
    #[error(
        "the board would be lost: {url} does not trust {shown}.crt, which the board would show; put it into the TLS \
         directories of the hubs first, or use --force"
    )]
    HubWouldNotTrust {
        /// The node that is asked.
        url: String,
        /// The slot that the board would show.
        shown: Name,
    },
    /// The board would refuse the node that is asked.
    #[error(
        "the board would be lost: it would not trust {shown}.crt, which {url} shows; put it into the directory as {}, or \
         use --force if the board has it pinned",
        role_file(shown, "hub")
    )]
    BoardWouldNotTrust {
        /// The node that is asked.
        url: String,
        /// The slot that it shows.
        shown: String,
    },
    /// The certificate of the node that is asked is in the keyring, as one that is no hub's.
    #[error(
        "the board would be lost: it would not take {url} for a hub, whose certificate is {stem}.crt in the directory; name it \
         {}, or use --force if the board has it pinned",
        role_file(stem.as_str(), "hub")
    )]
    NotAsHub {
        /// The node that is asked.
        url: String,
        /// Its slot in the new keyring.
        stem: Name,
    },
    /// Nobody could push keys after these.
    #[error(
        "the board would take no further keys: {} has no operator; put the certificate with which you seal, \
         {name}.crt of --tls-dir, into it as {}, or use --force", dir.display(), role_file(name.as_str(), "operator")
    )]
    NoOperator {
        /// The slot that seals.
        name: Name,
        /// The new keyring.
        dir: PathBuf,
    },
    /// This operator could not push keys after these.
    #[error(
        "the board would take no further keys from you: the certificate with which you seal, {name}.crt of --tls-dir, is not \
         in {}; put it into it as {}, or use --force", dir.display(), role_file(name.as_str(), "operator")
    )]
    OtherOperator {
        /// The slot that seals.
        name: Name,
        /// The new keyring.
        dir: PathBuf,
    },
    /// The certificate of this operator is in the keyring, as one that is no operator's.
    #[error(
        "the board would take no further keys from you: the certificate with which you seal is {stem}.crt in {}, which is no \
         operator; name it {}, or use --force", dir.display(), role_file(stem.as_str(), "operator")
    )]
    NotAsOperator {
        /// Its slot in the new keyring.
        stem: Name,
        /// The new keyring.
        dir: PathBuf,
    },
    /// It was not sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers to seal with: {0}")]
    Random(#[from] getrandom::Error),
    /// The board did not say in time that it has the keyring.
    #[error(
        "{url}: no answer within {seconds} s: see with `maelctl keys ls` which keys the board has, and push again"
    )]
    Late {
        /// The node that is asked.
        url: String,
        /// How long it had.
        seconds: u64,
    },
    /// The board went back to the keyring before.
    #[error(
        "{board} is back on its old keys: no link came up with those of {} in time; check that its hubs trust its new \
         certificate, and that the certificates which they show are in the directory", dir.display()
    )]
    Reverted {
        /// The board.
        board: String,
        /// The new keyring.
        dir: PathBuf,
    },
    /// The board is not reached.
    #[error(
        "{board} took the keys of {}, and is not reached since, for {seconds} s: {reason}; a board that finds no link with \
         new keys goes back to its old ones after 60 s: look again with `maelctl keys ls {board}`", dir.display()
    )]
    Gone {
        /// The board.
        board: String,
        /// The new keyring.
        dir: PathBuf,
        /// How long it was waited for.
        seconds: u64,
        /// What the node that is asked says.
        reason: String,
    },
}

/// The name of a file that gives its certificate this role.
fn role_file(stem: &str, role: &str) -> String {
    let last = stem.rsplit_once('.').map(|(_, last)| last);
    if last == Some(role) { format!("{stem}.crt") } else { format!("{stem}.{role}.crt") }
}
