//! A port with mutual TLS: the clients that it lets in, and a TLS directory that is broken.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use node_tests::cluster::Cluster;
use node_tests::daemon::{Daemon, Setup, Signal};
use node_tests::http::{Answer, Curl};
use node_tests::openssl;
use node_tests::pki::{Algorithm, SERVER_NAME, TlsDir};
use node_tests::wait::eventually;

/// A node with a TLS directory, and the machine where its keys were made.
struct Guarded {
    made: TlsDir,
    keys: TlsDir,
    node: Daemon,
}

impl Guarded {
    fn start(algorithm: Algorithm) -> Self {
        let made = TlsDir::generate(algorithm).unwrap();
        let keys = made.copy().unwrap();
        let node = Setup::named("guarded").unwrap().tls(keys.path()).start().unwrap();
        Self { made, keys, node }
    }

    /// A curl that trusts a server with this certificate.
    fn curl(&self, keys: &TlsDir, stem: &str) -> Result<Answer> {
        self.curl_without().certificate(keys, stem).send()
    }

    fn curl_without(&self) -> Curl {
        let port = self.node.private().port();
        let url = format!("https://{SERVER_NAME}:{port}/_mael_health_check");
        Curl::get(&url).trusting(&self.made, "server_a", port)
    }

    /// Neither curl nor openssl gets in with this certificate, and the log says why.
    fn refuses(&self, certificate: Option<(&TlsDir, &str)>, why: &str) {
        let mark = self.node.mark();
        let curl = match certificate {
            Some((keys, stem)) => self.curl(keys, stem),
            None => self.curl_without().send(),
        };
        assert!(curl.is_err(), "{curl:?}");
        self.node.wait_for_log_after(mark, why).unwrap();
        let mark = self.node.mark();
        let answer = openssl::health(self.node.private(), certificate).unwrap();
        assert!(!answer.contains("HTTP/1.1"), "{answer}");
        self.node.wait_for_log_after(mark, "connection refused").unwrap();
        self.is_open();
    }

    /// Both get in with each trusted certificate, after any refusal.
    fn is_open(&self) {
        for stem in ["server_a", "server_b", "server_c"] {
            assert_eq!(self.curl(&self.made, stem).unwrap().text(), "OK");
            let answer = openssl::health(self.node.private(), Some((&self.made, stem))).unwrap();
            assert!(answer.contains("HTTP/1.1 200 OK"), "{answer}");
        }
    }

    /// The health of TLS.
    fn tls_health(&self) -> Result<String> {
        let health = self.node.health(&self.made)?;
        Ok(health["tls"]["health"].as_str().unwrap_or_default().to_owned())
    }

    /// The node refuses the directory as `spoil` leaves it, names `culprit`, runs on with the keys that it had, and
    /// takes the directory again when it is whole.
    fn survives(&self, spoil: impl FnOnce(&TlsDir), culprit: &str) {
        assert_eq!(self.tls_health().unwrap(), "ok");
        let mark = self.node.mark();
        spoil(&self.keys);
        let line = self.node.wait_for_log_after(mark, "the last good keyring stays in force").unwrap();
        assert!(line.contains(culprit), "{line}");
        let health = self.tls_health().unwrap();
        assert!(health.contains(culprit), "{health}");
        self.is_open();
        fs::create_dir_all(self.keys.path()).unwrap();
        for stem in ["server_a", "server_b", "server_c"] {
            self.keys.take(&self.made, stem).unwrap();
        }
        eventually(|| {
            let health = self.tls_health()?;
            ensure!(health == "ok", "{health}");
            Ok(())
        })
        .unwrap();
        self.is_open();
    }
}

#[test]
fn trusted_certificates_get_in() {
    Guarded::start(Algorithm::Rsa).is_open();
    Guarded::start(Algorithm::P256).is_open();
}

#[test]
fn nobody_gets_in_without_a_certificate() {
    Guarded::start(Algorithm::Rsa).refuses(None, "the peer showed no certificate");
}

#[test]
fn an_unknown_certificate_is_refused() {
    let guarded = Guarded::start(Algorithm::Rsa);
    // The same names by the same recipe, but other keys.
    let untrusted = TlsDir::generate(Algorithm::Rsa).unwrap();
    guarded.refuses(Some((&untrusted, "server_a")), "is not trusted here");
}

#[test]
fn an_expired_certificate_is_refused_even_if_it_is_in_the_directory() {
    let guarded = Guarded::start(Algorithm::Rsa);
    guarded.made.add_expired().unwrap();
    let mark = guarded.node.mark();
    fs::copy(guarded.made.file("expired.crt"), guarded.keys.file("expired.crt")).unwrap();
    guarded.node.wait_for_log_after(mark, "TLS directory").unwrap();
    guarded.refuses(Some((&guarded.made, "expired")), "expired at 2021-01-01");
}

#[test]
fn a_link_ends_when_the_certificate_of_its_peer_expires() {
    let shared = TlsDir::generate(Algorithm::P256).unwrap();
    let own = TlsDir::empty(Algorithm::P256).unwrap();
    // Long enough for a link to come up on a busy machine.
    own.add_brief("brief", 20).unwrap();
    own.trust(&shared, "server_a", "hub.hub").unwrap();
    shared.trust(&own, "brief", "brief.hub").unwrap();
    let hub = Setup::named("hub").unwrap().tls(shared.path()).start().unwrap();
    let other = Setup::named("other").unwrap().tls(own.path()).join(hub.private()).start().unwrap();
    eventually(|| hub.ctl().sees("other", "alive")).unwrap();
    // Both were told before.
    hub.wait_for_log("the certificate brief.hub.crt expires at").unwrap();
    other.wait_for_log("the active certificate brief.crt expires at").unwrap();
    let said = hub.wait_for_log("the link with other ends: certificate").unwrap();
    assert!(said.contains(&own.fingerprint("brief").unwrap()) && said.contains("expired at"), "{said}");
    eventually(|| {
        let links = hub.ctl().json(&["cluster", "links"])?;
        ensure!(links["links"].as_array().is_some_and(Vec::is_empty), "{links}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn http_without_tls_gets_an_answer_that_helps() {
    let guarded = Guarded::start(Algorithm::P256);
    let mark = guarded.node.mark();
    let answer = Curl::get(&format!("http://{}/", guarded.node.private())).send().unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("use https"), "{}", answer.text());
    guarded.node.wait_for_log_after(mark, "it speaks HTTP without TLS").unwrap();
    guarded.is_open();
}

#[test]
fn a_half_written_key_is_refused() {
    let guarded = Guarded::start(Algorithm::Rsa);
    let half = |keys: &TlsDir| {
        let whole = fs::read(keys.file("server_a.key")).unwrap();
        fs::write(keys.file("server_a.key"), &whole[..whole.len() / 2]).unwrap();
    };
    guarded.survives(half, "server_a.key");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let guarded = Guarded::start(Algorithm::Rsa);
    let swap = |keys: &TlsDir| {
        fs::copy(keys.file("server_c.key"), keys.file("server_b.key")).unwrap();
    };
    guarded.survives(swap, "server_b.key");
}

#[test]
fn an_empty_directory_is_refused() {
    let guarded = Guarded::start(Algorithm::P256);
    let empty = |keys: &TlsDir| {
        for entry in fs::read_dir(keys.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    };
    guarded.survives(empty, guarded.keys.path().to_str().unwrap());
}

#[test]
fn a_directory_that_disappears_is_noticed() {
    let guarded = Guarded::start(Algorithm::P256);
    let remove = |keys: &TlsDir| fs::remove_dir_all(keys.path()).unwrap();
    guarded.survives(remove, guarded.keys.path().to_str().unwrap());
}

#[test]
fn a_node_does_not_start_with_a_spoilt_directory() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let spoilt = |spoil: &dyn Fn(&TlsDir)| {
        let keys = made.copy().unwrap();
        spoil(&keys);
        let refusal = Setup::named("guarded").unwrap().tls(keys.path()).refusal().unwrap();
        (refusal, keys)
    };
    let (refusal, keys) = spoilt(&|keys| fs::write(keys.file("server_b.key"), "-----BEGIN").unwrap());
    assert!(refusal.contains(keys.file("server_b.key").to_str().unwrap()), "{refusal}");
    let (refusal, keys) =
        spoilt(&|keys| fs::rename(keys.file("server_b.key"), keys.file("server_a.key")).unwrap());
    assert!(refusal.contains(keys.file("server_a.key").to_str().unwrap()), "{refusal}");
    let (refusal, keys) = spoilt(&|keys| {
        fs::remove_dir_all(keys.path()).unwrap();
        fs::create_dir(keys.path()).unwrap();
    });
    assert!(refusal.contains(keys.path().to_str().unwrap()) && refusal.contains("empty"), "{refusal}");
    let (refusal, keys) = spoilt(&|keys| fs::remove_dir_all(keys.path()).unwrap());
    assert!(refusal.contains(keys.path().to_str().unwrap()), "{refusal}");
}

#[test]
fn sighup_reads_the_directory_again() {
    let guarded = Guarded::start(Algorithm::P256);
    let mark = guarded.node.mark();
    guarded.keys.rotate().unwrap();
    guarded.node.signal(Signal::HUP).unwrap();
    guarded.node.wait_for_log_after(mark, "SIGHUP").unwrap();
    let active = guarded.keys.fingerprint("server_a").unwrap();
    eventually(|| {
        let node = guarded.node.ctl().node("guarded")?;
        ensure!(node.active_key.as_ref() == Some(&active), "{node:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_changed_directory_is_noticed_without_a_signal() {
    let guarded = Guarded::start(Algorithm::P256);
    let shown = |stem| guarded.curl_without().trusting(&guarded.keys, stem, guarded.node.private().port());
    guarded.keys.rotate().unwrap();
    // The new 'a' is the former 'b'.
    eventually(|| {
        let answer = shown("server_a").certificate(&guarded.keys, "server_a").send()?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn another_cluster_is_refused_by_name() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let cluster = Cluster::tls(&["ada", "ben"], &made, |setup| setup).unwrap();
    let door: SocketAddr = cluster.nodes[0].private();
    let mark = cluster.nodes[0].mark();
    let keys = made.copy().unwrap();
    let setup = Setup::named("untrusted").unwrap().tls(keys.path()).flag("--cluster-id", "elsewhere");
    let untrusted = setup.join(door).start().unwrap();
    untrusted.wait_for_log("cluster id").unwrap();
    cluster.nodes[0].wait_for_log_after(mark, "cluster id").unwrap();
    assert_eq!(untrusted.ctl().nodes().unwrap().len(), 1);
    assert_eq!(cluster.nodes[1].ctl().nodes().unwrap().len(), 2);
    cluster.is_whole().unwrap();
}

#[test]
fn a_node_with_other_keys_does_not_join() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let cluster = Cluster::tls(&["ada", "ben"], &made, |setup| setup).unwrap();
    let other = TlsDir::generate(Algorithm::P256).unwrap();
    let mark = cluster.nodes[0].mark();
    let untrusted = Setup::named("untrusted").unwrap().tls(other.path());
    let untrusted = untrusted.join(cluster.nodes[0].private()).start().unwrap();
    // Each names the other's certificate, whichever looks first.
    untrusted.wait_for_log("cannot dial").unwrap();
    cluster.nodes[0].wait_for_log_after(mark, "connection refused").unwrap();
    assert_eq!(untrusted.ctl().nodes().unwrap().len(), 1);
    cluster.is_whole().unwrap();
}

#[test]
fn a_node_that_is_not_trusted_learns_it() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let node = Setup::named("ada").unwrap().tls(made.path()).start().unwrap();
    // It trusts the other, and is not trusted: only an alert after its handshake says so.
    let other = TlsDir::generate(Algorithm::P256).unwrap();
    fs::copy(made.file("server_a.crt"), other.file("trusted.crt")).unwrap();
    let untrusted =
        Setup::named("untrusted").unwrap().tls(other.path()).join(node.private()).start().unwrap();
    untrusted.wait_for_log("does not trust this node's certificate: put the active .crt").unwrap();
}

#[test]
fn a_node_without_keys_learns_that_a_port_wants_tls() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let node = Setup::named("ada").unwrap().tls(made.path()).start().unwrap();
    let bare = Setup::named("bare").unwrap().join(node.private()).start().unwrap();
    bare.wait_for_log("if that port speaks TLS, set MAEL_PRIVATE_TLS_DIR here").unwrap();
}

#[test]
fn clusters_form_with_either_kind_of_key() {
    for algorithm in [Algorithm::Rsa, Algorithm::P256] {
        let made = TlsDir::generate(algorithm).unwrap();
        let cluster = Cluster::tls(&["ada", "ben", "cleo"], &made, |setup| setup).unwrap();
        let active = made.fingerprint("server_a").unwrap();
        for node in cluster.nodes[0].ctl().nodes().unwrap() {
            assert_eq!(node.active_key.as_ref(), Some(&active));
        }
    }
}
