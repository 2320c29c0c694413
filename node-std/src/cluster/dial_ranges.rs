//! Which addresses this node dials: any, or only those within the ranges of the configuration.

use core::net::SocketAddr;
use std::io;

use crate::config::{AddressRange, HostPort};

/// The ranges of addresses that may be dialled.
#[derive(Clone, Debug, Default)]
pub struct DialRanges {
    /// Empty: any address may be dialled.
    pub ranges: Vec<AddressRange>,
    /// The join addresses of the configuration, which may always be dialled.
    pub join: Vec<HostPort>,
}

impl DialRanges {
    /// Of the addresses that `address` resolved to, those that may be dialled.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`]: none of them may. The error names them, and the setting.
    pub(super) fn filter(&self, address: &str, resolved: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
        if self.ranges.is_empty() || self.join.iter().any(|join| join.as_str() == address) {
            return Ok(resolved);
        }
        let (allowed, refused): (Vec<_>, Vec<_>) =
            resolved.into_iter().partition(|addr| self.ranges.iter().any(|range| range.contains(addr.ip())));
        if !allowed.is_empty() || refused.is_empty() {
            return Ok(allowed);
        }
        let refused: Vec<String> = refused.iter().map(|addr| addr.ip().to_string()).collect();
        let text = format!(
            "{} lies outside of every --dial-range (MAEL_DIAL_RANGES): it was not dialled",
            refused.join(", ")
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_addresses_within_a_range_are_dialled_and_the_join_addresses() {
        let ranges = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"].map(|range| range.parse().unwrap());
        let ranges = DialRanges { ranges: ranges.into(), join: vec!["seed.example:8374".parse().unwrap()] };
        let resolved = addrs(&["10.1.2.3:1", "[fd00::2]:1", "192.0.2.7:1", "[::ffff:10.0.0.1]:1"]);
        assert_eq!(ranges.filter("x:1", resolved.clone()).unwrap(), resolved);
        let outside = addrs(&["11.0.0.1:1", "[fe80::1]:1", "192.0.2.8:1", "[::ffff:11.0.0.1]:1"]);
        let error = ranges.filter("x:1", outside.clone()).unwrap_err().to_string();
        assert!(error.starts_with("11.0.0.1, fe80::1, ") && error.contains("--dial-range"), "{error}");
        assert_eq!(ranges.filter("seed.example:8374", outside.clone()).unwrap(), outside);
        let mixed = [outside.clone(), resolved.clone()].concat();
        assert_eq!(ranges.filter("x:1", mixed).unwrap(), resolved);
        assert_eq!(DialRanges::default().filter("x:1", outside.clone()).unwrap(), outside);
    }
}
