//! Notices that this node is probably the one that is behind: it has no link, and the members that it dials show certificates that it
//! does not know.

use core::time::Duration;
use std::collections::HashSet;

use node_core::gossip::Target;
use tokio::time::Instant;

/// Members that are counted; more say nothing more.
const MAX_STRANGERS: usize = 16;
/// The line is repeated no sooner than this.
const PAUSE: Duration = Duration::from_secs(600);

/// Counts members with unknown certificates while there is no link.
#[derive(Default)]
pub(super) struct MissedRotation {
    strangers: HashSet<Target>,
    told_at: Option<Instant>,
}

impl MissedRotation {
    /// A link is up: this node is not behind.
    pub(super) fn link_up(&mut self) {
        self.strangers.clear();
    }

    /// A dialled member was refused, because its certificate is not trusted here. Returns what to log, if it is due.
    pub(super) fn refuse(&mut self, now: Instant, target: Target) -> Option<String> {
        if self.strangers.len() < MAX_STRANGERS {
            self.strangers.insert(target);
        }
        // One address to join through may be that of another cluster.
        let is_member = |target: &Target| matches!(target, Target::Member(_));
        let says_it = self.strangers.len() > 1 || self.strangers.iter().any(is_member);
        if !says_it || self.told_at.is_some_and(|told| now.duration_since(told) < PAUSE) {
            return None;
        }
        self.told_at = Some(now);
        Some(format!(
            "this node has no link, and {} of the members that it dials show certificates that it does not know: it has probably missed \
             a rotation of keys; copy the TLS directory of a member that is linked to this node, the members are not at fault",
            self.strangers.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use node_core::id::NodeId;

    use super::*;

    #[test]
    fn a_node_without_links_among_strangers_is_told_that_it_is_behind() {
        let (mut missed, start) = (MissedRotation::default(), Instant::now());
        let member = |number| Target::Member(NodeId([number; 16]));
        assert_eq!(missed.refuse(start, Target::Seed(0)), None);
        assert!(missed.refuse(start, Target::Seed(1)).unwrap().contains("and 2 of the members"));
        assert_eq!(missed.refuse(start, member(1)), None, "told a moment ago");
        let later = start + PAUSE;
        assert!(missed.refuse(later, member(1)).unwrap().contains("missed a rotation"));
        missed.link_up();
        assert_eq!(missed.refuse(later + PAUSE, Target::Seed(0)), None);
        assert!(missed.refuse(later + PAUSE, member(2)).is_some());
    }
}
