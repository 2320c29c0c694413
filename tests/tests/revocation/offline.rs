//! What was fetched is kept on disk, and is in force after a restart without a network.

use std::fs;
use std::path::PathBuf;

use node_tests::daemon::Daemon;

use crate::scene::{Scene, fetching, is_linked};
use crate::server::{Reply, Server};

/// The one file of the cache.
fn cached(daemon: &Daemon) -> PathBuf {
    let files: Vec<_> = fs::read_dir(daemon.setup().data_dir().join("crl")).unwrap().collect();
    let [Ok(file)] = &files[..] else { panic!("{files:?}") };
    file.path()
}

#[test]
fn a_restart_without_a_network_still_knows_who_is_revoked() {
    let scene = Scene::with(&["ada", "ben", "cleo"]);
    let server = Server::start();
    server.reply("/ca.crl", Reply::Body(scene.list(&["ben"])));
    // Without a list, best effort lets everybody in.
    let tls = fetching("best_effort", &server.url("/ca.crl"));
    let mut ada = scene.setup("ada", &tls).start().unwrap();
    ada.wait_for_log("the revocation list of My Mesh CA from").unwrap();
    server.reply("/ca.crl", Reply::Close);
    ada.restart().unwrap();
    // Right at the start.
    assert!(scene.lists(&ada, "ben").is_err());
    let lists = scene.lists(&ada, "cleo").unwrap();
    assert_eq!(lists[0]["issuer"], "My Mesh CA");
    ada.wait_for_log("it or an issuer is revoked").unwrap();
}

#[test]
fn a_damaged_file_is_fetched_again() {
    let scene = Scene::with(&["ada", "ben", "cleo"]);
    let server = Server::start();
    server.reply("/ca.crl", Reply::Body(scene.list(&["ben"])));
    let tls = fetching("true", &server.url("/ca.crl"));
    let mut ada = scene.setup("ada", &tls).start().unwrap();
    ada.wait_for_log("the revocation list of My Mesh CA from").unwrap();
    ada.kill();
    let good = fs::read(cached(&ada)).unwrap();
    // Another entry than the CA signed, half of a file, and no list at all.
    let mut flipped = good.clone();
    let middle = good.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [flipped, good[..middle].to_vec(), Vec::new(), b"nonsense".to_vec()] {
        fs::write(cached(&ada), damaged).unwrap();
        server.reply("/ca.crl", Reply::Close);
        ada.restart().unwrap();
        ada.wait_for_log("the list is fetched again").unwrap();
        assert!(scene.lists(&ada, "cleo").is_err(), "nothing is known, and true wants to know");
        server.reply("/ca.crl", Reply::Body(scene.read("certs/ca.crl")));
        ada.wait_for_log("the revocation list of My Mesh CA from").unwrap();
        assert!(scene.lists(&ada, "cleo").is_ok());
        assert!(scene.lists(&ada, "ben").is_err());
        ada.kill();
        assert_eq!(fs::read(cached(&ada)).unwrap(), good);
    }
}

#[test]
fn a_data_directory_without_room_for_lists_is_told() {
    let scene = Scene::with(&["ada", "ben"]);
    let server = Server::start();
    server.reply("/ca.crl", Reply::Body(scene.list(&[])));
    let tls = fetching("true", &server.url("/ca.crl"));
    let setup = scene.setup("ada", &tls);
    fs::create_dir(setup.data_dir()).unwrap();
    fs::write(setup.data_dir().join("crl"), "in the way").unwrap();
    let ada = setup.start().unwrap();
    ada.wait_for_log("cannot be written, so a restart has to fetch the list").unwrap();
    let _ben = scene.setup("ben", &tls).join(ada.private()).start().unwrap();
    is_linked(&ada, "ben").unwrap();
}
