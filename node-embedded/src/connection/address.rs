//! Resolves `HOST:PORT` to an address to dial.

use embassy_net::{IpAddress, IpEndpoint, Stack};

use crate::event::DialError;

/// Finds the address of `HOST:PORT`.
///
/// # Errors
/// [`DialError`].
pub(crate) async fn resolve(network: Stack<'_>, address: &str) -> Result<IpEndpoint, DialError> {
    let (host, port) = address.rsplit_once(':').ok_or(DialError::Malformed)?;
    let port = port.parse().map_err(|_| DialError::Malformed)?;
    match host.parse::<core::net::Ipv4Addr>() {
        Ok(host) => Ok(IpEndpoint::new(host.into(), port)),
        Err(_) => look_up(network, host).await.map(|host| IpEndpoint::new(host, port)),
    }
}

/// Whether the network has a way to an address. The stack sends nothing without one, and does not say so.
pub(crate) fn has_route(network: Stack<'_>, address: IpAddress) -> bool {
    let IpAddress::Ipv4(address) = address;
    network.config_v4().is_some_and(|own| own.gateway.is_some() || own.address.contains_addr(&address))
}

/// The HOST of `HOST:PORT`.
pub(crate) fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

#[cfg(feature = "dns")]
async fn look_up(network: Stack<'_>, host: &str) -> Result<IpAddress, DialError> {
    let query = network.dns_query(host, embassy_net::dns::DnsQueryType::A);
    let found = embassy_time::with_timeout(embassy_time::Duration::from_secs(5), query).await;
    let found = found.map_err(|_| DialError::UnknownName)?.map_err(|_| DialError::UnknownName)?;
    found.first().copied().ok_or(DialError::UnknownName)
}

#[cfg(not(feature = "dns"))]
#[expect(clippy::unused_async, reason = "it waits when the feature dns is on")]
async fn look_up(_network: Stack<'_>, _host: &str) -> Result<IpAddress, DialError> {
    Err(DialError::NoDns)
}
