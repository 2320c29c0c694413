//! One place for a link: the core's link, the frames that wait to be sent, and the hub behind it.

use embassy_net::IpEndpoint;
use node_core::gossip::{Certificates, Direction, Target};
use node_core::id::{LinkId, NodeId};
use node_core::identity::Identity;
use node_core::link::{self, GoAway, LentLink, PeerError, Phase};
use node_core::time::{Duration, Instant, UnixTime};
use node_core::trust::{Fingerprint, Roles};
use node_core::wire::Record;
#[cfg(feature = "accept")]
use node_core::wire::{Kind, Metadata};

use super::batch::Batch;
use crate::event::DownReason;
use crate::flash::{Edition, Keys};
use crate::sizes::{OUR_EXCHANGES, THEIR_EXCHANGES};
use crate::tls::{Grounds, Proved};

/// The port stops waiting for the hub to take a GOAWAY after this time.
const GO_AWAY_TIMEOUT: Duration = Duration::from_secs(2);

/// One place for a link.
pub(crate) struct Port<'d> {
    pub(crate) link: LentLink<'d>,
    pub(crate) batch: &'d mut Batch,
    pub(crate) stage: Stage,
    /// The reason of the hub's GOAWAY.
    pub(crate) go_away: Option<GoAway>,
    /// A task waits for room in `batch`.
    pub(crate) blocked: bool,
}

/// How far a port's connection is.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    /// There is no connection.
    Idle,
    /// TLS is up, the hub has not proved its identity.
    Greeting(Carried),
    /// The link is up.
    Joined(Carried, NodeId),
    /// The link may not stay, or the hub broke a rule: only the GOAWAY is left.
    Parting(Carried, Parted),
}

/// The side that dialled a connection.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    /// This node, for this target.
    Dialled(Target),
    /// The peer, which needs one of these roles once it said what it is.
    #[cfg(feature = "accept")]
    Accepted(Roles),
}

impl Origin {
    /// The same for the gossip node.
    pub(crate) const fn direction(self) -> Direction {
        match self {
            Self::Dialled(target) => Direction::Dialled(target),
            #[cfg(feature = "accept")]
            Self::Accepted(_) => Direction::Accepted,
        }
    }
}

/// A TLS session that was just opened.
#[derive(Clone, Copy)]
pub(crate) struct OpenedSession {
    /// The side that dialled.
    pub(crate) origin: Origin,
    /// SHA-256 of the certificate that this node showed.
    pub(crate) ours: Fingerprint,
    /// The keyring that this node used.
    pub(crate) edition: Edition,
    /// What the peer proved in the handshake.
    pub(crate) peer: Proved,
    /// The peer's address.
    pub(crate) endpoint: IpEndpoint,
    /// Fresh random bytes for this node's hello.
    pub(crate) nonce: [u8; 32],
}

/// The connection that carries a link.
#[derive(Clone, Copy)]
pub(crate) struct Carried {
    pub(crate) id: LinkId,
    /// The side that dialled.
    pub(crate) origin: Origin,
    /// The peer's address.
    pub(crate) endpoint: IpEndpoint,
    /// The certificates that the handshake showed.
    pub(crate) certificates: Certificates,
    /// The keyring that the handshake used.
    pub(crate) edition: Edition,
    /// What makes the peer trusted.
    pub(crate) by: Grounds,
    /// What it may be by that, if that is not the keyring.
    #[cfg(feature = "accept")]
    pub(crate) roles: Roles,
    /// When the hub's certificate expires; `None` once the link ends for that.
    pub(crate) until: Option<UnixTime>,
    /// When the link ends, whatever exchanges are under way; `None` while it may stay.
    pub(crate) ends: Option<Instant>,
}

/// The reason why only the GOAWAY is left.
#[derive(Clone, Copy)]
pub(crate) struct Parted {
    /// The member that the link was up to, if it was.
    pub(crate) from: Option<NodeId>,
    /// The end of the hub's time to take the GOAWAY.
    pub(crate) until: Instant,
    /// The rule that the hub broke.
    pub(crate) error: Option<PeerError>,
    /// The core already knows the dial's outcome.
    pub(crate) settled: bool,
}

impl Carried {
    /// The same, once the peer said in its record what it is.
    pub(crate) fn of(self, record: &Record<'_>) -> Self {
        #[cfg(feature = "accept")]
        if let Origin::Accepted(_) = self.origin {
            let is_leaf = Metadata::decode(record.metadata).is_ok_and(|metadata| metadata.kind == Kind::Leaf);
            let needs = if is_leaf { Roles::LINK_AS_LEAF } else { Roles::LINK_AS_HUB };
            return Self { origin: Origin::Accepted(needs), ..self };
        }
        let _ = record;
        self
    }

    /// Whether the peer is trusted in the role that it has, by this keyring or regardless of it.
    pub(crate) fn is_trusted(&self, keys: &Keys) -> bool {
        let (certified, needs) = match self.origin {
            // It was judged as a hub.
            Origin::Dialled(_) => (Roles::LINK_AS_HUB, Roles::LINK_AS_HUB),
            #[cfg(feature = "accept")]
            Origin::Accepted(needs) => (self.roles, needs),
        };
        let is_by_keyring = self.by == Grounds::Keyring;
        let roles = if is_by_keyring { keys.roles(self.certificates.theirs) } else { certified };
        roles.require(needs).is_ok()
    }
}

impl<'d> Port<'d> {
    pub(crate) fn new(config: link::Config<Identity<'d>>, memory: &'d mut LinkMemory) -> Self {
        let filled = memory.ours.resize(OUR_EXCHANGES, link::Exchange::FREE);
        let filled = filled.and(memory.theirs.resize(THEIR_EXCHANGES, link::Exchange::FREE));
        debug_assert!(filled.is_ok(), "their capacity is their length");
        let link = LentLink::new(config, &mut *memory.ours, &mut *memory.theirs, Instant::START);
        Self { link, batch: &mut memory.batch, stage: Stage::Idle, go_away: None, blocked: false }
    }

    /// Whether the port has no connection.
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Whether this node dialled.
    pub(crate) const fn is_dialled(&self) -> bool {
        matches!(self.carried(), Some(Carried { origin: Origin::Dialled(_), .. }))
    }

    /// Whether exchanges can be opened.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Joined(..)) && self.link.phase() == Phase::Up
    }

    /// Whether the hub had enough time to take a GOAWAY.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::Parting(_, parted) if now >= parted.until)
    }

    /// The connection that carries the link, if there is one.
    pub(crate) const fn carried(&self) -> Option<&Carried> {
        match &self.stage {
            Stage::Idle => None,
            Stage::Greeting(carried) | Stage::Joined(carried, _) | Stage::Parting(carried, _) => {
                Some(carried)
            }
        }
    }

    /// Why the link ends, when it does not end by itself: this side's GOAWAY, or the peer's.
    pub(crate) fn down_reason(&self) -> Option<DownReason> {
        let fault = match self.stage {
            Stage::Parting(_, Parted { error: Some(error), .. }) => Some(error.into()),
            _ => None,
        };
        let first = |reason: &GoAway| *reason != GoAway::Acknowledged;
        let (ours, theirs) = (self.link.own_go_away().filter(first), self.go_away.filter(first));
        fault.or(theirs.map(DownReason::Peer)).or(ours.map(DownReason::Board))
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
        self.stage =
            Stage::Parting(carried, Parted { from, until: now + GO_AWAY_TIMEOUT, error, settled: false });
    }
}

/// Memory of a link for exchanges and frames, empty until a port uses it.
pub(crate) struct LinkMemory {
    batch: Batch,
    ours: heapless::Vec<link::Exchange, OUR_EXCHANGES>,
    theirs: heapless::Vec<link::Exchange, THEIR_EXCHANGES>,
}

impl LinkMemory {
    pub(crate) const NEW: Self =
        Self { batch: Batch::new(), ours: heapless::Vec::new(), theirs: heapless::Vec::new() };
}
