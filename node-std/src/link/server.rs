//! The interface of a link to its node.

use node_core::id::NodeId;

use super::stream::Accepted;

/// Answers what peers ask.
pub trait Server: Send + Sync + 'static {
    /// Whether [`answer`](Self::answer) answers this method. Any other is a task's, by [`serve`](Self::serve).
    fn is_immediate(&self, method: u16) -> bool {
        let _ = method;
        true
    }

    /// Answers a built-in method of the peer `from` that does not wait. Returns the whole response.
    fn answer(&self, from: NodeId, method: u16, request: &[u8]) -> Option<Vec<u8>>;

    /// Takes over an exchange. A task of its own makes the answer.
    fn serve(&self, from: NodeId, accepted: Accepted);
}
