//! The settings of a board at start.
//!
//! An emulated board has no provisioning jig, so the host puts one blob into its memory: [`Settings`] in the envelope of
//! [`blob`](Settings::encode). The types borrow from that blob. On the board it stays in that place and costs no RAM.
#![no_std]
#![forbid(unsafe_code)]

mod blob;

use core::net::{Ipv4Addr, SocketAddrV4};

use heapless::Vec;
use serde::{Deserialize, Serialize};

pub use blob::{Error, MAX_BLOB};

/// Most hubs in the settings.
pub const MAX_HUB_ADDRESSES: usize = 4;
/// Most components that a board can use.
pub const MAX_USED_COMPONENTS: usize = 4;

/// The settings that a board needs before it can join a cluster.
///
/// The node checks the lengths of names and the keyring, not this crate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings<'a> {
    /// The node's name.
    pub name: &'a str,
    /// The cluster it belongs to.
    pub cluster: &'a str,
    /// How the board gets its address.
    pub ip: Ip,
    /// Hubs to dial, in order of preference.
    pub hubs: Vec<SocketAddrV4, MAX_HUB_ADDRESSES>,
    /// Components that this board calls.
    #[serde(borrow)]
    pub uses: Vec<&'a str, MAX_USED_COMPONENTS>,
    /// Seconds since 1970. The board judges no certificate by an earlier time.
    pub unix_floor: u64,
    /// An encoded keyring for an empty flash. A flash that holds a keyring keeps its own.
    pub keyring: Option<&'a [u8]>,
    /// The certificate of a CA in DER: what it signed for the address of a hub is trusted. The firmware needs the feature `ca`.
    pub authority: Option<&'a [u8]>,
    /// The revocation list of that CA in DER. Without one no certificate counts as revoked.
    pub crl: Option<&'a [u8]>,
    /// A request that the board repeats.
    pub request: Option<Request<'a>>,
}

impl<'a> Settings<'a> {
    /// The minimal settings: a name, a cluster and an address by DHCP.
    #[must_use]
    pub const fn new(name: &'a str, cluster: &'a str) -> Self {
        Self {
            name,
            cluster,
            ip: Ip::Dhcp,
            hubs: Vec::new(),
            uses: Vec::new(),
            unix_floor: 0,
            keyring: None,
            authority: None,
            crl: None,
            request: None,
        }
    }
}

/// How a board gets its IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ip {
    /// From the network.
    Dhcp,
    /// From the settings.
    Static {
        /// The board's address.
        address: Ipv4Addr,
        /// Length of the network prefix, 0 to 32.
        prefix: u8,
        /// Where packets for other networks go.
        gateway: Option<Ipv4Addr>,
    },
}

/// An HTTP request that a board makes to a component periodically.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request<'a> {
    /// Name of the component.
    pub component: &'a str,
    /// Path and query of the request.
    pub path: &'a str,
    /// Time from one request to the next, in milliseconds.
    pub period_ms: u32,
}
