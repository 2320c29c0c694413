//! A chat room: an application that runs a node in its process.
//!
//! The node that hosts the room has a method, *say*, and publishes what is said on a topic. The others subscribe to the topic, and
//! call the method for each line of their standard input. The first argument is the name of the host. What follows `--` are the flags
//! of `maelstromd`. In three terminals, without TLS on one machine:
//!
//! ```text
//! cargo run --example chat host -- --name host --private-addr 127.0.0.1:8374 --data-dir /tmp/host
//! cargo run --example chat host -- --name ada --private-addr 127.0.0.1:0 --join 127.0.0.1:8374 --data-dir /tmp/ada
//! cargo run --example chat host -- --name ben --private-addr 127.0.0.1:0 --join 127.0.0.1:8374 --data-dir /tmp/ben
//! ```

use core::time::Duration;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use clap::Parser;
use node_core::rpc::Code;
use node_std::application::{Event, Failure, Handle};
use node_std::config::{Config, Environment, Flags};
use node_std::daemon::{Builder, Source};
use node_std::log;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// The method by which a line reaches the host.
const SAY: u16 = 0x1000;
/// The topic on which the host publishes it.
const TOPIC: &str = "chat";
/// How long a line may take.
const BUDGET: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let host = arguments.next().ok_or("say the name of the node that hosts the room")?;
    let flags = Flags::parse_from([program].into_iter().chain(arguments.skip_while(|word| word == "--")));
    let source = Source { flags, environment: Environment::of_process() };
    let config = Config::resolve(source.flags.clone(), source.environment.clone())?;
    let _log = log::start(log::parse(&config.log)?);
    let name = config.name.to_string();

    let builder = Builder::new(config, source);
    let builder = if name == host { hosting(builder) } else { builder.subscribe(&host, TOPIC, show) };
    let node = builder.start().await?;
    if name == host {
        let _ = ROOM.set(node.handle());
    } else {
        tokio::spawn(talk(node.handle(), host, name));
    }
    Ok(node.run().await?)
}

/// The node of the host, for its method. A method exists before the node does.
static ROOM: OnceLock<Handle> = OnceLock::new();

/// Adds what the host has.
fn hosting(builder: Builder) -> Builder {
    builder.publishes(TOPIC).method(SAY, "say", |call| async move {
        let line =
            str::from_utf8(&call.body).map_err(|_| Failure::new(Code::BadRequest, "this is no text"))?;
        let room = ROOM.get().ok_or_else(|| Failure::new(Code::Internal, "the room is not open yet"))?;
        let listeners = room.publish(TOPIC, line.as_bytes());
        let listeners = listeners.map_err(|error| Failure::new(Code::BadRequest, error.to_string()))?;
        Ok(Bytes::from(listeners.to_string()))
    })
}

/// Prints what somebody said.
async fn show(event: Event) {
    println!("{}", String::from_utf8_lossy(&event.data));
}

/// Sends each line of the standard input to the host.
async fn talk(node: Handle, host: String, name: String) {
    let (node, mut lines) = (Arc::new(node), BufReader::new(stdin()).lines());
    while let Ok(Some(line)) = lines.next_line().await {
        let said = Bytes::from(format!("{name}: {line}"));
        let answer = match node.find(&host) {
            Some(host) => node.call(host, SAY, BUDGET, said).await.map_err(|error| error.to_string()),
            None => Err(format!("{host} is not there")),
        };
        if let Err(problem) = answer {
            let _ = writeln!(std::io::stderr(), "not said: {problem}");
        }
    }
}
