//! Two emulated boards are a cluster by themselves: one is the hub of the other, and no server takes part. Servers may join.
#![cfg(feature = "qemu")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use board_settings::{Ip, Request, Settings};
use node_core::crypto::PublicKey;
use node_core::keys::{MAX_SEALED, Sealer};
use node_std::tls::read_operator;
use node_tests::board::{BOARD, Board, Firmware, HOST, Network, Options, Usage};
use node_tests::daemon::Setup;
use node_tests::http::Curl;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::{TIMEOUT, eventually};
use rand_core::OsRng;
use tempfile::TempDir;

/// The hub, and its component.
const HUB: &str = "attic";
/// The leaf, and its component.
const LEAF: &str = "kettle";
const CLUSTER: &str = "maelstrom";
/// The request that each board repeats.
const fn asks(component: &str) -> Option<Request<'_>> {
    Some(Request { component, path: "/", period_ms: 250 })
}

/// The settings of the hub.
fn hub_settings(keyring: &[u8], listen: SocketAddrV4) -> Settings<'_> {
    let mut settings = Settings::new(HUB, CLUSTER);
    settings.ip = Ip::Static { address: BOARD, prefix: 24, gateway: Some(HOST) };
    (settings.keyring, settings.listen) = (Some(keyring), Some(listen));
    settings
}

/// Two boards on a cable. Each asks the component of the other one again and again.
struct Pair {
    hub: Board,
    leaf: Board,
    keys: TlsDir,
    /// The ends of the cable.
    _sockets: TempDir,
}

impl Pair {
    fn start() -> Result<Self> {
        let keys = TlsDir::generate(Algorithm::P256)?;
        let keyring = keys.bundle()?;
        let sockets = TempDir::with_prefix("cable-")?;
        let (of_hub, of_leaf) = (sockets.path().join("hub"), sockets.path().join("leaf"));
        let board = |settings, here, there| {
            let options = Options {
                firmware: Firmware::Hub,
                network: Network::Cable { here, there },
                ..Options::default()
            };
            Board::start(Some(&settings), options)
        };
        let listen = SocketAddrV4::new(BOARD, 8374);
        let settings = Settings { request: asks(LEAF), ..hub_settings(&keyring, listen) };
        let hub = board(settings, of_hub.clone(), of_leaf.clone())?;
        let mut settings = Settings::new(LEAF, CLUSTER);
        settings.ip = Ip::Static { address: Ipv4Addr::new(10, 0, 2, 16), prefix: 24, gateway: None };
        settings.hubs.push(listen).ok().context("one hub")?;
        settings.uses.push(HUB).ok().context("one component")?;
        settings.keyring = Some(&keyring);
        settings.request = asks(HUB);
        let leaf = board(settings, of_leaf, of_hub)?;
        Ok(Self { hub, leaf, keys, _sockets: sockets })
    }

    /// Waits until each board was answered by the other one.
    fn answer_each_other(&self) -> Result<()> {
        let answered = self.leaf.wait_for_log("attic: status 200", TIMEOUT);
        let answered = answered.and_then(|_| self.hub.wait_for_log("kettle: status 200", TIMEOUT));
        answered.map(|_| ()).with_context(|| self.logs())
    }

    /// The requests of the boards that failed, and keyrings that were refused.
    fn warnings(&self) -> Vec<String> {
        let lines = self.hub.logs().into_iter().chain(self.leaf.logs());
        let of_requests = ["attic: ", "kettle: ", "keyring"];
        lines
            .filter(|line| line.contains("warn") && of_requests.iter().any(|part| line.contains(part)))
            .collect()
    }

    fn logs(&self) -> String {
        format!("{:#?}\n{:#?}", self.hub.logs(), self.leaf.logs())
    }

    /// Seals the keys for `board`, and lets `carrier` bring them there.
    fn carry(&self, carrier: &Board, board: &Board) -> Result<()> {
        let operator = read_operator(self.keys.path())?;
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
        let sealer = Sealer {
            cluster: CLUSTER,
            board: identity(board)?,
            epoch: u64::try_from(epoch)?,
            certificate: operator.slot.certificate,
            signer: &operator.signer,
        };
        let mut buffer = [0; MAX_SEALED];
        let sealed = sealer.seal(&self.keys.bundle()?, &mut OsRng, &mut buffer)?;
        let (file, whole) = (carrier.folder().join("keyring.part"), carrier.folder().join("keyring.sealed"));
        fs::write(&file, sealed)?;
        let (seen, tried) = (carrier.mark(), board.mark());
        fs::rename(&file, whole)?;
        carrier.wait_for_log_after(seen, "carried a keyring", TIMEOUT).with_context(|| self.logs())?;
        board.wait_for_log_after(tried, "it is confirmed", TIMEOUT).with_context(|| self.logs())?;
        Ok(())
    }
}

/// The identity key of a board, as its log shows it.
fn identity(board: &Board) -> Result<PublicKey> {
    let line = board.wait_for_log("its public key ", TIMEOUT)?;
    let (_, digits) = line.rsplit_once(' ').context("a key")?;
    let bytes = digits.as_bytes().chunks(2).map(|pair| Ok(u8::from_str_radix(str::from_utf8(pair)?, 16)?));
    PublicKey::from_sec1(&bytes.collect::<Result<Vec<_>>>()?).with_context(|| line.clone())
}

#[test]
fn two_boards_alone_answer_each_other() {
    let pair = Pair::start().unwrap();
    pair.answer_each_other().unwrap();
}

#[test]
fn boards_find_each_other_again_when_the_power_of_one_was_cut() {
    let mut pair = Pair::start().unwrap();
    pair.answer_each_other().unwrap();
    pair.hub.restart().unwrap();
    pair.hub.wait_for_log("kettle: status 200", TIMEOUT).unwrap();
    pair.leaf.restart().unwrap();
    pair.leaf.wait_for_log("attic: status 200", TIMEOUT).unwrap();
}

#[test]
fn two_boards_alone_get_new_keys_and_no_request_fails() {
    let pair = Pair::start().unwrap();
    pair.answer_each_other().unwrap();
    let before = pair.warnings();
    for _ in 0..2 {
        pair.keys.rotate().unwrap();
        pair.carry(&pair.leaf, &pair.hub).unwrap();
        pair.carry(&pair.hub, &pair.leaf).unwrap();
    }
    assert_eq!(pair.warnings(), before);
}

#[test]
fn a_server_joins_a_hub_that_is_a_board_and_brings_it_keys_and_memory_is_left() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    let keyring = keys.bundle().unwrap();
    // Free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let options = Options { firmware: Firmware::Hub, network: Network::Served(port), ..Options::default() };
    // The server sees it there.
    let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let board = Board::start(Some(&hub_settings(&keyring, listen)), options).unwrap();
    // A server that dials too early waits longer and longer.
    board.wait_for_log("before it dialled", TIMEOUT).unwrap();
    let server =
        Setup::named("server").unwrap().tls(keys.path()).gateway().join(listen.into()).start().unwrap();
    let id = eventually(|| {
        server.ctl().sees(HUB, "alive")?;
        Ok(server.ctl().node(HUB)?.node_id)
    });
    let id = id.with_context(|| format!("{:#?}", board.logs())).unwrap();
    let echo = Curl::get(&format!("{}/{HUB}/echo", server.gateway())).option("--data-binary", "hello").send();
    assert_eq!(echo.unwrap().text(), "hello");
    keys.rotate().unwrap();
    let push = server.ctl().run(&["keys", "push", &id, &keys.path().display().to_string()]).unwrap();
    assert_eq!(push.code, 0, "{}\n{:#?}", push.stderr, board.logs());
    board.wait_for_log("it is confirmed", TIMEOUT).unwrap();
    let next = keys.fingerprint("server_a").unwrap();
    eventually(|| {
        let active = server.ctl().node(HUB)?.active_key;
        ensure!(active.as_deref().is_some_and(|key| key.ends_with(&next)), "it shows {active:?}");
        Ok(())
    })
    .unwrap();
    let status = Curl::get(&format!("{}/{HUB}/", server.gateway())).send().unwrap().json().unwrap();
    let (stack, heap) = (Usage::of_stack(&status).unwrap(), Usage::of_heap(&status).unwrap());
    println!("a hub with one peer, after new keys: stack {stack}, heap {heap}");
    assert!(stack.free() >= 4096 && heap.free() >= 4096, "stack {stack}, heap {heap}");
}
