//! Responses as bytes.

use node_core::rpc::{Code, Response, RpcError};
use serde::Serialize;

/// The response of a method that failed.
pub(crate) fn refusal(code: Code, message: &str) -> Vec<u8> {
    encode(&Response::<()>::Err(RpcError { code, message }))
}

/// A value that cannot be encoded becomes an empty body, which no caller can read as success.
pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, Vec::new()).unwrap_or_default()
}
