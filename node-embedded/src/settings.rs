//! What a node is told at start.

use node_core::id::NodeId;
use node_core::time::UnixTime;
use node_core::trust::Fingerprint;

/// Most pins.
pub const MAX_PINS: usize = 4;

/// What a node is told at start.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'d> {
    /// The node's name, as people use it: 1 to 63 of the characters `A-Z a-z 0-9 - _ .`.
    pub name: &'d str,
    /// The cluster that it belongs to; hubs of another one are refused.
    pub cluster: &'d str,
    /// Its identity. `None`: one is made at the first start and kept in flash.
    pub id: Option<NodeId>,
    /// Where hubs are found, `HOST:PORT` each, at most 8. HOST is an IPv4 address, or a name with the feature `dns`.
    pub hubs: &'d [&'d str],
    /// Components that the node uses, at most 8, so that its hubs tell it who offers them.
    pub uses: &'d [&'d str],
    /// A time that has certainly come, usually when the firmware was built: a certificate that ended before is
    /// refused.
    pub not_before: UnixTime,
    /// SHA-256 of the `SubjectPublicKeyInfo` of hubs that are trusted whatever certificate they make for that key, beside
    /// those of the keyring; at most [`MAX_PINS`].
    pub pins: &'d [Fingerprint],
    /// Version of the firmware, for people.
    pub version: &'d str,
    /// An encoded [`Bundle`](node_core::keys::Bundle) for a board whose flash holds no keyring yet; one that has one
    /// keeps its own.
    pub keyring: Option<&'d [u8]>,
}

impl<'d> Settings<'d> {
    /// The least that a node must know.
    #[must_use]
    pub const fn new(name: &'d str, cluster: &'d str, hubs: &'d [&'d str]) -> Self {
        Self {
            name,
            cluster,
            id: None,
            hubs,
            uses: &[],
            not_before: UnixTime(0),
            pins: &[],
            version: env!("CARGO_PKG_VERSION"),
            keyring: None,
        }
    }
}
