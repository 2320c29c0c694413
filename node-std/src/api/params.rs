//! The parameters of a method, before the method reads them.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::RpcError;

/// The one structure that a method takes.
pub struct Params(Map<String, Value>);

impl Params {
    /// Reads a request's `params`. Barrister sends an array with one structure. The structure alone is accepted too, and
    /// so is nothing in place of an empty one.
    pub fn read(params: Option<Value>) -> Option<Self> {
        match params {
            None | Some(Value::Null) => Some(Self(Map::new())),
            Some(Value::Object(params)) => Some(Self(params)),
            Some(Value::Array(mut params)) if params.len() <= 1 => match params.pop() {
                Some(Value::Object(params)) => Some(Self(params)),
                None | Some(Value::Null) => Some(Self(Map::new())),
                Some(_) => None,
            },
            Some(_) => None,
        }
    }

    /// Whether they ask the method to wait.
    pub fn wait(&self) -> bool {
        self.0.get("waitMs").and_then(Value::as_u64).is_some_and(|wait_ms| wait_ms > 0)
    }

    /// The parameters for this node, which they must not name themselves.
    pub fn of_node(mut self, node: &str) -> Result<Self, RpcError> {
        match self.0.insert("node".to_owned(), node.into()) {
            None => Ok(self),
            Some(_) => Err(RpcError::InvalidParams("the call says already which node is meant".to_owned())),
        }
    }

    /// Converts them to the structure that a method takes.
    pub fn into<T: DeserializeOwned>(self) -> Result<T, RpcError> {
        let params = serde_json::from_value(Value::Object(self.0));
        params.map_err(|error| RpcError::InvalidParams(error.to_string()))
    }
}

/// How a request came.
#[derive(Clone, Copy)]
pub enum Framing {
    /// On its own.
    Single,
    /// In a batch, whose requests are answered one after the other, or as a call of any node.
    Batch,
    /// From another node, which passes it on for somebody.
    Peer,
}
