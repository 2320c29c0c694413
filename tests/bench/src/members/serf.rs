//! An agent of serf as a member, as it comes: its usual settings, in the clear.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use node_tests::daemon::Mark;
use node_tests::log::Log;
use node_tests::netns::Namespace;
use node_tests::wait::TIMEOUT;

use super::Member;

/// The variable with which `cargo xtask bench` names the program serf.
pub fn program() -> Option<PathBuf> {
    std::env::var_os("SERF").map(PathBuf::from)
}

/// An agent. It is killed with this value.
pub struct Agent {
    name: String,
    addr: SocketAddr,
    child: Child,
    log: Log,
}

impl Agent {
    /// Starts one, and returns when it listens.
    pub fn start(
        program: &Path,
        number: u8,
        namespace: &Arc<Namespace>,
        seed: Option<SocketAddr>,
    ) -> Result<Self> {
        let name = format!("node-{number:02}");
        let at = |port| SocketAddr::from((Ipv4Addr::new(127, 0, 0, number), port));
        let addr = at(7946);
        let mut serf = namespace.command(program);
        serf.args(["agent", "-node", &name, "-bind", &addr.to_string(), "-rpc-addr", &at(7373).to_string()]);
        if let Some(seed) = seed {
            serf.args(["-join", &seed.to_string()]);
        }
        let mut child = serf.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("serf")?;
        let mut log = Log::of(&name);
        if let Some(out) = child.stdout.take() {
            log.follow("", out);
        }
        let agent = Self { name, addr, child, log };
        agent.log.wait(Mark::default(), "Serf agent running", TIMEOUT)?;
        Ok(agent)
    }
}

impl Member for Agent {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn mark(&self) -> Mark {
        self.log.mark()
    }

    fn learns(&self, mark: Mark, name: &str, alive: bool) -> Result<()> {
        let event = if alive { "EventMemberJoin" } else { "EventMemberFailed" };
        self.log.wait(mark, &format!("{event}: {name}"), TIMEOUT).map(drop)
    }

    fn kill(&mut self) {
        // It fails only when the agent has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log.finish();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
    }
}
