//! The choice of the member that answers a request, and of the link to it.

use crate::id::NodeId;
use crate::wire::{Kind, State};

/// A member that offers the wanted component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The member.
    pub id: NodeId,
    /// Hub or leaf.
    pub kind: Kind,
    /// The state that this node believes it to be in; only an alive or suspect member is chosen.
    pub state: State,
    /// For a leaf: the hubs that it is linked to.
    pub hubs: &'a [NodeId],
}

/// The next step of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// This node answers.
    Local,
    /// Over the link to this member, which answers.
    Linked(NodeId),
    /// Over the link to a hub, which passes it on to its leaf.
    Relayed {
        /// The linked hub.
        via: NodeId,
        /// The leaf that answers.
        to: NodeId,
    },
}

/// Chooses among `candidates`: this node `me` if it is one of them, else an alive member before a suspect one. Among members of
/// one state, a member that is `reachable` comes before a leaf behind a reachable hub.
///
/// Equals take turns: `turn` is a number that the caller changes with each request. `reachable` says
/// whether there is a link to a member that the request has not come through.
pub fn choose<'a>(
    candidates: impl Iterator<Item = Candidate<'a>> + Clone,
    me: NodeId,
    reachable: impl Fn(NodeId) -> bool,
    turn: u32,
) -> Option<Route> {
    let ranked = candidates.flat_map(|candidate| routes(candidate, me, &reachable));
    let best = ranked.clone().map(|(rank, _)| rank).min()?;
    let equals = ranked.filter(|(rank, _)| *rank == best).map(|(_, route)| route);
    let count = equals.clone().count();
    equals.clone().nth(usize::try_from(turn).ok()?.checked_rem(count)?)
}

/// The ways to one candidate, each with its rank: the lowest is the best.
fn routes<'a>(
    Candidate { id, state, hubs, .. }: Candidate<'a>,
    me: NodeId,
    reachable: &impl Fn(NodeId) -> bool,
) -> impl Iterator<Item = ((State, u8), Route)> + Clone {
    let running = matches!(state, State::Alive | State::Suspect);
    let local = (id == me).then_some(((State::Alive, 0), Route::Local));
    let linked = (running && reachable(id)).then_some(((state, 1), Route::Linked(id)));
    let hubs = hubs.iter().filter(move |&&via| running && reachable(via));
    let relayed = hubs.map(move |&via| ((state, 2), Route::Relayed { via, to: id }));
    local.into_iter().chain(linked).chain(relayed)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const ME: NodeId = NodeId([0; 16]);
    const A: NodeId = NodeId([1; 16]);
    const B: NodeId = NodeId([2; 16]);
    const LEAF: NodeId = NodeId([3; 16]);

    fn member(id: NodeId, state: State) -> Candidate<'static> {
        Candidate { id, kind: Kind::Hub, state, hubs: &[] }
    }

    fn chosen(candidates: &[Candidate<'_>], linked: &[NodeId]) -> Vec<Option<Route>> {
        let choose = |turn| choose(candidates.iter().copied(), ME, |id| linked.contains(&id), turn);
        (0..3).map(choose).collect()
    }

    #[test]
    fn without_a_reachable_candidate_there_is_no_route() {
        assert_eq!(chosen(&[], &[A]), [None; 3]);
        assert_eq!(chosen(&[member(A, State::Alive)], &[B]), [None; 3]);
    }

    #[test]
    fn local_comes_first_whatever_others_believe_of_us() {
        let candidates = [member(A, State::Alive), member(ME, State::Suspect)];
        assert_eq!(chosen(&candidates, &[A]), [Some(Route::Local); 3]);
    }

    #[test]
    fn equals_take_turns() {
        let candidates = [member(A, State::Alive), member(B, State::Alive)];
        let [a, b] = [Some(Route::Linked(A)), Some(Route::Linked(B))];
        assert_eq!(chosen(&candidates, &[A, B]), [a, b, a]);
        assert_eq!(chosen(&candidates, &[B]), [b; 3]);
    }

    #[test]
    fn alive_before_suspect_and_never_down() {
        let candidates = [member(A, State::Suspect), member(B, State::Alive)];
        assert_eq!(chosen(&candidates, &[A, B]), [Some(Route::Linked(B)); 3]);
        assert_eq!(chosen(&candidates[..1], &[A]), [Some(Route::Linked(A)); 3]);
        let gone = [member(A, State::Down), member(B, State::Left)];
        assert_eq!(chosen(&gone, &[A, B]), [None; 3]);
    }

    #[test]
    fn a_leaf_is_reached_by_its_own_link_or_through_its_hubs() {
        let leaf = Candidate { id: LEAF, kind: Kind::Leaf, state: State::Alive, hubs: &[A, B] };
        assert_eq!(chosen(&[leaf], &[A, LEAF]), [Some(Route::Linked(LEAF)); 3]);
        let [a, b] = [A, B].map(|via| Some(Route::Relayed { via, to: LEAF }));
        assert_eq!(chosen(&[leaf], &[A, B]), [a, b, a]);
        assert_eq!(chosen(&[leaf], &[B]), [b; 3]);
        assert_eq!(chosen(&[leaf], &[]), [None; 3]);
    }
}
