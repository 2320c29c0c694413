//! The identity of a member of foca.

use std::net::{Ipv4Addr, SocketAddrV4};

use node_core::time::Instant;
use serde::{Deserialize, Serialize};

/// The identity of foca's own example, an address and a number that grows, and the metadata that our members carry: foca
/// intends identities to carry that too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    addr: SocketAddrV4,
    /// Greater after each start, and with each change.
    pub incarnation: u64,
    name: String,
    components: Vec<String>,
}

impl Identity {
    /// The identity of a member that starts now.
    pub fn new(at: usize, now: Instant) -> Self {
        let ip = Ipv4Addr::from(NETWORK | u32::try_from(at).unwrap_or(u32::MAX));
        Self {
            addr: SocketAddrV4::new(ip, PORT),
            // A clock gives a greater number after each start, in seconds as in the example.
            incarnation: EPOCH + now.as_micros() / 1_000_000,
            name: format!("n{at}"),
            components: Vec::new(),
        }
    }

    /// The machine.
    pub fn at(&self) -> usize {
        (u32::from(*self.addr.ip()) & !NETWORK) as usize
    }

    /// The same member, offering this component.
    pub fn offering(&self, component: &str) -> Self {
        Self { components: vec![component.into()], ..self.next() }
    }

    /// The same member with the next incarnation.
    pub fn next(&self) -> Self {
        Self { incarnation: self.incarnation + 1, ..self.clone() }
    }
}

const NETWORK: u32 = 10 << 24;
const PORT: u16 = 8374;
/// When the simulation begins, in seconds since 1970, so that numbers are as long as real ones.
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
