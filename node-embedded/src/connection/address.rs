//! Resolves `HOST:PORT` to an address to dial.

use embassy_net::{IpEndpoint, Stack};
use thiserror::Error;

/// Finds the address of `HOST:PORT`.
///
/// # Errors
/// [`AddressError`].
pub(crate) async fn resolve(network: Stack<'_>, address: &str) -> Result<IpEndpoint, AddressError> {
    let (host, port) = address.rsplit_once(':').ok_or(AddressError::Malformed)?;
    let port = port.parse().map_err(|_| AddressError::Malformed)?;
    match host.parse::<core::net::Ipv4Addr>() {
        Ok(host) => Ok(IpEndpoint::new(host.into(), port)),
        Err(_) => look_up(network, host).await.map(|host| IpEndpoint::new(host, port)),
    }
}

/// The HOST of `HOST:PORT`.
pub(crate) fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

#[cfg(feature = "dns")]
async fn look_up(network: Stack<'_>, host: &str) -> Result<embassy_net::IpAddress, AddressError> {
    let query = network.dns_query(host, embassy_net::dns::DnsQueryType::A);
    let found = embassy_time::with_timeout(embassy_time::Duration::from_secs(5), query).await;
    let found = found.map_err(|_| AddressError::Unknown)?.map_err(|_| AddressError::Unknown)?;
    found.first().copied().ok_or(AddressError::Unknown)
}

#[cfg(not(feature = "dns"))]
#[expect(clippy::unused_async, reason = "it waits when the feature dns is on")]
async fn look_up(_network: Stack<'_>, _host: &str) -> Result<embassy_net::IpAddress, AddressError> {
    Err(AddressError::NoDns)
}

/// Why there is no address to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[cfg_attr(
    feature = "dns",
    expect(dead_code, reason = "one variant is for firmware without the feature dns")
)]
pub(crate) enum AddressError {
    /// It is not `HOST:PORT`.
    #[error("not of the form HOST:PORT")]
    Malformed,
    /// It is a name, and this firmware has no DNS.
    #[error("a name, but this firmware can dial numbers only: build it with the feature dns")]
    NoDns,
    /// No name server knows it.
    #[cfg(feature = "dns")]
    #[error("no name server knows it")]
    Unknown,
}
