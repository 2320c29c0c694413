//! Makes a view from the state of the core's node and its links.

use std::collections::HashMap;

use node_core::gossip::{Node, State};
use node_core::time::Instant;

use super::links::Links;
use super::view::{Member, View};

/// The cluster as `node` and `links` show it. `joins` means that this node has addresses to join through.
pub(super) fn snapshot(node: &Node<'_>, links: &Links, joins: bool, now: Instant) -> View {
    let mut handles = HashMap::new();
    let members = node.members().filter_map(|member| {
        let id = member.record.id;
        let handle = node.link_to(id).and_then(|link| links.handle(link));
        let rtt = handle.map(|handle| handle.rtt().clone());
        if let Some(handle) = handle {
            handles.insert(id, handle.clone());
        }
        Member::new(&member, rtt, now)
    });
    let members: Vec<Member> = members.collect();
    let me = node.id();
    let is_expected = |member: &Member| member.id != me && member.state != State::Left;
    let isolated = handles.is_empty() && (joins || members.iter().any(is_expected));
    let mut view = View::of(members);
    view.links = handles;
    view.link_list = links.list(node);
    view.leaving = node.is_leaving();
    view.isolated = isolated;
    view
}
