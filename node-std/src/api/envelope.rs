//! The JSON-RPC 2.0 envelope: reads requests and batches, writes results and errors.

use serde_json::{Value, json};

use super::error::RpcError;
use super::params::{Framing, Params};
use super::peers::Remote;
use super::service::Api;
use crate::access::Caller;

/// Most requests in a batch.
const MAX_REQUESTS: usize = 100;

impl<R: Remote> Api<R> {
    /// The answer to the text of a request or batch of this caller, `None` if it holds only notifications.
    pub(super) async fn answer(&self, caller: &Caller, body: &[u8]) -> Option<Value> {
        match serde_json::from_slice(body) {
            Ok(Value::Array(batch)) if (1..=MAX_REQUESTS).contains(&batch.len()) => {
                let mut answers = Vec::new();
                for request in batch {
                    answers.extend(self.answer_one(caller, request, Framing::Batch).await);
                }
                (!answers.is_empty()).then_some(Value::Array(answers))
            }
            Ok(Value::Array(batch)) => {
                let problem = format!("a batch of {} requests: 1 to {MAX_REQUESTS} are taken", batch.len());
                Some(failed(Value::Null, &RpcError::InvalidRequest(problem)))
            }
            Ok(request) => self.answer_one(caller, request, Framing::Single).await,
            Err(error) => Some(failed(Value::Null, &RpcError::Parse(error.to_string()))),
        }
    }

    async fn answer_one(&self, caller: &Caller, request: Value, framing: Framing) -> Option<Value> {
        let (id, request) = match Request::read(request) {
            Ok(read) => read,
            Err((id, error)) => return Some(failed(id, &error)),
        };
        let result = self.call(caller, &request.method, request.params, framing).await;
        let id = id?;
        Some(match result {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(error) => failed(id, &error),
        })
    }
}

/// A request without its id.
struct Request {
    method: String,
    params: Params,
}

impl Request {
    /// Reads a request and its id. A notification has no id.
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

fn failed(id: Value, error: &RpcError) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": error.code(), "message": error.to_string()}})
}
