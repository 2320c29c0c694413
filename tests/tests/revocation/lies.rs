//! A server that fails and lies: what was fetched before stays in force.

use anyhow::ensure;
use node_tests::wait::eventually;

use crate::scene::{Scene, fetching, is_linked};
use crate::server::{Reply, Server};

#[test]
fn the_last_good_list_stays_whatever_the_server_does() {
    let scene = Scene::with(&["ada", "ben", "cleo"]);
    let server = Server::start();
    // Another CA of the same name, and one of another name.
    scene.run(
        "for n in forged:'My Mesh CA' other:'Other CA'; do d=${n%%:*}
            maelctl cert ca -n \"${n#*:}\" -o $d; maelctl cert crl --ca $d/ca.crt --ca-key $d/ca.key -o $d
        done",
    );
    let old = scene.list(&[]);
    let good = scene.list(&["ben"]);
    server.reply("/ca.crl", Reply::Body(good.clone()));
    let tls = fetching("true", &server.url("/ca.crl"));
    let ada = scene.setup("ada", &tls).start().unwrap();
    ada.wait_for_log("the revocation list of My Mesh CA from").unwrap();

    for number in 1..=4 {
        let next = server.url(&format!("/{}", number + 1));
        server.reply(&format!("/{number}"), Reply::Redirect(next));
    }
    server.reply("/5", Reply::Body(scene.list(&[])));
    let truncated = scene.read("certs/ca.crl")[..300].to_vec();
    let lies = [
        (Reply::Status(404), "the server answers 404"),
        (Reply::Hang, "no whole answer within 2s"),
        (Reply::Endless, "longer than 16 MiB"),
        (Reply::Close, "the answer breaks off"),
        (Reply::Redirect(server.url("/ca.crl")), "redirects more than 3 times"),
        (Reply::Redirect(server.url("/1")), "redirects more than 3 times"),
        (Reply::Redirect("https://127.0.0.1/ca.crl".into()), "lists are fetched by http:// alone"),
        (Reply::Body(b"<html><body>Sign in to the network</body></html>".to_vec()), "it is no list"),
        (Reply::Body(Vec::new()), "it is no list"),
        (Reply::Body(truncated), "it is no list"),
        (Reply::Body(scene.read("certs/ca.crt")), "it is no list"),
        (Reply::Body(scene.read("other/ca.crl")), "is of Other CA, which is no CA that is trusted here"),
        (Reply::Body(scene.read("forged/ca.crl")), "but that CA did not sign it"),
        (Reply::Body(old), "before the one in use"),
    ];
    let in_force = scene.lists(&ada, "cleo").unwrap()[0]["thisUpdate"].clone();
    for (lie, said) in lies {
        let mark = ada.mark();
        server.reply("/ca.crl", lie);
        let line = ada.wait_for_log_after(mark, said).unwrap();
        assert!(line.contains("WARN") && line.contains("; the list that was issued at"), "{line}");
        let lists = scene.lists(&ada, "cleo").unwrap();
        assert!(lists[0]["lastError"].as_str().unwrap().contains(said), "{lists:?}");
        assert_eq!(lists[0]["thisUpdate"], in_force);
        assert!(scene.lists(&ada, "ben").is_err(), "ben is revoked while {said:?}");
        // Between two lies the server is good, so that each is news.
        let mark = ada.mark();
        server.reply("/ca.crl", Reply::Body(good.clone()));
        ada.wait_for_log_after(mark, "can be fetched again").unwrap();
    }
    // The client went away long before the gigabyte was over.
    assert!(server.endless() > 0 && server.endless() < 1 << 28, "{}", server.endless());
}

#[test]
fn a_failure_is_told_once_while_it_lasts() {
    let scene = Scene::with(&["ada"]);
    let server = Server::start();
    let ada = scene.setup("ada", &fetching("true", &server.url("/ca.crl"))).start().unwrap();
    crate::scene::asked(&server, "/ca.crl", 4);
    let told = ada.logs_after(node_tests::daemon::Mark::default());
    let told: Vec<_> = told.iter().filter(|line| line.contains("the server answers 404")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("there is no list from there"), "{told:?}");
}

#[test]
fn a_short_redirect_is_followed() {
    let scene = Scene::with(&["ada", "ben"]);
    let server = Server::start();
    server.reply("/ca.crl", Reply::Redirect(server.url("/1")));
    server.reply("/1", Reply::Redirect("/2".into()));
    server.reply("/2", Reply::Redirect("/3".into()));
    server.reply("/3", Reply::Body(scene.list(&[])));
    let tls = fetching("true", &server.url("/ca.crl"));
    let ada = scene.setup("ada", &tls).start().unwrap();
    let _ben = scene.setup("ben", &tls).join(ada.private()).start().unwrap();
    is_linked(&ada, "ben").unwrap();
}

#[test]
fn a_url_with_tls_is_refused_with_the_reason() {
    let scene = Scene::with(&["ada"]);
    let said = scene.setup("ada", "crl_check: true\ncrl_url: https://crl.example.net/ca.crl").refusal();
    let said = said.unwrap();
    assert!(said.contains("ada.yaml:6:") && said.contains("lists are fetched by http:// alone"), "{said}");
}

#[test]
fn settings_of_ocsp_are_refused_with_what_to_do_instead() {
    let scene = Scene::with(&["ada"]);
    for setting in ["ocsp_stapling: true", "ocsp: true", "client: {stapling: staple}"] {
        let said = scene.setup("ada", setting).refusal().unwrap();
        assert!(said.contains("OCSP is not checked here") && said.contains("crl_url"), "{said}");
    }
}

#[test]
fn lists_that_nobody_is_held_against_are_warned_of() {
    let scene = Scene::with(&["ada"]);
    let server = Server::start();
    let ada = scene.setup("ada", &fetching("false", &server.url("/ca.crl"))).start().unwrap();
    ada.wait_for_log("crl_check is false, so nobody is held against them").unwrap();
    eventually(|| {
        ensure!(server.asked("/ca.crl") > 0);
        Ok(())
    })
    .unwrap();
}
