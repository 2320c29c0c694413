//! The state that all tasks of the node share, behind one cell. A task borrows it for a moment, never across a wait.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::Poll;

use node_core::crypto::{PublicKey, Unseal};
use node_core::identity::Identity;
use node_core::keys::BundleError;
use node_core::time::Instant;

use super::core::Core;
use super::trial::Trial;
use crate::flash::{HeldKey, Keys};
use crate::log::warning;
use crate::settings::Settings;

/// The keys of this node that are not in its keyring: its identity, what that key can do beside signing, and its TLS key.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'d> {
    pub(crate) identity: Identity<'d>,
    /// Decrypts with the identity key. `None` for a device that cannot.
    pub(crate) unseal: Option<&'d (dyn Unseal + Sync)>,
    /// The TLS key. `None` when the keyring has it.
    pub(crate) held: Option<HeldKey<'d>>,
}

/// Shared by the [`Runner`](crate::Runner) and every [`Leaf`](crate::Leaf).
pub(crate) struct State<'d> {
    pub(crate) settings: Settings<'d>,
    pub(crate) owner: Owner<'d>,
    pub(crate) keys: RefCell<&'d mut Keys>,
    core: RefCell<Core<'d>>,
}

impl<'d> State<'d> {
    pub(crate) const fn new(
        settings: Settings<'d>,
        owner: Owner<'d>,
        keys: &'d mut Keys,
        core: Core<'d>,
    ) -> Self {
        Self { settings, owner, keys: RefCell::new(keys), core: RefCell::new(core) }
    }

    /// The public key of the TLS key that is not in the keyring.
    pub(crate) fn held_key(&self) -> Option<PublicKey> {
        self.owner.held.map(|held| held.public_key())
    }

    /// Reads or changes the core.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Core<'d>) -> T) -> T {
        look(&mut self.core.borrow_mut())
    }

    /// Waits, inside the runner, until `look` returns something. It runs again after every change.
    pub(crate) async fn wait<T>(&self, mut look: impl FnMut(&mut Core<'d>) -> Option<T>) -> T {
        poll_fn(|cx| {
            self.with(|core| match look(core) {
                Some(found) => Poll::Ready(found),
                None => {
                    core.runner.register(cx.waker());
                    Poll::Pending
                }
            })
        })
        .await
    }

    /// Uses the keyring in this bundle from now on: tells the cluster of it, replaces the links, and ends those to hubs that are no
    /// longer trusted.
    ///
    /// # Errors
    /// [`BundleError`]: the keyring in use stays in use.
    pub(crate) fn use_bundle(&self, now: Instant, bundle: &[u8], on_trial: bool) -> Result<(), BundleError> {
        self.keys.borrow_mut().load(bundle, self.held_key())?;
        let keys = self.keys.borrow();
        self.with(|core| {
            core.trial = on_trial.then(|| Trial::begin(now, keys.edition()));
            // The digest is always as long. So only a device that holds the identity key can fail.
            if let Err(error) = core.node.set_keys(keys.active(), keys.digest()) {
                warning!("the cluster does not hear of the new keyring: {}", error);
            }
            // A link without the hub's hello is judged when the hello arrives: the hub may count the link as up.
            core.judge_links(now, &keys);
            core.runner.wake();
        });
        Ok(())
    }
}
