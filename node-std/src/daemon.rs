//! The daemon: puts the parts together, runs them, and takes them down in order.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use node_core::link::Limits;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::api::{About, Api};
use crate::clock::{Clock, unix_millis};
use crate::cluster::{Cluster, Description, Security, Task};
use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError};
use crate::gateway;
use crate::link::{Identity, RECORDS};
use crate::log_limit::LogLimit;
use crate::part::{Part, first_fault};
use crate::port::http::PrivateHttp;
use crate::port::listener::Listener;
use crate::proxy::Proxy;
use crate::remote::{Peers, watch_tls};
use crate::services::Services;
use crate::tls::{Keyring, TlsError};

/// How long requests under way may take when the daemon is told to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// A signal that comes this soon after the first is the same one: timeout(1) sends it to its child and to the child's
/// group.
const ECHO: Duration = Duration::from_secs(1);
/// How long links may take to end after that.
const LEAVE: Duration = Duration::from_secs(10);

/// What a daemon takes on each link.
pub const LIMITS: Limits = Limits {
    frame: 16 * 1024,
    exchanges: 512,
    exchange_credit: 64 * 1024,
    // As much as all exchanges together, so that readers that stand still starve nobody else.
    link_credit: 512 * 64 * 1024,
    members: 16_384,
};

/// Why the daemon did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The TLS directory is not in order.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A port cannot be listened on.
    #[error(
        "cannot listen on the {port} port {addr}: {error}; stop what uses it, or choose another by {flag}"
    )]
    Listen {
        /// Which port.
        port: &'static str,
        /// Its address.
        addr: SocketAddr,
        /// What the system said.
        error: io::Error,
        /// The flag that changes it.
        flag: &'static str,
    },
    /// The node's description is too long.
    #[error(
        "the node's name (--name), address (--advertise-addr) and components (--component) together take more than \
         the 768 bytes that are spread of a node: shorten names, or offer some components from another node"
    )]
    Description,
    /// A part that the daemon cannot do without ended by itself.
    #[error("{part} ended though nobody asked it to: {why}; that is a mistake in maelstromd, start it again")]
    Ended {
        /// Which part.
        part: &'static str,
        /// What is known of the reason.
        why: String,
    },
    /// Something that the system should give was not given.
    #[error("{what}: {error}")]
    System {
        /// What was wanted.
        what: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// Runs a node until it is told to stop by SIGTERM or SIGINT.
///
/// # Errors
/// [`DaemonError`] when it cannot start, or when a part of it fails.
pub async fn run(config: Config) -> Result<(), DaemonError> {
    let system = |what| move |error| DaemonError::System { what, error };
    let mut terminate = signal(SignalKind::terminate()).map_err(system("cannot wait for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("cannot wait for SIGINT"))?;
    let security = match &config.tls_dir {
        Some(dir) => Security::Tls(Keyring::open(dir)?),
        None => Security::Plaintext,
    };
    let data_dir = DataDir::open(&config.data_dir)?;
    let private = listen("private", config.private_addr, "--private-addr or MAEL_PRIVATE_PORT").await?;
    let public = match config.public_addr {
        Some(addr) => Some(listen("public", addr, "--public-addr or MAEL_PUBLIC_PORT").await?),
        None => None,
    };
    let bound = private.local_addr().map_err(system("cannot tell the private port's address"))?;
    let advertised = config.advertised(bound);
    let me = data_dir.id();
    announce(&config, &security, (bound, &advertised.to_string()), me);

    let clock = Clock::start();
    let stop = CancellationToken::new();
    let (cluster, seat) = Cluster::new(me);
    let proxy = Arc::new(Proxy::new(cluster.clone(), &config.components));
    let services = Arc::new(Services::new(cluster.clone(), security.clone(), proxy.clone()));
    let identity =
        Identity { id: me, cluster: config.cluster_id.as_str().to_owned(), limits: LIMITS, records: RECORDS };
    let description = Description {
        name: config.name.clone(),
        addrs: vec![advertised.to_string()],
        components: config.components.iter().map(|component| component.name.as_str().to_owned()).collect(),
    };
    let (task, dialer) =
        Task::new(seat, (identity, description), (security.clone(), services), (data_dir, clock));
    let (asked, drain) = (CancellationToken::new(), CancellationToken::new());
    let about = About {
        cluster_id: config.cluster_id.clone(),
        started_at: unix_millis(),
        stop: asked.clone(),
        drain: drain.clone(),
    };
    let (tls, watching) = watch_tls(security.clone(), stop.clone());
    let mut inner = vec![Part::spawn("the watch over the state of TLS", async {
        watching.await;
        Ok(())
    })];
    let api = Arc::new(Api::new(about, cluster.clone(), tls, Peers::new(cluster.clone())));
    let http = Arc::new(PrivateHttp { api, proxy: proxy.clone() });
    match &security {
        Security::Tls(keyring) => {
            let watching = keyring.clone().watch(stop.clone());
            inner.push(Part::spawn("the watch over the TLS directory", async {
                watching.await;
                Ok(())
            }));
        }
        // Left to itself, the signal that reloads keys elsewhere would end this process.
        Security::Plaintext => {
            let mut hangup = signal(SignalKind::hangup()).map_err(system("cannot wait for SIGHUP"))?;
            tokio::spawn(async move {
                while hangup.recv().await.is_some() {
                    tracing::info!("SIGHUP: there are no keys to read again, this node has no TLS directory");
                }
            });
        }
    }

    inner.push(Part::spawn("the cluster's task", async move {
        task.run(&config.join).await.map_err(|_| DaemonError::Description)
    }));
    // Whoever asks is answered with this node at least.
    cluster.started().await;
    let listener =
        Listener { security, dialer, http, refusals: LogLimit::of("connections that were refused") };
    let serving = listener.serve(private, drain.clone());
    let mut ports = vec![Part::spawn("the private port", async {
        serving.await;
        Ok(())
    })];
    if let Some(public) = public {
        let addr = public.local_addr().map_or_else(|error| error.to_string(), |addr| addr.to_string());
        tracing::info!("gateway listening on {addr}");
        let serving = gateway::serve(public, proxy, drain.clone());
        ports.push(Part::spawn("the public port", async {
            serving.await;
            Ok(())
        }));
    }

    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: leaving and draining"),
        _ = interrupt.recv() => tracing::info!("SIGINT: leaving and draining"),
        () = asked.cancelled() => tracing::info!("an operator says so: leaving and draining"),
        error = first_fault(&mut inner) => return Err(error),
        error = first_fault(&mut ports) => return Err(error),
    }
    drain.cancel();
    let told = Instant::now();
    let drained = async {
        cluster.announce_leave().await;
        // Requests under way may need other nodes, so the links go on until they are answered.
        let answered = async {
            for port in ports {
                port.over().await;
            }
        };
        if tokio::time::timeout(DRAIN, answered).await.is_err() {
            tracing::warn!("leaving with requests under way: they took longer than {} s", DRAIN.as_secs());
        }
        cluster.leave(LEAVE).await;
    };
    let again = async {
        loop {
            let signal = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if told.elapsed() >= ECHO {
                return signal;
            }
        }
    };
    tokio::select! {
        () = drained => {}
        signal = again => tracing::warn!("stopping at once: a second {signal}"),
    }
    stop.cancel();
    tracing::info!("stopped");
    Ok(())
}

async fn listen(
    port: &'static str,
    addr: SocketAddr,
    flag: &'static str,
) -> Result<TcpListener, DaemonError> {
    TcpListener::bind(addr).await.map_err(|error| DaemonError::Listen { port, addr, error, flag })
}

fn announce(
    config: &Config,
    security: &Security,
    (bound, advertised): (SocketAddr, &str),
    me: node_core::id::NodeId,
) {
    let (name, cluster) = (&config.name, &config.cluster_id);
    tracing::info!(%name, id = %me, %cluster, "maelstromd {}", env!("CARGO_PKG_VERSION"));
    match security {
        Security::Tls(_) => tracing::info!(
            "private port listening on {bound} with mutual TLS, told to others as {advertised}"
        ),
        Security::Plaintext => {
            tracing::info!("private port listening on {bound} without TLS, told to others as {advertised}");
            tracing::warn!(
                "PLAINTEXT: whoever reaches {bound} is a member; set MAEL_PRIVATE_TLS_DIR for mutual TLS"
            );
        }
    }
}
