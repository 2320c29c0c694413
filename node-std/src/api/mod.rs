//! JSON-RPC 2.0 on the private port, `POST /_mael/v1`: single requests, batches and Barrister's introspection.
//! Methods and fields have Maelstrom's names where Maelstrom has them. Times are Unix milliseconds.
//!
//! | method                      | parameters        | result                                            |
//! |-----------------------------|-------------------|---------------------------------------------------|
//! | `NodeService.ListNodeStatus`| none              | all members, as this node knows them              |
//! | `NodeService.GetStatus`     | none              | this node in detail                               |
//! | `MaelNode.Ping`             | `node`            | round-trip time to a node, and the hub in between |
//! | `MaelNode.GetStatus`        | `node`?           | a node in brief, this one by default              |
//! | `MaelNode.ListMembers`      | `node`?           | the members that a node knows                     |
//! | `MaelNode.ListComponents`   | `node`?           | the components that a node offers                 |
//! | `MaelNode.GetCounters`      | `node`            | what a board counts                               |
//! | `MaelNode.ListKeys`         | `node`?           | the keyring of a node                             |
//! | `MaelNode.PushKeys`         | `node`, `bundle`  | replaces the keyring of a board by a sealed one   |
//! | `MaelNode.ListEvents`       | `after`?, `waitMs`?| state changes of members, as this node saw them  |
//! | `MaelNode.ListLinks`        | none              | the links of this node                            |
//! | `MaelNode.RemoveNode`       | `node`            | takes a member that is down out of the cluster    |
//! | `MaelNode.Leave`            | none              | this node leaves the cluster and stops            |
//! | `MaelNode.ShowConfig`       | none              | the settings of this node and where they come from|
//! | `MaelNode.Call`             | `node`, `method`, `params`? | a method of any node, if it only reads  |
//! | `MaelNode.CallMethod`       | `node`, `method`, `body`? | a method of an application on another node|
//! | `barrister-idl`             | none              | the description of this interface                 |
//!
//! A `node` is a name or an id. A request in a batch cannot use `waitMs`. `PushKeys`, `RemoveNode`, `Leave`, `ShowConfig` and `CallMethod` need
//! the role operator, the others any role.
//!
//! A request goes through the files from left to right, and a file uses only files to its right:
//!
//! ```text
//! http -> envelope -> dispatch -> methods -> { status, cluster, peers } -> { service, connections, node, keyring, machine } -> answer -> error
//!                                    +-----> { params, idl }
//! ```

mod answer;
mod cluster;
mod connections;
mod dispatch;
mod envelope;
mod error;
mod http;
mod idl;
mod keyring;
mod logs;
mod machine;
mod methods;
mod node;
mod params;
mod peers;
mod service;
mod status;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use answer::ANSWER_BUDGET;
pub use cluster::{EventList, LeaveAnswer, Link, LinkList, NodeEvent, RemoveAnswer};
pub use connections::{Connections, PortConnections};
pub use error::{FORBIDDEN, RpcError};
pub use keyring::{DependsOn, KeySlot, RevocationListStatus, TlsStatus};
pub use logs::{LogSource, OtherLog};
pub use machine::Machine;
pub use node::NodeStatus;
pub use peers::{
    BoardCounters, ComponentList, KeyList, MemberBrief, MemberList, MethodAnswer, NodeBrief, PingAnswer,
    Pong, PushAnswer, Remote, RemoteError,
};
pub use service::{About, Api};
pub use status::{ComponentInfo, ConfigAnswer, NodeDetails, NodeList, StatusAnswer};
