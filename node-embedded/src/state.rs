//! What all parts of the node share, behind one cell: borrowed for a moment, never across a wait.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::Poll;

use embassy_sync::waitqueue::{MultiWakerRegistration, WakerRegistration};
use node_core::gossip::{Dial, Node};
use node_core::link::Phase;
use node_core::time::{ClockFloor, Duration, Instant};
use node_core::wire::record::BadMetadata;

use crate::keyring::Keys;
use crate::port::{Port, Stage};
use crate::settings::Settings;
use crate::sizes::LINKS;
use crate::table::Table;

/// Tasks of the firmware that may wait for a link at once; more only cost wakes.
const CALLERS: usize = 4;
/// Shortest wait between two looks at the clock: whatever is due waits for a free port, not for time.
const TICK: Duration = Duration::from_millis(10);

/// Shared by the [`Runner`](crate::Runner) and every [`Leaf`](crate::Leaf).
pub(crate) struct State<'d> {
    pub(crate) settings: Settings<'d>,
    pub(crate) keys: RefCell<Keys>,
    core: RefCell<Core<'d>>,
}

/// The core's machines and what belongs to them.
pub(crate) struct Core<'d> {
    pub(crate) node: Node<'d>,
    pub(crate) clock: ClockFloor,
    pub(crate) ports: [Port<'d>; LINKS],
    pub(crate) table: Table<'d>,
    /// Links so far.
    pub(crate) links: u32,
    /// The runner, in which everything but the firmware's own requests runs.
    pub(crate) runner: WakerRegistration,
    /// Who waits for a link or a free exchange.
    pub(crate) callers: MultiWakerRegistration<CALLERS>,
}

impl<'d> State<'d> {
    pub(crate) fn new(settings: Settings<'d>, keys: Keys, core: Core<'d>) -> Self {
        Self { settings, keys: RefCell::new(keys), core: RefCell::new(core) }
    }

    /// Looks at the core, and changes it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Core<'d>) -> T) -> T {
        look(&mut self.core.borrow_mut())
    }

    /// Waits, inside the runner, until `look` finds what it looks for. It is asked again after every change.
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
    pub(crate) fn announce_keys(&self) -> Result<(), BadMetadata> {
        let keys = self.keys.borrow();
        self.with(|core| {
            core.node.set_keys(keys.active(), keys.digest())?;
            core.runner.wake();
            Ok(())
        })
    }

    /// The keyring was replaced: so are the links, and those to hubs that are trusted no more end at once.
    pub(crate) fn renew_links(&self, now: Instant) {
        let keys = self.keys.borrow();
        self.with(|core| {
            // One whose hub has not said hello is judged when it does: the hub may take it for up already.
            core.judge_links(now, &keys);
            core.runner.wake();
        });
    }
}

impl Core<'_> {
    /// Links to hubs that are not trusted any more end, those that show old certificates are replaced.
    pub(crate) fn judge_links(&mut self, now: Instant, keys: &Keys) {
        let pinned = self.ports.iter().filter_map(Port::carried).filter(|carried| carried.pinned);
        let pinned: heapless::Vec<_, LINKS> = pinned.map(|carried| carried.certificates.theirs).collect();
        let trusts = |certificate| keys.trusts(certificate) || pinned.contains(&certificate);
        self.node.handle_keyring(now, keys.active(), trusts);
    }

    /// The next connection to open. Only a port that has none asks.
    pub(crate) fn next_dial(&mut self, now: Instant) -> Option<Dial> {
        self.node.poll_dial(now)
    }

    /// Lets time pass, and says when to be called again.
    pub(crate) fn handle_time(&mut self, now: Instant) -> Instant {
        self.node.handle_timeout(now);
        for index in 0..LINKS {
            self.handle_link_time(index, now);
        }
        let links = self.ports.iter().filter(|port| !matches!(port.stage, Stage::Idle));
        let links = links.flat_map(|port| match port.stage {
            Stage::Parting(_, parted) => Some(parted.until),
            _ => port.link.poll_timeout(),
        });
        let next = links.chain(self.node.poll_timeout()).min();
        next.unwrap_or(now + Duration::from_secs(60)).max(now + TICK)
    }

    /// Links that are up.
    pub(crate) fn links_up(&self) -> usize {
        self.ports.iter().filter(|port| port.is_up()).count()
    }
}

impl Port<'_> {
    /// Whether exchanges can be opened.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Joined(..)) && self.link.phase() == Phase::Up
    }
}

/// The time for the core.
pub(crate) fn now() -> Instant {
    Instant::from_micros(embassy_time::Instant::now().as_micros())
}
