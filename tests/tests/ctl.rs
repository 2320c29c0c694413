//! maelctl shows people and programs what the cluster knows, and explains errors.

use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::ctl::Ctl;
use node_tests::daemon::Setup;
use node_tests::pki::{Algorithm, TlsDir};

#[test]
fn cluster_nodes_is_a_table_for_people() {
    let cluster = Cluster::plaintext(&["ada", "ben"], |setup| setup).unwrap();
    let output = cluster.nodes[0].ctl().run(&["cluster", "nodes"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    for node in &cluster.nodes {
        let row = output.stdout.lines().find(|line| line.contains(node.name())).unwrap();
        assert!(row.contains("hub") && row.contains("alive"), "{row}");
        assert!(row.contains(&node.private().to_string()), "{row}");
    }
}

#[test]
fn cluster_nodes_is_json_for_programs() {
    let component = Component::start("shop").unwrap();
    let cluster =
        Cluster::plaintext(&["ada", "ben"], |setup| setup.component("shop", &component.url())).unwrap();
    let answer = cluster.nodes[0].ctl().json(&["cluster", "nodes"]).unwrap();
    let [ada, ben] = &answer["nodes"].as_array().unwrap()[..] else { panic!("{answer}") };
    assert_eq!((&ada["name"], &ben["name"]), (&"ada".into(), &"ben".into()));
    assert_eq!(answer["respondingNodeId"], ada["nodeId"]);
    assert_eq!(ben["components"], serde_json::json!(["shop"]));
    assert_eq!(ben["linked"], true);
}

#[test]
fn ping_reaches_a_node_by_name_or_id() {
    let cluster = Cluster::plaintext(&["ada", "ben", "cleo"], |setup| setup).unwrap();
    let ctl = cluster.nodes[0].ctl();
    for node in ctl.nodes().unwrap() {
        for target in [&node.name, &node.node_id] {
            let pong = ctl.json(&["ping", target]).unwrap();
            assert_eq!(
                (&pong["node"], &pong["name"]),
                (&node.node_id.clone().into(), &node.name.clone().into())
            );
            assert!(pong["rttMicros"].is_u64(), "{pong}");
        }
    }
    let output = ctl.run(&["ping", "ben"]).unwrap();
    assert!(output.code == 0 && output.stdout.contains("ben"), "{output:?}");
}

#[test]
fn an_idle_pair_that_does_not_match_is_a_warning() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let own = made.copy().unwrap();
    let node = Setup::named("ada").unwrap().tls(made.path()).start().unwrap();
    std::fs::copy(own.file("server_a.key"), own.file("server_c.key")).unwrap();
    let ctl = Ctl::to(&format!("https://{}", node.private())).tls(own.path());
    let output = ctl.run(&["cluster", "nodes"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("warning") && output.stderr.contains("server_c.key"), "{output:?}");
    // The active pair has to be good, and a daemon wants all of them.
    std::fs::copy(own.file("server_b.key"), own.file("server_a.key")).unwrap();
    let output = ctl.run(&["cluster", "nodes"]).unwrap();
    assert!(output.code == 1 && output.stderr.contains("server_a.key"), "{output:?}");
    let own = made.copy().unwrap();
    std::fs::copy(own.file("server_a.key"), own.file("server_c.key")).unwrap();
    let said = Setup::named("ben").unwrap().tls(own.path()).refusal().unwrap();
    assert!(said.contains("server_c.key"), "{said}");
}

#[test]
fn keys_for_a_node_that_is_no_board_are_refused_for_that_reason() {
    let made = TlsDir::generate(Algorithm::Rsa).unwrap();
    let node = Setup::named("ada").unwrap().tls(made.path()).start().unwrap();
    let dir = made.path().to_str().unwrap();
    let output = node.ctl().run(&["keys", "push", "ada", dir]).unwrap();
    assert!(output.code == 1 && output.stderr.contains("ada is a hub"), "{output:?}");
}

#[test]
fn keys_ls_shows_the_keyring_of_any_node() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let cluster = Cluster::tls(&["ada", "ben"], &made, |setup| setup).unwrap();
    let ctl = cluster.nodes[0].ctl();
    for arguments in [&["keys", "ls"][..], &["keys", "ls", "ben"]] {
        let answer = ctl.json(arguments).unwrap();
        let slots = answer["slots"].as_array().unwrap();
        let names: Vec<_> = slots.iter().map(|slot| slot["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["server_a", "server_b", "server_c"]);
        for slot in slots {
            let name = slot["name"].as_str().unwrap();
            assert_eq!(slot["certificateSha256"], made.fingerprint(name).unwrap());
            assert_eq!((&slot["pair"], &slot["active"]), (&true.into(), &(name == "server_a").into()));
        }
        let output = ctl.run(arguments).unwrap();
        assert!(output.code == 0 && output.stdout.contains("server_b"), "{output:?}");
    }
}

#[test]
fn keys_push_is_for_nodes_without_a_tls_directory() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let cluster = Cluster::tls(&["ada", "ben"], &made, |setup| setup).unwrap();
    let dir = made.path().to_str().unwrap();
    let output = cluster.nodes[0].ctl().run(&["keys", "push", "ben", dir]).unwrap();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("TLS directory"), "{output:?}");
}

#[test]
fn version_needs_no_node() {
    let output = Ctl::default().run(&["version"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains(env!("CARGO_PKG_VERSION")), "{output:?}");
}

#[test]
fn a_tls_directory_makes_the_url_https() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    // Whether a node runs at the usual port of this machine or not, it does not trust these keys.
    let output = Ctl::default().tls(made.path()).run(&["cluster", "nodes"]).unwrap();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("https://127.0.0.1:8374"), "{output:?}");
}

#[test]
fn an_address_where_nothing_listens_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = Ctl::to(&url).run(&["cluster", "nodes"]).unwrap();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stdout.is_empty() && output.stderr.contains(&url), "{output:?}");
}

#[test]
fn the_wrong_scheme_is_explained() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let guarded = Setup::named("guarded").unwrap().tls(made.path()).start().unwrap();
    let output = Ctl::to(&format!("http://{}", guarded.private())).run(&["cluster", "nodes"]).unwrap();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("https"), "{output:?}");
    let open = Setup::named("open").unwrap().start().unwrap();
    let output =
        Ctl::to(&format!("https://{}", open.private())).tls(made.path()).run(&["cluster", "nodes"]).unwrap();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("without TLS"), "{output:?}");
}

#[test]
fn foreign_keys_are_refused_and_explained() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let guarded = Setup::named("guarded").unwrap().tls(made.path()).start().unwrap();
    let other = TlsDir::generate(Algorithm::P256).unwrap();
    let url = format!("https://{}", guarded.private());
    let output = Ctl::to(&url).tls(other.path()).run(&["cluster", "nodes"]).unwrap();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("trust"), "{output:?}");
    let output = Ctl::to(&url).run(&["cluster", "nodes"]).unwrap();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("MAEL_PRIVATE_TLS_DIR"), "{output:?}");
}

#[test]
fn an_unknown_node_is_named() {
    let node = Setup::named("ada").unwrap().start().unwrap();
    for arguments in [&["ping", "nobody"][..], &["keys", "ls", "nobody"]] {
        let output = node.ctl().run(arguments).unwrap();
        assert_ne!(output.code, 0, "{output:?}");
        assert!(output.stderr.contains("nobody"), "{output:?}");
    }
}

#[test]
fn errors_leave_standard_output_alone() {
    let node = Setup::named("ada").unwrap().start().unwrap();
    let output = node.ctl().run(&["ping", "nobody", "--json"]).unwrap();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stdout.is_empty(), "standard output is for results: {output:?}");
}
