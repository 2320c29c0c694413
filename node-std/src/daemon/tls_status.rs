//! The state of the private port's TLS, as the API shows it.

use std::time::UNIX_EPOCH;

use node_core::time::UnixTime;
use node_core::trust::Rfc3339;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::{DependsOn, KeySlot, RevocationListStatus, TlsStatus};
use crate::cluster::Security;
use crate::tls::{Health, Keyring};

/// The state of the private port's TLS, and the future that keeps it current until `stop` is cancelled.
pub fn watch_tls(
    security: Security,
    stop: CancellationToken,
) -> (watch::Receiver<TlsStatus>, impl Future<Output = ()> + Send) {
    let (publish, status_now) = watch::channel(status(&security));
    let watching = async move {
        let Security::Tls(keyring) = security else { return stop.cancelled().await };
        let (mut keys, mut health) = (keyring.subscribe(), keyring.subscribe_health());
        let mut lists = keyring.subscribe_lists();
        loop {
            publish.send_replace(tls_status(&keyring));
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = keys.changed() => {}
                Ok(()) = health.changed() => {}
                Ok(()) = lists.changed() => {}
            }
        }
    };
    (status_now, watching)
}

fn status(security: &Security) -> TlsStatus {
    match security {
        Security::Plaintext => TlsStatus { health: "off".into(), ..TlsStatus::default() },
        Security::Tls(keyring) => tls_status(keyring),
    }
}

fn tls_status(keyring: &Keyring) -> TlsStatus {
    let active = keyring.active();
    let health = match keyring.health() {
        Health::Ok => "ok".to_owned(),
        Health::Degraded { message, since } => {
            let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("degraded since {}: {message}", Rfc3339(UnixTime(since.as_secs())))
        }
    };
    let slots = keyring.slots();
    let slots = slots.iter().map(|slot| KeySlot::new(slot, slot.name == active.name)).collect();
    let lists = keyring.lists().iter().map(RevocationListStatus::from).collect();
    let warnings = keyring.warnings().into_iter().map(str::to_owned).collect();
    let (ends, what) = keyring.usable_until();
    let (usable_until, first_to_end) = (Some(ends.0.saturating_mul(1000)), Some(what.to_owned()));
    let depends_on = keyring.depends_on().into_iter().map(|(what, certificate, end)| DependsOn {
        what: what.to_owned(),
        certificate_sha256: certificate.to_string(),
        not_after: end.0.saturating_mul(1000),
    });
    let depends_on = depends_on.collect();
    TlsStatus { enabled: true, health, depends_on, usable_until, first_to_end, warnings, slots, lists }
}
