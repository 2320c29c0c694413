//! A certificate lets a peer in, and its role says what it may do.

#[path = "hostile/author.rs"]
mod author;
#[path = "hostile/peer.rs"]
#[expect(dead_code, reason = "these tests need only a part of it")]
mod peer;

use anyhow::{Context as _, Result, ensure};
use node_tests::component::Component;
use node_tests::ctl::Ctl;
use node_tests::daemon::{Daemon, Mark, Setup};
use node_tests::http::{Answer, Curl};
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;

use crate::peer::Peer;

/// A hub with the keys of the cluster, and somebody with a key of his own whom it trusts.
struct Guarded {
    hub: Daemon,
    /// The directory of the hub and of its operators.
    shared: TlsDir,
    /// The directory of the other: its pair, and the certificate that the hub shows.
    own: TlsDir,
    stem: &'static str,
    _component: Component,
}

impl Guarded {
    /// The certificate of the other is `stem`.crt. Its key does not lie in the directory of the hub.
    fn start(stem: &'static str) -> Self {
        let component = Component::start("shop").unwrap();
        let shared = TlsDir::generate(Algorithm::P256).unwrap();
        let own = TlsDir::with_pair(Algorithm::P256, stem).unwrap();
        shared.trust(&own, stem, stem).unwrap();
        own.trust(&shared, "server_a", "hub.hub").unwrap();
        let hub = Setup::named("hub").unwrap().tls(shared.path()).component("shop", &component.url());
        Self { hub: hub.start().unwrap(), shared, own, stem, _component: component }
    }

    /// maelctl with the other's key.
    fn ctl(&self) -> Ctl {
        Ctl::to(&format!("https://{}", self.hub.private())).tls(self.own.path())
    }

    /// A request to a component with the other's key.
    fn proxied(&self) -> Answer {
        Curl::get(&format!("https://{}/", self.hub.private()))
            .certificate(&self.own, self.stem)
            .header("MAELSTROM-COMPONENT: shop")
            // The certificate names the cluster, not this address.
            .flag("--insecure")
            .send()
            .unwrap()
    }

    /// A daemon with the other's key that joins through the hub.
    fn join(&self) -> Daemon {
        Setup::named("other").unwrap().tls(self.own.path()).join(self.hub.private()).start().unwrap()
    }

    /// What the hub refused for want of a role.
    fn refused(&self) -> u64 {
        self.hub.health(&self.shared).unwrap()["refusedForRole"].as_u64().unwrap()
    }
}

#[test]
fn the_key_of_a_board_does_not_steer_the_cluster() {
    let mut guarded = Guarded::start("board");
    let ctl = guarded.ctl();
    assert_eq!(ctl.run(&["cluster", "nodes"]).unwrap().code, 0, "it may look");
    assert_eq!(guarded.proxied().status, 200, "it may ask components");
    let dir = guarded.own.path().to_str().unwrap();
    let _leaf = Peer::greet(guarded.hub.private(), Some(&guarded.own)).unwrap();
    let leaf = eventually(|| {
        let nodes = guarded.hub.ctl().nodes()?;
        let leaf = nodes.into_iter().find(|node| node.kind == "leaf" && node.state == "alive");
        leaf.context("no leaf yet")
    });
    let leaf = leaf.unwrap().node_id;
    for command in
        [&["cluster", "leave"][..], &["cluster", "remove", "x"], &["keys", "push", &leaf, dir, "--force"]]
    {
        let output = ctl.run(command).unwrap();
        assert_eq!(output.code, 1, "{command:?}: {output:?}");
        assert!(output.stderr.contains("needs the role operator"), "{output:?}");
        assert!(output.stderr.contains("board.crt") && output.stderr.contains("--role board="), "{output:?}");
    }
    assert_eq!(guarded.refused(), 3);
    guarded.hub.wait_for_log("refused: MaelNode.Leave needs the role operator").unwrap();
    // The directory that nodes and operators share is enough to steer.
    let output = guarded.hub.ctl().run(&["cluster", "leave"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(guarded.hub.wait_for_exit().unwrap().success());
}

#[test]
fn the_key_of_an_operator_works_off_the_nodes_and_is_for_nothing_else() {
    let mut guarded = Guarded::start("ops.operator");
    let proxied = guarded.proxied();
    assert_eq!(proxied.status, 403, "{}", proxied.text());
    assert!(proxied.text().contains("needs the role hub or leaf or application"), "{}", proxied.text());
    let other = guarded.join();
    let refused = guarded.hub.wait_for_log("refused: a link with other").unwrap();
    assert!(refused.contains("as a hub needs the role hub, and its roles are: operator"), "{refused}");
    other.wait_for_log("link down, ended by the peer").unwrap();
    assert_eq!(guarded.ctl().nodes().unwrap().len(), 1, "it is no member");
    let output = guarded.ctl().run(&["cluster", "leave"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(guarded.hub.wait_for_exit().unwrap().success());
}

#[test]
fn the_key_of_a_board_makes_no_hub() {
    makes_no_hub("board");
}

#[test]
fn a_certificate_that_is_named_leaf_makes_no_hub() {
    makes_no_hub("x.leaf");
}

fn makes_no_hub(stem: &'static str) {
    let guarded = Guarded::start(stem);
    let _other = guarded.join();
    let refused = guarded.hub.wait_for_log("refused: a link with other").unwrap();
    assert!(refused.contains("as a hub needs the role hub, and its roles are: leaf"), "{refused}");
    assert!(refused.contains(&format!("{stem}.crt")), "{refused}");
    assert_eq!(guarded.hub.ctl().nodes().unwrap().len(), 1, "it is no member");
    let _leaf = Peer::greet(guarded.hub.private(), Some(&guarded.own)).unwrap();
    eventually(|| {
        let nodes = guarded.hub.ctl().nodes()?;
        ensure!(nodes.iter().any(|node| node.kind == "leaf" && node.state == "alive"), "{nodes:?}");
        Ok(())
    })
    .unwrap();
    let logs = guarded.hub.logs_after(Mark::default());
    assert!(!logs.iter().any(|line| line.contains("nobody said otherwise")), "{logs:?}");
}

#[test]
fn maelctl_does_not_take_a_leaf_for_a_node() {
    let shared = TlsDir::generate(Algorithm::P256).unwrap();
    let own = TlsDir::with_pair(Algorithm::P256, "x.leaf").unwrap();
    shared.trust(&own, "x.leaf", "x.leaf").unwrap();
    own.trust(&shared, "server_a", "hub.hub").unwrap();
    let posing = Setup::named("posing").unwrap().tls(own.path()).start().unwrap();
    let dir = shared.path().to_str().unwrap();
    let ctl = Ctl::to(&format!("https://{}", posing.private())).tls(shared.path());
    for command in [&["cluster", "nodes"][..], &["keys", "push", "board", dir]] {
        let output = ctl.run(command).unwrap();
        assert_eq!(output.code, 1, "{output:?}");
        assert!(
            output.stderr.contains("needs the role hub") && output.stderr.contains("x.leaf.crt"),
            "{output:?}"
        );
    }
}

#[test]
fn a_rule_comes_before_the_name_of_a_certificate() {
    let shared = TlsDir::generate(Algorithm::P256).unwrap();
    let own = TlsDir::with_pair(Algorithm::P256, "x.leaf").unwrap();
    shared.trust(&own, "x.leaf", "x.leaf").unwrap();
    own.trust(&shared, "server_a", "hub.hub").unwrap();
    let hub = Setup::named("hub").unwrap().tls(shared.path()).flag("--role", "x.*=operator,hub");
    let hub = hub.start().unwrap();
    let other = Setup::named("other").unwrap().tls(own.path()).join(hub.private()).start().unwrap();
    eventually(|| hub.ctl().sees("other", "alive")).unwrap();
    drop(other);
    let ctl = Ctl::to(&format!("https://{}", hub.private())).tls(own.path());
    assert_eq!(ctl.run(&["cluster", "leave"]).unwrap().code, 0);
    let refusal = Setup::named("typo").unwrap().flag("--role", "x=hubb").refusal().unwrap();
    assert!(refusal.contains("the roles are hub, leaf, operator and application"), "{refusal}");
}

#[test]
fn a_new_name_for_a_certificate_ends_the_links_that_it_no_longer_allows() {
    let guarded = Guarded::start("x.hub");
    let _other = guarded.join();
    eventually(|| guarded.hub.ctl().sees("other", "alive")).unwrap();
    std::fs::rename(guarded.shared.file("x.hub.crt"), guarded.shared.file("x.leaf.crt")).unwrap();
    let refused = guarded.hub.wait_for_log("refused: a link with other").unwrap();
    assert!(refused.contains("x.leaf.crt"), "{refused}");
    eventually(|| {
        let links = guarded.hub.ctl().json(&["cluster", "links"])?;
        ensure!(links["links"].as_array().is_some_and(Vec::is_empty), "{links}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_leaf_with_the_shared_key_is_logged_once_with_the_name_to_give() {
    let guarded = Guarded::start("x");
    for _ in 0..3 {
        Peer::greet(guarded.hub.private(), Some(&guarded.shared)).unwrap();
    }
    eventually(|| {
        let logs = guarded.hub.logs_after(Mark::default());
        let ups = logs.iter().filter(|line| line.contains("link up")).count();
        ensure!(ups == 3, "{ups} links");
        Ok(())
    })
    .unwrap();
    guarded.hub.wait_for_log("shows server_a.crt, whose roles are hub, leaf, operator, application").unwrap();
    let logs = guarded.hub.logs_after(Mark::default());
    assert_eq!(logs.iter().filter(|line| line.contains(".leaf.crt here")).count(), 1, "{logs:?}");
}

/// A JSON-RPC request by curl.
fn leave(node: &Daemon, headers: &[&str]) -> Answer {
    let call = r#"{"jsonrpc": "2.0", "id": 1, "method": "MaelNode.Leave"}"#;
    let request = Curl::get(&format!("http://{}/_mael/v1", node.private())).option("--data", call);
    headers.iter().fold(request, |request, header| request.header(header)).send().unwrap()
}

const JSON: &str = "Content-Type: application/json; charset=utf-8";

#[test]
fn without_tls_an_operator_shows_the_token_of_the_node() {
    let mut node = Setup::named("ada").unwrap().start().unwrap();
    let file = node.setup().data_dir().join("token");
    let token = std::fs::read_to_string(&file).unwrap();
    let token = token.trim();
    for headers in [&[JSON][..], &[JSON, "Authorization: Bearer 00"], &[JSON, "Authorization: Basic 00"]] {
        let answer = leave(&node, headers).json().unwrap();
        assert_eq!(answer["error"]["code"], -32001, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("Authorization: Bearer") && message.contains(file.to_str().unwrap()),
            "{answer}"
        );
    }
    let authorization = format!("Authorization: Bearer {token}");
    // What a web page can send without being asked for permission is refused, even with the token.
    for content_type in ["Content-Type: text/plain", "Content-Type:"] {
        let answer = leave(&node, &[content_type, &authorization]);
        assert_eq!(answer.status, 415, "{}", answer.text());
        assert!(answer.text().contains("Content-Type: application/json"), "{}", answer.text());
    }
    assert_eq!(leave(&node, &[JSON, &authorization, "Origin: http://evil.example"]).status, 403);
    node.ctl().sees("ada", "alive").unwrap();
    let answer = leave(&node, &[JSON, &authorization]).json().unwrap();
    assert!(answer["result"]["nodeId"].is_string(), "{answer}");
    assert!(node.wait_for_exit().unwrap().success());
}

#[test]
fn maelctl_finds_the_token_by_itself() {
    let mut node = Setup::named("ada").unwrap().start().unwrap();
    let url = format!("http://{}", node.private());
    let nowhere = node.setup().home().join("nowhere");
    let output = Ctl::to(&url).data_dir(&nowhere).run(&["cluster", "leave"]).unwrap();
    assert_eq!(output.code, 1, "{output:?}");
    for part in ["needs the role operator", "nowhere/token", "data directory"] {
        assert!(output.stderr.contains(part), "{part}: {output:?}");
    }
    assert_eq!(Ctl::to(&url).data_dir(&nowhere).run(&["cluster", "nodes"]).unwrap().code, 0, "it may look");
    let output = Ctl::to(&url).data_dir(&node.setup().data_dir()).run(&["cluster", "leave"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(node.wait_for_exit().unwrap().success());
}

/// The component that answers at `path` of the node's gateway.
fn at_gateway(node: &Daemon, path: &str) -> Result<String> {
    let answer = Curl::get(&format!("{}{path}", node.gateway())).send()?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    Ok(answer.json()?["component"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn what_another_member_invents_is_not_public() {
    let (own, invented) = (Component::start("own").unwrap(), Component::start("invented").unwrap());
    let start = |name: &str, join: Option<&Daemon>, adjust: &dyn Fn(Setup) -> Setup| {
        let setup = Setup::named(name).unwrap().default_gateway();
        let setup = join.iter().fold(setup, |setup, node| setup.join(node.private()));
        adjust(setup).start().unwrap()
    };
    let ada = start("ada", None, &|setup| setup.component("own", &own.url()));
    let ben = start("ben", Some(&ada), &|setup| setup.component("invented", &invented.url()));
    let cleo = start("cleo", Some(&ada), &|setup| setup.flag("--public-component", "invented"));
    // The cluster knows it, and passes requests on.
    let private = format!("http://{}/", ada.private());
    eventually(|| {
        let answer = Curl::get(&private).header("MAELSTROM-COMPONENT: invented").send()?;
        ensure!(answer.status == 200, "{}", answer.text());
        Ok(())
    })
    .unwrap();
    assert_eq!(eventually(|| at_gateway(&cleo, "/invented/")).unwrap(), "invented");
    assert_eq!(at_gateway(&ben, "/invented/").unwrap(), "invented");
    assert_eq!(at_gateway(&ada, "/own/").unwrap(), "own");
    let answer = Curl::get(&format!("{}/invented/", ada.gateway())).send().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (404, "No component matches the request"));
    let answer = Curl::get(&format!("{}/own/", cleo.gateway())).send().unwrap();
    assert_eq!(answer.status, 404, "a list is the whole list");
}

#[test]
fn only_the_owner_of_a_bound_component_is_asked() {
    let (real, stolen) = (Component::start("real").unwrap(), Component::start("stolen").unwrap());
    let mut owner = Setup::named("owner").unwrap().component("shop", &real.url()).start().unwrap();
    let id = owner.ctl().node("owner").unwrap().node_id;
    let thief = Setup::named("thief").unwrap().component("shop", &stolen.url()).join(owner.private());
    let thief = thief.start().unwrap();
    let front = Setup::named("front").unwrap().default_gateway().flag("--bind", &format!("shop={id}"));
    let front = front.join(thief.private()).join(owner.private()).start().unwrap();
    eventually(|| {
        let answer = front.ctl().json(&["cluster", "nodes"])?;
        let offering = answer["nodes"].as_array().cloned().unwrap_or_default();
        let offering =
            offering.iter().filter(|node| node["components"][0] == "shop" && node["linked"] == true);
        ensure!(offering.count() == 2, "{answer}");
        Ok(())
    })
    .unwrap();
    for _ in 0..10 {
        assert_eq!(at_gateway(&front, "/shop/").unwrap(), "real");
    }
    owner.kill();
    for _ in 0..3 {
        let answer = Curl::get(&format!("{}/shop/", front.gateway())).send().unwrap();
        assert_ne!(answer.status, 200, "{}", answer.text());
    }
    eventually(|| front.ctl().sees("owner", "down")).unwrap();
    let answer = Curl::get(&format!("{}/shop/", front.gateway())).send().unwrap();
    assert_ne!(answer.status, 200, "{}", answer.text());
}
