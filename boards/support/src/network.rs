//! Brings the network up.

use board_settings::Ip;
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_net_driver::Driver;
use embassy_time::{Duration, with_timeout};
use static_cell::StaticCell;
use thiserror::Error;

/// Sockets that may be open at once, the DHCP client's included.
const SOCKETS: usize = 4;

/// Longest wait for an address.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(20);

/// A network on `device`, and what drives it, which the board spawns as a task. `seed` makes port and sequence numbers hard to
/// guess. A second call panics.
///
/// Not inlined, so that its stack is given back: inside a task, that task would hold it to the end.
#[inline(never)]
pub fn create<D: Driver>(device: D, ip: Ip, seed: u64) -> (Stack<'static>, Runner<'static, D>) {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    embassy_net::new(device, config(ip), RESOURCES.init_with(StackResources::new), seed)
}

/// Waits until the network has an address.
///
/// # Errors
///
/// [`NoAddress`] after 20 s without one; the network keeps trying.
pub async fn wait_for_address(stack: Stack<'static>) -> Result<(), NoAddress> {
    with_timeout(ADDRESS_TIMEOUT, stack.wait_config_up()).await.map_err(|_| NoAddress)
}

fn config(ip: Ip) -> Config {
    match ip {
        Ip::Dhcp => Config::dhcpv4(Default::default()),
        Ip::Static { address, prefix, gateway } => Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(address, prefix),
            gateway,
            dns_servers: Default::default(),
        }),
    }
}

/// No DHCP server gave the board an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no network address within 20 s")]
pub struct NoAddress;
