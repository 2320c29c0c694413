//! What the tests give an emulated board: the partition of its flash that holds its provisioning blob, and behind it things that
//! only tests need.
//!
//! The host puts both into one region of the board's memory before the processor starts. The blob is that of every board
//! (`node_core::provision`). [`Extras`] borrow from the region, where they stay and cost no RAM.
#![no_std]
#![forbid(unsafe_code)]

mod region;

use core::net::{Ipv4Addr, SocketAddrV4};

use heapless::Vec;
use serde::{Deserialize, Serialize};

pub use region::{Error, REGION, partition};

/// Most hubs in the settings.
pub const MAX_HUB_ADDRESSES: usize = 4;
/// Most components that a board can use.
pub const MAX_USED_COMPONENTS: usize = 4;

/// The settings that a test gives a board. Their host side is [`encode`](Self::encode).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings<'a> {
    /// The node's name.
    pub name: &'a str,
    /// The cluster it belongs to.
    pub cluster: &'a str,
    /// How the board gets its address.
    pub ip: Ip,
    /// Hubs to dial, in order of preference. Without one the board is told a port on which nothing listens.
    pub hubs: Vec<SocketAddrV4, MAX_HUB_ADDRESSES>,
    /// Makes the board a hub, which others dial at this address. The firmware needs the feature `hub`.
    pub listen: Option<SocketAddrV4>,
    /// Components that this board calls.
    pub uses: Vec<&'a str, MAX_USED_COMPONENTS>,
    /// Seconds since 1970. The board judges no certificate by an earlier time.
    pub unix_floor: u64,
    /// An encoded keyring, whose active pair is an operator's and signs the blob. Without one there is no blob.
    pub keyring: Option<&'a [u8]>,
    /// The certificate of a CA in DER: what it signed for the address of a hub is trusted. The firmware needs the feature `ca`.
    pub authority: Option<&'a [u8]>,
    /// The revocation list of that CA in DER. Without one no certificate counts as revoked.
    pub crl: Option<&'a [u8]>,
    /// A request that the board repeats.
    pub request: Option<Request<'a>>,
    /// Makes the board overflow its stack at start.
    pub overflow: bool,
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
            listen: None,
            uses: Vec::new(),
            unix_floor: 0,
            keyring: None,
            authority: None,
            crl: None,
            request: None,
            overflow: false,
        }
    }
}

/// What only tests need: a CA for hubs, work for the board, and a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras<'a> {
    /// The certificate of a CA in DER: what it signed for the address of a hub is trusted. The firmware needs the feature `ca`.
    pub authority: Option<&'a [u8]>,
    /// The revocation list of that CA in DER. Without one no certificate counts as revoked.
    pub crl: Option<&'a [u8]>,
    /// A request that the board repeats.
    #[serde(borrow)]
    pub request: Option<Request<'a>>,
    /// Makes the board overflow its stack at start.
    pub overflow: bool,
}

/// How a board gets its IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
