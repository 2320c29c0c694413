//! Several daemons that are one cluster.

use anyhow::Result;

use crate::daemon::{Daemon, Setup};
use crate::pki::TlsDir;
use crate::wait::eventually;

/// Daemons, each with a gateway, in the order in which they were started.
pub struct Cluster {
    /// The daemons.
    pub nodes: Vec<Daemon>,
    /// With TLS: the directory of each.
    pub keys: Vec<TlsDir>,
}

impl Cluster {
    /// A cluster without TLS, of nodes with these names, whose setups `adjust` completes. Each joins through the
    /// one before it.
    ///
    /// # Errors
    ///
    /// A daemon does not start, or they do not find each other.
    pub fn plaintext(names: &[&str], adjust: impl Fn(Setup) -> Setup) -> Result<Self> {
        Self::start(names, Vec::new(), adjust)
    }

    /// The same with mutual TLS: a directory for each node, all copies of `made`.
    ///
    /// # Errors
    ///
    /// A daemon does not start, or they do not find each other.
    pub fn tls(names: &[&str], made: &TlsDir, adjust: impl Fn(Setup) -> Setup) -> Result<Self> {
        let keys = names.iter().map(|_| made.copy()).collect::<Result<_>>()?;
        Self::start(names, keys, adjust)
    }

    fn start(names: &[&str], keys: Vec<TlsDir>, adjust: impl Fn(Setup) -> Setup) -> Result<Self> {
        let mut nodes: Vec<Daemon> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let mut setup = Setup::named(name)?.gateway();
            if let Some(keys) = keys.get(index) {
                setup = setup.tls(keys.path());
            }
            if let Some(before) = nodes.last() {
                setup = setup.join(before.private());
            }
            nodes.push(adjust(setup).start()?);
        }
        let cluster = Self { nodes, keys };
        cluster.is_whole()?;
        Ok(cluster)
    }

    /// Waits until every node sees every other alive.
    ///
    /// # Errors
    ///
    /// One does not.
    pub fn is_whole(&self) -> Result<()> {
        for node in &self.nodes {
            for other in &self.nodes {
                eventually(|| node.ctl().sees(other.name(), "alive"))
                    .map_err(|error| error.context(format!("as {} sees it", node.name())))?;
            }
        }
        Ok(())
    }
}
