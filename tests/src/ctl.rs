//! The real maelctl.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::netns::Namespace;
use crate::programs;

/// maelctl and its environment.
#[derive(Clone, Debug, Default)]
pub struct Ctl {
    url: Option<String>,
    tls: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    namespace: Option<Arc<Namespace>>,
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Output {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A member as `maelctl cluster nodes --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its identity.
    pub node_id: String,
    /// Its name.
    pub name: String,
    /// Hub or leaf.
    pub kind: String,
    /// Alive, suspect, down or left.
    pub state: String,
    /// The URL of its private port, if it has one.
    pub peer_url: Option<String>,
    /// SHA-256 of its active certificate, if it has one: `sha256:` and small hexadecimal digits.
    pub active_key: Option<String>,
    /// For a leaf, the ids of its hubs.
    #[serde(default)]
    pub hubs: Vec<String>,
    /// Whether the node that answers has a link to it.
    #[serde(default)]
    pub linked: bool,
    /// Whether it is a leaf that sleeps, as it said it would.
    #[serde(default)]
    pub asleep: bool,
}

impl Ctl {
    /// With `url` in `MAELSTROM_PRIVATE_URL`.
    #[must_use]
    pub fn to(url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..Self::default() }
    }

    /// With `dir` in `MAEL_PRIVATE_TLS_DIR`.
    #[must_use]
    pub fn tls(mut self, dir: &Path) -> Self {
        self.tls = Some(dir.to_owned());
        self
    }

    /// With `dir` in `MAEL_DATA_DIR`.
    #[must_use]
    pub fn data_dir(mut self, dir: &Path) -> Self {
        self.data_dir = Some(dir.to_owned());
        self
    }

    /// In a network namespace.
    #[must_use]
    pub fn within(mut self, namespace: &Arc<Namespace>) -> Self {
        self.namespace = Some(Arc::clone(namespace));
        self
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// It does not start. That it fails is no error here.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut maelctl = match &self.namespace {
            Some(namespace) => namespace.command(programs::maelctl()?),
            None => Command::new(programs::maelctl()?),
        };
        for (variable, value) in [
            ("MAELSTROM_PRIVATE_URL", self.url.as_ref().map(AsRef::as_ref)),
            ("MAEL_PRIVATE_TLS_DIR", self.tls.as_ref().map(|dir| dir.as_os_str())),
            ("MAEL_DATA_DIR", self.data_dir.as_ref().map(|dir| dir.as_os_str())),
        ] {
            match value {
                Some(value) => maelctl.env(variable, value),
                None => maelctl.env_remove(variable),
            };
        }
        let output = maelctl.args(arguments).output().context("maelctl does not start")?;
        let Some(code) = output.status.code() else { bail!("maelctl: {}", output.status) };
        Ok(Output {
            code,
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Runs it with `--json`, and parses its output.
    ///
    /// # Errors
    ///
    /// It failed, or printed something else.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let arguments = [arguments, &["--json"]].concat();
        let output = self.run(&arguments)?;
        ensure!(output.code == 0, "maelctl {arguments:?} failed: {}", output.stderr);
        serde_json::from_str(&output.stdout).with_context(|| output.stdout)
    }

    /// The members that the node knows.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json).
    pub fn nodes(&self) -> Result<Vec<Node>> {
        let mut answer = self.json(&["cluster", "nodes"])?;
        serde_json::from_value(answer["nodes"].take()).with_context(|| answer.to_string())
    }

    /// The member of this name.
    ///
    /// # Errors
    ///
    /// There is none, or several.
    pub fn node(&self, name: &str) -> Result<Node> {
        let nodes = self.nodes()?;
        match nodes.iter().filter(|node| node.name == name).collect::<Vec<_>>()[..] {
            [node] => Ok(node.clone()),
            ref found => bail!("{} nodes are called {name} in {nodes:?}", found.len()),
        }
    }

    /// Checks that the member of this name is in this state.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn sees(&self, name: &str, state: &str) -> Result<()> {
        let node = self.node(name)?;
        ensure!(node.state == state, "{name} is {}, not {state}", node.state);
        Ok(())
    }
}
