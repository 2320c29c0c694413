//! Reloads the keyring when its files change and on SIGHUP, and warns of certificates that expire.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::expiry::ExpiryLog;
use super::reload::Keyring;
use crate::clock::unix_time;
use crate::file_watch::{Cause, FileWatch};

impl Keyring {
    /// Reloads the keyring on SIGHUP and when its files change, until `stop`.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(watch(self)).await;
    }
}

async fn watch(keyring: Arc<Keyring>) {
    let mut files = FileWatch::new("the keys and certificates");
    let mut told_own = None;
    let (mut expiry, mut others) = (ExpiryLog::default(), ExpiryLog::default());
    loop {
        let cause = files.changed(keyring.watched()).await;
        let reloaded = Arc::clone(&keyring);
        let _ = tokio::task::spawn_blocking(move || reload(&reloaded, cause)).await;
        let active = keyring.active().certificate;
        for line in keyring.read_slots(|slots| expiry.due(slots, active, unix_time())) {
            tracing::warn!("{line}");
        }
        if let Some(rejection) = keyring.own_rejection() {
            if told_own != Some(rejection) {
                tracing::warn!("nodes with the same CAs and rules refuse this node: {rejection}");
            }
            told_own = Some(rejection);
        } else {
            told_own = None;
        }
        for line in others.due_of(&keyring.dependences(), unix_time()) {
            tracing::warn!("{line}");
        }
    }
}

/// Reads the files again if need be. [`Keyring::reload`] logs a change and a new error.
fn reload(keyring: &Keyring, cause: Cause) {
    if cause == Cause::Poll && !keyring.is_stale() {
        return;
    }
    let outcome = keyring.reload();
    if cause == Cause::Hangup {
        match outcome {
            Ok(_) => {
                tracing::info!("SIGHUP: the keys are in use as the files have them now")
            }
            Err(error) => tracing::error!("SIGHUP: {error}; the last good keyring stays in force"),
        }
    }
}
