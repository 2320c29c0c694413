use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use node_core::id::NodeId;
use node_core::trust::{Role, Roles};

use super::{Access, Credential, Credentials};
use crate::data_dir::{DataDir, read_token};

const OPERATOR: Roles = Roles::of(&[Role::Operator]);

fn headers(authorization: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())])
}

#[test]
fn without_tls_only_the_token_makes_an_operator() {
    let home = tempfile::tempdir().unwrap();
    let token = DataDir::open(home.path()).unwrap().make_token().unwrap();
    let text = read_token(home.path()).unwrap();
    let access = Access::new(Credentials::Token(token), Vec::new());
    for good in [format!("Bearer {}", *text), format!("bearer  {} ", *text)] {
        assert!(access.require(&access.caller(None, &headers(&good)), OPERATOR, "x").is_ok(), "{good}");
    }
    let nothing = access.caller(None, &HeaderMap::new());
    assert_eq!(nothing.credential, Credential::Nothing);
    assert!(access.require(&nothing, Roles::PROXY, "x").is_ok());
    let refusal = access.require(&nothing, OPERATOR, "MaelNode.Leave").unwrap_err().to_string();
    let file = home.path().join("token").display().to_string();
    assert!(
        refusal.starts_with("MaelNode.Leave needs the role operator") && refusal.contains(&file),
        "{refusal}"
    );
    for bad in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer 00",
        &format!("Basic {}", *text),
        &text,
        &format!("Bearer {}0", *text),
    ] {
        let caller = access.caller(None, &headers(bad));
        let refusal = access.require(&caller, OPERATOR, "x").unwrap_err().to_string();
        assert!(refusal.contains("another"), "{refusal}");
    }
    assert_eq!(access.refused(), 8);
}

#[test]
fn a_rule_for_a_node_id_holds_without_tls_as_well() {
    let home = tempfile::tempdir().unwrap();
    let token = DataDir::open(home.path()).unwrap().make_token().unwrap();
    let board = NodeId([7; 16]);
    let access = Access::new(Credentials::Token(token), vec![format!("{board}=leaf").parse().unwrap()]);
    let needs = |id, needs| {
        let granted = access.of_link(None, id);
        access.require_of_link(granted, None, needs, "a link").is_ok()
    };
    assert!(needs(board, Roles::LINK_AS_LEAF) && !needs(board, Roles::LINK_AS_HUB));
    assert!(needs(NodeId([8; 16]), Roles::LINK_AS_HUB));
}

#[test]
fn only_nodes_of_the_list_are_linked_if_there_is_one() {
    let home = tempfile::tempdir().unwrap();
    let token = DataDir::open(home.path()).unwrap().make_token().unwrap();
    let access = Access::new(Credentials::Token(token), Vec::new());
    let [listed, other] = [1, 2].map(|number| NodeId([number; 16]));
    let roles = |node| access.of_link(None, node).roles;
    assert!(roles(other).contains(Role::Hub));
    access.allow(vec![listed]);
    assert!(roles(listed).contains(Role::Hub));
    assert_eq!(roles(other), Roles::NONE);
    access.allow(Vec::new());
    assert!(roles(other).contains(Role::Hub));
}
