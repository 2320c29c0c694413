//! The command line of `maelctl`.

use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Steers a Maelstrom cluster through one of its nodes.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "maelctl",
    version,
    after_help = "Exit status: 0 done; 1 the node refuses, fails or is not reached; 2 the command line is wrong."
)]
pub struct Flags {
    #[command(flatten)]
    pub(super) target: Target,

    /// Print what the node answered, as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// How long to wait for the answer, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    #[command(subcommand)]
    pub(super) command: Command,
}

impl Flags {
    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// Whom to ask.
#[derive(Clone, Debug, Args)]
pub(super) struct Target {
    /// The private port of a node [default: http://127.0.0.1:8374, or https with a TLS directory]; the port is 8374
    /// if the URL names none.
    #[arg(long, global = true, value_name = "URL", env = "MAELSTROM_PRIVATE_URL")]
    pub(super) url: Option<String>,

    /// The TLS directory whose active key is shown to the node.
    #[arg(long, global = true, value_name = "DIR", env = "MAEL_PRIVATE_TLS_DIR")]
    // Text of any kind, since the variable may be set to nothing.
    pub(super) tls_dir: Option<OsString>,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// The cluster as a whole.
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Ask a node for a sign of life and measure the round trip.
    Ping {
        /// Its name or id.
        node: String,
    },
    /// The keys of a node.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The version of this program.
    Version,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// List all nodes.
    Nodes,
    /// List what happened to nodes since the node that is asked was started, as it learned it.
    Events {
        /// Go on listing what happens, until interrupted. With --json one event a line.
        #[arg(long)]
        follow: bool,
    },
    /// List the links of the node that is asked.
    Links,
    /// Make the node that is asked leave the cluster and stop.
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
        /// Its name or id; the node that is asked, if left out.
        node: Option<String>,
    },
    /// Bring a TLS directory to a board, replacing all its keys in one step.
    Push {
        /// The board's name or id.
        node: String,
        /// The directory with the .crt and .key files.
        dir: PathBuf,
        /// Also keys with which the board and the node that is asked would not trust each other.
        #[arg(long)]
        force: bool,
    },
}
