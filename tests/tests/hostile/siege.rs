//! Two nodes under load while a hostile peer talks to one of them.

use std::net::SocketAddr;

use anyhow::Result;
use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Mark};
use node_tests::load::Load;
use node_tests::pki::TlsDir;

/// Far more than a peer within its bounds needs, far less than one without them takes.
const BOUND: u64 = 64 << 20;

/// Two nodes that work for each other while a hostile peer talks to the first.
pub struct Siege {
    pub cluster: Cluster,
    memory: u64,
    pub begun: Mark,
    load: Load,
    _component: Component,
}

impl Siege {
    pub fn start() -> Self {
        Self::of(|component| {
            Cluster::plaintext(&["target", "other"], |setup| setup.component("shop", component))
        })
    }

    pub fn tls(made: &TlsDir) -> Self {
        Self::of(|component| {
            Cluster::tls(&["target", "other"], made, |setup| setup.component("shop", component))
        })
    }

    pub fn of(cluster: impl FnOnce(&str) -> Result<Cluster>) -> Self {
        let component = Component::start("shop").unwrap();
        let cluster = cluster(&component.url()).unwrap();
        let load = Load::start(&format!("{}/shop/", cluster.nodes[0].gateway()), 2);
        load.goes_on(100).unwrap();
        let memory = cluster.nodes[0].memory().unwrap();
        let begun = cluster.nodes[0].mark();
        Self { cluster, memory, begun, load, _component: component }
    }

    pub fn target(&self) -> &Daemon {
        &self.cluster.nodes[0]
    }

    pub fn addr(&self) -> SocketAddr {
        self.target().private()
    }

    /// The target logged what happened, and works as before.
    pub fn ends(self, named: &str) {
        self.target().wait_for_log_after(self.begun, named).unwrap();
        self.holds_out();
    }

    /// The target ended no link, not even that of the hostile peer.
    pub fn ends_in_peace(self) {
        let since = self.target().logs_after(self.begun).join("\n");
        assert!(!since.contains("link down") && !since.contains("closing the link"), "{since}");
        self.holds_out();
    }

    /// The target has no more memory than it should, kept its link to the other node, and works on.
    pub fn holds_out(self) {
        self.load.goes_on(100).unwrap();
        let grown = self.target().memory().unwrap().saturating_sub(self.memory);
        assert!(grown < BOUND, "{grown} bytes more");
        for node in &self.cluster.nodes {
            let other = self.cluster.nodes.iter().find(|other| other.name() != node.name()).unwrap();
            let ever = node.logs_after(Default::default()).join("\n");
            assert!(!ever.contains(&format!("{} is suspect", other.name())), "{ever}");
        }
        let tally = self.load.stop();
        assert_eq!(tally.failed, 0, "{tally:?}");
    }
}
