//! A small Ethernet of namespaces: two switches, a cable between them, and hosts on both. All of it can fail.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::Result;

use crate::netns::Namespace;

/// A hardware address that nobody has: a switch sends frames for it to every host, and none takes them.
const NOBODY: &str = "02:00:00:00:00:01";

/// One of the two switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one.
    Left,
    /// The other.
    Right,
}

/// The switches and the cable. They last as long as this value.
pub struct Network {
    switches: Namespace,
    hosts: u8,
}

/// A host, with one interface.
pub struct Host {
    /// The namespace of its programs.
    pub namespace: Arc<Namespace>,
    /// Its address.
    pub addr: IpAddr,
}

impl Network {
    /// A whole network without hosts.
    ///
    /// # Errors
    ///
    /// The system does not allow it; the message says what to do.
    pub fn new() -> Result<Self> {
        let switches = Namespace::new()?;
        switches.ip("link add left type bridge
             link add right type bridge
             link add cable type veth peer name elbac
             link set cable master left
             link set elbac master right
             link set elbac up
             link set cable up
             link set left up
             link set right up
            ")?;
        Ok(Self { switches, hosts: 0 })
    }

    /// Adds a host on this side.
    ///
    /// # Errors
    ///
    /// The system does not allow it.
    pub fn host(&mut self, side: Side) -> Result<Host> {
        self.hosts += 1;
        let (number, namespace) = (self.hosts, self.switches.beside()?);
        let addr = Ipv4Addr::new(10, 0, 0, number);
        let (switch, pid) = (if side == Side::Left { "left" } else { "right" }, namespace.pid());
        self.switches.ip(&format!(
            "link add port{number} type veth peer name eth0 netns {pid}
             link set port{number} master {switch}
             link set port{number} up
            "
        ))?;
        namespace.ip(&format!("addr add {addr}/24 dev eth0\nlink set eth0 up\n"))?;
        Ok(Host { namespace: Arc::new(namespace), addr: addr.into() })
    }

    /// Cuts the cable: nothing passes from side to side, and no host is told.
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn cut(&self) -> Result<()> {
        self.switches.ip("link set cable down\n")
    }

    /// Mends it.
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn mend(&self) -> Result<()> {
        self.switches.ip("link set cable up\n")
    }
}

impl Host {
    /// Loses every packet from this host to `other` from now on. Packets from `other` arrive.
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn lose(&self, other: &Self) -> Result<()> {
        self.namespace.ip(&format!("neigh replace {} lladdr {NOBODY} dev eth0 nud permanent\n", other.addr))
    }

    /// Loses it no more.
    ///
    /// # Errors
    ///
    /// `ip` fails, or nothing was lost.
    pub fn reach(&self, other: &Self) -> Result<()> {
        self.namespace.ip(&format!("neigh del {} dev eth0\n", other.addr))
    }
}
