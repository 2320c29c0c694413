//! Muti Metroo's recipe as typed: openssl 3.0 makes certificates of version 1 by it, which have no extensions.

use std::fs;
use std::path::Path;
use std::process::Command;

use node_core::crypto::Software;
use node_core::trust::{Authority, Certificate, Names, Policy, Revocation, TrustedBy, Usage};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::authority::{Known, judge, refusal};

const RECIPE: &str = r#"
openssl ecparam -genkey -name prime256v1 -out ca.key
openssl req -x509 -new -key ca.key -sha256 -days 365 -out ca.crt -subj "/CN=Muti Metroo CA"
openssl ecparam -genkey -name prime256v1 -out agent.key
openssl req -new -key agent.key -out agent.csr -subj "/CN=agent-1"
openssl x509 -req -in agent.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out agent.crt -days 365 -sha256
"#;

fn read(dir: &Path, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(&fs::read(dir.join(name)).unwrap()).unwrap()
}

fn by_recipe(dir: &Path) -> [CertificateDer<'static>; 2] {
    let made = Command::new("sh").args(["-e", "-c", RECIPE]).current_dir(dir).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    ["ca.crt", "agent.crt"].map(|name| read(dir, name))
}

#[test]
fn a_certificate_of_version_1_is_taken_directly_under_its_ca() {
    let dir = tempfile::tempdir().unwrap();
    let [ca, agent] = by_recipe(dir.path());
    assert_eq!(Certificate::parse(&agent).unwrap().version, 1);
    let authorities = [Authority::read(&ca, &Software).unwrap()];
    let policy = Policy { authorities: &authorities, usage: Usage::BOTH, ..Policy::default() };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let known =
        Known { clock: node_core::time::WallClock::Reliable(node_core::time::UnixTime(now)), dialled: None };
    let shown = [agent];
    assert_eq!(judge(&policy, &shown, known).unwrap().0, TrustedBy::Authority(0));
    // It has no names, and no list of revoked certificates can be asked about it.
    let named = Policy { names: Names::Dialled, ..policy };
    assert!(refusal(&named, &shown, Known { dialled: Some("agent-1"), ..known }).contains("name"));
    let lists = Policy { revocation: Revocation::BestEffort(&[]), ..policy };
    assert!(judge(&lists, &shown, known).is_ok());
    // Another CA with the same name did not sign it.
    let other = tempfile::tempdir().unwrap();
    let [ca, _] = by_recipe(other.path());
    let authorities = [Authority::read(&ca, &Software).unwrap()];
    let said = refusal(&Policy { authorities: &authorities, ..policy }, &shown, known);
    assert!(said.contains("is not by the CA of that name"), "{said}");
}
