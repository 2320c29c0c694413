//! The events of the links, as the firmware reads them.

use super::handle::Leaf;
use crate::event::LinkEvent;

impl Leaf<'_> {
    /// Waits for the next event of the node's links: one is up or down, a dial failed, or, with the feature `accept`, a peer that
    /// dialled was refused. Eight events wait; when nobody reads them, the oldest make room and are [counted](LinkEvent::Missed). Those
    /// of refused peers make room first, and never take the place of another kind: a flood of strangers hides nothing else. Each event
    /// is read once, so one task reads them.
    ///
    /// ```
    /// use node_embedded::tls::SessionError;
    /// use node_embedded::{DialError, Leaf, LinkEvent};
    ///
    /// async fn show(leaf: Leaf<'_>) -> ! {
    ///     loop {
    ///         let lamp = match leaf.next_event().await {
    ///             LinkEvent::Up { .. } => "green",
    ///             LinkEvent::Down { .. } => "yellow",
    ///             // Somebody has to come, and to look after its keys.
    ///             LinkEvent::DialFailed { error: DialError::Session(SessionError::Refused), .. } => "red",
    ///             _ => continue,
    ///         };
    /// #       let _ = lamp;
    ///     }
    /// }
    /// ```
    pub async fn next_event(&self) -> LinkEvent {
        self.wait(|core| core.events.pop()).await
    }
}
