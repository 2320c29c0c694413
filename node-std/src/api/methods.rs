//! The table of methods. The dispatch, the error for an unknown method and the introspection all read it.

use core::pin::Pin;

use node_core::trust::{Role, Roles};
use serde_json::Value;

use super::answer::Answer;
use super::error::RpcError;
use super::idl::{self, Function};
use super::params::{Framing, Params};
use super::peers::Remote;
use super::service::Api;
use crate::access::Caller;

/// A method.
pub struct Method<R: Remote> {
    /// Its name, its description and its types.
    pub function: Function,
    /// The caller needs one of these roles.
    pub needs: Roles,
    limit: Limit,
    handler: for<'a> fn(&'a Api<R>, Params, &'a mut Answer) -> Written<'a>,
}

/// What only reads is for everybody who was let in.
const READ: Roles = Roles::ALL;
/// What changes the cluster is for operators.
const STEER: Roles = Roles::of(&[Role::Operator]);

/// A limit on the requests that a method takes.
#[derive(Clone, Copy)]
enum Limit {
    None,
    /// A request in a batch must not ask it to wait, because the waits of a batch add up.
    NoWaitInBatch,
}

/// Whether a method wrote its result, while it is worked out.
type Written<'a> = Pin<Box<dyn Future<Output = Result<(), RpcError>> + Send + 'a>>;

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
            limit: Limit::None,
            handler: |api, params, answer| {
                Box::pin(async move { answer.result(&api.ping(params.into()?).await?) })
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
            limit: Limit::None,
            handler: |api, params, answer| {
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
            limit: Limit::None,
            handler: |api, params, answer| {
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
            limit: Limit::NoWaitInBatch,
            handler: |api, params, answer| {
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
            limit: Limit::None,
            handler: |api, params, answer| {
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
            limit: Limit::None,
            handler: |api, _, answer| Box::pin(async move { answer.result(&api.show_config()) }),
        },
        Method {
            function: Function { name: "barrister-idl", comment: "This interface", input: "", output: "" },
            needs: READ,
            limit: Limit::None,
            handler: |api, _, answer| Box::pin(async move { answer.result(&api.describe()?) }),
        },
    ];

    /// Calls the method of this name for a caller who has the role for it. Its result is written into `answer`.
    pub(super) async fn call(
        &self,
        caller: &Caller,
        name: &str,
        params: Params,
        framing: Framing,
        answer: &mut Answer,
    ) -> Result<(), RpcError> {
        tracing::debug!("JSON-RPC method {name:?}");
        let Some(method) = Self::METHODS.iter().find(|method| method.function.name == name) else {
            let known: Vec<_> = Self::METHODS.iter().map(|method| method.function.name).collect();
            return Err(RpcError::MethodNotFound { name: name.to_owned(), known: known.join(", ") });
        };
        let permitted = self.about.access.require(caller, method.needs, method.function.name);
        permitted.map_err(|refusal| RpcError::Forbidden(refusal.into()))?;
        method.limit.check(&params, framing)?;
        (method.handler)(self, params, answer).await
    }

    fn describe(&self) -> Result<Value, RpcError> {
        let functions = Self::METHODS.iter().map(|method| &method.function);
        idl::describe(functions).map_err(|error| RpcError::Internal(error.to_string()))
    }
}

impl Limit {
    fn check(self, params: &Params, framing: Framing) -> Result<(), RpcError> {
        match (self, framing) {
            (Self::NoWaitInBatch, Framing::Batch) if params.wait() => Err(RpcError::InvalidParams(
                "a request in a batch does not wait: send waitMs in a single request".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}
