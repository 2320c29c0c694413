//! The state that all tasks of the node share, behind one cell. A task borrows it for a moment, never across a wait.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::Poll;

use node_core::gossip::PublishError;
use node_core::time::Instant;

use super::core::Core;
use crate::flash::Keys;
use crate::settings::Settings;

/// Shared by the [`Runner`](crate::Runner) and every [`Leaf`](crate::Leaf).
pub(crate) struct State<'d> {
    pub(crate) settings: Settings<'d>,
    pub(crate) keys: RefCell<Keys>,
    core: RefCell<Core<'d>>,
}

impl<'d> State<'d> {
    pub(crate) fn new(settings: Settings<'d>, keys: Keys, core: Core<'d>) -> Self {
        Self { settings, keys: RefCell::new(keys), core: RefCell::new(core) }
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

    /// Tells the cluster which keys this node has.
    pub(crate) fn announce_keys(&self) -> Result<(), PublishError> {
        let keys = self.keys.borrow();
        self.with(|core| {
            core.node.set_keys(keys.active(), keys.digest())?;
            core.runner.wake();
            Ok(())
        })
    }

    /// Applies a new keyring to the links: replaces them, and ends those to hubs that are no longer trusted.
    pub(crate) fn renew_links(&self, now: Instant) {
        let keys = self.keys.borrow();
        self.with(|core| {
            // A link without the hub's hello is judged when the hello arrives: the hub may count the link as up.
            core.judge_links(now, &keys);
            core.runner.wake();
        });
    }
}
