//! Methods between nodes as tasks: a request to another node, and the answer to one.
//!
//! Both end with their exchange. A request that is dropped resets it, and the work for an answer is dropped when the exchange is
//! reset, out of time, or without a link.

mod answer;
mod request;
mod response;
mod stream;

pub use answer::Failure;
pub(crate) use answer::{answer, collect};
pub use request::CallError;
pub(crate) use request::{Request, read, request};
pub(crate) use response::{encode, refusal};
pub use stream::Stream;
pub(crate) use stream::stream;
