//! What is wrong in a configuration file is told with its line and column, in either notation, and all at once.

use crate::site::Site;

/// The configuration, and what is said of it after the name of the file.
const FAULTS: &[(&str, &[&str])] = &[
    // Names that no setting has.
    ("tls:\n  certt: a\n", &["2:3: tls.certt: no setting has this name: is cert meant?"]),
    ("tls:\n  cert: a\n  verify_fail: true\n", &["3:3: tls.verify_fail: no setting has this name"]),
    ("clutser:\n  id: a\n", &["1:1: clutser: no setting has this name: is cluster meant?"]),
    ("cluster:\n  jion: [a:1]\n", &["2:3: cluster.jion: no setting has this name: is join meant?"]),
    // Names of another place.
    ("mtls: true\n", &["1:1: mtls: no setting has this name: it stands under tls: indent it"]),
    (
        "tls:\n  cert: a\n  plaintext: true\n",
        &["3:3: tls.plaintext: no setting has this name: it stands under cluster"],
    ),
    (
        "tls:\n  cert: a\n  fingerprint: \"sha256:ab12cd34\"\n",
        &["3:3: tls.fingerprint: no setting has this name: it pins a single peer"],
    ),
    (
        "tls:\n  cert: a\n  ktls: true\n",
        &["3:3: tls.ktls: no setting has this name: nothing here corresponds to it"],
    ),
    (
        "listeners:\n  - transport: quic\n    address: \"0.0.0.0:4433\"\n",
        &["1:1: listeners: no setting has this name: other transports than TCP"],
    ),
    (
        "peers:\n  - id: \"abc123...\"\n    transport: quic\n",
        &["1:1: peers: no setting has this name: other transports than TCP"],
    ),
    // Values of the wrong kind.
    (
        "tls:\n  cert: a\n  mtls: maybe\n",
        &["3:9: tls.mtls is \"maybe\": expected true or verify_peer, false or verify_none"],
    ),
    ("tls:\n  cert: [a, b]\n", &["2:9: tls.cert is a list: expected a text"]),
    ("tls: yes\n", &["1:6: tls is a single value: expected a map"]),
    ("tls:\n  cert:\n  key: k\n", &["2:7: tls.cert has no value: give it one, or drop it"]),
    (
        "tls:\n  cert: a\n  timeout: soon\n",
        &["3:12: tls.timeout is \"soon\": expected seconds such as 2 or 0.5"],
    ),
    ("tls:\n  cert: a\n  timeout: -1\n", &["3:12: tls.timeout is \"-1\""]),
    ("tls:\n  cert: a\n  min_version: 1.1\n", &["3:16: tls.min_version is \"1.1\": expected 1.3 or 1.2"]),
    (
        "tls:\n  cert: a\n  cipher_suites: [RC4]\n",
        &["3:19: tls.cipher_suites is \"RC4\": expected one of TLS_AES_128_GCM_SHA256"],
    ),
    (
        "tls:\n  cert: a\n  curve_preferences: [CurveP521]\n",
        &["3:23: tls.curve_preferences is \"CurveP521\": expected one of"],
    ),
    (
        "tls:\n  cert: a\n  pinned_certs: [\"ab12\"]\n",
        &["3:18: tls.pinned_certs is \"ab12\": expected the SHA-256"],
    ),
    ("tls:\n  cert: a\n  depth: 9\n", &["3:10: tls.depth is \"9\": expected 0 to 8"]),
    (
        "tls:\n  cert: a\n  crl_check: maybe\n",
        &["3:14: tls.crl_check is \"maybe\": expected false, true, peer or best_effort"],
    ),
    (
        "tls:\n  cert: a\n  handshake_first: later\n",
        &["3:20: tls.handshake_first is \"later\": expected seconds"],
    ),
    (
        "cluster:\n  roles: [\"email:x@y=boss\"]\n",
        &["2:11: cluster.roles: \"email:x@y=boss\": the roles are hub, leaf, operator and application"],
    ),
    // Settings that contradict each other.
    (
        "tls:\n  cert: a\n  cert_file: b\n",
        &["3:3: cert and cert_file are two names of one setting: drop one"],
    ),
    ("tls:\n  cert: a\n  cert: b\n", &["3:3: "]),
    (
        "tls:\n  cert: a\n  verify: false\n  verify_and_map: true\n",
        &["4:19: tls.verify_and_map wants a certificate of every peer, and verify (mtls) wants none"],
    ),
    (
        "tls:\n  cert: a\n  server:\n    verify: verify_none\n    fail_if_no_peer_cert: true\n",
        &["5:27: tls.server.fail_if_no_peer_cert wants a certificate of every peer"],
    ),
    (
        "tls:\n  cert: a\n  known_urls: [x]\n",
        &["3:15: tls.known_urls has an effect only with verify_cert_and_check_known_urls: true"],
    ),
    ("tls:\n  cert: a\n  certs: [{cert_file: b}]\n", &["3:10: tls.certs stands beside cert"]),
    ("tls:\n  key: k\n", &["2:8: tls.key has no certificate beside it: give cert (cert_file, cert_pem)"]),
    (
        "tls:\n  cert: a\n  password: x\n  password_file: y\n",
        &["4:18: tls.password_file stands beside the password itself"],
    ),
    (
        "allow_non_tls: true\ntls:\n  cert: a\n",
        &["3:3: tls has settings, and allow_non_tls lets everybody in without TLS"],
    ),
    // Variables.
    (
        "tls:\n  cert_pem: \"${NOWHERE}\"\n",
        &["2:13: tls.cert_pem cannot be read: the variable NOWHERE is not set"],
    ),
    ("tls:\n  cert: ${HOME\n", &["2:9: tls.cert cannot be read: ${ has no end"]),
    // No YAML, and no notation of NATS either.
    ("tls:\n  cert: \"a\n", &["2:9: this is not YAML: unclosed quote"]),
    ("tls:\n\tcert: a\n", &["2:2: this is not YAML: tabs disallowed"]),
    (
        "tls: {\n  cert_file: \"./server-cert.pem\"\n  key_file: \"./server-key.pem\"\n",
        &["3:3: this is not YAML: while parsing a flow mapping"],
    ),
    // The notation of NATS.
    ("tls {\n  cert_file: \"./a.pem\"\n  verify: maybe\n}\n", &["3:11: tls.verify is \"maybe\""]),
    (
        "tls: {\n  certfile: \"./a.pem\"\n}\n",
        &["2:3: tls.certfile: no setting has this name: is cert_file meant?"],
    ),
    ("tls { cert_file: a, client { verify: maybe } }\n", &["1:38: tls.client.verify is \"maybe\""]),
    ("tls {\n  cert_file: a\n  cert_file: b\n}\n", &["3:3: cert_file stands here again, first in line 2"]),
    // Several at once, in the order of their places.
    (
        "tls:\n  cert: a\n  depth: 9\n  mtls: maybe\ncluster:\n  lsiten: x\n",
        &[
            "3:10: tls.depth",
            "4:9: tls.mtls",
            "6:3: cluster.lsiten: no setting has this name: is listen meant?",
        ],
    ),
];

#[test]
fn each_is_told_with_its_place() {
    let site = Site::new();
    let mut wrong = Vec::new();
    for (text, expected) in FAULTS {
        site.write("bad.conf", text);
        let output = site.desk.run("maelstromd --check-config --data-dir data --config bad.conf");
        assert!(output.code == 1 && output.stdout.is_empty(), "{text}\n{output:?}");
        let mut rest = output.stderr.as_str();
        for part in *expected {
            match rest.split_once(&format!("bad.conf:{part}")) {
                Some((_, after)) => rest = after,
                None => wrong.push(format!("{text}lacks {part:?}: {}", output.stderr)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A daemon says the same and does not start.
#[test]
fn a_daemon_does_not_start_with_a_fault() {
    let site = Site::new();
    let refusal = site.setup("node", "tls:\n  certt: a\n").refusal().unwrap();
    assert!(
        refusal.contains("node.conf:2:3: tls.certt: no setting has this name: is cert meant?"),
        "{refusal}"
    );
}

/// What the configuration names must be there and fit together.
#[test]
fn files_that_are_named_are_opened_before_the_start() {
    let site = Site::with_agents(&["agent"]);
    site.desk.ok("echo nonsense > empty.pem");
    for (change, with, told) in [
        ("certs/agent.crt", "nowhere.crt", "nowhere.crt: cannot be read"),
        ("certs/agent.key", "certs/agent.crt", "certs/agent.crt: holds no private key"),
        ("certs/ca.crt", "certs/agent.crt", "certs/agent.crt: holds a certificate that cannot be a CA"),
        ("certs/ca.crt", "empty.pem", "empty.pem: holds no certificate"),
        ("crl_file: []", "crl_file: certs/ca.crt", "certs/ca.crt: holds no list of revoked certificates"),
    ] {
        let good =
            "tls:\n  cert: certs/agent.crt\n  key: certs/agent.key\n  ca: certs/ca.crt\n  crl_file: []\n";
        site.write("good.conf", good);
        site.desk.ok("maelstromd --check-config --data-dir data --config good.conf");
        site.write("bad.conf", &good.replace(change, with));
        let output = site.desk.run("maelstromd --check-config --data-dir data --config bad.conf");
        assert!(output.code == 1 && output.stderr.contains(told), "{told}: {output:?}");
    }
}
