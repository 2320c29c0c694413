//! Resolves `HOST:PORT` to the addresses to dial.

use core::net::{IpAddr, Ipv4Addr};

#[cfg(feature = "dns")]
use embassy_net::DNS_MAX_SERVER_COUNT;
use embassy_net::{IpAddress, IpEndpoint, Stack};
#[cfg(feature = "dns")]
use embassy_time::Duration;

use crate::event::DialError;

/// Most addresses behind one name that are dialled.
pub(crate) const ANSWERS: usize = 4;

/// Addresses to dial, in this order.
pub(crate) type Endpoints = heapless::Vec<IpEndpoint, ANSWERS>;

/// Finds the addresses of `HOST:PORT`: at least one.
///
/// # Errors
/// [`DialError`].
pub(crate) async fn resolve(network: Stack<'_>, address: &str) -> Result<Endpoints, DialError> {
    let (host, port) = address.rsplit_once(':').ok_or(DialError::Malformed)?;
    let port = port.parse().map_err(|_| DialError::Malformed)?;
    match literal(host)? {
        Some(literal) => Ok(core::iter::once(IpEndpoint::new(literal, port)).collect()),
        None => {
            let found = look_up(network, host).await?;
            Ok(found.into_iter().map(|found| IpEndpoint::new(found, port)).collect())
        }
    }
}

/// The HOST of `HOST:PORT`, without the brackets of an IPv6 address.
pub(crate) fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The address that a host is, if it is no name.
fn literal(host: &str) -> Result<Option<IpAddress>, DialError> {
    if let Some(six) = host.strip_prefix('[') {
        return ipv6(six.strip_suffix(']').ok_or(DialError::Malformed)?).map(Some);
    }
    if host.is_empty() || host.contains(':') {
        return Err(DialError::Malformed);
    }
    Ok(host.parse::<Ipv4Addr>().ok().map(IpAddress::Ipv4))
}

#[cfg(feature = "ipv6")]
fn ipv6(host: &str) -> Result<IpAddress, DialError> {
    host.parse().map(IpAddress::Ipv6).map_err(|_| DialError::Malformed)
}

#[cfg(not(feature = "ipv6"))]
const fn ipv6(_host: &str) -> Result<IpAddress, DialError> {
    Err(DialError::NoIpv6)
}

/// Whether the network has a way to an address. The stack sends nothing without one, and does not say so.
pub(crate) fn has_route(network: Stack<'_>, address: IpAddress) -> bool {
    match IpAddr::from(address) {
        IpAddr::V4(address) => network
            .config_v4()
            .is_some_and(|own| own.gateway.is_some() || own.address.contains_addr(&address)),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(address) => network.config_v6().is_some_and(|own| {
            own.gateway.is_some() || own.address.contains_addr(&address) || address.is_unicast_link_local()
        }),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => false,
    }
}

#[cfg(feature = "dns")]
async fn look_up(network: Stack<'_>, host: &str) -> Result<heapless::Vec<IpAddress, ANSWERS>, DialError> {
    use embassy_net::dns::DnsQueryType;
    use embassy_time::with_timeout;

    let longest = name_timeout(network);
    // `None` without an answer.
    let ask = async |kind: DnsQueryType, wanted: bool| {
        if !wanted {
            return None;
        }
        let answer = with_timeout(longest, network.dns_query(host, kind)).await;
        answer.ok().map(Result::unwrap_or_default)
    };
    let four = ask(DnsQueryType::A, network.config_v4().is_some());
    #[cfg(not(feature = "ipv6"))]
    let [first, second] = [None, four.await];
    // One of each kind in turn: either may have no way to the hub.
    #[cfg(feature = "ipv6")]
    let [first, second] = {
        let six = ask(DnsQueryType::Aaaa, network.config_v6().is_some());
        embassy_futures::join::join(six, four).await.into()
    };
    if first.is_none() && second.is_none() {
        return Err(DialError::NoNameServer);
    }
    let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
    let found: heapless::Vec<_, ANSWERS> =
        interleave(first.into_iter(), second.into_iter()).take(ANSWERS).collect();
    if found.is_empty() { Err(DialError::UnknownName) } else { Ok(found) }
}

/// Longest wait for the name servers of a network. The stack asks one after the other, each for up to 15 s; the last one has 5 s.
/// With IPv4 and IPv6, a first name server that is not even on the network may use up all of it.
#[cfg(feature = "dns")]
fn name_timeout(network: Stack<'_>) -> Duration {
    const EACH: Duration = Duration::from_secs(15);
    const LAST: Duration = Duration::from_secs(5);

    let servers = network.config_v4().map_or(0, |own| own.dns_servers.len());
    #[cfg(feature = "ipv6")]
    let servers = servers + network.config_v6().map_or(0, |own| own.dns_servers.len());
    let before = servers.min(DNS_MAX_SERVER_COUNT).saturating_sub(1);
    LAST + EACH * u32::try_from(before).unwrap_or_default()
}

/// One of each in turn, and then the rest of the longer one.
#[cfg(feature = "dns")]
fn interleave<T>(
    mut first: impl Iterator<Item = T>,
    mut second: impl Iterator<Item = T>,
) -> impl Iterator<Item = T> {
    let mut turn = false;
    core::iter::from_fn(move || {
        turn = !turn;
        if turn { first.next().or_else(|| second.next()) } else { second.next().or_else(|| first.next()) }
    })
}

#[cfg(not(feature = "dns"))]
#[expect(clippy::unused_async, reason = "it waits when the feature dns is on")]
async fn look_up(_network: Stack<'_>, _host: &str) -> Result<heapless::Vec<IpAddress, ANSWERS>, DialError> {
    Err(DialError::NoDns)
}
