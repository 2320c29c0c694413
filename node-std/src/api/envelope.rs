//! The JSON-RPC 2.0 envelope: reads requests and batches, writes results and errors.

use core::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::answer::{ANSWER_BUDGET, Answer};
use super::error::RpcError;
use super::params::{Framing, Params};
use super::peers::{PEER, Remote};
use super::service::Api;
use crate::access::Caller;

/// Most requests in a batch.
const MAX_REQUESTS: usize = 100;

/// The calls of a batch are made one after the other. None begins later than this.
const BATCH_TIME: Duration = Duration::from_secs(60);

/// The id in an answer to a request whose id cannot be read.
const NO_ID: &str = "null";

impl<R: Remote> Api<R> {
    /// The answer to the text of a request or batch of this caller, `None` if it holds only notifications.
    pub(super) async fn answer(&self, caller: &Caller, body: &[u8]) -> Option<Vec<u8>> {
        let mut answer = Answer::new(ANSWER_BUDGET);
        match Body::read(body) {
            Ok(Body::Single(request)) => self.answer_one(caller, request, Framing::Single, &mut answer).await,
            Ok(Body::Batch(batch)) if (1..=MAX_REQUESTS).contains(&batch.len()) => {
                self.answer_batch(caller, batch, &mut answer).await;
            }
            Ok(Body::Batch(batch)) => {
                let problem = format!("a batch of {} requests: 1 to {MAX_REQUESTS} are taken", batch.len());
                answer.error(NO_ID, &RpcError::InvalidRequest(problem));
            }
            Err(error) => answer.error(NO_ID, &RpcError::Parse(error.to_string())),
        }
        (answer.len() > 0).then(|| answer.into_text())
    }

    /// The answer to a request that another node passes on, `None` if it is no request that has an answer.
    pub async fn answer_peer(&self, request: &[u8]) -> Option<Vec<u8>> {
        let mut answer = Answer::new(ANSWER_BUDGET);
        if let Ok(Body::Single(request)) = Body::read(request) {
            self.answer_one(&PEER, request, Framing::Peer, &mut answer).await;
        }
        (answer.len() > 0).then(|| answer.into_text())
    }

    async fn answer_batch(&self, caller: &Caller, batch: Vec<&RawValue>, answer: &mut Answer) {
        let deadline = Instant::now() + BATCH_TIME;
        let mut separator = "[";
        for request in batch {
            let start = answer.len();
            answer.text(separator);
            let begun = answer.len();
            if answer.is_full() || Instant::now() >= deadline {
                refuse(request, answer);
            } else {
                self.answer_one(caller, request, Framing::Batch, answer).await;
            }
            if answer.len() > begun {
                separator = ",";
            } else {
                answer.truncate(start);
            }
        }
        if answer.len() > 0 {
            answer.text("]");
        }
    }

    /// Carries out a request, and writes the answer, unless it is a notification.
    async fn answer_one(&self, caller: &Caller, request: &RawValue, framing: Framing, answer: &mut Answer) {
        let Request { id, method, params } = match Request::read(request) {
            Ok(request) => request,
            Err((id, error)) => return answer.error(id, &error),
        };
        let start = answer.begin(id);
        let result = self.call(caller, &method, params, framing, answer).await;
        answer.end(start, id, result);
    }
}

/// Answers a request that is not carried out, because the batch before it took all room or time.
fn refuse(request: &RawValue, answer: &mut Answer) {
    match Request::read(request) {
        Ok(Request { id: Some(id), .. }) => answer.error(id.get(), &RpcError::NotRun),
        Ok(Request { id: None, .. }) => {}
        Err((id, error)) => answer.error(id, &error),
    }
}

/// The body of a `POST`.
enum Body<'b> {
    Single(&'b RawValue),
    Batch(Vec<&'b RawValue>),
}

impl<'b> Body<'b> {
    fn read(body: &'b [u8]) -> serde_json::Result<Self> {
        if body.trim_ascii_start().starts_with(b"[") {
            serde_json::from_slice(body).map(Body::Batch)
        } else {
            serde_json::from_slice(body).map(Body::Single)
        }
    }
}

/// A request.
struct Request<'b> {
    /// As it was written. A notification has none.
    id: Option<&'b RawValue>,
    method: String,
    params: Params,
}

/// The members of a request that count, before they are checked.
#[derive(Deserialize)]
struct Members<'b> {
    #[serde(default, borrow, deserialize_with = "present")]
    id: Option<&'b RawValue>,
    #[serde(default)]
    jsonrpc: Value,
    #[serde(default)]
    method: Value,
    #[serde(default)]
    params: Option<Value>,
}

/// A member that is `null` is there all the same: the id of a request may be so.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'b> Request<'b> {
    /// Reads a request. An error goes with the id of its answer.
    fn read(request: &'b RawValue) -> Result<Self, (&'b str, RpcError)> {
        let invalid = |id, problem: &str| (id, RpcError::InvalidRequest(problem.to_owned()));
        if !request.get().starts_with('{') {
            return Err(invalid(NO_ID, "a request is an object"));
        }
        let members = serde_json::from_str(request.get());
        let Members { id, jsonrpc, method, params } =
            members.map_err(|error| invalid(NO_ID, &error.to_string()))?;
        if id.is_some_and(|id| id.get().starts_with(['[', '{', 't', 'f'])) {
            return Err(invalid(NO_ID, "an id is a string, a number or null"));
        }
        let answer_to = id.map_or(NO_ID, RawValue::get);
        if jsonrpc != "2.0" {
            return Err(invalid(answer_to, "\"jsonrpc\" must be \"2.0\""));
        }
        let Value::String(method) = method else {
            return Err(invalid(answer_to, "\"method\" must be a string"));
        };
        match Params::read(params) {
            Some(params) => Ok(Self { id, method, params }),
            // A notification gets no answer, but this is not even a request.
            None => Err((answer_to, RpcError::InvalidParams("one object, or an array with one".to_owned()))),
        }
    }
}
