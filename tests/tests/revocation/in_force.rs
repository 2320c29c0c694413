//! A list that comes by HTTP is in force at once, for links that are up as well.

use anyhow::ensure;
use node_tests::wait::eventually;

use crate::scene::{Scene, fetching, is_linked};
use crate::server::{Reply, Server};

#[test]
fn a_revoked_peer_loses_its_link_and_does_not_come_back() {
    let scene = Scene::with(&["ada", "ben"]);
    let server = Server::start();
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    let tls = fetching("true", &server.url("/ca.crl"));
    let ada = scene.setup("ada", &tls).start().unwrap();
    let _ben = scene.setup("ben", &tls).join(ada.private()).start().unwrap();
    is_linked(&ada, "ben").unwrap();
    let mark = ada.mark();
    server.reply("/ca.crl", Reply::Body(scene.list(&["ben"])));
    // At once, and not only when the peer is judged again after a minute.
    ada.wait_for_log_after(mark, "the keyring changed").unwrap();
    ada.wait_for_log_after(mark, "the link with ben ends").unwrap();
    assert!(scene.lists(&ada, "ben").is_err(), "who is revoked is not let in again");
}

#[test]
fn the_status_shows_each_list_and_where_it_is_from() {
    let scene = Scene::with(&["ada"]);
    let server = Server::start();
    scene.list(&[]);
    scene.run("openssl crl -in certs/ca.crl -outform DER -out certs/der.crl");
    server.reply("/ca.crl", Reply::Body(scene.read("certs/der.crl")));
    let file = scene.file("certs/ca.crl");
    let tls = format!("{}\ncrl_file: {}", fetching("true", &server.url("/ca.crl")), file.display());
    let ada = scene.setup("ada", &tls).start().unwrap();
    ada.wait_for_log("the revocation list of My Mesh CA from").unwrap();
    let lists = scene.lists(&ada, "ada").unwrap();
    let [one, two] = &lists[..] else { panic!("{lists:?}") };
    assert_eq!((&one["origin"], &two["origin"]), (&file.to_str().into(), &server.url("/ca.crl").into()));
    let due = scene.run("date -d \"$(openssl crl -nextupdate -noout -in certs/ca.crl | cut -d= -f2)\" +%s");
    for list in [one, two] {
        assert_eq!(list["issuer"], "My Mesh CA");
        assert_eq!(list["nextUpdate"], due.trim().parse::<u64>().unwrap() * 1000);
        assert!(list["thisUpdate"].is_u64() && list["lastError"].is_null(), "{list}");
    }
    server.reply("/ca.crl", Reply::Status(503));
    eventually(|| {
        let lists = scene.lists(&ada, "ada")?;
        ensure!(lists[1]["lastError"] == "the server answers 503 Service Unavailable", "{lists:?}");
        ensure!(lists[1]["issuer"] == "My Mesh CA", "{lists:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn maelctl_fetches_the_list_that_it_holds_a_node_against() {
    let scene = Scene::with(&["ada", "ben"]);
    let server = Server::start();
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    let ada = scene.setup("ada", "crl_check: false").start().unwrap();
    scene.setup("ben", &fetching("true", &server.url("/ca.crl")));
    let ask = format!("maelctl --config ben.yaml --url https://{} cluster nodes 2>&1", ada.private());
    assert!(scene.run(&ask).contains("ada"));
    server.reply("/ca.crl", Reply::Body(scene.list(&["ada"])));
    assert!(scene.run(&format!("! {ask}")).contains("revoked"));
    server.reply("/ca.crl", Reply::Status(404));
    let said = scene.run(&format!("! {ask}"));
    assert!(said.contains("404") && said.contains("whether it is revoked is not known"), "{said}");
}
