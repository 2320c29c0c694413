//! Memory of a daemon for each idle HTTPS connection, beside nginx, and for each idle link.
//!
//! It is the resident memory with so many of them minus that without, divided by their number. Buffers of the kernel are not in it.

mod https;
mod link;
mod memory;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use node_std::tls::Keyring;
use node_tests::daemon::{Daemon, Setup};
use node_tests::pki::{Algorithm, TlsDir};
use tokio::task::JoinSet;

use crate::hops::nginx;
use link::Member;
use table::{Row, Table};

/// How many.
#[derive(clap::Args)]
pub struct Arguments {
    /// Idle HTTPS connections
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=10_000))]
    connections: u32,
    /// Idle links, each to a member of its own
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=10_000))]
    links: u32,
}

/// Connections that are opened at once: few, for a process keeps memory that it needed for a moment.
const AT_ONCE: usize = 16;
/// The time for what a connection needed to be freed, and for buffers to be lent back.
const SETTLING: Duration = Duration::from_secs(2);
/// Files beside the connections.
const FILES: u64 = 256;

/// Measures all.
///
/// # Errors
///
/// A program does not start, the system allows too few open files, or a connection was not kept until it was measured.
pub fn measure(arguments: &Arguments) -> Result<Table> {
    let Arguments { connections, links } = *arguments;
    memory::allow_files(u64::from(connections.max(links)) + 2 * FILES)?;
    let keys = TlsDir::generate(Algorithm::P256)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let keyring = Keyring::open(keys.path())?;
    let mut rows = Vec::new();
    runtime.block_on(async {
        let daemon = daemon(&keys, connections)?;
        let ours = connections_of(&keyring, daemon.private(), daemon.pid(), connections);
        let ours = ours.await.context("HTTPS connections to maelstromd")?;
        let nginx = nginx::health(&keys)?;
        let theirs = connections_of(&keyring, nginx.addr, nginx.pid(), connections);
        let theirs = theirs.await.context("HTTPS connections to nginx")?;
        rows.push(Row { what: "HTTPS connection", count: connections, ours, nginx: Some(theirs) });
        anyhow::Ok(())
    })?;
    runtime.block_on(async {
        let [link, member] = links_of(&keyring, &daemon(&keys, links)?, links).await.context("links")?;
        rows.push(Row { what: "link", count: links, ours: link, nginx: None });
        rows.push(Row { what: "member without a link", count: links, ours: member, nginx: None });
        anyhow::Ok(())
    })?;
    Ok(Table { rows })
}

fn daemon(keys: &TlsDir, connections: u32) -> Result<Daemon> {
    let most = u64::from(connections) + FILES;
    Setup::named("idle")?.tls(keys.path()).flag("--max-connections", &most.to_string()).start()
}

/// Bytes for each of `count` connections to the server with this address and process id.
async fn connections_of(keyring: &Arc<Keyring>, addr: SocketAddr, pid: u32, count: u32) -> Result<f64> {
    let open = || {
        let keyring = Arc::clone(keyring);
        async move { https::open(&keyring, addr).await }
    };
    // The first ones make what the server has once.
    drop(all((0..AT_ONCE).map(|_| open())).await?);
    let before = settled(pid).await?;
    let connections = all((0..count).map(|_| open())).await?;
    let after = settled(pid).await?;
    let kept = connections.iter().filter(|connection| https::is_open(connection)).count();
    ensure!(
        kept == connections.len(),
        "{kept} of {count} were still open when they were measured: measure fewer"
    );
    Ok(each(before, after, count))
}

/// Bytes for each of `count` links, and for each of the members. The members link once before, a few at a time, so that the
/// daemon knows them when the memory without links is measured.
async fn links_of(keyring: &Arc<Keyring>, daemon: &Daemon, count: u32) -> Result<[f64; 2]> {
    let (addr, pid) = (daemon.private(), daemon.pid());
    let link = |member: &Arc<Member>, incarnation| {
        let (member, keyring) = (Arc::clone(member), Arc::clone(keyring));
        async move { member.link(addr, &keyring, incarnation).await }
    };
    let members: Vec<_> = (0..count).map(|_| Member::new().map(Arc::new)).collect::<Result<_>>()?;
    let (first, others) = members.split_at(AT_ONCE);
    drop(all(first.iter().map(|member| link(member, 1))).await?);
    let empty = settled(pid).await?;
    for some in others.chunks(AT_ONCE) {
        drop(all(some.iter().map(|member| link(member, 1))).await?);
    }
    let known = settled(pid).await?;
    let links = all(members.iter().map(|member| link(member, 2))).await?;
    let linked = settled(pid).await?;
    let kept = links.iter().filter(|link| link.is_up()).count();
    ensure!(
        kept == links.len(),
        "{kept} of {count} were still up when they were measured: there is no place for more"
    );
    Ok([each(known, linked, count), each(empty, known, u32::try_from(others.len())?)])
}

/// Does all of it, a few at a time.
async fn all<T: Send + 'static>(
    tasks: impl Iterator<Item = impl Future<Output = Result<T>> + Send + 'static>,
) -> Result<Vec<T>> {
    let (mut running, mut done) = (JoinSet::new(), Vec::new());
    for task in tasks {
        if running.len() == AT_ONCE
            && let Some(one) = running.join_next().await
        {
            done.push(one??);
        }
        running.spawn(task);
    }
    while let Some(one) = running.join_next().await {
        done.push(one??);
    }
    Ok(done)
}

async fn settled(pid: u32) -> Result<u64> {
    tokio::time::sleep(SETTLING).await;
    memory::resident(pid)
}

fn each(before: u64, after: u64, count: u32) -> f64 {
    (after as f64 - before as f64) / f64::from(count)
}
