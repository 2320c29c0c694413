//! "TLS Certificate Configuration" of Muti Metroo: one section for both roles, certificates of both recipes, rotation, and the words
//! in which a peer is refused. How `maelctl cert` makes certificates is in `tests/tests/cert`.

use node_tests::daemon::{Daemon, Signal};
use node_tests::wait::eventually;

use crate::site::Site;

/// "Global TLS Configuration", as typed.
const GLOBAL: &str = r#"
tls:
  # CA certificate for verifying peers and clients
  ca: "./certs/ca.crt"
  # Agent's identity certificate (used by listeners and peer connections)
  cert: "./certs/agent.crt"
  key: "./certs/agent.key"
  # Enable mutual TLS on listeners (require client certificates)
  mtls: true
"#;

/// "Environment Variables"
const ENVIRONMENT: &str = r#"
tls:
  ca_pem: "${TLS_CA}"
  cert_pem: "${TLS_CERT}"
  key_pem: "${TLS_KEY}"
  mtls: true
"#;

/// "Kubernetes"
const KUBERNETES: &str = r#"
tls:
  ca_pem: "${CA_CRT}"
  cert_pem: "${TLS_CRT}"
  key_pem: "${TLS_KEY}"
  mtls: true
"#;

/// "Using OpenSSL"
const USING_OPENSSL: &str = r#"
# Generate EC CA key and certificate
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -nodes -key ca.key -sha256 -days 365 \
-out ca.crt -subj "/CN=My Mesh CA"
# Generate EC agent key and CSR
openssl ecparam -name prime256v1 -genkey -noout -out agent.key
openssl req -new -key agent.key -out agent.csr \
-subj "/CN=agent-1"
# Sign agent certificate
openssl x509 -req -in agent.csr -CA ca.crt -CAkey ca.key \
-CAcreateserial -out agent.crt -days 365 -sha256
"#;

/// "Automated Monitoring"
const MONITORING: &str = r#"#!/bin/bash
# Check if cert expires in next 30 days
openssl x509 -checkend 2592000 -noout -in ./certs/agent.crt
if [ $? -eq 1 ]; then
echo "Certificate expires soon!"
fi
"#;

/// "Private Key Mismatch"
const DIGESTS: &str = "
openssl x509 -noout -pubkey -in agent.crt | openssl md5
openssl ec -in agent.key -pubout 2>/dev/null | openssl md5
";

/// The global section for an agent of this name.
fn global(agent: &str) -> String {
    GLOBAL.replace("agent.", &format!("{agent}."))
}

/// How curl shows the pair of an agent and verifies the server.
fn shows(agent: &str) -> String {
    format!("--cacert certs/ca.crt --cert certs/{agent}.crt --key certs/{agent}.key")
}

/// Starts agents with the global section, each joining through the first.
fn mesh(site: &Site, agents: &[&str]) -> Vec<Daemon> {
    let mut nodes: Vec<Daemon> = Vec::new();
    for agent in agents {
        let setup = site.setup(agent, &global(agent));
        let setup = match nodes.first() {
            Some(first) => setup.join(first.private()),
            None => setup,
        };
        nodes.push(setup.start().unwrap());
    }
    for agent in &agents[1..] {
        site.sees(&nodes[0], agent);
    }
    nodes
}

/// T1 to T3, T13, T16 and T41: one CA, one certificate for both roles, one switch. Each agent shows its certificate when it dials.
#[test]
fn one_section_serves_those_who_listen_and_those_who_dial() {
    let site = Site::with_agents(&["one", "two", "three"]);
    let nodes = mesh(&site, &["one", "two", "three"]);
    site.sees(&nodes[1], "three");
    site.is_let_in(&nodes[0], &shows("two"));
    site.is_refused(&nodes[0], "--cacert certs/ca.crt", "the peer showed no certificate");
}

/// T11 and T12: the certificates of the document's own lines, which are of version 1 and have no names.
#[test]
fn certificates_by_the_lines_of_the_document_make_a_mesh() {
    let site = Site::new();
    site.desk.ok(&format!("mkdir certs && cd certs\n{USING_OPENSSL}"));
    let one = site.start("one", GLOBAL);
    let two = site.setup("two", GLOBAL).join(one.private()).start().unwrap();
    site.sees(&one, "two");
    site.sees(&two, "one");
}

/// T14: what stands in the configuration itself wins over files, which need not be there.
#[test]
fn inline_pem_wins_over_paths() {
    let site = Site::with_agents(&["agent"]);
    let block = |file: &str| site.read(file).replace('\n', "\n    ");
    let inline = format!(
        "tls:
  ca: ./nowhere/ca.crt
  cert: ./nowhere/agent.crt
  key: ./nowhere/agent.key
  ca_pem: |
    {}
  cert_pem: |
    {}
  key_pem: |
    {}
  mtls: true
",
        block("certs/ca.crt"),
        block("certs/agent.crt"),
        block("certs/agent.key")
    );
    let node = site.start("node", &inline);
    site.is_let_in(&node, &shows("agent"));
    site.is_refused(&node, "--cacert certs/ca.crt", "the peer showed no certificate");
    // The key is nobody else's business.
    let shown = site.maelctl(&node, "node", "config show");
    assert!(shown.code == 0 && shown.stdout.contains("(hidden)"), "{shown:?}");
    assert!(!shown.stdout.contains("PRIVATE KEY"), "{shown:?}");
}

/// T15 and T42: PEM of several lines in variables, as secrets of Kubernetes come.
#[test]
fn pem_comes_from_variables() {
    let site = Site::with_agents(&["agent"]);
    for (configuration, [ca, cert, key]) in
        [(ENVIRONMENT, ["TLS_CA", "TLS_CERT", "TLS_KEY"]), (KUBERNETES, ["CA_CRT", "TLS_CRT", "TLS_KEY"])]
    {
        let setup = site.setup("node", configuration);
        let without = setup.clone().env(ca, &site.read("certs/ca.crt")).refusal().unwrap();
        assert!(
            without.contains(&format!(
                "node.conf:4:13: tls.cert_pem cannot be read: the variable {cert} is not set"
            )),
            "{without}"
        );
        assert!(without.contains(&format!("the variable {key} is not set")), "{without}");
        let node = setup
            .env(ca, &site.read("certs/ca.crt"))
            .env(cert, &site.read("certs/agent.crt"))
            .env(key, &site.read("certs/agent.key"))
            .start()
            .unwrap();
        site.is_let_in(&node, &shows("agent"));
        site.is_refused(&node, "--cacert certs/ca.crt", "the peer showed no certificate");
    }
}

/// T16 and T40: with `mtls: false` a client shows nothing, and is nobody in particular.
#[test]
fn mtls_off_lets_in_who_shows_nothing() {
    let site = Site::with_agents(&["one", "two"]);
    let one = site.start("one", &global("one").replace("true", "false"));
    site.is_let_in(&one, "--cacert certs/ca.crt");
    site.is_let_in(&one, &shows("two"));
    one.wait_for_log(
        "OPEN: whoever reaches the private port is let in without a certificate (tls.mtls: false",
    )
    .unwrap();
    one.wait_for_log("TLS that asks nobody for a certificate").unwrap();
    let two = site.setup("two", &global("two")).join(one.private()).start().unwrap();
    two.wait_for_log("with mutual TLS").unwrap();
    site.sees(&two, "one");
}

/// T22: another CA for those that are dialled.
#[test]
fn those_who_are_dialled_may_have_a_ca_of_their_own() {
    let site = Site::with_agents(&["agent"]);
    site.desk.ok("maelctl cert ca -n external -o ext && maelctl cert agent -n external -o ext && mv ext/ca.crt certs/external-ca.crt");
    let external =
        site.start("external", "tls: {ca: certs/ca.crt, cert: ext/external.crt, key: ext/external.key}\n");
    let client = format!("{}  client:\n    ca: \"./certs/external-ca.crt\"\n", global("agent"));
    let agent = site.setup("agent", &client).join(external.private()).start().unwrap();
    external.wait_for_log("link up with agent").unwrap();
    agent.wait_for_log("link up with external").unwrap();
    // Nobody comes in by that CA.
    site.is_refused(
        &agent,
        "--cacert certs/ca.crt --cert ext/external.crt --key ext/external.key",
        "unknown authority",
    );
}

/// T24: how long certificates last when nobody says.
#[test]
fn a_ca_lasts_a_year_and_a_certificate_ninety_days() {
    let site = Site::with_agents(&["agent"]);
    site.desk.ok("maelctl cert client -n client");
    for (file, days) in [("ca", 365), ("agent", 90), ("client", 90)] {
        let ends_within = |days: u64| {
            let seconds = days * 86_400;
            site.desk.run(&format!("openssl x509 -checkend {seconds} -noout -in certs/{file}.crt")).code == 1
        };
        assert!(ends_within(days + 1) && !ends_within(days - 1), "{file}");
    }
}

/// T27: new certificates beside the old ones, a new configuration, and no restart.
#[test]
fn a_planned_rotation_needs_no_restart() {
    let site = Site::with_agents(&["one", "two", "two-next"]);
    let nodes = mesh(&site, &["one", "two"]);
    let two = &nodes[1];
    let (pid, mark) = (two.pid(), two.mark());
    site.write("two.conf", &global("two-next"));
    two.wait_for_log_after(mark, "active is two-next").unwrap();
    two.wait_for_log_after(mark, "the configuration is in force").unwrap();
    let shown = || site.s_client(two, "-showcerts");
    let certificate = site.desk.ok("openssl x509 -in certs/two-next.crt");
    eventually(|| {
        anyhow::ensure!(shown().contains(certificate.trim()), "another certificate is shown");
        Ok(())
    })
    .unwrap();
    site.desk.ok("rm certs/two.crt certs/two.key");
    two.signal(Signal::HUP).unwrap();
    two.wait_for_log_after(mark, "SIGHUP: the keys are in use").unwrap();
    site.sees(&nodes[0], "two");
    assert_eq!(two.pid(), pid);
    // What was in the log of both says that nobody lost anybody.
    let lost = nodes.iter().flat_map(|node| node.logs_after(mark)).find(|line| line.contains("is down"));
    assert_eq!(lost, None);
}

/// T28: the CA is compromised. Its certificates open nothing from the moment at which a node has the new CA, and links that stand end.
#[test]
fn an_emergency_rotation_shuts_out_the_old_ca() {
    let site = Site::with_agents(&["one", "two", "mallory"]);
    site.desk.ok("cp -r certs stolen");
    let nodes = mesh(&site, &["one", "two"]);
    let stolen = "--insecure --cert stolen/mallory.crt --key stolen/mallory.key";
    site.is_let_in(&nodes[0], stolen);
    site.desk.ok("maelctl cert ca -n 'My New CA' -o new && maelctl cert agent -n one -o new && maelctl cert agent -n two -o new");
    let mark = nodes[0].mark();
    // Changed files are noticed; a signal is answered at once.
    site.desk.ok("cp new/* certs/");
    nodes[0].signal(Signal::HUP).unwrap();
    nodes[0].wait_for_log_after(mark, "SIGHUP: the keys are in use").unwrap();
    site.is_refused(&nodes[0], stolen, "is not trusted here");
    nodes[1].wait_for_log("active is two, ").unwrap();
    eventually(|| {
        anyhow::ensure!(site.curl(&nodes[1], stolen).is_err());
        Ok(())
    })
    .unwrap();
    site.sees(&nodes[0], "two");
    site.sees(&nodes[1], "one");
}

/// T28: the link of a node that still shows a certificate of the old CA ends.
#[test]
fn a_link_ends_when_its_ca_is_no_longer_trusted() {
    let site = Site::with_agents(&["one", "two"]);
    site.desk.ok("mkdir old && cp certs/* old");
    let one = site.start("one", &global("one"));
    let behind = global("two").replace("./certs", "./old");
    let two = site.setup("two", &behind).join(one.private()).start().unwrap();
    site.sees(&one, "two");
    site.desk.ok("maelctl cert ca -n 'My New CA' --force && maelctl cert agent -n one --force");
    let line = one.wait_for_log("the link with two ends").unwrap();
    assert!(line.contains("unknown authority"), "{line}");
    // It has not been changed yet, and finds no way back.
    two.wait_for_log("cannot dial").unwrap();
}

/// T29 to T31: whoever is to renew a certificate is told in time.
#[test]
fn the_script_of_the_document_warns_of_a_certificate_that_expires_soon() {
    let site = Site::with_agents(&["agent"]);
    site.write("monitor.sh", MONITORING);
    assert_eq!(site.desk.ok("bash monitor.sh"), "Certificate will not expire\n");
    site.desk.ok("maelctl cert agent -n agent --days 20 --force");
    assert!(site.desk.ok("bash monitor.sh").contains("Certificate expires soon!"));
    // maelctl and the daemon say the same without a script.
    let output = site.desk.run("maelctl cert info ./certs/agent.crt");
    assert!(output.code == 3 && output.stdout.contains("EXPIRING SOON"), "{output:?}");
    let node = site.start("node", GLOBAL);
    node.wait_for_log("the active certificate agent.crt expires at").unwrap();
}

/// T32 to T34: the words in which a peer is refused name the fault, the certificate and the remedy.
#[test]
fn a_refused_peer_is_told_of_with_the_reason() {
    let site = Site::with_agents(&["one"]);
    site.ca("other");
    site.sign("other", "stranger", &[]);
    // openssl x509 cannot date back, openssl ca can.
    site.desk.ok("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout late.key -out late.csr -subj /CN=late
        : > index.txt; echo 01 > serial
        printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' > ca.conf
        openssl ca -batch -notext -config ca.conf -cert certs/ca.crt -keyfile certs/ca.key -in late.csr -out late.crt \
          -startdate 20200101000000Z -enddate 20210101000000Z");
    let one = site.start("one", &global("one"));
    for (name, parts) in [
        (
            "stranger",
            ["signed by an unknown authority: check the CA file here", "it is stranger, issued by other"],
        ),
        (
            "late",
            [
                "expired at 2021-01-01T00:00:00Z: rotate the peer to a newer key, or correct this node's clock",
                "it is late, issued by My Mesh CA",
            ],
        ),
    ] {
        let options = format!("--cacert certs/ca.crt --cert {name}.crt --key {name}.key");
        let line = site.is_refused(&one, &options, parts[0]);
        assert!(line.contains(parts[1]), "{line}");
    }
}

/// T34: a certificate for another name than the one that is dialled, with both names.
#[test]
fn a_certificate_for_another_name_is_refused_with_both_names() {
    let site = Site::with_agents(&["two"]);
    site.sign("certs/ca", "agent1", &["subjectAltName=DNS:agent1.example.com"]);
    let one = site.start("one", "tls: {ca: certs/ca.crt, cert: agent1.crt, key: agent1.key}\n");
    let address = format!("localhost:{}", one.private().port());
    let two = site.setup("two", &global("two")).flag("--join", &address).start().unwrap();
    let line = two.wait_for_log("cannot dial a join address").unwrap();
    assert!(line.contains("it is valid for agent1.example.com, not localhost"), "{line}");
    assert!(
        line.contains("dial a name in its subject alternative names, or make it anew with that name"),
        "{line}"
    );
}

/// T35: a key of another certificate is an error at the start, and the document's commands show it as well.
#[test]
fn a_key_of_another_certificate_is_refused_at_the_start() {
    let site = Site::with_agents(&["agent", "two"]);
    site.desk.ok("cp certs/two.key certs/agent.key");
    let refusal = site.setup("node", GLOBAL).refusal().unwrap();
    assert!(refusal.contains("./certs/agent.key: holds a private key that does not match the public key of the certificate in ./certs/agent.crt"), "{refusal}");
    let digests = site.desk.ok(&format!("cd certs\n{DIGESTS}"));
    let digests: Vec<&str> = digests.lines().collect();
    assert!(digests.len() == 2 && digests[0] != digests[1], "{digests:?}");
}

/// T4 and T36: with `ec_only` RSA is refused, of a peer, as the node's own and as a CA. Without it RSA is as good.
#[test]
fn with_ec_only_rsa_is_refused() {
    let site = Site::with_agents(&["agent"]);
    site.sign_key("certs/ca", "rsa", &["subjectAltName=IP:127.0.0.1"], "-newkey rsa:2048 -nodes");
    site.desk.ok("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout rsa-ca.key -out rsa-ca.crt -subj /CN=rsa-ca");
    let rsa = "--cacert certs/ca.crt --cert rsa.crt --key rsa.key";
    let any = site.start("any", GLOBAL);
    site.is_let_in(&any, rsa);
    let ec_only = format!("{GLOBAL}  ec_only: true\n");
    let node = site.start("node", &ec_only);
    site.is_let_in(&node, &shows("agent"));
    site.is_refused(&node, rsa, "must use ECDSA (ec_only), got RSA-2048: make the peer a P-256 key");
    for (ours, theirs) in [("./certs/agent.", "rsa."), ("./certs/ca.crt", "rsa-ca.crt")] {
        let refusal = site.setup("refused", &ec_only.replace(ours, theirs)).refusal().unwrap();
        assert!(
            refusal.contains("holds a certificate that must use ECDSA (ec_only), got RSA-2048"),
            "{refusal}"
        );
    }
}
