//! An operator removes a member.

use node_core::gossip::{Failure, LinkEnd, NotDown, State, Target};
use node_core::id::LinkId;

use super::fixture::{OTHER, PEER, at, pass_idle, state, with_neighbour};

#[test]
fn only_a_member_that_is_down_can_be_removed_and_it_is_not_dialled_again() {
    with_neighbour(|node| {
        assert_eq!(node.remove(at(0), PEER), Err(NotDown));
        assert_eq!(node.remove(at(0), OTHER), Err(NotDown));
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        node.handle_dial_failed(at(0), Target::Member(PEER), Failure::Refused);
        pass_idle(node, at(2_000));
        assert_eq!(node.remove(at(2_000), PEER), Ok(()));
        assert_eq!(state(node, PEER), Some(State::Left));
        while let Some(due) = node.poll_timeout().filter(|&due| due <= at(600_000)) {
            node.handle_timeout(due);
            assert_eq!(node.poll_dial(due), None);
        }
    });
}
