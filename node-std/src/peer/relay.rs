//! Relays an exchange: a hub forwards between a node and a leaf.

use node_core::id::NodeId;
use node_core::link::{Open, ResetCode};

use crate::cluster::Cluster;
use crate::link::{Accepted, ExchangeError, Inbound, Outbound};

/// Opens the same exchange towards `to` and joins the two. `from` is the peer that opened the first.
pub(super) async fn relay(cluster: Cluster, from: NodeId, to: NodeId, accepted: Accepted) {
    let Accepted { open, inbound, outbound } = accepted;
    let Some(hops) = open.hops.checked_sub(1) else { return outbound.reset(ResetCode::Unknown) };
    // The way back to `from` would be a loop.
    let via = match cluster.next_hop(to) {
        Ok(via) if via != from => via,
        _ => return outbound.reset(ResetCode::Unknown),
    };
    let open = Open { to: (via != to).then_some(to), hops, ..open };
    match cluster.open(via, open).await {
        Ok((onward, back)) => {
            let (there, here) = tokio::join!(join(inbound, onward), join(back, outbound));
            if let Err(error) = there.and(here) {
                tracing::debug!(%from, %to, "a relayed exchange ended early: {error}");
            }
        }
        Err(ExchangeError::Full) => outbound.reset(ResetCode::Full),
        Err(_) => outbound.reset(ResetCode::Unknown),
    }
}

/// Moves one direction from one link to the other, as fast as the slower link.
async fn join(mut from: Inbound, mut to: Outbound) -> Result<(), ExchangeError> {
    loop {
        let next = tokio::select! {
            next = from.next() => next,
            // The reader is gone. Dropping `from` tells the other side.
            () = to.closed() => return Ok(()),
        };
        match next {
            Ok(Some(data)) => to.send(data).await?,
            Ok(None) => return to.finish().await,
            Err(error) => {
                to.reset(if let ExchangeError::Reset(code) = error { code } else { ResetCode::Internal });
                return Err(error);
            }
        }
    }
}
