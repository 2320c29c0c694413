use std::io::Write;

use clap::Parser;

use super::*;
use crate::tls::VerifyCommand;
use crate::tls::settings::{CrlCheck, Demand, NameRule, Pem, TlsSettings};

/// Resolves flags and variables as the daemon does.
fn config(flags: &[&str], variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let flags = Flags::try_parse_from(core::iter::once(&"maelstromd").chain(flags)).unwrap();
    Config::resolve(flags, [("HOME", "/home/ann")].iter().chain(variables).copied().collect())
}

fn problem(flags: &[&str], variables: &[(&str, &str)]) -> String {
    config(flags, variables).unwrap_err().to_string()
}

#[test]
fn starts_with_nothing_at_all() {
    let config = config(&[], &[]).unwrap();
    assert_eq!(config.private_addr.to_string(), "127.0.0.1:8374");
    assert_eq!((config.public_addr, config.tls.as_ref()), (None, None));
    assert_eq!((config.cluster_id.as_str(), config.log.as_str()), ("maelstrom", "info"));
    assert!(config.join.is_empty() && config.components.is_empty() && !config.plaintext);
    assert!(config.data_dir.ends_with("maelstrom") && config.data_dir.is_absolute());
}

#[test]
fn what_means_nothing_is_an_error() {
    for level in ["warning", "verbose", "err"] {
        let said = problem(&[], &[("MAEL_LOG", level)]);
        assert!(
            said.starts_with("MAEL_LOG: ") && said.contains("error, warn, info, debug and trace"),
            "{said}"
        );
    }
    assert!(problem(&["--log", "nodestd=debug"], &[]).starts_with("--log: "));
    assert_eq!(config(&["--log", "node_std=debug"], &[]).unwrap().log, "node_std=debug");
    let said = problem(&[], &[("MAEL_PRIVAT_TLS_DIR", "tls")]);
    assert_eq!(said, "MAEL_PRIVAT_TLS_DIR: no setting has this name: is MAEL_PRIVATE_TLS_DIR meant?");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"PATH=/bin\n# MAEL_X=1\nMAEL_JION=a:1\n").unwrap();
    let path = file.path().to_str().unwrap();
    let said = problem(&["--env-file", path], &[]);
    assert_eq!(said, format!("{path}:3: MAEL_JION: no setting has this name: is MAEL_JOIN meant?"));
}

#[test]
fn flags_win_over_variables() {
    let variables = [
        ("MAEL_NODE_NAME", "env"),
        ("MAEL_PRIVATE_PORT", "9001"),
        ("MAEL_PUBLIC_PORT", "80"),
        ("MAEL_JOIN", "a:1, [fd00::2]:2,"),
        ("MAEL_COMPONENTS", "web=http://127.0.0.1:80,shop=http://shop/base"),
        ("MAEL_CLUSTER_ID", "prod"),
        ("MAEL_PRIVATE_TLS_DIR", "/etc/maelstrom/tls"),
        ("MAEL_DATA_DIR", "/data"),
    ];
    let from_env = config(&[], &variables).unwrap();
    assert_eq!(from_env.name.as_str(), "env");
    assert_eq!(from_env.private_addr.to_string(), "0.0.0.0:9001");
    assert_eq!(from_env.public_addr.unwrap().to_string(), "0.0.0.0:80");
    assert_eq!(from_env.join.iter().map(HostPort::as_str).collect::<Vec<_>>(), ["a:1", "[fd00::2]:2"]);
    assert_eq!(from_env.components[1].upstreams[0].prefix, "/base");
    assert_eq!(from_env.tls.unwrap().dir.unwrap().to_str(), Some("/etc/maelstrom/tls"));
    let flags = ["--name", "flag", "--private-addr", "[::1]:1", "--join", "b:3", "--component", "x=http://y"];
    let from_flags = config(&flags, &variables).unwrap();
    assert_eq!(from_flags.name.as_str(), "flag");
    assert_eq!(from_flags.private_addr.to_string(), "[::1]:1");
    assert_eq!(from_flags.join, ["b:3".parse().unwrap()]);
    assert_eq!(from_flags.components.len(), 1);
    assert_eq!(from_flags.cluster_id.as_str(), "prod");
}

#[test]
fn a_port_of_the_process_wins_over_an_address_of_the_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"MAEL_PRIVATE_ADDR=127.0.0.1:1\nMAEL_PUBLIC_ADDR=127.0.0.1:2\n").unwrap();
    let flags = ["--env-file", file.path().to_str().unwrap()];
    let addresses = |variables: &[(&str, &str)]| {
        let config = config(&flags, variables).unwrap();
        [config.private_addr, config.public_addr.unwrap()].map(|addr| addr.to_string())
    };
    assert_eq!(addresses(&[]), ["127.0.0.1:1", "127.0.0.1:2"]);
    let ports = [("MAEL_PRIVATE_PORT", "3"), ("MAEL_PUBLIC_PORT", "4")];
    assert_eq!(addresses(&ports), ["127.0.0.1:3", "0.0.0.0:4"]);
    let both = [("MAEL_PRIVATE_PORT", "3"), ("MAEL_PRIVATE_ADDR", "127.0.0.1:5")];
    assert_eq!(addresses(&both), ["127.0.0.1:5", "127.0.0.1:2"]);
}

#[test]
fn plaintext_never_leaves_loopback_by_accident() {
    let message = problem(&["--private-addr", "10.0.0.1:8374"], &[]);
    assert!(message.starts_with("--private-addr: 10.0.0.1:8374 can be reached"), "{message}");
    assert!(message.contains("--tls-dir") && message.contains("--plaintext"), "{message}");
    let message = problem(&[], &[("MAEL_PRIVATE_ADDR", "[::]:8374")]);
    assert!(message.starts_with("MAEL_PRIVATE_ADDR: [::]:8374"), "{message}");
    let plain = config(&[], &[("MAEL_PLAINTEXT", "true")]).unwrap();
    assert!(plain.plaintext && plain.private_addr.ip().is_unspecified());
    assert!(config(&["--plaintext", "--private-addr", "10.0.0.1:1"], &[]).is_ok());
    let message = problem(&["--plaintext", "--tls-dir", "/tls"], &[]);
    assert!(message.contains("exclude each other"), "{message}");
}

#[test]
fn a_bad_value_names_its_origin() {
    for (variable, value, expected) in [
        ("MAEL_PRIVATE_PORT", "99999", "MAEL_PRIVATE_PORT: \"99999\":"),
        ("MAEL_PUBLIC_PORT", "http", "MAEL_PUBLIC_PORT: \"http\":"),
        ("MAEL_JOIN", "a:1,b", "MAEL_JOIN: \"b\": expected HOST:PORT"),
        ("MAEL_JOIN", "fd00::2", "MAEL_JOIN: \"fd00::2\": expected HOST:PORT"),
        ("MAEL_JOIN", "b:0", "MAEL_JOIN: \"b:0\": expected HOST:PORT"),
        ("MAEL_COMPONENTS", "web", "MAEL_COMPONENTS: \"web\": expected NAME=URL"),
        ("MAEL_COMPONENTS", "a b=http://x", "MAEL_COMPONENTS: \"a b=http://x\": a name is"),
        ("MAEL_COMPONENTS", "a=https://x", "MAEL_COMPONENTS: \"a=https://x\": https needs the CA"),
        ("MAEL_COMPONENTS", "a=ftp://x", "MAEL_COMPONENTS: \"a=ftp://x\": the URL must be http://"),
        (
            "MAEL_COMPONENTS",
            "a=http://x/b/../c",
            "MAEL_COMPONENTS: \"a=http://x/b/../c\": the path of the URL",
        ),
        (
            "MAEL_COMPONENTS",
            "a=http://x:99999",
            "MAEL_COMPONENTS: \"a=http://x:99999\": the URL must be http://",
        ),
        ("MAEL_COMPONENTS", "a=http://u@x", "MAEL_COMPONENTS: \"a=http://u@x\": the URL must be http://"),
        (
            "MAEL_COMPONENTS",
            "_mael=http://x",
            "MAEL_COMPONENTS: \"_mael=http://x\": names that begin with _mael",
        ),
        ("MAEL_PRIVATE_ADDR", "28950", "MAEL_PRIVATE_ADDR: \"28950\": expected IP:PORT, such as"),
        ("MAEL_PUBLIC_ADDR", "web", "MAEL_PUBLIC_ADDR: \"web\": expected IP:PORT, such as"),
        ("MAEL_NODE_NAME", "a b", "MAEL_NODE_NAME: \"a b\": a name is"),
        ("MAEL_DIAL_RANGES", "10.0.0.0/8,10.0.0.0/33", "MAEL_DIAL_RANGES: \"10.0.0.0/33\": expected a range"),
        ("MAEL_DIAL_RANGES", "node.example", "MAEL_DIAL_RANGES: \"node.example\": expected a range"),
        ("MAEL_PLAINTEXT", "maybe", "MAEL_PLAINTEXT: \"maybe\": expected true or false"),
    ] {
        let message = problem(&[], &[(variable, value)]);
        assert!(message.starts_with(expected), "{message}");
    }
    let long = format!("{}.example:8374", "a".repeat(200));
    for flag in ["--join", "--advertise-addr"] {
        let message = problem(&[flag, &long], &[]);
        assert!(
            message.starts_with(&format!("{flag}: \"aaa")) && message.contains("at most 128"),
            "{message}"
        );
    }
    let twice = problem(&["--component", "a=http://x", "--component", "a=http://y"], &[]);
    assert!(twice.starts_with("the component a is given twice"), "{twice}");
}

#[test]
fn a_setting_given_too_many_times_is_named() {
    let nine = ["a:1"; 9].join(",");
    let message = problem(&[], &[("MAEL_JOIN", &nine)]);
    assert_eq!(message, "MAEL_JOIN: at most 8 members to join through can be given");
    assert_eq!(config(&["--join", "a:1"].repeat(8), &[]).unwrap().join.len(), 8);
    let message = problem(&["--join", "a:1"].repeat(9), &[]);
    assert!(message.starts_with("--join: at most 8"), "{message}");
    let message = problem(&["--dial-range", "10.0.0.0/8"].repeat(65), &[]);
    assert_eq!(message, "--dial-range: at most 64 ranges of addresses to dial can be given");
    let ranges = config(&["--dial-range", "10.0.0.0/8", "--dial-range", "fd00::1"], &[]).unwrap().dial_ranges;
    assert_eq!(ranges.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "fd00::1/128"]);
    let many: Vec<String> = (0..33).map(|n| format!("c{n}=http://h")).collect();
    let message = problem(&[], &[("MAEL_COMPONENTS", &many.join(","))]);
    assert_eq!(message, "MAEL_COMPONENTS: at most 32 components can be given");
}

#[test]
fn roles_and_owners_come_from_flags_or_variables() {
    let variables = [
        ("MAEL_ROLES", "board-*=leaf; ops=operator,application\n"),
        ("MAEL_BINDINGS", "shop=hub,leaf web=00112233445566778899aabbccddeeff"),
    ];
    let from_env = config(&[], &variables).unwrap();
    assert_eq!((from_env.roles.len(), from_env.bindings.len()), (2, 2));
    let from_flags = config(&["--role", "x=hub", "--bind", "shop=leaf"], &variables).unwrap();
    assert_eq!(from_flags.roles, ["x=hub".parse().unwrap()]);
    assert_eq!(from_flags.bindings, ["shop=leaf".parse().unwrap()]);
    for (flag, value, expected) in [
        ("--role", "x=hub,laef", "--role: \"x=hub,laef\": the roles are hub, leaf, operator and application"),
        ("--role", "x", "--role: \"x\": expected WHAT=ROLE"),
        ("--role", "a b=hub", "--role: \"a b=hub\": before = stands"),
        ("--bind", "shop=nobody", "--bind: \"shop=nobody\": an owner is hub, leaf, or a node id"),
        ("--bind", "shop", "--bind: \"shop\": expected COMPONENT=OWNER"),
        ("--public-component", "a b", "--public-component: \"a b\": expected the name of a component, or *"),
    ] {
        let message = problem(&[flag, value], &[]);
        assert!(message.starts_with(expected), "{message}");
    }
    let twice = problem(&["--bind", "shop=hub", "--bind", "shop=leaf"], &[]);
    assert!(twice.starts_with("the component shop is bound twice"), "{twice}");
    assert!(problem(&["--role", "a=hub"].repeat(65), &[]).starts_with("--role: at most 64"));
}

#[test]
fn the_gateway_serves_what_this_node_names_unless_a_list_is_given() {
    let own = ["--component", "web=http://h", "--bind", "shop=hub"];
    let serves = |flags: &[&str]| {
        let published = config(&[&own, flags].concat(), &[]).unwrap().published;
        ["web", "shop", "invented", "not a name"].map(|component| published.serves(component))
    };
    assert_eq!(serves(&[]), [true, true, false, false]);
    assert_eq!(serves(&["--public-component", "invented"]), [false, false, true, false]);
    assert_eq!(serves(&["--public-component", "shop", "--public-component", "*"]), [true; 4]);
    let nothing = config(&[], &[]).unwrap().published;
    assert!(!nothing.serves("web") && nothing.to_string().contains("--public-component"), "{nothing}");
}

#[test]
fn host_names_become_names() {
    assert_eq!(default_name("büro 1.local").unwrap().as_str(), "b-ro-1.local");
    assert_eq!(default_name(&"x".repeat(100)).unwrap().as_str().len(), 63);
    assert!(host_name().is_ok());
}

#[test]
fn advertised_address_is_one_that_can_be_dialled() {
    let mut config = config(&["--plaintext", "--join", "127.0.0.1:9"], &[]).unwrap();
    let advertised = |config: &Config, bound: &str| config.advertised(bound.parse().unwrap()).to_string();
    assert_eq!(advertised(&config, "10.1.2.3:8374"), "10.1.2.3:8374");
    assert_eq!(advertised(&config, "0.0.0.0:8374"), "127.0.0.1:8374");
    config.join.clear();
    assert!(!advertised(&config, "0.0.0.0:8374").starts_with("0.0.0.0"));
    config.advertise_addr = Some("node-1.example.net:443".parse().unwrap());
    assert_eq!(advertised(&config, "0.0.0.0:8374"), "node-1.example.net:443");
}

/// The problem that a daemon reports for an env file, or its settings.
fn with_file(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    config(&["-f", path], variables).map_err(|error| error.to_string().replace(path, "FILE"))
}

#[test]
fn env_file_holds_what_the_environment_does_not() {
    let text = "# a comment\n\nexport MAEL_NODE_NAME=file\nMAEL_LOG = \"node_std[{a=\\\"b#\\\"}]=info\" # d\n\
                MAEL_CLUSTER_ID='prod'\nMAEL_DATA_DIR=/data # kept\nOTHER=thing\nMAEL_JOIN=\n";
    let config = with_file(text, &[("MAEL_CLUSTER_ID", "real")]).unwrap();
    assert_eq!((config.name.as_str(), config.cluster_id.as_str()), ("file", "real"));
    assert_eq!((config.log.as_str(), config.data_dir.to_str()), ("node_std[{a=\"b#\"}]=info", Some("/data")));
}

#[test]
fn a_wrong_line_is_named() {
    for (text, expected) in [
        ("\nMAEL_NODE_NAM=x", "FILE:2: MAEL_NODE_NAM: no setting has this name: is MAEL_NODE_NAME meant?"),
        ("just text", "FILE:1: expected KEY=VALUE"),
        ("A B=c", "FILE:1: expected KEY=VALUE"),
        ("A='b", "FILE:1: the quote is not closed"),
        ("A='b' c", "FILE:1: only a comment may follow"),
        ("A=1\nA=2", "FILE:2: A is set a second time"),
        ("#\nMAEL_PRIVATE_PORT=x", "FILE:2: MAEL_PRIVATE_PORT: \"x\": "),
    ] {
        let message = with_file(text, &[]).unwrap_err();
        assert!(message.starts_with(expected), "{message}");
    }
    let message = problem(&["--env-file", "/nowhere/env"], &[]);
    assert!(message.starts_with("cannot read the env file /nowhere/env: "), "{message}");
}

/// The problem that a daemon reports for a configuration file, or its settings.
fn with_config(text: &str, flags: &[&str], variables: &[(&str, &str)]) -> Result<Config, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    config(&[&["-c", path], flags].concat(), variables)
        .map_err(|error| error.to_string().replace(path, "FILE"))
}

const WHOLE: &str = "
cluster:
  id: prod
  name: $NODE
  listen: 10.0.0.1:9000
  join: [a:1, '[fd00::2]:2']
  data_dir: ${DATA:-/data}
  roles: { 'board-*': leaf, 'email:ann@example.com': [operator, application] }
  bind: [ 'shop=hub,leaf' ]
gateway: { listen: 0.0.0.0:80, components: '*' }
components:
  web: http://127.0.0.1:80
limits: { connections: 100, drain: 1m }
log: warn
tls:
  ca: [old.crt, new.crt]
  cert: agent.crt
  key_pem: ${KEY}
  depth: 2
  client: { names: any, ca: other.crt }
  server: { verify: verify_peer, fail_if_no_peer_cert: false, crl_check: peer }
";

#[test]
fn a_configuration_file_sets_everything() {
    let key = "-----BEGIN PRIVATE KEY-----\n: # [\n";
    let config = with_config(WHOLE, &[], &[("NODE", "n1"), ("KEY", key)]).unwrap();
    assert_eq!((config.cluster_id.as_str(), config.name.as_str()), ("prod", "n1"));
    assert_eq!((config.private_addr.port(), config.public_addr.unwrap().port()), (9000, 80));
    assert_eq!(config.join.iter().map(HostPort::as_str).collect::<Vec<_>>(), ["a:1", "[fd00::2]:2"]);
    assert_eq!((config.data_dir.to_str(), config.log.as_str()), (Some("/data"), "warn"));
    assert_eq!(
        config.roles,
        ["board-*=leaf", "email:ann@example.com=operator,application"].map(|rule| rule.parse().unwrap())
    );
    assert_eq!((config.bindings.len(), config.components.len()), (1, 1));
    assert_eq!((config.max_connections, config.drain.as_secs()), (100, 60));
    assert!(config.published.serves("anything"));
    let tls = config.tls.unwrap();
    assert_eq!((tls.listening.authorities.len(), tls.dialling.authorities.len()), (2, 1));
    assert_eq!((tls.listening.depth, tls.dialling.depth), (2, 2));
    assert_eq!((tls.listening.demand, tls.dialling.demand), (Demand::IfShown, Demand::Always));
    assert_eq!((&tls.listening.names, &tls.dialling.names), (&NameRule::Any, &NameRule::Any));
    assert_eq!((tls.listening.crl_check, tls.dialling.crl_check), (CrlCheck::Peer, CrlCheck::Off));
    let Some(Pem::Inline { text, .. }) = &tls.pairs[0].key else { panic!() };
    assert_eq!(text.as_str(), key, "what a variable holds is never read as YAML");
    // Where each comes from is known, and secrets are not shown.
    let shown = |name: &str| {
        let known = config.in_force.iter().find(|known| known.setting == name).unwrap();
        (known.value.as_str(), known.origin.rsplit_once(": ").map_or(&*known.origin, |(place, _)| place))
    };
    assert_eq!(shown("tls.key_pem").0, "(hidden)");
    assert!(shown("cluster.name").1.ends_with(":4:9") && shown("cluster.name").0 == "n1");
    assert_eq!(shown("tls.timeout"), ("10", "default"));
}

#[test]
fn flags_and_variables_win_over_the_file() {
    let variables = [("NODE", "n1"), ("KEY", "k"), ("MAEL_JOIN", "c:3"), ("MAEL_LOG", "debug")];
    let flags = ["--name", "flag", "--component", "x=http://y", "--tls-dir", "/keys"];
    let config = with_config(WHOLE, &flags, &variables).unwrap();
    assert_eq!((config.name.as_str(), config.log.as_str()), ("flag", "debug"));
    assert_eq!((config.join.len(), config.components.len()), (1, 1));
    let tls = config.tls.unwrap();
    assert_eq!((tls.dir.unwrap().to_str(), tls.pairs.len()), (Some("/keys"), 0));
    assert_eq!(tls.listening.authorities.len(), 2, "the rules of the file still hold");
}

#[test]
fn all_faults_of_a_file_are_told_at_once_with_their_places() {
    let text = "\
tls:
  cert: a.crt
  mtls: maybe
  verify: true
  cipher_suites: [TLS_AES_128_GCM_SHA256, RC4]
  timeout: soon
  chiper_suites: x
  listeners: []
cluster:
  name: [a]
  listen:
  join: $NOBODY
peers: []
ca: x
log: { filter: info, filer: x }
";
    let said = with_config(text, &[], &[]).unwrap_err();
    let lines: Vec<&str> = said.lines().collect();
    for (line, expected) in lines.iter().zip([
        "FILE:3:9: tls.mtls is \"maybe\": expected true or verify_peer, false or verify_none",
        "FILE:4:3: mtls and verify are two names of one setting: drop one",
        "FILE:5:43: tls.cipher_suites is \"RC4\": expected one of TLS_AES_128_GCM_SHA256, ",
        "FILE:6:12: tls.timeout is \"soon\": expected seconds such as 2 or 0.5",
        "FILE:7:3: tls.chiper_suites: no setting has this name: is cipher_suites meant?",
        "FILE:8:3: tls.listeners: no setting has this name; the settings here are ",
        "FILE:10:9: cluster.name is a list: expected a text",
        "FILE:11:",
        "FILE:12:9: cluster.join cannot be read: the variable NOBODY is not set",
        "FILE:13:1: peers: no setting has this name: other transports than TCP",
        "FILE:14:1: ca: no setting has this name: it stands under tls: indent it",
        "FILE:15:22: log.filer: no setting has this name: is filter meant?",
    ]) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    assert_eq!(lines.len(), 12, "{said}");
}

#[test]
fn contradictions_are_faults() {
    for (text, expected) in [
        (
            "tls: { mtls: false, verify_and_map: true, cert: a }",
            "wants a certificate of every peer, and verify (mtls) wants none",
        ),
        ("tls: { verify: verify_none, fail_if_no_peer_cert: true, cert: a }", "and verify (mtls) wants none"),
        ("tls: { known_urls: [a], cert: a }", "has an effect only with verify_cert_and_check_known_urls"),
        ("tls: { verify_cert_and_check_known_urls: true, cert: a }", "nobody could be accepted"),
        ("tls: { key: a }", "FILE:1:13: tls.key has no certificate beside it"),
        ("tls: { ca: a }", "TLS needs a certificate and a key of this node"),
        ("tls: { cert: a, certs: [] }", "tls.certs stands beside cert"),
        ("tls: { cert: a, key_password: x, key_password_file: y }", "stands beside the password itself"),
        ("tls: { cert: a }\nallow_non_tls: true", "allow_non_tls lets everybody in without TLS"),
        ("tls: { cert: a, cipher_suites: ECDHE-RSA-AES128-GCM-SHA256 }", "names no suite of TLS 1.3"),
        ("tls: { cert: a, server: { insecure: true } }", "tls.server.insecure: no setting has this name"),
        ("tls: { cert: a }\ncluster: { plaintext: true }", "exclude each other"),
        (
            "tls: { cert: a, verify_and_map: true, fail_if_no_peer_cert: false }",
            "tls.verify_and_map wants a certificate of every peer, and verify_none",
        ),
        (
            "tls: { cert: a, verify_and_map: true, server: { verify: verify_none } }",
            "tls.verify_and_map wants a certificate of every peer, and verify_none",
        ),
        ("tls: { cert: a, names: dialled, allowed_names: [a] }", "two rules on the same names"),
        ("tls: { cert: a, key: '-----BEGIN PRIVATE KEY-----' }", "tls.key holds PEM and names no file"),
        ("tls: 5", "FILE:1:6: tls is a single value: expected a map"),
        ("- a", "FILE:1:1: the file is a list: expected a map"),
    ] {
        let said = with_config(text, &[], &[]).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn files_that_nobody_can_read_are_errors() {
    let long = format!("log: {}", "x".repeat(1 << 20));
    assert_eq!(with_config(&long, &[], &[]).unwrap_err().lines().count(), 1);
    let message = problem(&["--config", "/nowhere/c.yaml"], &[]);
    assert!(message.starts_with("cannot read the configuration file /nowhere/c.yaml: "), "{message}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"a: 1\nb: \xff\n").unwrap();
    assert!(problem(&["-c", file.path().to_str().unwrap()], &[]).contains("line 2 is not UTF-8"));
}

#[test]
fn both_notations_of_the_nats_document_load() {
    let nats = "tls: {\n  cert_file: \"./server-cert.pem\"\n  key_file: \"./server-key.pem\"\n  handshake_first: \"300ms\"\n}\n";
    let config = with_config(nats, &[], &[]).unwrap();
    assert_eq!(config.tls.unwrap().pairs.len(), 1);
    assert!(config.notes[0].contains("nothing is ever sent in the clear"), "{:?}", config.notes);
    let proxied = with_config("tls {}\nallow_non_tls: true\n", &[], &[]).unwrap();
    assert!(proxied.plaintext && proxied.tls.is_none());
}

#[test]
fn lists_by_http_are_read_with_erlang_s_time_out() {
    let with_tls = |tls: &str| {
        let text = format!("tls:\n  cert: a.crt\n  key: a.key\n  ca: ca.crt\n{tls}");
        with_config(&text, &[], &[]).map(|config| config.tls.unwrap().list_fetch)
    };
    let fetch = with_tls("  crl_check: true\n  crl_url: [http://a.example/1, http://a.example/2]\n").unwrap();
    assert_eq!((fetch.urls.len(), fetch.timeout.as_secs(), fetch.distribution_points), (2, 5, false));
    assert_eq!((fetch.refresh.min.as_secs(), fetch.refresh.max.as_secs()), (60, 24 * 3600));
    let fetch = with_tls("  crl_cache: {http: 1500}\n  crl_refresh: {max: 30s}\n").unwrap();
    assert_eq!(fetch.timeout.as_millis(), 1500);
    assert_eq!((fetch.refresh.min.as_secs(), fetch.refresh.max.as_secs()), (30, 30));
    assert_eq!(with_tls("  crl_cache: {http: 2s}\n").unwrap().timeout.as_secs(), 2);
    for (bad, said) in [
        ("crl_url: https://a.example/1", "lists are fetched by http:// alone"),
        ("crl_url: ldap://a.example/1", "begins with http://"),
        ("crl_cache: {http: 0}", "milliseconds"),
        ("crl_cache: {https: 1}", "is http meant?"),
        ("crl_refresh: {min: 2h, max: 1h}", "min above its max"),
        ("crl_refresh: {min: 0.1}", "1s to 7d"),
        ("server: {crl_url: http://a.example/1}", "directly under tls"),
        ("ocsp_peer: true", "OCSP is not checked here"),
    ] {
        let error = with_tls(&format!("  {bad}\n")).unwrap_err();
        assert!(error.contains("FILE:5:") && error.contains(said), "{bad}: {error}");
    }
}

/// What the map `tls` of a configuration file says, or what is wrong with it.
fn tls(map: &str) -> Result<TlsSettings, String> {
    let mut file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    file.write_all(format!("tls:\n  dir: /tls\n{map}").as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let config = config(&["--config", path], &[]).map_err(|error| error.to_string())?;
    Ok(config.tls.unwrap())
}

#[test]
fn a_verify_command_is_a_path_or_a_list_for_each_side() {
    let command = |program: &str, arguments: &[&str], seconds| VerifyCommand {
        program: program.into(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        timeout: Duration::from_secs(seconds),
    };
    let both = tls("  verify_command: /opt/verify me\n").unwrap();
    let expected = Some(command("/opt/verify me", &[], 2));
    assert_eq!((&both.listening.verify_command, &both.dialling.verify_command), (&expected, &expected));
    let list = "  server:\n    verify_fun: [/opt/verify, -x, \"a b\"]\n    verify_command_timeout: 5s\n";
    let server = tls(list).unwrap();
    assert_eq!(server.listening.verify_command, Some(command("/opt/verify", &["-x", "a b"], 5)));
    assert_eq!(server.dialling.verify_command, None);
    for (map, why) in [
        ("  verify_command: verify.sh\n", "the path of a program, from / on"),
        ("  verify_command: []\n", "names no program"),
        ("  verify_command_timeout: 2\n", "only beside verify_command"),
        ("  verify_command: /v\n  verify_command_timeout: 0\n", "more than 0"),
        ("  verify_command: /v\n  verify_command_timeout: 61\n", "at most 60 s"),
        ("  verify_command: /v\n  verify_fun: /v\n", "two names of one setting"),
    ] {
        let said = tls(map).unwrap_err();
        assert!(said.contains(why), "{map}: {said}");
    }
}

mod gateway;
mod limits;
