//! Feeds a watchdog as long as the board works.

use core::cell::OnceCell;

use embassy_time::{Duration, Timer};
use node_embedded::Leaf;

/// Time between two feeds. The time-out of the watchdog is several times longer.
const PERIOD: Duration = Duration::from_secs(2);

/// Feeds the watchdog for ever: once the node runs, after each round of its work; until then, as long as tasks run at all. So a
/// board that waits for its settings is not reset. `leaf` is filled when the node has been started.
pub async fn guard(leaf: &OnceCell<Leaf<'static>>, mut feed: impl FnMut()) -> ! {
    loop {
        if let Some(leaf) = leaf.get() {
            leaf.heartbeat().await;
        }
        feed();
        Timer::after(PERIOD).await;
    }
}
