//! Starts the subsystems of the daemon.

use core::net::SocketAddr;
use std::sync::Arc;

use node_core::id::NodeId;
use node_core::link::Limits;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::error::DaemonError;
use super::reload::{Reloader, Source};
use super::sockets::Sockets;
use super::subsystem::Subsystem;
use super::tls_status::watch_tls;
use crate::access::{Access, Credentials};
use crate::api::{About, Api, Connections, PortConnections};
use crate::application::{Application, Parts};
use crate::clock::{Clock, unix_millis};
use crate::cluster::{Cluster, DialRanges, LocalMetadata, Security, Setup, Task};
use crate::config::{Config, HostPort};
use crate::data_dir::DataDir;
use crate::identity::NodeKey;
use crate::link::{KEY_USAGE_LIMIT, Local};
use crate::log;
use crate::log_limit::LogLimit;
use crate::peer::{Logs, Methods, Peers, Services};
use crate::port::admission::{Admission, Places};
use crate::port::gateway_tls::TlsTerminator;
use crate::port::health::Readiness;
use crate::port::private::{Listener, PrivateHttp, Rate};
use crate::port::public::{self, Gateway};
use crate::port::redirect::Redirect;
use crate::proxy::{HealthChecks, Proxy};
use crate::tls::Keyring;
use crate::tls::crl::Fetcher;
use crate::tls::settings::Demand;

/// The limits of a daemon on each link.
pub const LIMITS: Limits = Limits {
    frame: 16 * 1024,
    exchanges: 512,
    exchange_credit: 64 * 1024,
    // The sum of all exchanges, so that readers that stall do not starve others.
    link_credit: 512 * 64 * 1024,
    members: 16_384,
};

/// A daemon that runs.
pub(super) struct Daemon {
    pub(super) application: Arc<Application>,
    pub(super) cluster: Cluster,
    /// The subsystems behind the ports.
    pub(super) inner: Vec<Subsystem>,
    pub(super) ports: Vec<Subsystem>,
    /// Cancelled when an operator asks this node to leave.
    pub(super) asked: CancellationToken,
    /// Cancel it to drain the ports.
    pub(super) drain: CancellationToken,
    /// Cancel it to stop the watches.
    pub(super) stop: CancellationToken,
}

impl Daemon {
    /// Starts all subsystems. The ports open when this node is a member of its own cluster.
    ///
    /// # Errors
    /// [`DaemonError`]: the configuration, the directories or the system do not allow it.
    pub(super) async fn start(config: Config, source: Source, parts: Parts) -> Result<Self, DaemonError> {
        let security = match &config.tls {
            Some(settings) => Security::Tls(Keyring::open_with(settings.clone())?),
            None => Security::Plaintext,
        };
        let terminator = match (&config.gateway.tls, config.public_addr) {
            (Some(settings), Some(_)) => Some(Arc::new(TlsTerminator::open(settings.clone())?)),
            _ => None,
        };
        for note in &config.notes {
            tracing::warn!("{note}");
        }
        let data_dir = DataDir::open(&config.data_dir)?;
        let sockets = Sockets::bind(&config)?;
        let access = Arc::new(access(&config, &security, &data_dir)?);
        let advertised = config.advertised(sockets.private_addr);
        let me = data_dir.id();
        announce(&config, &security, sockets.private_addr, &advertised, me);

        let (cluster, channels) = Cluster::new(me);
        let checks = HealthChecks::open(&config.components)?;
        let proxy = Proxy::new(cluster.clone(), &config.components).bindings(config.bindings.clone());
        let proxy = Arc::new(proxy.health(checks.health()));
        let stop = CancellationToken::new();
        let (asked, drain) = (CancellationToken::new(), CancellationToken::new());
        let (in_force, in_force_now) = watch::channel(config.in_force.clone());
        let connections = Connections::default();
        let about = About {
            config: in_force_now,
            access: access.clone(),
            connections: connections.clone(),
            cluster_id: config.cluster_id.clone(),
            started_at: unix_millis(),
            stop: asked.clone(),
            drain: drain.clone(),
        };
        let (tls, tls_watch) = watch_tls(security.clone(), stop.clone());
        let mut inner = vec![
            Subsystem::endless("the watch over the state of TLS", tls_watch),
            Subsystem::endless("the health checks of components", checks.run(stop.clone())),
        ];
        let readiness = Readiness { tls: tls.clone(), drain: drain.clone() };
        let application = Arc::new(Application::new(cluster.clone(), parts));
        let methods = Arc::new(Methods::new(cluster.clone(), security.clone()));
        let peers = Peers::new(cluster.clone(), methods.clone(), log::ring());
        let api = Arc::new(Api::new(about, cluster.clone(), tls, peers));
        let logs = Logs::new(log::ring(), drain.clone());
        let services = Services::new(methods, api.clone(), application.clone(), proxy.clone(), logs);
        let (task, dialer) = Task::new(Setup {
            channels,
            local: local(&config, data_dir.key()),
            metadata: metadata(&config, &advertised),
            security: security.clone(),
            access: access.clone(),
            dial_ranges: DialRanges { ranges: config.dial_ranges.clone(), join: config.join.clone() },
            max_links: config.max_connections,
            server: Arc::new(services),
            data_dir,
            clock: Clock::start(),
        });
        let http = Arc::new(PrivateHttp {
            api,
            proxy: proxy.clone(),
            access: access.clone(),
            readiness: readiness.clone(),
            limits: config.http,
        });
        match &security {
            Security::Tls(keyring) => {
                let watch = keyring.clone().watch(stop.clone());
                inner.push(Subsystem::endless("the watch over the TLS directory", watch));
                let fetcher = Fetcher::open(keyring.clone(), Some(config.data_dir.join("crl"))).await;
                inner.push(Subsystem::endless("the fetcher of revocation lists", fetcher.run(stop.clone())));
            }
            Security::Plaintext => ignore_hangup()?,
        }
        if let Some(file) = &config.file {
            let file = std::path::absolute(file)
                .map_err(DaemonError::system("cannot find the configuration file"))?;
            let (security, access) = (security.clone(), access.clone());
            let reloader = Reloader {
                source,
                file,
                running: config.clone(),
                config: config.clone(),
                security,
                access,
                in_force,
            };
            inner.push(Subsystem::endless(
                "the watch over the configuration file",
                reloader.run(stop.clone()),
            ));
        }
        let join = config.join;
        inner.push(Subsystem::spawn("the cluster's task", async move {
            task.run(&join).await.map_err(DaemonError::from)
        }));
        // The first request is answered with this node at least.
        cluster.started().await;
        application.subscribe();

        let refusals = LogLimit::of("connections that were refused");
        let places = Places::new(config.max_connections, config.http.per_source);
        let admission = Admission::new("private", places, &[], &connections.private);
        let listener = Listener { security, dialer, http, refusals, admission, rate: Rate::default() };
        let private = listener.serve(sockets.private, drain.clone());
        let mut ports = vec![Subsystem::endless("the private port", private)];
        if let Some(socket) = sockets.public {
            let addr =
                socket.local_addr().map_err(DaemonError::system("cannot tell the gateway's address"))?;
            tracing::info!("gateway listening on {addr}");
            if terminator.is_some() {
                tracing::info!("the gateway speaks TLS, and redirects clients that do not");
            }
            match config.gateway.rules.len() {
                0 => tracing::info!("the gateway serves {}", config.published),
                rules => tracing::info!("the gateway serves by {rules} rules"),
            }
            let redirect = Redirect { https_port: addr.port(), head_timeout: config.http.timeouts.head };
            let trusted = &config.gateway.trusted_proxies;
            if let Some(socket) = sockets.redirect {
                let from =
                    socket.local_addr().map_or_else(|error| error.to_string(), |addr| addr.to_string());
                tracing::info!("redirecting to the gateway from {from}");
                let counts = Arc::new(PortConnections::default());
                let admission = Admission::new("redirect", places, trusted, &counts);
                let port = redirect.serve(socket, admission, drain.clone());
                ports.push(Subsystem::endless("the port that redirects to the gateway", port));
            }
            if let Some(terminator) = &terminator {
                let watch = Arc::clone(terminator).watch(stop.clone());
                inner.push(Subsystem::endless("the watch over the certificates of the gateway", watch));
            }
            let tls = terminator.map(|terminator| (terminator, redirect));
            let admission = Admission::new("public", places, trusted, &connections.gateway);
            let gateway = Gateway {
                proxy,
                published: config.published,
                settings: config.gateway,
                limits: config.http,
                tls,
                readiness,
                admission,
            };
            let public = public::serve(socket, gateway, drain.clone());
            ports.push(Subsystem::endless("the public port", public));
        }
        Ok(Self { application, cluster, inner, ports, asked, drain, stop })
    }
}

/// Without TLS, an operator shows that it can read this node's data directory.
fn access(config: &Config, security: &Security, data_dir: &DataDir) -> Result<Access, DaemonError> {
    let credentials = match security {
        Security::Tls(keyring) => Credentials::Tls(keyring.clone()),
        Security::Plaintext => Credentials::Token(data_dir.make_token()?),
    };
    let access = Access::new(credentials, config.roles.clone());
    access.allow(config.allowed_ids.clone());
    Ok(access)
}

fn local(config: &Config, key: Arc<NodeKey>) -> Local {
    Local {
        key,
        cluster: config.cluster_id.as_str().to_owned(),
        limits: LIMITS,
        key_usage_limit: KEY_USAGE_LIMIT,
    }
}

fn metadata(config: &Config, advertised: &HostPort) -> LocalMetadata {
    LocalMetadata {
        name: config.name.clone(),
        addrs: vec![advertised.to_string()],
        components: config.components.iter().map(|component| component.name.as_str().to_owned()).collect(),
    }
}

/// Without TLS there are no keys to read again. The default action of SIGHUP would end the process.
fn ignore_hangup() -> Result<(), DaemonError> {
    let hangup = signal(SignalKind::hangup());
    let mut hangup = hangup.map_err(DaemonError::system("cannot wait for SIGHUP"))?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!("SIGHUP: there are no keys to read again, this node has no TLS directory");
        }
    });
    Ok(())
}

fn announce(
    config: &Config,
    security: &Security,
    private_addr: SocketAddr,
    advertised: &HostPort,
    me: NodeId,
) {
    let (name, cluster) = (&config.name, &config.cluster_id);
    tracing::info!(%name, id = %me, %cluster, "maelstromd {}", env!("CARGO_PKG_VERSION"));
    match security {
        Security::Tls(_) => {
            let demand = config.tls.as_ref().map(|settings| settings.listening.demand);
            let how = match demand {
                Some(Demand::Nothing | Demand::IfShown) => "TLS that asks nobody for a certificate",
                Some(Demand::Always) | None => "mutual TLS",
            };
            tracing::info!("private port listening on {private_addr} with {how}, advertised as {advertised}");
        }
        Security::Plaintext => {
            tracing::info!(
                "private port listening on {private_addr} without TLS, advertised as {advertised}"
            );
            tracing::warn!(
                "PLAINTEXT: whoever reaches {private_addr} can join the cluster; set MAEL_PRIVATE_TLS_DIR for mutual TLS"
            );
        }
    }
}
