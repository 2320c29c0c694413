//! maelstromd as a member.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use node_tests::daemon::{Daemon, Mark, Setup};
use node_tests::netns::Namespace;
use node_tests::pki::TlsDir;

use super::Member;

/// Starts one, and returns when it listens.
pub fn start(
    number: u8,
    namespace: &Arc<Namespace>,
    seed: Option<SocketAddr>,
    keys: &TlsDir,
) -> Result<Daemon> {
    let setup = Setup::named(&format!("node-{number:02}"))?.tls(keys.path()).within(namespace);
    match seed {
        Some(seed) => setup.join(seed).start(),
        None => setup.start(),
    }
}

impl Member for Daemon {
    fn name(&self) -> String {
        self.name().to_owned()
    }

    fn pid(&self) -> u32 {
        self.pid()
    }

    fn addr(&self) -> SocketAddr {
        self.private()
    }

    fn mark(&self) -> Mark {
        self.mark()
    }

    fn learns(&self, mark: Mark, name: &str, alive: bool) -> Result<()> {
        let state = if alive { "alive" } else { "down" };
        self.wait_for_log_after(mark, &format!("{name} is {state}")).map(drop)
    }

    fn kill(&mut self) {
        self.kill();
    }
}
