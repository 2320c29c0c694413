//! Two maelstromd: the upstream is a component of the second one.

use anyhow::Result;
use node_tests::cluster::Cluster;
use node_tests::pki::TlsDir;

use super::{Hops, Upstream};

const NAMES: [&str; 2] = ["gateway", "private"];

/// Starts both.
///
/// # Errors
///
/// One does not start.
pub fn start(keys: &TlsDir, upstream: &Upstream) -> Result<Box<dyn Hops>> {
    let cluster = Cluster::tls(&NAMES, keys, |setup| {
        if setup.name() == NAMES[1] { setup.component("app", &upstream.url()) } else { setup }
    })?;
    Ok(Box::new(Ours(cluster)))
}

struct Ours(Cluster);

impl Hops for Ours {
    fn url(&self) -> String {
        format!("{}/app", self.0.nodes[0].gateway())
    }

    fn pids(&self) -> Vec<u32> {
        self.0.nodes.iter().map(|node| node.pid()).collect()
    }
}
