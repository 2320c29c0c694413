//! The command line of `maelctl`.

use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::call::CallCommand;
use super::cert::CertCommand;
use super::logs::LogsCommand;
use super::provision::ProvisionFlags;
use crate::config::TlsFlags;

/// The heading in the help over the flags that matter only where a node is asked.
const NODE: &str = "The node to ask";

/// Steers a Maelstrom cluster through one of its nodes.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "maelctl",
    version,
    after_help = "Exit status: 0 success; 1 the node refuses, fails or cannot be reached, or a file cannot be read or written; 2 \
                  the command line is wrong. `cert info` and `tls check` have more: see their help."
)]
pub struct Flags {
    #[command(flatten)]
    pub(super) target: Target,

    /// Print the answer as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// How long to wait for the answer, in seconds. `keys push` waits up to 90 s more for a link of the board.
    #[arg(long, global = true, help_heading = NODE, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    #[command(subcommand)]
    pub(super) command: Command,
}

impl Flags {
    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// The node to ask.
#[derive(Clone, Debug, Args)]
pub(super) struct Target {
    /// The private port of the node to ask [default: http://127.0.0.1:8374, or https with a TLS directory]. A URL without
    /// a port means port 8374.
    #[arg(long, global = true, help_heading = NODE, value_name = "URL", env = "MAELSTROM_PRIVATE_URL")]
    pub(super) url: Option<String>,

    /// The TLS directory. Its active key is shown to the node.
    #[arg(long, global = true, help_heading = NODE, value_name = "DIR", env = "MAEL_PRIVATE_TLS_DIR")]
    // Not a PathBuf, because the variable may be set and empty.
    pub(super) tls_dir: Option<OsString>,

    /// The certificate that is shown to the node, instead of a directory.
    #[arg(long, global = true, help_heading = NODE, value_name = "FILE", env = "MAEL_TLS_CERT")]
    pub(super) tls_cert: Option<String>,

    /// The key of that certificate [default: in the same file].
    #[arg(long, global = true, help_heading = NODE, value_name = "FILE", env = "MAEL_TLS_KEY")]
    pub(super) tls_key: Option<String>,

    /// The CAs of nodes.
    #[arg(long, global = true, help_heading = NODE, value_name = "FILE", env = "MAEL_TLS_CA")]
    pub(super) tls_ca: Option<String>,

    /// The configuration file of a node: its keys are shown, and its rules decide whether the node asked is one. The address is that
    /// of --url.
    #[arg(short, long, global = true, help_heading = NODE, value_name = "FILE", env = "MAEL_CONFIG")]
    pub(super) config: Option<String>,

    /// The data directory of the node to ask, for the token that a node without TLS wants from an operator [default: that of a
    /// maelstromd of this user, for a node on this machine].
    #[arg(long, global = true, help_heading = NODE, value_name = "DIR", env = "MAEL_DATA_DIR")]
    pub(super) data_dir: Option<OsString>,
}

impl Target {
    /// The keys to ask with.
    pub(super) fn tls(&self) -> TlsFlags {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let dir = self.tls_dir.as_ref().filter(|dir| !dir.is_empty());
        TlsFlags {
            dir: dir.map(|dir| dir.to_string_lossy().into_owned()),
            cert: given(&self.tls_cert),
            key: given(&self.tls_key),
            ca: given(&self.tls_ca),
        }
    }
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// The cluster as a whole.
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Ping a node and measure the round trip.
    Ping {
        /// Its name or id.
        node: String,
    },
    /// Show what a board counts: starts, handshakes, links, requests, free stack, erases of its flash.
    Counters {
        /// Its name or id.
        node: String,
    },
    /// Call a method of any node and print its result: one of JSON-RPC by its name, or one of an application by its number. What changes
    /// a node must be asked of the node itself, apart from methods of applications.
    #[command(
        after_help = "`maelctl call NODE barrister-idl` describes all methods of JSON-RPC. Examples: maelctl call kitchen \
                      MaelNode.GetStatus; maelctl call kitchen 0x1000 --hex 01"
    )]
    Call(CallCommand),
    /// Show the last lines of the log of a node, of a board as well. With --json as they come, one object a line.
    Logs(LogsCommand),
    /// The keys of a node.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The configuration of the node asked.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make and show certificates. No node is asked.
    #[command(subcommand)]
    Cert(Box<CertCommand>),
    /// Send the blob of `maelctl cert board` to a board over a serial line, or ask the board what it is. No node is asked.
    Provision(ProvisionFlags),
    /// TLS directories, keys and certificates on this machine.
    #[command(subcommand)]
    Tls(TlsCommand),
    /// The version of this program.
    Version,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// List the settings that are in force and where each comes from. Secrets are hidden.
    Show,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// List all nodes.
    Nodes,
    /// List the state changes of nodes that the node asked has seen since its start.
    Events {
        /// Go on until interrupted and list each new event. With --json, one event a line.
        #[arg(long)]
        follow: bool,
    },
    /// List the links of the node asked.
    Links,
    /// Make the node asked leave the cluster and stop.
    Leave,
    /// Take a node that is down out of the cluster.
    Remove {
        /// Its name or id.
        node: String,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List the keys that a node holds and trusts.
    Ls {
        /// Its name or id [default: the node asked].
        node: Option<String>,
    },
    /// Replace all keys of a board by those of a TLS directory, sealed so that only the board can read them.
    Push {
        /// The board's name or id. With the whole id, the keys are for that board and no other, whatever the node asked says.
        node: String,
        /// The directory with the .crt and .key files.
        dir: PathBuf,
        /// Skip the checks that with these keys the board and the node asked trust each other, and that the board takes the next
        /// keys from you.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum TlsCommand {
    /// Say all that is wrong with TLS directories or with files in PEM, and what to do. It starts nothing and asks no node.
    ///
    /// A directory is checked as a node reads it: which pair is active and which is next, and what keeps it from working now, soon or
    /// after a rotation. Files may be keys, certificates, chains and bundles of CAs; given together, they are checked against each
    /// other.
    #[command(
        after_help = "Exit status: 0 in order (there may be notes); 1 a path cannot be read at all; 2 the command line is \
                            wrong; 3 warnings: it works now, but not for long or not for all; 4 errors: a node would not start, \
                            or a peer would not be accepted."
    )]
    Check {
        /// TLS directories and files [default: --tls-dir].
        #[arg(value_name = "DIR|FILE")]
        paths: Vec<PathBuf>,
        /// The TLS directory of a peer: whether the two nodes accept each other, now and after the next rotation of each.
        #[arg(long, value_name = "DIR")]
        peer: Option<PathBuf>,
    },
}
