//! Brings the network up.

use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_net_driver::Driver;
use embassy_time::{Duration, with_timeout};
use node_core::provision::{Ip, Settings};
use sha2::{Digest as _, Sha256};
use static_cell::StaticCell;
use thiserror::Error;

/// Sockets that may be open at once, the DHCP client's included.
const SOCKETS: usize = if cfg!(feature = "hub") { 4 + node_embedded::sizes::ACCEPTED } else { 4 };

/// Longest wait for an address.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(20);

/// A network on `device`, and what drives it, which the board spawns as a task. `seed` makes port and sequence numbers hard to
/// guess. A second call panics.
///
/// Not inlined, so that its stack is given back: inside a task, that task would hold it to the end.
#[inline(never)]
pub fn create<D: Driver>(device: D, config: Config, seed: u64) -> (Stack<'static>, Runner<'static, D>) {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    embassy_net::new(device, config, RESOURCES.init_with(StackResources::new), seed)
}

/// Waits until the network has an address.
///
/// # Errors
///
/// [`NoAddress`] after 20 s without one; the network keeps trying.
pub async fn wait_for_address(stack: Stack<'static>) -> Result<(), NoAddress> {
    with_timeout(ADDRESS_TIMEOUT, stack.wait_config_up()).await.map_err(|_| NoAddress)
}

/// The addresses that a blob names.
pub fn provisioned(ip: &Ip) -> Config {
    match ip {
        #[cfg(feature = "dhcp")]
        Ip::Dhcp => Config::dhcpv4(Default::default()),
        // A firmware without DHCP waits for other settings: see `lacks`.
        #[cfg(not(feature = "dhcp"))]
        Ip::Dhcp => Config::default(),
        Ip::Static { address, prefix, gateway, name_servers } => Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(*address, *prefix),
            gateway: *gateway,
            dns_servers: name_servers.iter().copied().collect(),
        }),
    }
}

/// Says what these settings lack for a firmware without DHCP.
pub fn lacks(settings: &Settings<'_>) -> Option<&'static str> {
    let needs_dhcp = settings.ip == Ip::Dhcp && cfg!(not(feature = "dhcp"));
    needs_dhcp.then_some("this firmware has no DHCP: make the blob with an address")
}

/// A hardware address for a chip that has none: a local one, made from the chip's own number, and so the same at each start.
pub fn hardware_address(number: &[u8]) -> [u8; 6] {
    /// Not a group's address, and not one that a vendor was given.
    const LOCAL: u8 = 0x02;
    let [b1, b2, b3, b4, b5, ..]: [u8; 32] = Sha256::digest(number).into();
    [LOCAL, b1, b2, b3, b4, b5]
}

/// No DHCP server gave the board an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no network address within 20 s")]
pub struct NoAddress;
