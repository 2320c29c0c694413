//! The configuration of a daemon.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::Daemon;
use crate::netns::Namespace;
use crate::programs;

/// Flags for a daemon. Clones share the data directory.
#[derive(Clone)]
pub struct Setup {
    pub(super) name: String,
    pub(super) private: SocketAddr,
    pub(super) public: Option<SocketAddr>,
    pub(super) tls: Option<PathBuf>,
    pub(super) namespace: Option<Arc<Namespace>>,
    home: Arc<TempDir>,
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    folder: Option<PathBuf>,
    quiet: bool,
}

/// The system chooses a free port.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Setup {
    /// A daemon of this name on ports of its own, with an empty data directory, and no TLS.
    ///
    /// # Errors
    ///
    /// No folder can be made.
    pub fn named(name: &str) -> Result<Self> {
        let home = TempDir::with_prefix(format!("{name}-")).context("a folder for a daemon")?;
        let name = name.to_owned();
        Ok(Self {
            name,
            private: ANY,
            public: None,
            tls: None,
            namespace: None,
            home: Arc::new(home),
            flags: Vec::new(),
            variables: Vec::new(),
            folder: None,
            quiet: false,
        })
    }

    /// With the keys in `dir`.
    #[must_use]
    pub fn tls(mut self, dir: &Path) -> Self {
        self.tls = Some(dir.to_owned());
        self
    }

    /// With a public gateway to every component of the cluster.
    #[must_use]
    pub fn gateway(self) -> Self {
        self.default_gateway().flag("--public-component", "*")
    }

    /// With a public gateway as it is by default.
    #[must_use]
    pub fn default_gateway(mut self) -> Self {
        self.public = Some(ANY);
        self
    }

    /// Joins the cluster through the member at `addr`.
    #[must_use]
    pub fn join(self, addr: SocketAddr) -> Self {
        self.flag("--join", &addr.to_string())
    }

    /// Offers the HTTP service at `url` as `name`.
    #[must_use]
    pub fn component(self, name: &str, url: &str) -> Self {
        self.flag("--component", &format!("{name}={url}"))
    }

    /// With the private port here.
    #[must_use]
    pub fn private(mut self, addr: SocketAddr) -> Self {
        self.private = addr;
        self
    }

    /// With the gateway here.
    #[must_use]
    pub fn public(mut self, addr: SocketAddr) -> Self {
        self.public = Some(addr);
        self
    }

    /// In a network namespace, where `maelctl` is run too.
    #[must_use]
    pub fn within(mut self, namespace: &Arc<Namespace>) -> Self {
        self.namespace = Some(Arc::clone(namespace));
        self
    }

    /// With this configuration file.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn config(self, text: &str) -> Result<Self> {
        let file = self.home().join("node.yaml");
        fs::write(&file, text)?;
        let file = file.display().to_string();
        Ok(self.flag("--config", &file))
    }

    /// With any other flag.
    #[must_use]
    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        self.flags.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// With any other flag that takes no value.
    #[must_use]
    pub fn switch(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Started in this folder, from which relative paths begin.
    #[must_use]
    pub fn started_in(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Without any flag. Only the environment keeps it off the usual port and data directory, which may be taken.
    #[must_use]
    pub fn without_flags(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The daemon's home, where it has its data directory too.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The daemon's data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.home().join("data")
    }

    /// Starts the daemon, and returns when it listens.
    ///
    /// # Errors
    ///
    /// It does not build or start; the message shows its log.
    pub fn start(&self) -> Result<Daemon> {
        Daemon::start(self.clone())
    }

    /// Starts a daemon that is to refuse, and returns all that it says.
    ///
    /// # Errors
    ///
    /// It does not build, or does not end, or says that all is well.
    pub fn refusal(&self) -> Result<String> {
        Daemon::refusal(self)
    }

    pub(super) fn command(&self) -> Result<Command> {
        let home = self.home.path();
        let mut command = match &self.namespace {
            Some(namespace) => namespace.command(programs::maelstromd()?),
            None => Command::new(programs::maelstromd()?),
        };
        for (variable, _) in std::env::vars_os() {
            // Nothing that our own environment says shall matter.
            if variable.to_string_lossy().starts_with("MAEL") {
                command.env_remove(variable);
            }
        }
        command.env_remove("XDG_STATE_HOME").env("HOME", home);
        command.current_dir(self.folder.as_deref().unwrap_or(home));
        command.envs(self.variables.iter().map(|(variable, value)| (variable, value)));
        let data = self.data_dir();
        if self.quiet {
            command.env("MAEL_PRIVATE_PORT", "0").env("MAEL_DATA_DIR", data);
            return Ok(command);
        }
        command.args(["--name", &self.name, "--private-addr", &self.private.to_string()]);
        command.arg("--data-dir").arg(data).args(&self.flags);
        if let Some(public) = self.public {
            command.args(["--public-addr", &public.to_string()]);
        }
        if let Some(tls) = &self.tls {
            command.arg("--tls-dir").arg(tls);
        }
        Ok(command)
    }
}
