//! JSON-RPC 2.0: requests, batches, errors.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::remote::{Remote, RemoteError};
use super::{Api, methods};

/// Most requests in a batch.
const MAX_BATCH: usize = 100;

impl<R: Remote> Api<R> {
    /// The answer to the text of a request or batch; `None` when it holds only notifications.
    pub(super) async fn answer(&self, body: &[u8]) -> Option<Value> {
        match serde_json::from_slice(body) {
            Ok(Value::Array(batch)) if (1..=MAX_BATCH).contains(&batch.len()) => {
                let mut answers = Vec::new();
                for request in batch {
                    answers.extend(self.answer_one(request, Sent::InABatch).await);
                }
                (!answers.is_empty()).then_some(Value::Array(answers))
            }
            Ok(Value::Array(batch)) => {
                let problem = format!("a batch of {} requests: 1 to {MAX_BATCH} are taken", batch.len());
                Some(failed(Value::Null, &RpcError::InvalidRequest(problem)))
            }
            Ok(request) => self.answer_one(request, Sent::Alone).await,
            Err(error) => Some(failed(Value::Null, &RpcError::Parse(error.to_string()))),
        }
    }

    async fn answer_one(&self, request: Value, sent: Sent) -> Option<Value> {
        let (id, call) = match Call::read(request) {
            Ok(read) => read,
            Err((id, error)) => return Some(failed(id, &error)),
        };
        let result = self.call(&call.method, call.params, sent).await;
        let id = id?;
        Some(match result {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(error) => failed(id, &error),
        })
    }
}

/// How a request came.
#[derive(Clone, Copy)]
pub enum Sent {
    Alone,
    InABatch,
}

/// What a request asks for.
struct Call {
    method: String,
    params: Params,
}

impl Call {
    /// Reads a request and its id, which a notification has none of.
    fn read(request: Value) -> Result<(Option<Value>, Self), (Value, RpcError)> {
        let invalid = |id: &Value, problem: &str| (id.clone(), RpcError::InvalidRequest(problem.to_owned()));
        let Value::Object(mut request) = request else {
            return Err(invalid(&Value::Null, "a request is an object"));
        };
        let id = request.remove("id");
        if matches!(id, Some(Value::Array(_) | Value::Object(_) | Value::Bool(_))) {
            return Err(invalid(&Value::Null, "an id is a string, a number or null"));
        }
        let answer_to = id.clone().unwrap_or(Value::Null);
        if request.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(invalid(&answer_to, "\"jsonrpc\" must be \"2.0\""));
        }
        let Some(Value::String(method)) = request.remove("method") else {
            return Err(invalid(&answer_to, "\"method\" must be a string"));
        };
        match Params::read(request.remove("params")) {
            Some(params) => Ok((id, Self { method, params })),
            None => Err((answer_to, RpcError::InvalidParams("one object, or an array with one".to_owned()))),
        }
    }
}

/// The one structure that a method takes.
pub struct Params(Map<String, Value>);

impl Params {
    /// Barrister sends an array with one structure; the structure alone, and nothing for an empty one, will do.
    fn read(params: Option<Value>) -> Option<Self> {
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

    /// Reads them as what a method takes.
    pub fn into<T: DeserializeOwned>(self) -> Result<T, RpcError> {
        let params = serde_json::from_value(Value::Object(self.0));
        params.map_err(|error| RpcError::InvalidParams(error.to_string()))
    }
}

fn failed(id: Value, error: &RpcError) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": error.code(), "message": error.to_string()}})
}

/// Why a request has no result; codes from 1001 on are Maelstrom's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The text is no JSON.
    #[error("the request is not JSON: {0}")]
    Parse(String),
    /// The JSON is no request.
    #[error("not a JSON-RPC 2.0 request: {0}")]
    InvalidRequest(String),
    /// There is no such method.
    #[error("there is no method {0}; these exist: {known}", known = methods::NAMES.join(", "))]
    MethodNotFound(String),
    /// The parameters are not those of the method.
    #[error("wrong parameters: {0}")]
    InvalidParams(String),
    /// It could not be done.
    #[error("{0}")]
    Internal(String),
    /// The parameters name what cannot be.
    #[error("{0}")]
    Invalid(String),
    /// What the parameters name does not exist.
    #[error("{0}")]
    NotFound(String),
}

impl RpcError {
    const fn code(&self) -> i32 {
        match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) => -32600,
            Self::MethodNotFound(_) => -32601,
            Self::InvalidParams(_) => -32602,
            Self::Internal(_) => -32603,
            Self::Invalid(_) => 1001,
            Self::NotFound(_) => 1003,
        }
    }
}

impl From<RemoteError> for RpcError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Refused(reason) => Self::Invalid(reason),
            RemoteError::Unreachable(reason) => Self::Internal(reason),
        }
    }
}
