//! The health check, which says that the node is alive, and the readiness check, which says that it can do its work.

use node_core::time::UnixTime;
use node_core::trust::Rfc3339;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::TlsStatus;
use crate::clock::unix_millis;

/// The path where every port answers that the node is alive, as in Maelstrom.
pub(super) const HEALTH_CHECK: &str = "/_mael_health_check";
/// The path where every port answers 200 while the node can make new links, and 503 with the reason when it cannot.
pub(super) const READY: &str = "/_mael_ready";

/// Whether the node can make new links.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// The state of the private port's TLS.
    pub tls: watch::Receiver<TlsStatus>,
    /// Cancelled when the node leaves.
    pub drain: CancellationToken,
}

impl Readiness {
    /// # Errors
    /// Why it can make none.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.drain.is_cancelled() {
            return Err("this node leaves the cluster".to_owned());
        }
        let tls = self.tls.borrow();
        let Some(active) = tls.slots.iter().find(|slot| slot.active) else { return Ok(()) };
        let (name, now) = (&active.name, unix_millis());
        let date = |millis: u64| Rfc3339(UnixTime(millis / 1000));
        let ends = tls.usable_until.unwrap_or(active.not_after);
        if now / 1000 > ends / 1000 {
            let what = tls.first_to_end.as_deref().unwrap_or("the active certificate");
            return Err(format!("{what} expired at {}: no new link comes up, renew it", date(ends)));
        }
        if now < active.not_before {
            let start = date(active.not_before);
            return Err(format!(
                "the active certificate {name} is valid only from {start}: no peer accepts it before, correct the clock"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KeySlot;

    fn readiness(not_before: u64, not_after: u64) -> (Readiness, CancellationToken) {
        let (certificate_sha256, spki_sha256) = (String::new(), String::new());
        let (name, algorithm) = ("a".to_owned(), "P-256".to_owned());
        let slot = KeySlot {
            name,
            certificate_sha256,
            spki_sha256,
            not_before,
            not_after,
            algorithm,
            pair: true,
            active: true,
        };
        let tls = TlsStatus { enabled: true, slots: vec![slot], ..TlsStatus::default() };
        let drain = CancellationToken::new();
        (Readiness { tls: watch::channel(tls).1, drain: drain.clone() }, drain)
    }

    #[test]
    fn a_node_that_nobody_would_accept_is_not_ready() {
        let now = unix_millis();
        let (ready, drain) = readiness(now - 1000, now + 60_000);
        assert_eq!(ready.check(), Ok(()));
        drain.cancel();
        assert!(ready.check().unwrap_err().contains("leaves"));
        assert!(readiness(0, now - 2000).0.check().unwrap_err().contains("expired at"));
        assert!(readiness(now + 60_000, now + 90_000).0.check().unwrap_err().contains("valid only from"));
    }
}
