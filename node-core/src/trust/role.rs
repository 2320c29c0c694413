//! Roles: what a peer may do once its certificate is accepted.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// One thing that a peer may be to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It sends requests to components over the private port.
    Application,
    /// It is linked as a hub: its gossip about others is heard, and it is dialled.
    Hub,
    /// It is linked as a leaf.
    Leaf,
    /// It steers nodes: it makes them leave, removes members and replaces keys.
    Operator,
}

impl Role {
    /// Every role, in the order in which people are shown them.
    pub const ALL: [Self; 4] = [Self::Hub, Self::Leaf, Self::Operator, Self::Application];

    /// Its name in file names, settings and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Hub => "hub",
            Self::Leaf => "leaf",
            Self::Operator => "operator",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Hub => 1,
            Self::Leaf => 2,
            Self::Operator => 4,
            Self::Application => 8,
        }
    }
}

impl FromStr for Role {
    type Err = BadRole;

    /// Reads a name without regard to case.
    fn from_str(text: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(text)).ok_or(BadRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is no [`Role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the roles are hub, leaf, operator and application")]
pub struct BadRole;

/// A set of roles. It is read and shown as names with a comma between them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// No role: such a peer may do nothing.
    pub const NONE: Self = Self(0);
    /// Every role.
    pub const ALL: Self = Self::of(&Role::ALL);
    /// A peer with one of these may be linked as a hub.
    pub const LINK_AS_HUB: Self = Self::of(&[Role::Hub]);
    /// A peer with one of these may be linked as a leaf, and may call the built-in methods of a link.
    pub const LINK_AS_LEAF: Self = Self::of(&[Role::Hub, Role::Leaf]);
    /// A peer with one of these may send requests to components.
    pub const PROXY: Self = Self::of(&[Role::Hub, Role::Leaf, Role::Application]);

    /// The set of these.
    #[must_use]
    pub const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut rest) = (0, roles);
        while let [role, others @ ..] = rest {
            bits |= role.bit();
            rest = others;
        }
        Self(bits)
    }

    /// Returns true when the role is in the set.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// The roles of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The roles that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Checks that at least one of `needs` is in the set.
    ///
    /// # Errors
    /// [`MissingRole`]: none is.
    pub const fn require(self, needs: Self) -> Result<(), MissingRole> {
        if self.0 & needs.0 == 0 { Err(MissingRole { needs, has: self }) } else { Ok(()) }
    }

    /// The roles that the end of a slot's name gives: `ops.operator` and `x.leaf.application` end in roles, `board-7` does not.
    /// The part before the first dot is always a name. `None` when the name gives no role.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let mut roles = Self::NONE;
        let mut rest = name;
        while let Some((before, last)) = rest.rsplit_once('.') {
            let Ok(role) = last.parse::<Role>() else { break };
            roles = roles.union(Self::of(&[role]));
            rest = before;
        }
        (roles != Self::NONE).then_some(roles)
    }

    fn write(self, f: &mut fmt::Formatter<'_>, between: &str) -> fmt::Result {
        if self == Self::NONE {
            return f.write_str("none");
        }
        let mut first = true;
        for role in Role::ALL.into_iter().filter(|role| self.contains(*role)) {
            if !first {
                f.write_str(between)?;
            }
            first = false;
            f.write_str(role.name())?;
        }
        Ok(())
    }
}

impl FromStr for Roles {
    type Err = BadRole;

    fn from_str(text: &str) -> Result<Self, BadRole> {
        let mut each = text.split(',').map(|role| role.trim().parse::<Role>());
        each.try_fold(Self::NONE, |roles, role| Ok(roles.union(Self::of(&[role?]))))
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, ", ")
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A peer has none of the roles that it needs. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("needs the role {}, and its roles are: {has}", AnyOf(*.needs))]
pub struct MissingRole {
    /// One of these would do.
    pub needs: Roles,
    /// The peer has these.
    pub has: Roles,
}

/// Shows a set of which one is enough.
struct AnyOf(Roles);

impl fmt::Display for AnyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, " or ")
    }
}
