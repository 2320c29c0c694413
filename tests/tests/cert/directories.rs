//! Whole TLS directories: for nodes, and for boards.

use std::fs;

use node_core::crypto::Software;
use node_core::keys::Bundle;
use node_std::tls::read_bundle;
use node_tests::ctl::Ctl;
use node_tests::daemon::Setup;
use node_tests::pki;
use node_tests::wait::eventually;

use crate::desk::Desk;

#[test]
fn nodes_and_maelctl_run_on_the_directory() {
    let desk = Desk::new();
    let printed = desk.ok("maelctl cert dir -o tls");
    assert!(printed.contains("next: ") && printed.contains("--tls-dir tls"), "{printed}");
    assert_eq!(desk.listed("tls").len(), 6);
    let tls = desk.file("tls");
    let ada = Setup::named("ada").unwrap().tls(&tls).start().unwrap();
    let _ben = Setup::named("ben").unwrap().tls(&tls).join(ada.private()).start().unwrap();
    eventually(|| ada.ctl().sees("ben", "alive")).unwrap();
    let slots = Ctl::to(&format!("https://{}", ada.private())).tls(&tls).json(&["keys", "ls"]).unwrap();
    assert_eq!(slots["slots"][0]["name"], "server_a", "{slots}");
    assert!(slots["slots"].as_array().unwrap().iter().all(|slot| slot["pair"] == true), "{slots}");
    desk.ok("openssl x509 -checkend $((3559 * 86400)) -noout -in tls/server_c.crt");
}

#[test]
fn a_board_gets_its_own_pair_its_hubs_and_its_operator() {
    let desk = Desk::new();
    desk.ok("maelctl cert dir -o tls && cp tls/server_c.crt ops.operator.crt && cat tls/server_b.key tls/server_b.crt > b.crt");
    let output = desk.run("maelctl cert board -n board-7 -o board --trust tls/server_a.crt --trust b.crt --trust ops.operator.crt");
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    assert_eq!(
        desk.listed("board"),
        [
            "b.hub.crt",
            "board-7.bundle",
            "board-7.leaf.crt",
            "board-7.leaf.key",
            "ops.operator.crt",
            "server_a.hub.crt"
        ]
    );
    let copied = fs::read_to_string(desk.file("board/b.hub.crt")).unwrap();
    assert!(!copied.contains("PRIVATE"), "the key of a hub is nothing for a board: {copied}");
    // The file is what a board is flashed with, and what an operator would push.
    let bundle = fs::read(desk.file("board/board-7.bundle")).unwrap();
    assert!(read_bundle(&desk.file("board")).unwrap().bundle[..] == bundle[..]);
    assert!(pki::bundle(&desk.file("board")).unwrap() == bundle);
    let Ok(decoded) = Bundle::decode(&bundle) else { panic!("it decodes") };
    let slots = decoded.validate(&Software).unwrap();
    let active = slots.iter().find(|slot| slot.has_key).unwrap();
    assert_eq!((active.name.as_str(), slots.len()), ("board-7.leaf", 4));
}

#[test]
fn a_board_that_would_be_lost_is_not_made() {
    let desk = Desk::new();
    desk.ok("maelctl cert dir -o tls && cp tls/server_a.crt ops.operator.crt && mkdir other && cp tls/server_b.crt other/server_a.crt
        openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.crt -subj /CN=rsa -days 99");
    for (arguments, part) in [
        ("--trust ops.operator.crt", "none of these certificates is that of a hub"),
        ("--trust rsa.crt", "slot rsa.hub: the key is RSA-2048, but boards need P-256"),
        ("--trust tls/server_a.crt --trust other/server_a.crt", "two certificates would be server_a.hub.crt"),
        ("--trust tls/none.crt", "tls/none.crt: cannot be read"),
        ("--trust tls/server_a.key", "holds no certificate"),
    ] {
        let said = desk.fails(1, &format!("maelctl cert board -n b -o board {arguments}"));
        assert!(said.contains(part), "{arguments}: {said}");
        assert!(!desk.file("board").exists(), "{arguments}");
    }
    let said = desk.fails(1, "maelctl cert board -n b -o tls --trust tls/server_a.crt --force");
    assert!(said.contains("tls holds server_") && said.contains("choose an empty directory"), "{said}");
    let output = desk.run("maelctl cert board -n b -o board --trust tls/server_a.crt");
    assert!(
        output.code == 0 && output.stderr.contains("warning: no certificate is that of an operator"),
        "{output:?}"
    );
}
