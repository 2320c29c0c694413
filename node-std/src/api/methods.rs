//! The table of methods. The dispatch, the error for an unknown method and the introspection all read it.

use core::pin::Pin;

use node_core::trust::{Role, Roles};

use super::answer::Answer;
use super::error::RpcError;
use super::idl::Function;
use super::params::Params;
use super::peers::Remote;
use super::service::Api;
use crate::access::Caller;

/// A method.
pub struct Method<R: Remote> {
    /// Its name, its description and its types.
    pub function: Function,
    /// The caller needs one of these roles.
    pub needs: Roles,
    /// Of which nodes it can be asked through another node.
    pub reach: Reach,
    pub(super) limit: Limit,
    pub(super) handler: for<'a> fn(&'a Api<R>, Ask<'a>, &'a mut Answer) -> Written<'a>,
}

/// A request that is permitted.
pub struct Ask<'a> {
    pub(super) caller: &'a Caller,
    pub(super) params: Params,
}

/// What only reads is for everybody who was let in.
pub(super) const READ: Roles = Roles::ALL;
/// What changes the cluster is for operators.
const STEER: Roles = Roles::of(&[Role::Operator]);

/// Of which nodes a method can be asked through another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Of hubs and boards: every node answers it over links, and its parameter `node` says which is meant.
    Boards,
    /// Of none: who asks must be let in by the node that answers.
    Here,
    /// Of hubs. It only reads.
    Hubs,
}

/// A limit on the requests that a method takes.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    None,
    /// A request in a batch must not ask it to wait, because the waits of a batch add up.
    NoWaitInBatch,
}

/// Whether a method wrote its result, while it is worked out.
pub(super) type Written<'a> = Pin<Box<dyn Future<Output = Result<(), RpcError>> + Send + 'a>>;

impl<R: Remote> Api<R> {
    /// Every method, in the order of the introspection.
    pub(super) const METHODS: &'static [Method<R>] = &[
        Method {
            function: Function {
                name: "NodeService.ListNodeStatus",
                comment: "All members, as the responding node knows them",
                input: "ListNodeStatusInput",
                output: "ListNodeStatusOutput",
            },
            needs: READ,
            reach: Reach::Hubs,
            limit: Limit::None,
            handler: |api, _, answer| Box::pin(async move { answer.result(&api.list_node_status()) }),
        },
        Method {
            function: Function {
                name: "NodeService.GetStatus",
                comment: "The responding node in detail",
                input: "GetNodeStatusInput",
                output: "GetNodeStatusOutput",
            },
            needs: READ,
            reach: Reach::Hubs,
            limit: Limit::None,
            handler: |api, _, answer| Box::pin(async move { answer.result(&api.status()?) }),
        },
        Method {
            function: Function {
                name: "MaelNode.Ping",
                comment: "Round-trip time to a node",
                input: "PingInput",
                output: "PingOutput",
            },
            needs: READ,
            reach: Reach::Boards,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.ping(params.into()?).await?) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.GetStatus",
                comment: "A node in brief, as it says itself",
                input: "GetBriefInput",
                output: "NodeBrief",
            },
            needs: READ,
            reach: Reach::Boards,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.node_status(params.into()?).await?) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.ListMembers",
                comment: "The members that a node knows, as many as 8 KiB hold",
                input: "ListMembersInput",
                output: "ListMembersOutput",
            },
            needs: READ,
            reach: Reach::Boards,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.list_members(params.into()?).await?) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.ListComponents",
                comment: "The components that a node offers",
                input: "ListComponentsInput",
                output: "ListComponentsOutput",
            },
            needs: READ,
            reach: Reach::Boards,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.list_components(params.into()?).await?) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.GetCounters",
                comment: "What a board counts: handshakes, links, requests, erases of its flash",
                input: "GetCountersInput",
                output: "BoardCounters",
            },
            needs: READ,
            reach: Reach::Boards,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.board_counters(params.into()?).await?) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.ListKeys",
                comment: "The keyring of a node",
                input: "ListKeysInput",
                output: "ListKeysOutput",
            },
            needs: READ,
            reach: Reach::Boards,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.list_keys(params.into()?).await?) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.PushKeys",
                comment: "Replaces the keyring of a board by one that an operator sealed for it",
                input: "PushKeysInput",
                output: "PushKeysOutput",
            },
            needs: STEER,
            reach: Reach::Here,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.push_keys(params.into()?).await?) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.ListEvents",
                comment: "What happened to members, as the responding node learned it",
                input: "ListEventsInput",
                output: "ListEventsOutput",
            },
            needs: READ,
            reach: Reach::Hubs,
            limit: Limit::NoWaitInBatch,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.list_events(params.into()?).await) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.ListLinks",
                comment: "The links of the responding node",
                input: "ListLinksInput",
                output: "ListLinksOutput",
            },
            needs: READ,
            reach: Reach::Hubs,
            limit: Limit::None,
            handler: |api, _, answer| Box::pin(async move { answer.result(&api.list_links()) }),
        },
        Method {
            function: Function {
                name: "MaelNode.RemoveNode",
                comment: "Takes a member that is down out of the cluster",
                input: "RemoveNodeInput",
                output: "RemoveNodeOutput",
            },
            needs: STEER,
            reach: Reach::Here,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.remove_node(params.into()?).await?) })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.Leave",
                comment: "The responding node leaves the cluster and stops",
                input: "LeaveInput",
                output: "LeaveOutput",
            },
            needs: STEER,
            reach: Reach::Here,
            limit: Limit::None,
            handler: |api, _, answer| Box::pin(async move { answer.result(&api.leave()) }),
        },
        Method {
            function: Function {
                name: "MaelNode.ShowConfig",
                comment: "The settings of the responding node, and where each comes from",
                input: "ShowConfigInput",
                output: "ShowConfigOutput",
            },
            needs: STEER,
            reach: Reach::Here,
            limit: Limit::None,
            handler: |api, _, answer| Box::pin(async move { answer.result(&api.show_config()) }),
        },
        Method {
            function: Function {
                name: "MaelNode.Call",
                comment: "A method of any node: what reads is asked of it over a link",
                input: "CallInput",
                output: "CallOutput",
            },
            needs: READ,
            reach: Reach::Here,
            limit: Limit::None,
            handler: |api, Ask { caller, params }, answer| {
                Box::pin(async move { api.call_of(caller, params.into()?, answer).await })
            },
        },
        Method {
            function: Function {
                name: "MaelNode.CallMethod",
                comment: "A method of an application on another node, by its number",
                input: "CallMethodInput",
                output: "CallMethodOutput",
            },
            needs: STEER,
            reach: Reach::Here,
            limit: Limit::None,
            handler: |api, Ask { params, .. }, answer| {
                Box::pin(async move { answer.result(&api.call_method(params.into()?).await?) })
            },
        },
        Method {
            function: Function { name: "barrister-idl", comment: "This interface", input: "", output: "" },
            needs: READ,
            reach: Reach::Hubs,
            limit: Limit::None,
            handler: |_, _, answer| Box::pin(async move { answer.result(&Self::describe()?) }),
        },
    ];
}
