//! Which roles a peer has.

use node_core::id::NodeId;
use node_core::rpc::{self, Method};
use node_core::trust::{
    BadRole, BadRoleRule, Fingerprint, GrantedBy, Match, MatchedSlot, Role, RoleRule, Roles, roles_of,
};

#[cfg(test)]
use make::{roles, rules};

const CERTIFICATE: Fingerprint = Fingerprint([0xce; 32]);
const SPKI: Fingerprint = Fingerprint([0x5b; 32]);
const NODE: NodeId = NodeId([0xab; 16]);

#[cfg(test)]
mod make {
    use super::*;

    pub fn roles(text: &str) -> Roles {
        text.parse().unwrap()
    }

    pub fn rules(texts: &[&str]) -> Vec<RoleRule> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }
}

fn slot(name: &str, is_pair: bool) -> Match<'_> {
    let slot = MatchedSlot { name, is_pair, certificate: CERTIFICATE, spki: SPKI };
    Match { slot: Some(slot), certified: None, node: Some(NODE) }
}

#[test]
fn a_pair_may_do_everything_and_a_trusted_certificate_is_that_of_a_leaf() {
    let of = |matched: &Match<'_>| roles_of(&[], matched);
    assert_eq!(of(&slot("server_a", true)).roles, Roles::ALL);
    let trusted = of(&slot("board-7", false));
    assert_eq!((trusted.roles, trusted.by), (roles("leaf,application"), GrantedBy::Default));
    assert_eq!(of(&Match::default()).roles, roles("hub,leaf"), "without TLS");
}

#[test]
fn the_end_of_a_name_gives_exactly_its_roles() {
    for (name, expected) in [
        ("board-7.leaf", "leaf"),
        ("ops.operator", "operator"),
        ("x.leaf.application", "leaf,application"),
        ("x.example.HUB", "hub"),
        ("leaf.operator", "operator"),
    ] {
        for is_pair in [true, false] {
            let granted = roles_of(&[], &slot(name, is_pair));
            assert_eq!((granted.roles, granted.by), (roles(expected), GrantedBy::Name), "{name}");
        }
    }
    for name in ["leaf", "operator", "x.leaf.2", "board.leef", "x.", "x.leaf."] {
        assert_eq!(roles_of(&[], &slot(name, false)).by, GrantedBy::Default, "{name}");
    }
}

#[test]
fn the_first_rule_that_names_the_peer_wins_over_its_name() {
    let of = |texts: &[&str]| roles_of(&rules(texts), &slot("board-7.leaf", true)).roles;
    assert_eq!(of(&["board-7.leaf=hub"]), roles("hub"));
    assert_eq!(of(&["board-7=hub", "board*=operator, leaf", "*=hub"]), roles("operator,leaf"));
    assert_eq!(of(&["*=application"]), roles("application"));
    assert_eq!(of(&[&format!("{CERTIFICATE}=hub")]), roles("hub"));
    assert_eq!(of(&[&format!("{SPKI}=hub")]), roles("hub"));
    assert_eq!(of(&[&format!("{NODE}=hub")]), roles("hub"));
    let others = [&*format!("{}=hub", Fingerprint([1; 32])), &format!("{}=hub", NodeId([1; 16])), "x*=hub"];
    assert_eq!(of(&others), roles("leaf"));
    // A node without TLS is named by its id alone.
    let plaintext = Match { node: Some(NODE), ..Match::default() };
    assert_eq!(roles_of(&rules(&["*=hub", &format!("{NODE}=leaf")]), &plaintext).roles, roles("leaf"));
}

#[test]
fn bad_rules_are_refused_and_say_what_is_expected() {
    for text in ["", "board-7", "leaf"] {
        assert_eq!(text.parse::<RoleRule>(), Err(BadRoleRule::Form), "{text}");
    }
    for text in ["x=", "x=,", "x=leaf,", "x=leef", "x=hub leaf", "x=hub;leaf", "x=all"] {
        assert_eq!(text.parse::<RoleRule>(), Err(BadRoleRule::Role(BadRole)), "{text}");
    }
    let long = format!("{}=hub", "x".repeat(65));
    for text in [
        "=hub",
        "a b=hub",
        "*x=hub",
        "a**=hub",
        "x=leaf=hub",
        "sha256:=hub",
        "sha256:12=hub",
        "\u{fc}=hub",
        &long,
    ] {
        assert_eq!(text.parse::<RoleRule>(), Err(BadRoleRule::Subject), "{text}");
    }
    assert!(BadRoleRule::Role(BadRole).to_string().contains("hub, leaf, operator and application"));
}

#[test]
fn a_missing_role_is_named() {
    assert_eq!(roles("leaf").require(Roles::LINK_AS_LEAF), Ok(()));
    assert_eq!(roles("hub").require(Roles::LINK_AS_LEAF), Ok(()));
    let missing = roles("leaf,application").require(Roles::LINK_AS_HUB).unwrap_err();
    assert_eq!(missing.to_string(), "needs the role hub, and its roles are: leaf, application");
    let missing = Roles::NONE.require(Roles::LINK_AS_LEAF).unwrap_err();
    assert_eq!(missing.to_string(), "needs the role hub or leaf, and its roles are: none");
    for role in Role::ALL {
        assert_eq!(role.to_string().parse(), Ok(role));
    }
}

#[test]
fn an_operator_calls_no_method_of_a_link() {
    let numbers = [1, 2, 3, 4, 16, 17, 0x1000, u16::MAX];
    for number in numbers {
        assert!(roles("operator,application").require(rpc::needs(number)).is_err(), "{number}");
        assert!(roles("leaf").require(rpc::needs(number)).is_ok(), "{number}");
    }
    assert_eq!(Method::Ping.needs(), rpc::needs(1));
}
