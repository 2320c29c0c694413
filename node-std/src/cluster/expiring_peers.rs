//! Warns of peers whose certificates expire soon: from 30 days before the end, once a day. Those in the keyring are warned of with it.

use core::time::Duration;
use std::collections::HashMap;

use node_core::time::UnixTime;
use node_core::trust::{Fingerprint, Rfc3339};
use tokio::time::Instant;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long before its end a certificate is spoken of, in seconds.
const SOON: u64 = 30 * 24 * 3600;
/// Certificates that are remembered. When there are more, some are spoken of again.
const MAX_TOLD: usize = 1024;

/// When each certificate was last spoken of.
#[derive(Default)]
pub(super) struct ExpiringPeers(HashMap<Fingerprint, Instant>);

impl ExpiringPeers {
    /// What to log of the peer called `name`, whose certificate ends at `end`.
    pub(super) fn due(
        &mut self,
        (at, now): (Instant, UnixTime),
        name: &str,
        certificate: Fingerprint,
        end: UnixTime,
    ) -> Option<String> {
        if end.0 >= now.0.saturating_add(SOON) {
            return None;
        }
        if self.0.get(&certificate).is_some_and(|told| at.duration_since(*told) < DAY) {
            return None;
        }
        if self.0.len() >= MAX_TOLD {
            self.0.clear();
        }
        self.0.insert(certificate, at);
        let days = end.0.saturating_sub(now.0) / DAY.as_secs();
        let end = Rfc3339(end);
        Some(format!(
            "the certificate of the peer {name} ({certificate}) expires at {end}, in {days} days: renew it there, or it is refused"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_spoken_of_once_a_day_in_its_last_month() {
        let (mut peers, start) = (ExpiringPeers::default(), Instant::now());
        let mut due = |hours: u64, left: u64| {
            let now = UnixTime(1_796_040_000 + hours * 3600);
            let at = start + Duration::from_secs(hours * 3600);
            peers.due((at, now), "n2", Fingerprint([7; 32]), UnixTime(now.0 + left * 24 * 3600))
        };
        assert_eq!(due(0, 31), None);
        assert!(due(1, 20).unwrap().contains("n2") && due(2, 20).is_none() && due(24, 20).is_none());
        assert!(due(25, 19).unwrap().contains("in 19 days"));
    }
}
