//! The settings of a node at start.

use core::fmt;

use node_core::crypto::{PublicKey, Sign, Unseal};
use node_core::time::UnixTime;
use node_core::trust::Fingerprint;
use node_core::wire::Kind;

use crate::hub_rules::JudgeHub;

/// Most pins.
pub const MAX_PINS: usize = node_core::provision::MAX_PINS;

/// The settings of a node at start.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'d> {
    /// The node's name, as people use it: 1 to 63 of the characters `A-Z a-z 0-9 - _ .`.
    pub name: &'d str,
    /// The node's cluster. The node refuses hubs of another cluster.
    pub cluster: &'d str,
    /// The device that holds the node's identity key. With `None` the node makes a key at its first start and keeps it
    /// in flash. The node's id follows from the key: nobody chooses it.
    pub identity: Option<IdentitySigner<'d>>,
    /// The device that holds the private key of this board's TLS certificate. It counts as the private key of each certificate in
    /// the keyring with its public key, so the keyring needs no private key. With `None` the private key is in the keyring, or it is one that
    /// the board made (feature `tls-key`).
    pub tls: Option<TlsSigner<'d>>,
    /// Addresses of hubs, `HOST:PORT` each, at most 8. HOST is an IPv4 address, with the feature `dns` a name, and
    /// with the feature `ipv6` an IPv6 address in brackets. Of a name, up to four addresses are dialled in turn.
    pub hubs: &'d [&'d str],
    /// Components that the node uses, at most 8. Its hubs tell it which nodes offer them.
    pub uses: &'d [&'d str],
    /// A time in the past, usually the time of the firmware's build. The node refuses a certificate that expired before
    /// it.
    pub not_before: UnixTime,
    /// SHA-256 of the `SubjectPublicKeyInfo` of hubs, at most [`MAX_PINS`]. The node trusts these hubs with any certificate
    /// for that key, beside the certificates of the keyring.
    pub pins: &'d [Fingerprint],
    /// The [`HubRules`](crate::HubRules) for hubs whose certificates a CA signed. With `None` no CA makes a hub trusted.
    pub hub_rules: Option<&'d (dyn JudgeHub + Sync)>,
    /// Makes the node a hub, which accepts connections. With `None` it is a leaf.
    #[cfg(feature = "accept")]
    pub listen: Option<Listen<'d>>,
    /// Version of the firmware, for people.
    pub version: &'d str,
    /// An encoded [`Bundle`](node_core::keys::Bundle) for a board whose flash holds no keyring. A flash that holds one
    /// keeps it.
    pub keyring: Option<&'d [u8]>,
}

impl<'d> Settings<'d> {
    /// Hub or leaf.
    pub(crate) const fn kind(&self) -> Kind {
        #[cfg(feature = "accept")]
        if self.listen.is_some() {
            return Kind::Hub;
        }
        Kind::Leaf
    }

    /// The minimal settings of a node.
    #[must_use]
    pub const fn new(name: &'d str, cluster: &'d str, hubs: &'d [&'d str]) -> Self {
        Self {
            name,
            cluster,
            identity: None,
            tls: None,
            hubs,
            uses: &[],
            not_before: UnixTime(0),
            pins: &[],
            hub_rules: None,
            #[cfg(feature = "accept")]
            listen: None,
            version: env!("CARGO_PKG_VERSION"),
            keyring: None,
        }
    }
}

impl<'d> Settings<'d> {
    /// The settings that a [`Provisioner`](crate::Provisioner) found in flash. Its keyring is in flash, too. Without the feature `accept`
    /// the node is a leaf, also where they make it a hub: a firmware looks at `listen` before.
    ///
    /// `built` is the time of the firmware's build: the later one of it and of the blob's time counts.
    #[must_use]
    pub fn of(provisioned: &'d node_core::provision::Settings<'d>, built: UnixTime) -> Self {
        let node_core::provision::Settings { name, cluster, hubs, uses, pins, not_before, .. } = provisioned;
        Self {
            not_before: built.max(*not_before),
            uses,
            pins,
            #[cfg(feature = "accept")]
            listen: (!provisioned.listen.is_empty()).then(|| Listen::at(&provisioned.listen)),
            ..Self::new(name, cluster, hubs)
        }
    }
}

/// Where a hub is dialled, and by whom beside the peers of its keyring and its pins.
#[cfg(feature = "accept")]
#[derive(Clone, Copy, Debug)]
pub struct Listen<'d> {
    /// The TCP port that it listens on.
    pub port: u16,
    /// Addresses at which others dial it, `HOST:PORT` each, at most 4. The hub tells them to the cluster.
    pub addresses: &'d [&'d str],
    /// The [`HubRules`](crate::HubRules) for peers that dial and whose certificates a CA signed. A peer that dials was not dialled
    /// under any name, so the rules need [`HubNames::Any`](crate::HubNames::Any) or a list. With `None` no CA makes such a peer trusted.
    pub rules: Option<&'static (dyn JudgeHub + Sync)>,
}

#[cfg(feature = "accept")]
impl<'d> Listen<'d> {
    /// Listens on the port of the first address, for peers of the keyring. Where that is no address, the port is 8374.
    #[must_use]
    pub fn at(addresses: &'d [&'d str]) -> Self {
        let port = addresses.first().and_then(|address| address.rsplit_once(':')?.1.parse().ok());
        Self { port: port.unwrap_or(8374), addresses, rules: None }
    }
}

/// An identity key in a device that never exports it, for example a secure element.
#[derive(Clone, Copy)]
pub struct IdentitySigner<'d> {
    /// The public key.
    pub key: PublicKey,
    /// The device. It signs at the start, for each link, and for each change of what the node says of itself.
    pub signer: &'d (dyn Sign + Sync),
    /// Decrypts keyrings with the same key. With `None` the board takes no keyring but that of its settings.
    pub unseal: Option<&'d (dyn Unseal + Sync)>,
}

impl fmt::Debug for IdentitySigner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentitySigner").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The key of a TLS certificate in a device that never exports it, for example a secure element. The certificate is in the keyring.
///
/// The device signs once in each handshake, and the whole executor waits for it: a link has no time-out shorter than 5 s.
/// [`BlockingSigner`](crate::BlockingSigner) makes one of a device behind a bus.
#[derive(Clone, Copy)]
pub struct TlsSigner<'d> {
    /// The public key.
    pub key: PublicKey,
    /// The device.
    pub signer: &'d (dyn Sign + Sync),
}

impl fmt::Debug for TlsSigner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSigner").field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "accept"))]
mod tests {
    use super::*;

    #[test]
    fn a_blob_makes_a_board_a_hub_that_listens_where_it_says() {
        let mut blob = node_core::provision::Settings::new("attic", "home");
        assert_eq!(Settings::of(&blob, UnixTime(0)).kind(), Kind::Leaf);
        blob.listen.extend(["192.168.1.7:9000", "attic.example.com:8374"]);
        let settings = Settings::of(&blob, UnixTime(0));
        let listen = settings.listen.unwrap();
        assert_eq!((settings.kind(), listen.port, listen.addresses), (Kind::Hub, 9000, &blob.listen[..]));
        assert_eq!(Listen::at(&[]).port, 8374);
    }
}
