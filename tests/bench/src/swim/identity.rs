//! What a member of foca is called.

use std::net::{Ipv4Addr, SocketAddrV4};

use node_core::time::Instant;
use serde::{Deserialize, Serialize};

/// The identity that foca's own example has, an address and a number that grows, and what our members say of
/// themselves: foca means identities to carry that too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    addr: SocketAddrV4,
    /// Greater in each life, and with each change.
    pub incarnation: u64,
    name: String,
    components: Vec<String>,
}

impl Identity {
    /// Of the member on a machine that starts now.
    pub fn new(at: usize, now: Instant) -> Self {
        let ip = Ipv4Addr::from(NETWORK | u32::try_from(at).unwrap_or(u32::MAX));
        Self {
            addr: SocketAddrV4::new(ip, PORT),
            // A clock remembers for those that forget, in seconds as in the example.
            incarnation: EPOCH + now.as_micros() / 1_000_000,
            name: format!("n{at}"),
            components: Vec::new(),
        }
    }

    /// The machine.
    pub fn at(&self) -> usize {
        (u32::from(*self.addr.ip()) & !NETWORK) as usize
    }

    /// The same member, which offers this now.
    pub fn offering(&self, component: &str) -> Self {
        Self { components: vec![component.into()], ..self.next() }
    }

    /// The same member, once more.
    pub fn next(&self) -> Self {
        Self { incarnation: self.incarnation + 1, ..self.clone() }
    }
}

const NETWORK: u32 = 10 << 24;
const PORT: u16 = 8374;
/// When the simulation begins, in seconds since 1970: numbers are as long as in life.
const EPOCH: u64 = 1_750_000_000;

impl foca::Identity for Identity {
    type Addr = SocketAddrV4;

    fn renew(&self) -> Option<Self> {
        Some(self.next())
    }

    fn addr(&self) -> SocketAddrV4 {
        self.addr
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.incarnation > adversary.incarnation
    }
}
