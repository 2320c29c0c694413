//! The command lines of Muti Metroo's document on certificates, with the name of the program exchanged, and those of our README.

use crate::desk::Desk;

/// "Using the CLI"
const USING_THE_CLI: &str = r#"
# Generate CA (do once, share across mesh)
muti-metroo cert ca -n "My Mesh CA" -o ./certs
# Generate agent certificate (signed by the CA)
muti-metroo cert agent -n "agent-1" \
--ca ./certs/ca.crt \
--ca-key ./certs/ca.key \
--dns "agent1.example.com" \
--ip "192.168.1.10" \
-o ./certs
# View certificate info
muti-metroo cert info ./certs/agent-1.crt
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

/// "Validity Period"
const VALIDITY: &str = r"
muti-metroo cert ca --days 730 # 2 years
muti-metroo cert agent --days 180 # 6 months
";

/// "Subject Alternative Names (SANs)"
const NAMES: &str = r#"
muti-metroo cert agent -n "agent-1" \
--ca ./certs/ca.crt \
--ca-key ./certs/ca.key \
--dns "agent1.example.com" \
--dns "agent1.internal" \
--ip "192.168.1.10" \
--ip "10.0.0.10" \
-o ./certs
"#;

/// "Monitoring Expiration" and "Troubleshooting"
const MONITORING: &str = r#"
muti-metroo cert info ./certs/agent.crt
openssl x509 -enddate -noout -in ./certs/agent.crt
openssl x509 -checkend 2592000 -noout -in ./certs/agent.crt
if [ $? -eq 1 ]; then
echo "Certificate expires soon!"
fi
openssl x509 -noout -pubkey -in ./certs/agent.crt | openssl md5
openssl ec -in ./certs/agent.key -pubout 2>/dev/null | openssl md5
"#;

fn ours(document: &str) -> String {
    document.replace("muti-metroo", "maelctl")
}

#[test]
fn a_ca_and_an_agent_are_made_and_shown() {
    let desk = Desk::new();
    let printed = desk.ok(&ours(USING_THE_CLI));
    for part in
        ["wrote ./certs/ca.crt", "wrote ./certs/agent-1.key", "Subject:     CN=agent-1", "Status:      Valid"]
    {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert_eq!(desk.listed("certs"), ["agent-1.crt", "agent-1.key", "ca.crt", "ca.key"]);
    desk.ok("openssl verify -x509_strict -CAfile certs/ca.crt certs/agent-1.crt");
}

#[test]
fn the_flags_of_the_ca_may_be_omitted() {
    let desk = Desk::with_ca();
    desk.ok(&ours(USING_THE_CLI)
        .split_once("# Generate agent")
        .unwrap()
        .1
        .lines()
        .skip(1)
        .filter(|line| !line.contains("--ca"))
        .collect::<Vec<_>>()
        .join("\n"));
    desk.ok("openssl verify -CAfile certs/ca.crt certs/agent-1.crt");
}

#[test]
fn validity_is_chosen_and_names_have_defaults() {
    let desk = Desk::new();
    let output = desk.run(&format!("set -e\n{}", ours(VALIDITY)));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    desk.ok("openssl x509 -checkend $((729 * 86400)) -noout -in certs/ca.crt");
    let host = desk.ok("uname -n").trim().to_owned();
    desk.ok(&format!("openssl x509 -checkend $((179 * 86400)) -noout -in certs/{host}.crt"));
    assert_eq!(
        desk.run(&format!("openssl x509 -checkend $((181 * 86400)) -noout -in certs/{host}.crt")).code,
        1
    );
}

#[test]
fn every_name_is_in_the_certificate() {
    let desk = Desk::with_ca();
    desk.ok(&ours(NAMES));
    for (kind, name) in [
        ("hostname", "agent-1"),
        ("hostname", "agent1.example.com"),
        ("hostname", "agent1.internal"),
        ("hostname", "localhost"),
        ("ip", "192.168.1.10"),
        ("ip", "10.0.0.10"),
        ("ip", "127.0.0.1"),
        ("ip", "::1"),
    ] {
        desk.ok(&format!("openssl verify -CAfile certs/ca.crt -verify_{kind} {name} certs/agent-1.crt"));
    }
    assert_ne!(
        desk.run("openssl verify -CAfile certs/ca.crt -verify_hostname agent2 certs/agent-1.crt").code,
        0
    );
}

#[test]
fn an_agent_can_be_monitored() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent -n agent");
    let printed = desk.ok(&ours(MONITORING));
    assert!(!printed.contains("expires soon"), "{printed}");
    let sums: Vec<&str> = printed.lines().filter(|line| line.contains("stdin")).collect();
    assert!(sums.len() == 2 && sums[0] == sums[1], "{printed}");
}

#[test]
fn a_ca_and_an_agent_of_openssl_serve_as_well() {
    let desk = Desk::new();
    desk.ok(USING_OPENSSL);
    desk.ok("maelctl cert agent -n agent-2 --ca ca.crt --ca-key ca.key -o .");
    desk.ok("openssl verify -CAfile ca.crt agent-2.crt");
    desk.ok("maelctl cert agent -n agent-3 --ca ./ca.crt && maelctl cert info agent.crt ./certs/agent-3.crt");
    // An agent of that recipe has version 1, and so no names.
    let shown = desk.json("cert info agent.crt");
    assert_eq!(shown["certificates"][0]["version"], 1, "{shown}");
}

#[test]
fn the_readme_works_line_by_line() {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("### Make certificates").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let lines: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(lines.len() > 8, "{lines:?}");
    let desk = Desk::new();
    let output = desk.run(&format!("set -e\n{}", lines.join("\n")));
    assert!(output.code == 0 && output.stdout.contains("Status:      Valid"), "{output:?}");
    assert_eq!(
        desk.listed("board-7"),
        ["board-7.bundle", "board-7.leaf.crt", "board-7.leaf.key", "node-1.hub.crt", "ops.operator.crt",]
    );
}
