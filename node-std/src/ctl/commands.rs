//! The question that each command asks of a node.

use core::convert::Infallible;
use core::time::Duration;
use std::io::Write;

use serde_json::{Map, Value, json};

use super::client::{Client, read};
use super::error::CtlError;
use super::flags::{ClusterCommand, Command, ConfigCommand, Flags, KeysCommand};
use super::push::{self, Push};
use super::render;
use crate::api::{ConfigAnswer, EventList, KeyList, LeaveAnswer};
use crate::tls::{read_bundle, read_operator};

/// Most answers that are asked for. A node keeps fewer events, even while new ones come.
const MAX_ANSWERS: usize = 64;

/// How long one request waits for events.
const FOLLOW: Duration = Duration::from_secs(20);

/// Runs a command and returns the text to print.
pub async fn run(client: &Client, flags: &Flags) -> Result<String, CtlError> {
    let (method, params) = match &flags.command {
        Command::Cluster(ClusterCommand::Nodes) => ("NodeService.ListNodeStatus", json!({})),
        Command::Cluster(ClusterCommand::Events { .. }) => ("MaelNode.ListEvents", json!({})),
        Command::Cluster(ClusterCommand::Links) => ("MaelNode.ListLinks", json!({})),
        Command::Cluster(ClusterCommand::Leave) => ("MaelNode.Leave", json!({})),
        Command::Cluster(ClusterCommand::Remove { node }) => ("MaelNode.RemoveNode", json!({"node": node})),
        Command::Ping { node } => ("MaelNode.Ping", json!({"node": node})),
        Command::Counters { node } => ("MaelNode.GetCounters", json!({"node": node})),
        Command::Call(call) => call.question()?,
        Command::Keys(KeysCommand::Ls { node: None }) => ("MaelNode.ListKeys", json!({})),
        Command::Keys(KeysCommand::Ls { node: Some(node) }) => ("MaelNode.ListKeys", json!({"node": node})),
        Command::Keys(KeysCommand::Push { .. }) => ("MaelNode.PushKeys", json!({})),
        Command::Config(ConfigCommand::Show) => ("MaelNode.ShowConfig", json!({})),
        // They are answered elsewhere.
        Command::Cert(_) | Command::Logs(_) | Command::Provision(_) | Command::Tls(_) | Command::Version => {
            return Ok(version(flags.json));
        }
    };
    let timeout = flags.timeout();
    let late = |_| client.late(timeout);
    let result = match &flags.command {
        Command::Keys(KeysCommand::Push { node, dir, force }) => {
            let sealing_dir = client.sealing_dir()?;
            // What is wrong with the keys matters only to a board.
            tokio::time::timeout(timeout, push::find_board(client, node)).await.map_err(late)??;
            let operator = read_operator(sealing_dir)?;
            let (keyring, force) = (read_bundle(dir)?, *force);
            Push { node: client, board: node, dir, keyring, operator, force, timeout }.run().await?
        }
        Command::Cluster(ClusterCommand::Events { .. }) => {
            json!(tokio::time::timeout(timeout, all_events(client, method)).await.map_err(late)??)
        }
        Command::Counters { .. } => {
            tokio::time::timeout(timeout, counters(client, method, params)).await.map_err(late)??
        }
        _ => tokio::time::timeout(timeout, client.call(method, params)).await.map_err(late)??,
    };
    if let Command::Call(call) = &flags.command {
        return call.show(result, flags.json);
    }
    if flags.json {
        return Ok(format!("{result:#}\n"));
    }
    Ok(match &flags.command {
        Command::Cluster(ClusterCommand::Nodes) => render::nodes(&read(result)?),
        Command::Cluster(ClusterCommand::Events { .. }) => {
            read::<EventList>(result)?.events.iter().map(render::event).collect()
        }
        Command::Cluster(ClusterCommand::Links) => render::links(&read(result)?),
        Command::Cluster(ClusterCommand::Leave) => {
            format!("{} leaves the cluster and stops\n", render::short(&read::<LeaveAnswer>(result)?.node_id))
        }
        Command::Cluster(ClusterCommand::Remove { node }) => format!("{node} is no longer in the cluster\n"),
        Command::Ping { .. } => render::pong(&read(result)?),
        Command::Counters { .. } => render::counters(&read(result.clone())?, &read(result)?),
        Command::Keys(KeysCommand::Ls { .. }) => render::slots(&read::<KeyList>(result)?.slots),
        Command::Keys(KeysCommand::Push { node, dir, .. }) => {
            format!("{node} runs on the keys of {}\n", dir.display())
        }
        Command::Config(ConfigCommand::Show) => render::config(&read::<ConfigAnswer>(result)?.settings),
        Command::Call(_)
        | Command::Cert(_)
        | Command::Logs(_)
        | Command::Provision(_)
        | Command::Tls(_)
        | Command::Version => version(false),
    })
}

/// What a board counts, and beside it its status: uptime, links and used stack.
async fn counters(client: &Client, method: &str, params: Value) -> Result<Value, CtlError> {
    let mut counted: Map<String, Value> = read(client.call(method, params.clone()).await?)?;
    counted.extend(read::<Map<String, Value>>(client.call("MaelNode.GetStatus", params).await?)?);
    Ok(counted.into())
}

/// All events that the node keeps. One answer holds only a part of them.
async fn all_events(client: &Client, method: &str) -> Result<EventList, CtlError> {
    let mut all: EventList = read(client.call(method, json!({})).await?)?;
    for _ in 0..MAX_ANSWERS {
        let more: EventList = read(client.call(method, json!({"after": all.last})).await?)?;
        if more.events.is_empty() {
            break;
        }
        all.last = more.last;
        all.events.extend(more.events);
    }
    Ok(all)
}

/// Prints events as they happen, until interrupted.
pub async fn follow(client: &Client, json: bool, out: &mut impl Write) -> Result<Infallible, CtlError> {
    let mut last = None;
    loop {
        let params = json!({"after": last.unwrap_or(0), "waitMs": FOLLOW.as_millis()});
        let answered = tokio::time::timeout(2 * FOLLOW, client.call("MaelNode.ListEvents", params)).await;
        let list: EventList = read(answered.map_err(|_| client.late(2 * FOLLOW))??)?;
        let missed = missed(last, &list);
        if missed > 0 && !json {
            writeln!(out, "… events missed: {missed}").map_err(CtlError::Output)?;
        }
        for event in &list.events {
            let line = if json { format!("{}\n", json!(event)) } else { render::event(event) };
            // The reader may be gone, as in `maelctl … | head`.
            out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(CtlError::Output)?;
        }
        last = Some(list.last);
    }
}

/// How many events after `last` the node no longer kept when it was asked. Events before the first request do not count.
fn missed(last: Option<u64>, list: &EventList) -> u64 {
    let first = list.events.first().map(|event| event.number);
    first.zip(last).map_or(0, |(first, last)| first.saturating_sub(last.saturating_add(1)))
}

/// The version of this program.
pub fn version(json: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if json { format!("{:#}\n", json!({"version": version})) } else { format!("maelctl {version}\n") }
}
