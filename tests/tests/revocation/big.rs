//! A list of ten megabytes.

use std::fmt::Write as _;
use std::fs;

use crate::scene::{Scene, fetching, is_linked};
use crate::server::{Reply, Server};

/// Entries of the list.
const ENTRIES: usize = 300_000;

#[test]
fn a_list_of_ten_megabytes_is_taken() {
    let scene = Scene::with(&["ada", "ben", "cleo"]);
    let serial = scene.run("openssl x509 -noout -serial -in certs/ben.crt | cut -d= -f2");
    let mut index = format!("R\t350101000000Z\t260101000000Z\t{}\tunknown\t/CN=x\n", serial.trim());
    for number in 0..ENTRIES {
        let _ = writeln!(index, "R\t350101000000Z\t260101000000Z\t40{number:030X}\tunknown\t/CN=x");
    }
    fs::write(scene.file("index.txt"), index).unwrap();
    fs::write(
        scene.file("ca.conf"),
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\n",
    )
    .unwrap();
    scene.run(
        "echo 01 > number
        openssl ca -config ca.conf -cert certs/ca.crt -keyfile certs/ca.key -gencrl -out big.pem
        openssl crl -in big.pem -outform DER -out big.crl",
    );
    let list = scene.read("big.crl");
    assert!(list.len() >= 10_000_000, "{}", list.len());
    let server = Server::start();
    server.reply("/ca.crl", Reply::Body(list));
    let tls = fetching("true", &server.url("/ca.crl")).replace("2000", "60000");
    let ada = scene.setup("ada", &tls).start().unwrap();
    let before = ada.memory().unwrap();
    ada.wait_for_log("the revocation list of My Mesh CA from").unwrap();
    let after = ada.memory().unwrap();
    println!("{} MiB before, {} MiB with the list", before >> 20, after >> 20);
    assert!(after < 200 << 20, "{} MiB", after >> 20);
    let _cleo = scene.setup("cleo", "crl_check: false").join(ada.private()).start().unwrap();
    is_linked(&ada, "cleo").unwrap();
    assert!(scene.lists(&ada, "ben").is_err());
}
