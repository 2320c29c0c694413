//! Finds the method of a request, checks who asks for it, and carries it out: here, or at another node.

use serde_json::Value;

use super::answer::Answer;
use super::error::RpcError;
use super::idl;
use super::methods::{Ask, Limit, Method, Reach};
use super::params::{Framing, Params};
use super::peers::{CallParams, Remote, Way};
use super::service::Api;
use crate::access::Caller;

impl<R: Remote> Api<R> {
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
        let method = Self::method(name)?;
        let permitted = self.about.access.require(caller, method.needs, method.function.name);
        permitted.map_err(|refusal| RpcError::Forbidden(refusal.into()))?;
        if matches!(framing, Framing::Peer) && method.reach == Reach::Here {
            return Err(elsewhere(name, "this node"));
        }
        method.limit.check(&params, framing)?;
        (method.handler)(self, Ask { caller, params }, answer).await
    }

    /// `MaelNode.Call`: the same for any node. The caller needs the role for the method here, wherever it is carried out.
    pub(super) async fn call_of(
        &self,
        caller: &Caller,
        CallParams { node, method: name, params }: CallParams,
        answer: &mut Answer,
    ) -> Result<(), RpcError> {
        let method = Self::method(&name)?;
        let permitted = self.about.access.require(caller, method.needs, method.function.name);
        permitted.map_err(|refusal| RpcError::Forbidden(refusal.into()))?;
        if name == "MaelNode.Call" {
            return Err(RpcError::Invalid(
                "a call is not passed on as a call: say the node itself".to_owned(),
            ));
        }
        let read = Params::read(Some(params.clone()));
        let read = read.ok_or_else(|| RpcError::InvalidParams("params: one object".to_owned()))?;
        match (self.way(&node)?, method.reach) {
            (Way::Here, _) => self.call(caller, &name, read, Framing::Batch, answer).await,
            (_, Reach::Here) => Err(elsewhere(&name, &node)),
            (Way::Hub(hub), _) => self.pass_on(&hub, &name, &params, answer).await,
            (Way::Board(board), Reach::Boards) => {
                let params = read.of_node(&board.id.to_string())?;
                self.call(caller, &name, params, Framing::Batch, answer).await
            }
            (Way::Board(_), Reach::Hubs) => Err(RpcError::Invalid(format!(
                "{node} is a board, and answers only {}",
                Self::names(|method| method.reach == Reach::Boards)
            ))),
        }
    }

    /// The interface, for `barrister-idl`.
    pub(super) fn describe() -> Result<Value, RpcError> {
        let functions = Self::METHODS.iter().map(|method| &method.function);
        idl::describe(functions).map_err(|error| RpcError::Internal(error.to_string()))
    }

    fn method(name: &str) -> Result<&'static Method<R>, RpcError> {
        let found = Self::METHODS.iter().find(|method| method.function.name == name);
        found.ok_or_else(|| RpcError::MethodNotFound { name: name.to_owned(), known: Self::names(|_| true) })
    }

    fn names(which: impl Fn(&Method<R>) -> bool) -> String {
        let names = Self::METHODS.iter().filter(|method| which(method)).map(|method| method.function.name);
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The error for a method that no node carries out for another one.
fn elsewhere(name: &str, node: &str) -> RpcError {
    RpcError::Invalid(format!(
        "{name} is not passed on: {node} sees the node that asks, and not who asks it; ask the node itself, by maelctl --url with \
         its address (`maelctl cluster nodes`)"
    ))
}

impl Limit {
    fn check(self, params: &Params, framing: Framing) -> Result<(), RpcError> {
        match (self, framing) {
            (Self::NoWaitInBatch, Framing::Batch | Framing::Peer) if params.wait() => {
                Err(RpcError::InvalidParams(
                    "a request in a batch, or for another node, does not wait: send waitMs in a single request to the node itself"
                        .to_owned(),
                ))
            }
            _ => Ok(()),
        }
    }
}
