//! Who may answer for a component.
//!
//! Any member can advertise any name. A binding says which members own a name, and the offers of others do not count. For a name
//! without a binding, leaves do not count beside a live hub: the key of a board must not take the requests of a server.

use core::str::FromStr;

use thiserror::Error;

use super::target::Candidate;
use crate::id::{BadName, Name, NodeId};
use crate::wire::Kind;

/// Most bindings that a node takes.
pub const MAX_BINDINGS: usize = 64;
/// Most owners of one component.
pub const MAX_OWNERS: usize = 8;

/// An owner of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Every member of this kind.
    Kind(Kind),
    /// This member.
    Node(NodeId),
}

/// Binds the name of a component to its owners: `COMPONENT=OWNER[,OWNER...]`.
///
/// ```
/// use node_core::route::owners::Binding;
///
/// let binding: Binding = "shop=hub".parse().unwrap();
/// assert_eq!(binding.component.as_str(), "shop");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The component.
    pub component: Name,
    owners: heapless::Vec<Owner, MAX_OWNERS>,
}

impl Binding {
    /// Returns true when this member may answer.
    #[must_use]
    pub fn owns(&self, id: NodeId, kind: Kind) -> bool {
        self.owners.iter().any(|owner| *owner == Owner::Node(id) || *owner == Owner::Kind(kind))
    }
}

impl FromStr for Owner {
    type Err = BadBinding;

    fn from_str(text: &str) -> Result<Self, BadBinding> {
        match text {
            "hub" => Ok(Self::Kind(Kind::Hub)),
            "leaf" => Ok(Self::Kind(Kind::Leaf)),
            id => id.parse().map(Self::Node).map_err(|_| BadBinding::Owner),
        }
    }
}

impl FromStr for Binding {
    type Err = BadBinding;

    fn from_str(text: &str) -> Result<Self, BadBinding> {
        let (component, owners) = text.split_once('=').ok_or(BadBinding::Form)?;
        let component = Name::new(component.trim())?;
        let mut binding = Self { component, owners: heapless::Vec::new() };
        for owner in owners.split(',') {
            binding.owners.push(owner.trim().parse()?).map_err(|_| BadBinding::TooManyOwners)?;
        }
        Ok(binding)
    }
}

/// The text is no [`Binding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadBinding {
    /// The text before `=` is no component.
    #[error(transparent)]
    Component(#[from] BadName),
    /// There is no `=`.
    #[error("expected COMPONENT=OWNER[,OWNER...], such as shop=hub")]
    Form,
    /// Something after `=` is no owner.
    #[error("an owner is hub, leaf, or a node id of 32 hexadecimal digits")]
    Owner,
    /// There are too many owners.
    #[error("a component has at most {MAX_OWNERS} owners")]
    TooManyOwners,
}

/// The candidates that may answer for a component. Pass its `binding` if it has one, and all members that offer it, also those
/// that cannot be reached.
pub fn eligible<'c, 'b>(
    binding: Option<&'b Binding>,
    candidates: impl Iterator<Item = Candidate<'c>> + Clone,
) -> impl Iterator<Item = Candidate<'c>> + Clone {
    let is_live_hub = |candidate: Candidate<'_>| candidate.kind == Kind::Hub && candidate.state.is_live();
    let hubs_only = binding.is_none() && candidates.clone().any(is_live_hub);
    candidates.filter(move |candidate| match binding {
        Some(binding) => binding.owns(candidate.id, candidate.kind),
        None => !hubs_only || candidate.kind == Kind::Hub,
    })
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec::Vec;

    use super::*;
    use crate::wire::State;

    const SERVER: NodeId = NodeId([1; 16]);
    const OTHER: NodeId = NodeId([2; 16]);
    const BOARD: NodeId = NodeId([3; 16]);

    fn candidate(id: NodeId, kind: Kind, state: State) -> Candidate<'static> {
        Candidate { id, kind, state, hubs: &[] }
    }

    fn ids(binding: Option<&str>, candidates: &[Candidate<'static>]) -> Vec<NodeId> {
        let binding: Option<Binding> = binding.map(|text| text.parse().unwrap());
        eligible(binding.as_ref(), candidates.iter().copied()).map(|candidate| candidate.id).collect()
    }

    #[test]
    fn a_board_does_not_take_the_requests_of_a_server() {
        let board = candidate(BOARD, Kind::Leaf, State::Alive);
        for state in [State::Alive, State::Suspect] {
            assert_eq!(ids(None, &[board, candidate(SERVER, Kind::Hub, state)]), [SERVER]);
        }
        for state in [State::Down, State::Left] {
            assert!(ids(None, &[board, candidate(SERVER, Kind::Hub, state)]).contains(&BOARD));
        }
        assert_eq!(ids(None, &[board]), [BOARD]);
    }

    #[test]
    fn only_owners_answer_for_a_bound_name() {
        let all = [
            candidate(SERVER, Kind::Hub, State::Alive),
            candidate(OTHER, Kind::Hub, State::Alive),
            candidate(BOARD, Kind::Leaf, State::Alive),
        ];
        assert_eq!(ids(Some(&format!("shop={SERVER}")), &all), [SERVER]);
        assert_eq!(ids(Some(&format!("shop={BOARD}, {OTHER}")), &all), [OTHER, BOARD]);
        assert_eq!(ids(Some("shop=leaf"), &all), [BOARD]);
        assert_eq!(ids(Some("shop=hub,leaf"), &all), [SERVER, OTHER, BOARD]);
        assert_eq!(ids(Some(&format!("shop={}", NodeId([9; 16]))), &all), []);
    }

    #[test]
    fn bad_bindings_are_refused() {
        for (text, expected) in [
            ("shop", BadBinding::Form),
            ("=hub", BadBinding::Component(BadName)),
            ("a b=hub", BadBinding::Component(BadName)),
            ("shop=", BadBinding::Owner),
            ("shop=hub,", BadBinding::Owner),
            ("shop=operator", BadBinding::Owner),
            ("shop=abc", BadBinding::Owner),
            ("shop=hub,hub,hub,hub,hub,hub,hub,hub,hub", BadBinding::TooManyOwners),
        ] {
            assert_eq!(text.parse::<Binding>(), Err(expected), "{text}");
        }
    }
}
