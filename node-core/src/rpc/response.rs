//! The responses of methods.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A response: items follow `Ok(())` where a method returns several.
pub type Response<'b, T> = Result<T, RpcError<'b>>;

/// The reason why a method failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct RpcError<'b> {
    /// The kind of failure.
    pub code: Code,
    /// For people: what went wrong and what to do, at most 256 bytes.
    pub message: &'b str,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Code {
    /// This node has no such method.
    #[error("unknown method")]
    UnknownMethod,
    /// The request cannot be read.
    #[error("bad request")]
    BadRequest,
    /// The request is understood and not granted.
    #[error("refused")]
    Refused,
    /// Something failed at the node.
    #[error("internal error")]
    Internal,
}
