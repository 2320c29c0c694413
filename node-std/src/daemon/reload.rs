//! Takes over a configuration file that changed, while the node runs.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::cluster::Security;
use crate::config::{Config, Environment, Flags, InForce};
use crate::file_watch::{Cause, FileWatch, Watched};

/// Where the configuration came from, to resolve it again.
#[derive(Clone, Debug)]
pub struct Source {
    /// The command line.
    pub flags: Flags,
    /// The environment.
    pub environment: Environment,
}

/// Takes over what the configuration file says, whenever it changes and on SIGHUP.
pub(super) struct Reloader {
    pub(super) source: Source,
    /// The file, as an absolute path.
    pub(super) file: PathBuf,
    /// As it was at the start: what needs a restart is still so.
    pub(super) running: Config,
    /// As it was last read.
    pub(super) config: Config,
    pub(super) security: Security,
    pub(super) access: Arc<Access>,
    pub(super) in_force: watch::Sender<Vec<InForce>>,
}

impl Reloader {
    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut files = FileWatch::new("the configuration file");
        let watched = vec![Watched::file(self.file.clone())];
        // The first call returns at once, and the file was just read.
        let mut is_first = true;
        while let Some(cause) = stop.run_until_cancelled(files.changed(watched.clone())).await {
            if cause != Cause::Poll && !is_first {
                self.reload(cause).await;
            }
            is_first = false;
        }
    }

    async fn reload(&mut self, cause: Cause) {
        let Source { flags, environment } = self.source.clone();
        let resolved = tokio::task::spawn_blocking(|| Config::resolve(flags, environment)).await;
        let next = match resolved {
            Ok(Ok(next)) => next,
            Ok(Err(errors)) => {
                return tracing::error!(
                    "the configuration changes nothing, because it is not in order: {errors}"
                );
            }
            Err(error) => return tracing::error!("the configuration cannot be read: {error}"),
        };
        if next == self.config {
            if cause == Cause::Hangup {
                tracing::info!("SIGHUP: the configuration is as it was");
            }
            return;
        }
        match (&self.security, &next.tls) {
            (Security::Tls(keyring), Some(settings)) if self.config.tls != next.tls => {
                let (keyring, settings) = (Arc::clone(keyring), settings.clone());
                match tokio::task::spawn_blocking(move || keyring.replace(settings)).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => {
                        return tracing::error!(
                            "the configuration changes nothing, because it is not in order: {error}"
                        );
                    }
                    Err(error) => return tracing::error!("the configuration cannot be read: {error}"),
                }
            }
            _ => {}
        }
        for note in &next.notes {
            tracing::warn!("{note}");
        }
        self.access.replace_rules(next.roles.clone());
        self.access.allow(next.allowed_ids.clone());
        if let Security::Tls(keyring) = &self.security {
            keyring.judge_again();
        }
        let later = needs_restart(&self.running, &next);
        if !later.is_empty() {
            tracing::warn!("these settings changed and count from the next start on: {}", later.join(", "));
        }
        tracing::info!("the configuration is in force as {} has it now", self.file.display());
        // What needs a restart is still as it was.
        let is_later = |known: &&InForce| later.iter().any(|setting| is_part(&known.setting, setting));
        let in_force = next.in_force.iter().filter(|known| !is_later(known));
        let former = self.running.in_force.iter().filter(is_later);
        let mut in_force: Vec<InForce> = in_force.chain(former).cloned().collect();
        in_force.sort_by(|one, other| one.setting.cmp(&other.setting));
        self.in_force.send_replace(in_force);
        self.config = next;
    }
}

/// Whether a setting is one that is named, or a part of its map.
fn is_part(setting: &str, named: &str) -> bool {
    setting.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The settings that differ and that a running node does not take over.
fn needs_restart(former: &Config, next: &Config) -> Vec<&'static str> {
    let differs = [
        ("cluster.id", former.cluster_id != next.cluster_id),
        ("cluster.name", former.name != next.name),
        ("cluster.listen", former.private_addr != next.private_addr),
        ("cluster.advertise", former.advertise_addr != next.advertise_addr),
        ("cluster.join", former.join != next.join),
        ("cluster.dial_ranges", former.dial_ranges != next.dial_ranges),
        ("cluster.data_dir", former.data_dir != next.data_dir),
        ("cluster.plaintext", former.plaintext != next.plaintext),
        ("cluster.bind", former.bindings != next.bindings),
        ("gateway.listen", former.public_addr != next.public_addr),
        ("gateway.components", former.published != next.published),
        ("gateway.redirect", former.gateway.redirect_addr != next.gateway.redirect_addr),
        ("gateway.rules", former.gateway.rules != next.gateway.rules),
        ("gateway.tls", former.gateway.tls != next.gateway.tls),
        ("gateway.trusted_proxies", former.gateway.trusted_proxies != next.gateway.trusted_proxies),
        ("components", former.components != next.components),
        ("limits.body_bytes", former.http.body_bytes != next.http.body_bytes),
        ("limits.connections", former.max_connections != next.max_connections),
        ("limits.head_bytes", former.http.head_bytes != next.http.head_bytes),
        ("limits.header_count", former.http.header_count != next.http.header_count),
        ("limits.min_rate", former.http.min_rate != next.http.min_rate),
        ("limits.per_source", former.http.per_source != next.http.per_source),
        ("limits.timeouts", former.http.timeouts != next.http.timeouts),
        ("limits.drain", former.drain != next.drain),
        ("log.filter", former.log != next.log),
        ("tls", former.tls.is_some() != next.tls.is_some()),
    ];
    differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}
