//! What a board is told at start.
//!
//! An emulated board has no provisioning jig, so the host hands it one blob in memory: [`Settings`] in the
//! envelope of [`blob`](Settings::encode). The types borrow from that blob: on the board it stays where the host
//! put it and costs no RAM.
#![no_std]
#![forbid(unsafe_code)]

mod blob;

use core::net::{Ipv4Addr, SocketAddrV4};

use heapless::Vec;
use serde::{Deserialize, Serialize};

pub use blob::{Error, MAX_BLOB};

/// Most hubs that a board can be told of.
pub const MAX_HUBS: usize = 4;
/// Most components that a board can ask for.
pub const MAX_USES: usize = 4;

/// Everything a board needs to know before it can join a cluster.
///
/// Lengths of names and validity of the keyring are judged by the node that uses them, not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings<'a> {
    /// The node's name.
    pub name: &'a str,
    /// The cluster it belongs to.
    pub cluster: &'a str,
    /// The node's identity; without one the board makes one and keeps it in flash.
    pub node_id: Option<[u8; 16]>,
    /// How the board gets its address.
    pub ip: Ip,
    /// Hubs to dial, in order of preference.
    pub hubs: Vec<SocketAddrV4, MAX_HUBS>,
    /// Components that this board calls.
    #[serde(borrow)]
    pub uses: Vec<&'a str, MAX_USES>,
    /// Seconds since 1970: no certificate is judged by an earlier time than this.
    pub unix_floor: u64,
    /// An encoded keyring with which an empty flash is provisioned; a flash that has one keeps its own.
    pub keyring: Option<&'a [u8]>,
    /// A request that the board makes again and again.
    pub request: Option<Request<'a>>,
}

impl<'a> Settings<'a> {
    /// The least that makes a board: a name, a cluster and an address by DHCP.
    #[must_use]
    pub const fn new(name: &'a str, cluster: &'a str) -> Self {
        Self {
            name,
            cluster,
            node_id: None,
            ip: Ip::Dhcp,
            hubs: Vec::new(),
            uses: Vec::new(),
            unix_floor: 0,
            keyring: None,
            request: None,
        }
    }
}

/// How a board gets its IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ip {
    /// From the network.
    Dhcp,
    /// As written here.
    Static {
        /// The board's address.
        address: Ipv4Addr,
        /// Length of the network prefix, 0 to 32.
        prefix: u8,
        /// Where packets for other networks go.
        gateway: Option<Ipv4Addr>,
    },
}

/// An HTTP request that a board makes to a component, periodically.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request<'a> {
    /// Name of the component.
    pub component: &'a str,
    /// Path and query of the request.
    pub path: &'a str,
    /// Time from one request to the next, in milliseconds.
    pub period_ms: u32,
}
