//! One of the places for a link: the core's link, the frames that wait to be sent, and who is behind it.

use node_core::gossip::{Certificates, Target};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Config, Exchange, GoAway, Link, PeerError};
use node_core::time::{Duration, Instant};
use node_core::trust::Fingerprint;

use crate::batch::Batch;
use crate::sizes::{OUR_EXCHANGES, THEIR_EXCHANGES};
use crate::tls::Proved;

/// A GOAWAY that the hub does not take is given up after this time.
const FAREWELL: Duration = Duration::from_secs(2);

pub(crate) struct Port<'d> {
    pub(crate) link: Link<'d>,
    pub(crate) batch: &'d mut Batch,
    pub(crate) stage: Stage,
    /// What the hub said at last.
    pub(crate) go_away: Option<GoAway>,
    /// Somebody waits for room in `batch`.
    pub(crate) blocked: bool,
}

/// How far a port's connection is.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    /// There is none.
    Idle,
    /// TLS is up, the hub has not said hello.
    Greeting(Carried),
    /// The link is up.
    Joined(Carried, NodeId),
    /// The link came up and may not stay, or broke a rule: only the GOAWAY is left.
    Parting(Carried, Parted),
}

/// A TLS session that was just opened.
#[derive(Clone, Copy)]
pub(crate) struct Opened {
    /// Whom the dial was for.
    pub(crate) target: Target,
    /// SHA-256 of the certificate that this node showed.
    pub(crate) ours: Fingerprint,
    /// Who the hub has proved to be.
    pub(crate) hub: Proved,
}

/// What carries a link.
#[derive(Clone, Copy)]
pub(crate) struct Carried {
    pub(crate) id: LinkId,
    /// Whom the dial was for.
    pub(crate) target: Target,
    /// What the handshake showed.
    pub(crate) certificates: Certificates,
    /// The hub is trusted by a pin, whatever the keyring says.
    pub(crate) pinned: bool,
}

/// Why only the GOAWAY is left.
#[derive(Clone, Copy)]
pub(crate) struct Parted {
    /// The member that the link was up to, if it was.
    pub(crate) from: Option<NodeId>,
    /// When the hub has had time enough for it.
    pub(crate) until: Instant,
    /// The rule that the hub broke.
    pub(crate) error: Option<PeerError>,
    /// The core knows the dial's outcome already.
    pub(crate) settled: bool,
}

impl<'d> Port<'d> {
    pub(crate) fn new(config: Config<'d>, memory: &'d mut PortExchanges) -> Self {
        let filled = memory.ours.resize(OUR_EXCHANGES, Exchange::FREE);
        let filled = filled.and(memory.theirs.resize(THEIR_EXCHANGES, Exchange::FREE));
        debug_assert!(filled.is_ok(), "their capacity is their length");
        let link = Link::new(config, &mut memory.ours, &mut memory.theirs, Instant::START);
        Self { link, batch: &mut memory.batch, stage: Stage::Idle, go_away: None, blocked: false }
    }

    /// What carries the link, if anything does.
    pub(crate) const fn carried(&self) -> Option<&Carried> {
        match &self.stage {
            Stage::Idle => None,
            Stage::Greeting(carried) | Stage::Joined(carried, _) | Stage::Parting(carried, _) => {
                Some(carried)
            }
        }
    }

    /// The link's number, if there is one.
    pub(crate) fn id(&self) -> Option<LinkId> {
        self.carried().map(|carried| carried.id)
    }

    /// Ends the link with a GOAWAY that does not drain.
    pub(crate) fn part(&mut self, now: Instant, reason: GoAway, error: Option<PeerError>) {
        let (carried, from) = match self.stage {
            Stage::Idle | Stage::Parting(..) => return,
            Stage::Greeting(carried) => (carried, None),
            Stage::Joined(carried, id) => (carried, Some(id)),
        };
        self.link.go_away(reason);
        self.stage = Stage::Parting(carried, Parted { from, until: now + FAREWELL, error, settled: false });
    }
}

/// A link's memory for exchanges and frames, empty until a port uses it.
pub(crate) struct PortExchanges {
    batch: Batch,
    ours: heapless::Vec<Exchange, OUR_EXCHANGES>,
    theirs: heapless::Vec<Exchange, THEIR_EXCHANGES>,
}

impl PortExchanges {
    pub(crate) const NEW: Self =
        Self { batch: Batch::new(), ours: heapless::Vec::new(), theirs: heapless::Vec::new() };
}
