//! Calls over one mutual-TLS link: this process at one end, a maelstromd at the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use node_core::gossip::{Direction, Kind, Metadata, State};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Limits, Open, Service};
use node_core::rpc::Method;
use node_core::wire::record::MAX_METADATA;
use node_std::clock::Clock;
use node_std::daemon::LIMITS;
use node_std::identity::NodeKey;
use node_std::link::{
    Accepted, Greeting, KEY_USAGE_LIMIT, LinkEvent, LinkHandle, LinkTask, Local, Origin, Outcome, Server,
};
use node_std::tls::{Keyring, channel};
use node_tests::daemon::{Daemon, Setup};
use node_tests::pki::{Algorithm, TlsDir};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsConnector;

use crate::report::{Rate, Stopwatch};

const BODY: usize = 128;
/// A ping to the node at the other end of the link.
const PING: Open = Open { to: None, hops: 1, budget_ms: 5000, service: Service::Rpc(Method::Ping as u16) };

/// Measures 1, 16 and 128 calls together, each for `time`.
///
/// # Errors
///
/// The daemon does not start, or a call fails.
pub fn measure(time: Duration) -> Result<Vec<Rate>> {
    let keys = TlsDir::generate(Algorithm::P256)?;
    let daemon = Setup::named("server")?.tls(keys.path()).start()?;
    // One thread, for one link is one task. The daemon shows the gain of a second core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let link = link(&daemon, &keys).await?;
        call_for(&link, 16, Duration::from_millis(300)).await?;
        let mut rates = Vec::new();
        for at_once in [1, 16, 128] {
            let pids = [daemon.pid()];
            let stopwatch = Stopwatch::start(&pids)?;
            let count = call_for(&link, at_once, time).await?;
            let times = stopwatch.stop(&pids)?;
            rates.push(Rate::new("128-byte RPC over one mutual-TLS link", at_once, count, times));
        }
        Ok(rates)
    })
}

/// Calls from `at_once` tasks until `time` is over, and returns how many were answered.
async fn call_for(link: &LinkHandle, at_once: usize, time: Duration) -> Result<u64> {
    let end = Instant::now() + time;
    let callers = (0..at_once).map(|_| {
        let (link, body) = (link.clone(), Bytes::from_static(&[7; BODY]));
        tokio::spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                let answer = link.call(PING, body.clone(), 2 * BODY).await?;
                ensure!(answer.len() > BODY, "{} bytes came back", answer.len());
                count += 1;
            }
            Ok(count)
        })
    });
    let mut count = 0;
    for caller in callers.collect::<Vec<_>>() {
        count += caller.await??;
    }
    Ok(count)
}

async fn link(daemon: &Daemon, keys: &TlsDir) -> Result<LinkHandle> {
    let keyring = Keyring::open(keys.path())?;
    let stream = TcpStream::connect(daemon.private()).await?;
    stream.set_nodelay(true)?;
    let carrier = TlsConnector::from(keyring.link_client_config().config)
        .connect(keyring.server_name("127.0.0.1:1"), stream)
        .await?;
    let channel = channel(carrier.get_ref().1, keyring.active().certificate)?;
    let (key, _) = NodeKey::generate()?;
    let mut metadata = [0; MAX_METADATA];
    let described = Metadata { identity: key.public(), ..Metadata::new("bench", Kind::Leaf) };
    let length = described.encode(&mut metadata).ok().context("a name")?.len();
    let mut metadata = metadata[..length].to_vec();
    let local = Local {
        key: Arc::new(key),
        cluster: "maelstrom".into(),
        limits: Limits { members: 16, ..LIMITS },
        key_usage_limit: KEY_USAGE_LIMIT,
    };
    let origin = Origin {
        direction: Direction::Accepted,
        address: daemon.private().to_string(),
        channel,
        shown: None,
        session: None,
    };
    local.identity().sign_record(1, &mut metadata)?;
    let (_greeting, greeting) = watch::channel(Greeting { incarnation: 1, state: State::Alive, metadata });
    let (sender, mut events) = mpsc::channel(64);
    tokio::spawn(async move {
        let task = LinkTask {
            id: LinkId(1),
            origin,
            local: &local,
            greeting,
            server: Arc::new(Nothing),
            events: sender,
            clock: Clock::start(),
        };
        task.run(carrier).await;
    });
    loop {
        match events.recv().await.context("the link came to nothing")? {
            LinkEvent::Up { link, .. } => {
                // The gossip of the daemon has to be taken.
                tokio::spawn(async move { while events.recv().await.is_some() {} });
                return Ok(link);
            }
            LinkEvent::Down { outcome: Outcome { error, .. }, .. } => anyhow::bail!("no link: {error:?}"),
            _ => {}
        }
    }
}

/// This end offers nothing.
struct Nothing;

impl Server for Nothing {
    fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn serve(&self, _: NodeId, _: Accepted) {}
}
