//! "Erlang distribution over TLS": encryption alone, the two sides that verify, and revocation.

use node_tests::daemon::Daemon;
use node_tests::wait::eventually;

use crate::site::Site;

/// `server_certfile` alone; nobody verifies anybody.
const ENCRYPTION_ONLY: &str = "
tls:
  cert: NODE.pem                    # server_certfile
  server: {verify: verify_none}
  client: {verify: verify_none}
";

/// "Verify server certificate against CA list"
const VERIFY_SERVER: &str = "
tls:
  cert: NODE.crt                    # server_certfile
  key: NODE.key                     # server_keyfile
  server: {verify: verify_none}
  client:
    ca: ca.crt                      # client_cacertfile
    verify: verify_peer             # client_verify
";

/// "Verify client certificate against CA list"
const VERIFY_BOTH: &str = "
tls:
  cert: NODE.crt                    # server_certfile
  key: NODE.key                     # server_keyfile
  server:
    ca: ca.crt                      # server_cacertfile
    verify: verify_peer             # server_verify
    fail_if_no_peer_cert: true      # server_fail_if_no_peer_cert
  client:
    cert: NODE.crt                  # client_certfile
    key: NODE.key                   # client_keyfile
    ca: ca.crt                      # client_cacertfile
    verify: verify_peer             # client_verify
";

/// For a certificate that is dialled at 127.0.0.1.
const HERE: &[&str] = &["subjectAltName=IP:127.0.0.1"];

/// A CA, and a pair that it signed for each of these names.
fn signed(names: &[&str]) -> Site {
    let site = Site::new();
    site.ca("ca");
    for name in names {
        site.sign("ca", name, HERE);
    }
    site
}

fn of(configuration: &str, node: &str) -> String {
    configuration.replace("NODE", node)
}

/// Starts a daemon that joins through another.
fn join(site: &Site, name: &str, configuration: &str, hub: &Daemon) -> Daemon {
    site.setup(name, configuration).join(hub.private()).start().unwrap()
}

/// Certificate and key in one PEM file, which nobody signed.
fn pem(site: &Site, name: &str) {
    site.self_signed(name);
    site.desk.ok(&format!(
        "cat {name}.crt {name}.key > {name}.pem && rm {name}.crt {name}.key && chmod 600 {name}.pem"
    ));
}

/// E12 and E14: a server certificate is enough, in one file with its key, and self-signed. The client shows nothing, or what nobody
/// knows, and is nobody in particular.
#[test]
fn encryption_alone_needs_one_self_signed_certificate() {
    let site = Site::new();
    pem(&site, "alice");
    pem(&site, "bob");
    let alice = site.start("alice", &of(ENCRYPTION_ONLY, "alice"));
    let bob = join(&site, "bob", &of(ENCRYPTION_ONLY, "bob"), &alice);
    site.sees(&alice, "bob");
    site.sees(&bob, "alice");
    site.is_let_in(&alice, "--insecure");
    assert!(site.s_client(&alice, "").contains("New, TLSv1.3"));
    // To be let in is not to steer.
    let output = site.maelctl(&alice, "bob", "cluster leave");
    assert!(output.code == 1 && output.stderr.contains("needs the role operator"), "{output:?}");
}

/// E4: whoever verifies nobody stops listeners only, and is told so.
#[test]
fn encryption_without_verification_is_warned_of() {
    let site = Site::new();
    pem(&site, "alice");
    let alice = site.start("alice", &of(ENCRYPTION_ONLY, "alice"));
    alice.wait_for_log("INSECURE: whoever this node dials is believed without proof").unwrap();
    alice.wait_for_log("OPEN: whoever reaches the private port is let in without a certificate").unwrap();
    let output = site.desk.run("maelstromd --check-config --config alice.conf --data-dir data");
    assert!(
        output.stderr.contains("warning: INSECURE") && output.stderr.contains("warning: OPEN"),
        "{output:?}"
    );
    let output = site.maelctl(&alice, "alice", "cluster nodes");
    assert!(output.stderr.contains("maelctl: warning: INSECURE"), "{output:?}");
}

/// E13: the key may be in a file of its own. E11: each side has options of its own.
#[test]
fn the_key_may_be_in_a_file_of_its_own() {
    let site = Site::new();
    site.self_signed("erl-dist");
    let apart = of(ENCRYPTION_ONLY, "erl-dist").replace("erl-dist.pem", "erl-dist.crt\n  key: erl-dist.key");
    let alice = site.start("alice", &apart);
    site.is_let_in(&alice, "--insecure");
    let refusal =
        site.setup("bob", &of(ENCRYPTION_ONLY, "erl-dist").replace(".pem", ".crt")).refusal().unwrap();
    assert!(refusal.contains("erl-dist.crt: holds no private key"), "{refusal}");
}

/// E15 to E17: the client verifies the server by its CA, and the server needs no CA for a client that it does not ask.
#[test]
fn a_client_verifies_the_server_by_a_ca() {
    let site = signed(&["alice", "bob"]);
    site.self_signed("mallory");
    let alice = site.start("alice", &of(VERIFY_SERVER, "alice").replace("    ca: ca.crt", "    #"));
    let mallory = site.start("mallory", &of(VERIFY_SERVER, "mallory"));
    let bob = join(&site, "bob", &of(VERIFY_SERVER, "bob"), &alice);
    site.sees(&bob, "alice");
    site.is_let_in(&alice, "--cacert ca.crt");
    drop(bob);
    let bob = join(&site, "bob", &of(VERIFY_SERVER, "bob"), &mallory);
    let line = bob.wait_for_log("cannot dial a join address").unwrap();
    assert!(
        line.contains("is not trusted here") && line.contains("it is mallory, issued by itself"),
        "{line}"
    );
}

/// E18 to E20: the symmetric arguments. Whoever dials shows a certificate of the CA, or is refused.
#[test]
fn both_sides_verify_each_other_by_a_ca() {
    let site = signed(&["alice", "bob"]);
    site.ca("other");
    site.sign("other", "mallory", HERE);
    let alice = site.start("alice", &of(VERIFY_BOTH, "alice"));
    let bob = join(&site, "bob", &of(VERIFY_BOTH, "bob"), &alice);
    site.sees(&alice, "bob");
    site.sees(&bob, "alice");
    site.is_let_in(&alice, "--cacert ca.crt --cert bob.crt --key bob.key");
    site.is_refused(&alice, "--cacert ca.crt", "the peer showed no certificate");
    let line =
        site.is_refused(&alice, "--cacert ca.crt --cert mallory.crt --key mallory.key", "unknown authority");
    assert!(line.contains("it is mallory, issued by other"), "{line}");
}

/// E20, the other value: a client may show nothing, but nothing wrong.
#[test]
fn without_fail_if_no_peer_cert_a_certificate_that_is_shown_must_be_good() {
    let site = signed(&["alice", "bob"]);
    site.self_signed("mallory");
    let alice = of(VERIFY_BOTH, "alice").replace("cert: true", "cert: false");
    let alice = site.start("alice", &alice);
    site.is_let_in(&alice, "--cacert ca.crt");
    site.is_let_in(&alice, "--cacert ca.crt --cert bob.crt --key bob.key");
    site.is_refused(&alice, "--cacert ca.crt --cert mallory.crt --key mallory.key", "is not trusted here");
    alice.wait_for_log("OPEN:").unwrap();
}

/// E5: only the CAs that the configuration names are trusted, never those of the system.
#[test]
fn the_cas_of_the_system_are_not_trusted() {
    let site = signed(&["alice"]);
    site.ca("public");
    site.sign("public", "mallory", HERE);
    // Programs on OpenSSL would trust it now.
    let alice =
        site.setup("alice", &of(VERIFY_BOTH, "alice")).env("SSL_CERT_FILE", "public.crt").start().unwrap();
    site.is_refused(&alice, "--cacert ca.crt --cert mallory.crt --key mallory.key", "unknown authority");
}

/// E6: an allow-list, where Erlang needs a function of one's own.
#[test]
fn an_allow_list_names_the_certificates_that_may_come() {
    let site = signed(&["alice"]);
    for name in ["bob", "carol"] {
        site.sign("ca", name, &[&format!("subjectAltName=DNS:{name}.example.com")]);
    }
    let listed =
        of(VERIFY_BOTH, "alice").replace("  server:", "  server:\n    allowed_names: [bob.example.com]");
    let alice = site.start("alice", &listed);
    site.is_let_in(&alice, "--cacert ca.crt --cert bob.crt --key bob.key");
    let carol = "--cacert ca.crt --cert carol.crt --key carol.key";
    site.is_refused(&alice, carol, "has none of the names that are allowed here");
}

/// A root, an issuer below it, and `leaf.crt`, which comes with its issuer. `lists/root.crl` and `lists/issuer.crl` revoke nothing;
/// `lists/revoking.crl` is of the issuer and revokes the leaf.
fn chain() -> Site {
    let site = Site::new();
    site.ca("root");
    site.sign("root", "issuer", &["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign,cRLSign"]);
    site.sign("issuer", "leaf", HERE);
    site.desk.ok("cat issuer.crt >> leaf.crt; mkdir lists
        : > index.txt; echo 01 > number
        printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\n' > ca.conf
        for ca in root issuer; do
          openssl ca -config ca.conf -gencrl -cert $ca.crt -keyfile $ca.key -out lists/$ca.crl
        done
        maelctl cert crl --ca issuer.crt --ca-key issuer.key --revoke leaf.crt -o made
        mv made/ca.crl lists/revoking.crl");
    site
}

/// E27 to E30: what each value of `crl_check` asks, with lists that openssl and maelctl made.
#[test]
fn crl_check_has_the_values_of_erlang() {
    const UNKNOWN: &str = "whether it is revoked is not known (crl_check)";
    const REVOKED: &str = "it or an issuer is revoked";
    let site = chain();
    let leaf = "--cacert root.crt --cert leaf.crt --key leaf.key";
    for (crl_check, lists, refusal) in [
        // false is the default, and asks nothing.
        ("", "lists/revoking.crl", None),
        ("crl_check: false", "lists/revoking.crl", None),
        // true wants the list of each CA of the chain.
        ("crl_check: true", "", Some(UNKNOWN)),
        ("crl_check: true", "lists/issuer.crl", Some(UNKNOWN)),
        ("crl_check: true", "lists/issuer.crl, lists/root.crl", None),
        ("crl_check: true", "lists/revoking.crl, lists/root.crl", Some(REVOKED)),
        // peer asks of the leaf alone.
        ("crl_check: peer", "lists/issuer.crl", None),
        ("crl_check: peer", "lists/root.crl", Some(UNKNOWN)),
        ("crl_check: peer", "lists/revoking.crl", Some(REVOKED)),
        // A missing list is no obstacle.
        ("crl_check: best_effort", "", None),
        ("crl_check: best_effort", "lists/root.crl", None),
        ("crl_check: best_effort", "lists/revoking.crl", Some(REVOKED)),
    ] {
        let lists = if lists.is_empty() { String::new() } else { format!("crl_file: [{lists}]") };
        let alice = site.start(
            "alice",
            &format!("tls:\n  cert: leaf.crt\n  key: leaf.key\n  ca: root.crt\n  {lists}\n  {crl_check}\n"),
        );
        match refusal {
            None => site.is_let_in(&alice, leaf),
            Some(why) => drop(site.is_refused(&alice, leaf, why)),
        }
    }
}

/// E31: each side has its own `crl_check`.
#[test]
fn each_side_checks_lists_for_itself() {
    let site = signed(&["alice", "bob"]);
    site.desk.ok("maelctl cert crl --ca ca.crt --ca-key ca.key --revoke bob.crt -o lists");
    let bob = site.start("bob", &of(VERIFY_BOTH, "bob"));
    let configuration = of(VERIFY_BOTH, "alice").replace("tls:", "tls:\n  crl_file: lists/ca.crl");
    let serving = configuration.replace("  server:", "  server:\n    crl_check: true");
    let alice = join(&site, "alice", &serving, &bob);
    site.sees(&alice, "bob");
    site.is_refused(&alice, "--cacert ca.crt --cert bob.crt --key bob.key", "revoked");
    drop(alice);
    let dialling = configuration.replace("  client:", "  client:\n    crl_check: true");
    let alice = join(&site, "alice", &dialling, &bob);
    let line = alice.wait_for_log("cannot dial a join address").unwrap();
    assert!(line.contains("revoked"), "{line}");
    site.is_let_in(&alice, "--cacert ca.crt --cert bob.crt --key bob.key");
}

/// E25 and E26: a key that was stolen is shut out by the serial number of its certificate, at once and without a restart.
#[test]
fn a_new_list_ends_the_link_of_whom_it_revokes() {
    let site = signed(&["alice", "bob"]);
    site.desk.ok("maelctl cert crl --ca ca.crt --ca-key ca.key -o lists");
    let checked =
        of(VERIFY_BOTH, "alice").replace("tls:", "tls:\n  crl_file: lists/ca.crl\n  crl_check: true");
    let alice = site.start("alice", &checked);
    let _bob = join(&site, "bob", &of(VERIFY_BOTH, "bob"), &alice);
    site.sees(&alice, "bob");
    site.desk.ok("maelctl cert crl --ca ca.crt --ca-key ca.key --revoke bob.crt -o lists");
    let line = alice.wait_for_log("the link with bob ends").unwrap();
    assert!(line.contains("revoked"), "{line}");
    site.is_refused(&alice, "--cacert ca.crt --cert bob.crt --key bob.key", "revoked");
}

/// E37: the same over IPv6, without an option. E35 and E44: the port is fixed, and nobody has to be asked for it.
#[test]
fn nodes_meet_over_ipv6_at_a_known_port() {
    let site = Site::new();
    site.ca("ca");
    for name in ["alice", "bob"] {
        site.sign("ca", name, &["subjectAltName=IP:::1"]);
    }
    let here = "[::1]:0".parse().unwrap();
    let alice = site.setup("alice", &of(VERIFY_BOTH, "alice")).private(here).start().unwrap();
    assert!(alice.private().is_ipv6());
    let bob = site.setup("bob", &of(VERIFY_BOTH, "bob")).private(here).join(alice.private()).start().unwrap();
    site.sees(&bob, "alice");
    eventually(|| {
        let links = site.json(&alice, "cluster links")?;
        anyhow::ensure!(links["links"].as_array().is_some_and(|links| links.len() == 1), "{links}");
        Ok(())
    })
    .unwrap();
}
