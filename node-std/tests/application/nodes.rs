//! Nodes in this process.

use core::time::Duration;
use std::path::Path;

use clap::Parser as _;
use node_core::id::NodeId;
use node_std::application::Handle;
use node_std::config::{Config, Environment, Flags};
use node_std::daemon::{Builder, Node, Source};
use tempfile::TempDir;

/// Longest wait for what is to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A builder of a node without TLS, on a port of its own, which joins through `join`.
pub fn builder(name: &str, home: &Path, join: Option<&Handle>) -> Builder {
    let mut flags = vec!["maelstromd".to_owned(), format!("--data-dir={}", home.display())];
    flags.extend([format!("--name={name}"), "--private-addr=127.0.0.1:0".to_owned()]);
    flags.extend(join.map(|node| format!("--join={}", address(node))));
    let source =
        Source { flags: Flags::try_parse_from(flags).unwrap(), environment: Environment::of_process() };
    let config = Config::resolve(source.flags.clone(), source.environment.clone()).unwrap();
    Builder::new(config, source)
}

fn address(node: &Handle) -> String {
    node.cluster().view().member(node.id()).unwrap().addrs[0].clone()
}

/// Two nodes that are one cluster.
pub struct Pair {
    /// The first.
    pub ada: Node,
    /// The second, which joined through the first.
    pub ben: Node,
    _homes: [TempDir; 2],
}

impl Pair {
    /// Starts them, with what these add.
    pub async fn start(ada: impl FnOnce(Builder) -> Builder, ben: impl FnOnce(Builder) -> Builder) -> Self {
        let homes = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let ada = ada(builder("ada", homes[0].path(), None)).start().await.unwrap();
        let ben = ben(builder("ben", homes[1].path(), Some(&ada.handle()))).start().await.unwrap();
        let pair = Self { ada, ben, _homes: homes };
        see(&pair.ada.handle(), "ben").await;
        see(&pair.ben.handle(), "ada").await;
        pair
    }

    /// The second node and the id of the first.
    pub fn ben_to_ada(&self) -> (Handle, NodeId) {
        (self.ben.handle(), self.ada.handle().id())
    }
}

/// Waits until a node knows a member of this name.
pub async fn see(node: &Handle, name: &str) {
    eventually(|| node.find(name)).await;
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            match ask() {
                Some(answer) => return answer,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap()
}
