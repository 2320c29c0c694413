//! The firmware's handle to a running node.

use core::future::poll_fn;
use core::task::Poll;

use node_core::crypto::PublicKey;
use node_core::gossip::{PublishError, State as MemberState};
use node_core::id::NodeId;
use node_core::time::{TimeSource, UnixTime};
use node_core::trust::Fingerprint;

use crate::revocation::BadLists;
use crate::state::{Core, State, now};

/// The time as a node knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The best known time, in whole seconds.
    pub time: UnixTime,
    /// Where it comes from.
    pub source: TimeSource,
}

/// The firmware's handle to its node. All copies refer to the same node.
#[derive(Clone, Copy)]
pub struct Leaf<'d> {
    pub(super) state: &'d State<'d>,
}

impl<'d> Leaf<'d> {
    pub(super) const fn new(state: &'d State<'d>) -> Self {
        Self { state }
    }

    /// The node's id, which follows from its identity key.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.state.with(|core| core.node.id())
    }

    /// SHA-256 of the certificate that it presents.
    #[must_use]
    pub fn active_key(&self) -> Fingerprint {
        self.state.keys.borrow().active()
    }

    /// The number of hubs that it is linked to now.
    #[must_use]
    pub fn links(&self) -> usize {
        self.state.with(|core| core.links_up())
    }

    /// The number of members that it knows, itself included.
    #[must_use]
    pub fn members(&self) -> usize {
        self.state.with(|core| core.node.members().count())
    }

    /// The live member with this name, among those that this board knows.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.state.with(|core| {
            let mut members = core.node.members();
            let found = members.find(|member| {
                member.metadata.name == name
                    && matches!(member.record.state, MemberState::Alive | MemberState::Suspect)
            });
            found.map(|member| member.record.id)
        })
    }

    /// The public key of a member's identity, for who seals a keyring for it.
    #[must_use]
    pub fn identity_of(&self, node: NodeId) -> Option<PublicKey> {
        self.state.with(|core| core.node.member(node).map(|member| member.metadata.identity))
    }

    /// Waits until it is linked to a hub.
    pub async fn linked(&self) {
        self.wait(|core| (core.links_up() > 0).then_some(())).await;
    }

    /// Waits until the node has made one more round of its work: it handled the time, and each of its futures ran. A node
    /// that is idle is woken once for each call, and never without one.
    ///
    /// Feed a watchdog after it, so that the board starts again when the node stands still: because a handler of the
    /// application never returns to the executor, because the timer does not fire, or because the runner's task does not run.
    ///
    /// ```
    /// use embassy_time::Timer;
    /// use node_embedded::Leaf;
    ///
    /// # struct Watchdog;
    /// # impl Watchdog { fn feed(&mut self) {} }
    /// async fn guard(leaf: Leaf<'_>, mut dog: Watchdog) -> ! {
    ///     loop {
    ///         leaf.heartbeat().await;
    ///         dog.feed();
    ///         Timer::after_secs(2).await;
    ///     }
    /// }
    /// ```
    ///
    /// It says nothing of the hubs: a board without a network is alive, and a new start does not help it. It does not
    /// see a driver whose future never ends either: bound each wait for a driver by a timeout. An erase of flash, and a signature,
    /// hold it up: the watchdog needs more time than the longest of these.
    pub async fn heartbeat(&self) {
        let question = self.state.with(|core| {
            core.runner.wake();
            core.heartbeat.ask()
        });
        self.wait(|core| core.heartbeat.is_answered(question).then_some(())).await;
    }

    /// The time as the node knows it, and where it comes from. A hub says the time when a link is made, and the board's timer
    /// counts on from there. While the board runs, the time never goes back; it may jump forward when a hub says a later one. A board
    /// that starts again begins with [`Settings::not_before`](crate::Settings::not_before).
    ///
    /// To stamp data, look at the source: a [floor](TimeSource::Floor) is no date, only a bound. A hub's word is as good as
    /// the hub: any hub that this board trusts can set its time forward, to 30 days before the board's own certificate ends.
    #[must_use]
    pub fn clock(&self) -> ClockReading {
        self.state
            .with(|core| ClockReading { time: core.clock.time(now()), source: core.clock.source(now()) })
    }

    /// Replaces all lists of revoked certificates by these, in DER, and judges again the hubs that a CA made trusted: it dials
    /// each anew, and ends its link after the exchanges under way, which have 30 s.
    ///
    /// # Errors
    /// [`BadLists`]: the lists before remain.
    pub fn replace_crls(&self, lists: &[&[u8]]) -> Result<(), BadLists> {
        self.state.settings.hub_rules.ok_or(BadLists::NoMemory)?.replace_lists(lists)?;
        self.state.with(|core| core.judge_certified(now()));
        Ok(())
    }

    /// Leaves the cluster: says GOAWAY, finishes the exchanges under way and waits until the links are closed. The node
    /// dials no more.
    pub async fn leave(&self) {
        self.state.with(|core| {
            core.node.leave(now());
            core.runner.wake();
        });
        self.wait(|core| core.is_unlinked().then_some(())).await;
    }

    /// Tells the cluster that the board sleeps for this many seconds, a week at most, and waits until its hubs know and
    /// the links are closed. Without a hub it waits until there is one: bound the wait by a timeout.
    ///
    /// After that the processor may stop, or the power may be cut. The hubs do not suspect a sleeping board. They hold
    /// requests to it as long as the sender waits (R-115). A board that starts again need not [`wake`](Self::wake).
    ///
    /// # Errors
    /// [`PublishError`] when the node's metadata leaves no room for it, or the identity key cannot be used; nothing changed.
    pub async fn sleep(&self, seconds: u32) -> Result<(), PublishError> {
        self.linked().await;
        self.state.with(|core| {
            core.runner.wake();
            core.node.sleep(seconds)
        })?;
        self.wait(|core| core.is_unlinked().then_some(())).await;
        Ok(())
    }

    /// Comes back after [`sleep`](Self::sleep), at any time.
    ///
    /// # Errors
    /// None, as long as the metadata could be written before, and the identity key can be used.
    pub fn wake(&self) -> Result<(), PublishError> {
        self.state.with(|core| {
            core.runner.wake();
            core.node.wake(now())
        })
    }

    /// Waits until `look` returns something. It runs again after every change that concerns the firmware.
    pub(super) async fn wait<T>(&self, mut look: impl FnMut(&mut Core<'_>) -> Option<T>) -> T {
        poll_fn(|cx| {
            self.state.with(|core| match look(core) {
                Some(found) => Poll::Ready(found),
                None => {
                    core.callers.register(cx.waker());
                    Poll::Pending
                }
            })
        })
        .await
    }
}
