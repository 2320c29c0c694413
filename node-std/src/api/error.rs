//! Why a request has no result.

/// The code of [`RpcError::Forbidden`].
pub const FORBIDDEN: i32 = 1004;

/// Why a request has no result. Codes from 1001 on are Maelstrom's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The caller lacks the role that the method needs. The text says how it is granted.
    #[error("{0}")]
    Forbidden(String),
    /// The work could not be done.
    #[error("{0}")]
    Internal(String),
    /// The parameters name something that the method cannot work on.
    #[error("{0}")]
    Invalid(String),
    /// The parameters are not those of the method.
    #[error("wrong parameters: {0}")]
    InvalidParams(String),
    /// The JSON is not a request.
    #[error("not a JSON-RPC 2.0 request: {0}")]
    InvalidRequest(String),
    /// There is no such method.
    #[error("there is no method {name}; these exist: {known}")]
    MethodNotFound {
        /// The method that was asked for.
        name: String,
        /// The names of all methods.
        known: String,
    },
    /// The parameters name something that does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The text is not JSON.
    #[error("the request is not JSON: {0}")]
    Parse(String),
}

impl RpcError {
    /// The code that stands for this error in an answer.
    pub(super) const fn code(&self) -> i32 {
        match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) => -32600,
            Self::MethodNotFound { .. } => -32601,
            Self::InvalidParams(_) => -32602,
            Self::Internal(_) => -32603,
            Self::Invalid(_) => 1001,
            Self::NotFound(_) => 1003,
            Self::Forbidden(_) => FORBIDDEN,
        }
    }
}
