//! Distribution points in certificates: whose are followed, and whose are not.

use std::process::Command;

use anyhow::ensure;
use node_tests::daemon::Mark;
use node_tests::wait::eventually;

use crate::scene::{Scene, is_linked};
use crate::server::{Reply, Server};

const FETCHING: &str = "crl_check: true\ncrl_distribution_points: true\ncrl_cache: {http: 2000}\ncrl_refresh: {min: 1s, max: 1s}";

/// Makes a certificate for `name` in `certs` that names `url`, signed by the CA in `ca`.
fn agent(scene: &Scene, name: &str, url: &str, ca: &str) {
    scene.run(&format!(
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout certs/{name}.key -out {name}.csr -subj /CN={name}
        printf 'subjectAltName=IP:127.0.0.1\\ncrlDistributionPoints=URI:ldap://ca/x,URI:{url}\\n' > {name}.ext
        openssl x509 -req -in {name}.csr -CA {ca}.crt -CAkey {ca}.key -CAcreateserial -extfile {name}.ext -out certs/{name}.crt"
    ));
}

/// Dials with the pair `name` in `certs`, as somebody who is no node.
fn dial(scene: &Scene, addr: &str, name: &str) {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", addr, "-cert", &format!("certs/{name}.crt")])
        .args(["-key", &format!("certs/{name}.key"), "-cert_chain", &format!("certs/{name}.crt")])
        .args(["-no_ign_eof"])
        .stdin(std::process::Stdio::null())
        .current_dir(scene.file(""))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("CONNECTED"), "{output:?}");
}

#[test]
fn what_this_node_s_own_certificate_names_is_fetched_at_the_start() {
    let scene = Scene::with(&["ben"]);
    let server = Server::start();
    agent(&scene, "ada", &server.url("/ca.crl"), "certs/ca");
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    let ada = scene.setup("ada", FETCHING).start().unwrap();
    ada.wait_for_log("the revocation list of My Mesh CA from").unwrap();
    let _ben = scene.setup("ben", "crl_check: false").join(ada.private()).start().unwrap();
    is_linked(&ada, "ben").unwrap();
}

#[test]
fn what_a_peer_s_certificate_names_is_fetched_and_a_stranger_s_is_not() {
    let scene = Scene::with(&["ada"]);
    let server = Server::start();
    scene.run("maelctl cert ca -n 'Stranger CA' -o strange");
    agent(&scene, "stranger", &server.url("/stranger.crl"), "strange/ca");
    // A member that shows, beside its own certificate, one that the CA never signed.
    agent(&scene, "cleo", &server.url("/ca.crl"), "certs/ca");
    agent(&scene, "bogus", &server.url("/bogus.crl"), "strange/ca");
    scene.run("cat certs/bogus.crt >> certs/cleo.crt");
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    let ada = scene.setup("ada", FETCHING).start().unwrap();
    dial(&scene, &ada.private().to_string(), "stranger");
    ada.wait_for_log("issued by Stranger CA").unwrap();
    dial(&scene, &ada.private().to_string(), "cleo");
    ada.wait_for_log("the revocation list of My Mesh CA from").unwrap();
    assert_eq!((server.asked("/stranger.crl"), server.asked("/bogus.crl")), (0, 0));
    assert!(server.asked("/ca.crl") > 0);
}

#[test]
fn the_list_of_another_ca_is_not_taken_from_there() {
    let scene = Scene::with(&["ben"]);
    let server = Server::start();
    scene.run(
        "maelctl cert ca -n 'Other CA' -o other && maelctl cert crl --ca other/ca.crt --ca-key other/ca.key -o other
        cat other/ca.crt >> certs/ca.crt",
    );
    scene.run("openssl x509 -in certs/ca.crt -out first.crt && cp certs/ca.key first.key");
    agent(&scene, "ada", &server.url("/ca.crl"), "first");
    // This node trusts that CA as well, but the URL is that of the first one.
    server.reply("/ca.crl", Reply::Body(scene.read("other/ca.crl")));
    let ada = scene.setup("ada", FETCHING).start().unwrap();
    ada.wait_for_log("the list is of Other CA, not of the CA whose list is to be there").unwrap();
}

#[test]
fn a_peer_that_is_revoked_by_the_list_it_names_loses_its_link() {
    let scene = Scene::with(&["ada"]);
    let server = Server::start();
    agent(&scene, "ben", &server.url("/ca.crl"), "certs/ca");
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    let best = FETCHING.replace("true\ncrl_d", "best_effort\ncrl_d");
    let ada = scene.setup("ada", &best).start().unwrap();
    let _ben = scene.setup("ben", "crl_check: false").join(ada.private()).start().unwrap();
    is_linked(&ada, "ben").unwrap();
    server.reply("/ca.crl", Reply::Body(scene.list(&["ben"])));
    ada.wait_for_log("the link with ben ends").unwrap();
}

#[test]
fn without_the_setting_nothing_is_fetched() {
    let scene = Scene::with(&["ben"]);
    let server = Server::start();
    agent(&scene, "ada", &server.url("/ca.crl"), "certs/ca");
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    let tls =
        format!("crl_check: true\ncrl_url: {}\ncrl_refresh: {{min: 1s, max: 1s}}", server.url("/other"));
    let ada = scene.setup("ada", &tls).start().unwrap();
    // The URL of the operator was asked for, twice.
    eventually(|| {
        ensure!(server.asked("/other") > 1);
        Ok(())
    })
    .unwrap();
    assert_eq!(server.asked("/ca.crl"), 0);
    assert!(ada.logs_after(Mark::default()).iter().all(|line| !line.contains("/ca.crl")));
}
