//! Why the daemon does not start, or stops.

use core::net::SocketAddr;
use std::io;

use node_core::gossip::PublishError;

use crate::application::BadPart;
use crate::data_dir::DataDirError;
use crate::tls::TlsError;

/// Why the daemon did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The TLS directory is not in order.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The application adds what cannot be added.
    #[error(transparent)]
    Application(#[from] BadPart),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A port cannot be listened on.
    #[error(
        "cannot listen on the {port} port {addr}: {error}; stop what uses it, or choose another by {flag}"
    )]
    Listen {
        /// The port.
        port: &'static str,
        /// Its address.
        addr: SocketAddr,
        /// The system's error.
        error: io::Error,
        /// The flag that changes it.
        flag: &'static str,
    },
    /// The node cannot publish its metadata.
    #[error(
        "{0}: if the node's name (--name), address (--advertise-addr) and components (--component) are many and long, \
         shorten names, or offer some components from another node"
    )]
    Publish(#[from] PublishError),
    /// A subsystem that the daemon needs ended unexpectedly.
    #[error("{subsystem} ended unexpectedly: {why}; that is a bug in maelstromd, start it again")]
    Ended {
        /// The subsystem.
        subsystem: &'static str,
        /// The reason, as far as it is known.
        why: String,
    },
    /// The system refused something that the daemon needs.
    #[error("{what}: {error}")]
    System {
        /// The step that the daemon cannot do.
        what: &'static str,
        /// The system's error.
        error: io::Error,
    },
}

impl DaemonError {
    /// The error for something that the system refused.
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { what, error }
    }
}
