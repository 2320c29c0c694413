//! This node's metadata: its own part of the gossip.

use node_core::gossip::{Kind, Metadata, Node, PublishError};
use node_core::id::Name;
use node_core::wire::record::BadMetadata;
use tokio::sync::watch;

use super::security::Security;
use super::state_store::StateStore;
use crate::link::Greeting;

/// The metadata of this node, without its keys.
#[derive(Clone, Debug)]
pub struct LocalMetadata {
    /// Its name.
    pub name: Name,
    /// Addresses (`HOST:PORT`) at which it can be dialled.
    pub addrs: Vec<String>,
    /// Components that it offers.
    pub components: Vec<String>,
}

/// The certificate that this node shows, and the digest of all that it trusts.
pub(super) struct Keys {
    active: [u8; 32],
    keyring: [u8; 32],
}

impl Keys {
    pub(super) fn of(security: &Security) -> Self {
        match security {
            Security::Plaintext => Self { active: [0; 32], keyring: [0; 32] },
            Security::Tls(keyring) => {
                Self { active: keyring.active().certificate.0, keyring: keyring.digest().0 }
            }
        }
    }
}

impl LocalMetadata {
    /// As the core takes it.
    ///
    /// # Errors
    /// [`BadMetadata`]: it has too many addresses or components.
    pub(super) fn with_keys(&self, keys: &Keys) -> Result<Metadata<'_>, BadMetadata> {
        let mut metadata = Metadata::new(self.name.as_str(), Kind::Hub);
        metadata.active_key = keys.active;
        metadata.keyring = keys.keyring;
        for addr in &self.addrs {
            metadata.addrs.push(addr).map_err(|_| BadMetadata)?;
        }
        for component in &self.components {
            metadata.components.push(component).map_err(|_| BadMetadata)?;
        }
        Ok(metadata)
    }
}

/// Keeps the greeting of new links equal to this node's record.
pub(super) struct LocalRecord {
    metadata: LocalMetadata,
    greeting: watch::Sender<Greeting>,
}

impl LocalRecord {
    pub(super) const fn new(metadata: LocalMetadata, greeting: watch::Sender<Greeting>) -> Self {
        Self { metadata, greeting }
    }

    /// Takes over a change of the record: stores the incarnation, and greets with the record from now on.
    pub(super) fn follow(&self, node: &Node<'_>, store: &StateStore) {
        let current = Greeting::of(&node.record());
        if *self.greeting.borrow() != current {
            store.raise_incarnation(current.incarnation);
            self.greeting.send_replace(current);
        }
    }

    /// Puts changed keys into the record.
    pub(super) fn set_keys(&self, node: &mut Node<'_>, keys: &Keys) {
        let metadata = self.metadata.with_keys(keys).map_err(PublishError::from);
        if let Err(error) = metadata.and_then(|metadata| node.set_metadata(&metadata)) {
            tracing::error!("other nodes do not learn the new keys of this node: {error}");
        }
    }
}
