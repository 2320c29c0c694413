//! GOAWAY: how a side ends a link.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The reason why a side ends a link. The sender opens no further exchange. When the reason [drains](Self::drains), both sides
/// finish the exchanges under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GoAway {
    /// The node leaves the cluster or stops.
    Leaving,
    /// Another link between the two nodes took over.
    Replaced,
    /// The sender changed its keys; dial again.
    Rekeyed,
    /// The sender has no room for this link; dial another hub.
    Full,
    /// The sender no longer trusts the receiver's certificate.
    Untrusted,
    /// The receiver belongs to another cluster.
    OtherCluster,
    /// The receiver speaks another protocol version.
    OtherVersion,
    /// The receiver is the sender itself.
    Itself,
    /// The receiver did not answer in time.
    Unresponsive,
    /// The receiver broke a rule of the protocol.
    Protocol,
    /// The answer to a GOAWAY that drains.
    Acknowledged,
    /// The sender prunes the link from its active view; dial another hub.
    Pruned,
    /// The sender, a leaf, sleeps for as long as its record says.
    Asleep,
    /// The receiver did not prove its identity.
    Unproved,
    /// Another process with the receiver's identity is linked.
    Duplicate,
}

impl GoAway {
    /// Returns true when exchanges under way are finished before the carrier is closed.
    #[must_use]
    pub const fn drains(self) -> bool {
        match self {
            Self::Leaving
            | Self::Replaced
            | Self::Rekeyed
            | Self::Acknowledged
            | Self::Pruned
            | Self::Asleep => true,
            Self::Full | Self::Untrusted | Self::OtherCluster | Self::OtherVersion => false,
            Self::Itself | Self::Unresponsive | Self::Protocol => false,
            Self::Unproved | Self::Duplicate => false,
        }
    }
}

impl fmt::Display for GoAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaving => "the node is leaving",
            Self::Replaced => "another link took over",
            Self::Rekeyed => "the keys changed",
            Self::Full => "no room for another link",
            Self::Untrusted => {
                "the certificate is not trusted there, or its role does not allow this link: see the log of the peer"
            }
            Self::OtherCluster => "the cluster id differs",
            Self::OtherVersion => "the protocol version differs",
            Self::Itself => "the node dialled itself",
            Self::Unresponsive => "unresponsive: no answer in time",
            Self::Protocol => "a rule of the protocol was broken",
            Self::Acknowledged => "acknowledged",
            Self::Pruned => "pruned: more links than wanted",
            Self::Asleep => "the leaf is asleep",
            Self::Unproved => "the identity was not proved",
            Self::Duplicate => {
                "another process runs with this identity: if its data directory was copied, delete identity.key in the copy"
            }
        })
    }
}
