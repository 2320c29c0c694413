//! Why a request has no result.

/// The code of [`RpcError::Forbidden`].
pub const FORBIDDEN: i32 = -32001;

/// Why a request has no result. The codes from 1001 on are Maelstrom's: 1001 invalid, 1003 not found; 1002 (exists) and 1004
/// (version conflict) have no method here. Those from -32700 to -32600 are JSON-RPC's, and those from -32099 to -32000 this node's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The error of the node that a request was passed on to.
    #[error("{message}")]
    Elsewhere {
        /// Its code.
        code: i32,
        /// Its words.
        message: String,
    },
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
    /// The result does not fit into the answer, which holds results of so many bytes.
    #[error("the result does not fit: an answer holds {} MiB, of all results of a batch together; ask for it alone", .0 >> 20)]
    NoRoom(usize),
    /// The requests before it in the batch took all room or time.
    #[error(
        "not carried out: the requests before it in the batch took all the room for results, or all the time (60 s); ask again"
    )]
    NotRun,
    /// The parameters name something that does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The text is not JSON.
    #[error("the request is not JSON: {0}")]
    Parse(String),
    /// Another node gave no answer. The text says which and why.
    #[error("{0}")]
    Unreachable(String),
}

impl RpcError {
    /// The code that stands for this error in an answer.
    pub(super) const fn code(&self) -> i32 {
        match self {
            Self::Elsewhere { code, .. } => *code,
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) => -32600,
            Self::MethodNotFound { .. } => -32601,
            Self::InvalidParams(_) => -32602,
            Self::Internal(_) => -32603,
            Self::Invalid(_) => 1001,
            Self::NotFound(_) => 1003,
            Self::NoRoom(_) | Self::NotRun => -32000,
            Self::Forbidden(_) => FORBIDDEN,
            Self::Unreachable(_) => -32002,
        }
    }
}
