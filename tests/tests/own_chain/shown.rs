use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use node_tests::ctl::Ctl;
use node_tests::daemon::Setup;
use node_tests::pki::{Algorithm, TlsDir};

/// A root, an issuer that it signed, and a leaf that the issuer signed.
const CHAIN: &str = "
key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
ca='basicConstraints=critical,CA:TRUE'
openssl req -x509 $key -keyout root.pk -out root.cert -subj /CN=root -addext $ca -config tls.conf
openssl req $key -keyout issuer.pk -out issuer.csr -subj /CN=issuer
echo $ca > issuer.ext
openssl x509 -req -in issuer.csr -CA root.cert -CAkey root.pk -CAcreateserial -extfile issuer.ext -out issuer.cert
openssl req $key -keyout chain.key -out leaf.csr -subj /CN=leaf
echo subjectAltName=DNS:leaf > leaf.ext
openssl x509 -req -in leaf.csr -CA issuer.cert -CAkey issuer.pk -CAcreateserial -extfile leaf.ext -out leaf.cert
cat leaf.cert issuer.cert > chain.crt
";

/// A TLS directory whose only pair is `chain`: a leaf and its issuer.
fn chain() -> TlsDir {
    let keys = TlsDir::empty(Algorithm::P256).unwrap();
    let output = Command::new("sh").args(["-e", "-c", CHAIN]).current_dir(keys.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    keys
}

/// The certificates in a text, without the lines around them.
fn certificates(text: &str) -> Vec<String> {
    let begins = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    begins.map(|rest| rest.split("-----END").next().unwrap().trim().to_owned()).collect()
}

#[test]
fn to_who_dials() {
    let keys = chain();
    let node = Setup::named("ada").unwrap().tls(keys.path()).start().unwrap();
    let output = Command::new("openssl")
        .args(["s_client", "-showcerts", "-cert", "chain.crt", "-key", "chain.key"])
        .args(["-connect", &node.private().to_string()])
        .stdin(Stdio::null())
        .current_dir(keys.path())
        .output()
        .unwrap();
    let shown = certificates(&String::from_utf8(output.stdout).unwrap());
    let expected = certificates(&fs::read_to_string(keys.file("chain.crt")).unwrap());
    assert_eq!(expected.len(), 2);
    assert_eq!(shown[..2], expected);
}

/// Ends the process, also when a test fails.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn to_whom_it_dials() {
    let keys = chain();
    // It knows the root alone, so it accepts the leaf only if the issuer comes with it.
    let mut server = Command::new("openssl");
    server.args(["s_server", "-rev", "-naccept", "1", "-accept", "127.0.0.1:0"]);
    server.args(["-cert", "leaf.cert", "-key", "chain.key", "-CAfile", "root.cert"]);
    server.args(["-Verify", "5", "-verify_return_error", "-no-CApath"]);
    server.current_dir(keys.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = Server(server.spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let accept = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_owned)).unwrap();
    let output = Ctl::to(&format!("https://{accept}")).tls(keys.path()).run(&["cluster", "nodes"]).unwrap();
    // It is no node.
    assert_eq!(output.code, 1, "{output:?}");
    server.0.wait().unwrap();
    let mut said = String::new();
    server.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    for line in ["depth=2 CN = root", "depth=1 CN = issuer", "depth=0 CN = leaf", "verify return:1"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(!said.contains("verify error"), "{said}");
}
