//! `crl_check` with Erlang's meaning, over lists that come by HTTP.

use crate::scene::{Scene, fetching, is_linked};
use crate::server::{Reply, Server};

#[test]
fn true_refuses_without_a_list_and_lets_in_with_one() {
    let scene = Scene::with(&["ada", "ben"]);
    let server = Server::start();
    let ada = scene.setup("ada", &fetching("true", &server.url("/ca.crl"))).start().unwrap();
    let _ben = scene.setup("ben", "crl_check: false").join(ada.private()).start().unwrap();
    ada.wait_for_log("whether it is revoked is not known").unwrap();
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    is_linked(&ada, "ben").unwrap();
}

#[test]
fn best_effort_lets_in_without_a_list_until_one_revokes() {
    let scene = Scene::with(&["ada", "ben"]);
    let server = Server::start();
    let ada = scene.setup("ada", &fetching("best_effort", &server.url("/ca.crl"))).start().unwrap();
    let _ben = scene.setup("ben", "crl_check: false").join(ada.private()).start().unwrap();
    is_linked(&ada, "ben").unwrap();
    server.reply("/ca.crl", Reply::Body(scene.list(&["ben"])));
    ada.wait_for_log("the link with ben ends").unwrap();
}

/// An issuer between the CA and the agent `ben`, whose file holds both, and the issuer's list.
const ISSUER: &str = "
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout issuer.key -out issuer.csr -subj /CN=issuer
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n' > issuer.ext
openssl x509 -req -in issuer.csr -CA certs/ca.crt -CAkey certs/ca.key -CAcreateserial -extfile issuer.ext -out issuer.crt
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout certs/ben.key -out ben.csr -subj /CN=ben
echo 'subjectAltName=IP:127.0.0.1' > ben.ext
openssl x509 -req -in ben.csr -CA issuer.crt -CAkey issuer.key -CAcreateserial -extfile ben.ext -out ben.crt
cat ben.crt issuer.crt > certs/ben.crt
mkdir issued && cp issuer.crt issued/ca.crt && cp issuer.key issued/ca.key
maelctl cert crl --ca issued/ca.crt --ca-key issued/ca.key -o issued
";

#[test]
fn peer_asks_for_the_list_of_the_leaf_alone() {
    let scene = Scene::with(&["ada"]);
    scene.run(ISSUER);
    let server = Server::start();
    server.reply("/issuer.crl", Reply::Body(scene.read("issued/ca.crl")));
    // The issuer's own list is not to be had. This node sends the issuer with its own certificate, and so knows its key.
    scene.run("cat issuer.crt >> certs/ada.crt");
    let url = server.url("/issuer.crl");
    let ada = scene.setup("ada", &fetching("peer", &url)).start().unwrap();
    let _ben = scene.setup("ben", "crl_check: false").join(ada.private()).start().unwrap();
    is_linked(&ada, "ben").unwrap();
}

#[test]
fn true_asks_for_the_list_of_each_issuer() {
    let scene = Scene::with(&["ada", "cleo"]);
    scene.run(ISSUER);
    let server = Server::start();
    server.reply("/issuer.crl", Reply::Body(scene.read("issued/ca.crl")));
    // This node sends the issuer with its own certificate, and so knows its key.
    scene.run("cat issuer.crt >> certs/ada.crt");
    let urls = format!("[{}, {}]", server.url("/issuer.crl"), server.url("/ca.crl"));
    let ada = scene.setup("ada", &fetching("true", &urls)).start().unwrap();
    ada.wait_for_log("the revocation list of issuer from").unwrap();
    let _ben = scene.setup("ben", "crl_check: false").join(ada.private()).start().unwrap();
    ada.wait_for_log("whether it is revoked is not known").unwrap();
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    is_linked(&ada, "ben").unwrap();
}
