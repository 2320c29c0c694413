//! Brings the network up.

use board_settings::Ip;
use embassy_executor::Spawner;
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_time::{Duration, with_timeout};
use static_cell::StaticCell;
use thiserror::Error;

use crate::lan9118::Lan9118;

/// Sockets that may be open at once, the DHCP client's included.
const SOCKETS: usize = 4;

/// Longest wait for an address.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(20);

/// Starts the network on `device` and waits until it has an address. `seed` makes port and sequence numbers hard to
/// guess. A second call panics.
///
/// # Errors
///
/// [`Error::NoAddress`] after 20 s without one; the network keeps trying.
pub async fn start(spawner: Spawner, device: Lan9118, ip: Ip, seed: u64) -> Result<Stack<'static>, Error> {
    let (stack, runner) = create(device, ip, seed);
    spawner.spawn(drive(runner).map_err(|_| Error::NoTask)?);
    with_timeout(ADDRESS_TIMEOUT, stack.wait_config_up()).await.map_err(|_| Error::NoAddress)?;
    Ok(stack)
}

/// Not inlined, so that its stack is given back: inside [`start`] the task would hold it to the end.
#[inline(never)]
fn create(device: Lan9118, ip: Ip, seed: u64) -> (Stack<'static>, Runner<'static, Lan9118>) {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    embassy_net::new(device, config(ip), RESOURCES.init_with(StackResources::new), seed)
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

#[embassy_executor::task]
async fn drive(mut runner: Runner<'static, Lan9118>) -> ! {
    runner.run().await
}

/// Why there is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// No DHCP server gave the board an address.
    #[error("no network address within 20 s")]
    NoAddress,
    /// The network's task runs already.
    #[error("the network has been started before")]
    NoTask,
}
