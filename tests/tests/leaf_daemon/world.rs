//! The start of every test: a daemon and a board that trust each other, each with a component.

use anyhow::{Result, ensure};
use node_core::id::NodeId;
use node_core::wire::frame::END;
use node_core::wire::{FrameKind, Open, Service};
use node_tests::component::Component;
use node_tests::ctl::Ctl;
use node_tests::daemon::{Daemon, Setup};
use node_tests::http::Curl;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;
use tempfile::NamedTempFile;

use crate::host::Board;
use crate::peer::{Peer, open};

/// The board's name.
pub const BOARD: &str = "board";
/// The component that it offers.
pub const BOARD_ECHO: &str = "board-echo";
/// The component behind the daemon.
pub const HUB_ECHO: &str = "hub-echo";

/// A daemon and a board that trust each other.
pub struct World {
    /// The daemon.
    pub daemon: Daemon,
    /// The board.
    pub board: Board,
    /// The daemon's directory.
    pub keys: TlsDir,
    /// The machine where keys are made, and from where the operator works.
    pub made: TlsDir,
    _component: Component,
}

impl World {
    /// Starts them, and waits until they work for each other.
    pub fn start() -> Self {
        let component = Component::start(HUB_ECHO).unwrap();
        let made = TlsDir::generate(Algorithm::P256).unwrap();
        let keys = made.copy().unwrap();
        let setup = Setup::named("hub").unwrap().tls(keys.path()).gateway();
        // At this level the daemon logs the certificates of a link.
        let setup = setup.flag("--log", "info,node_std::cluster=debug");
        let daemon = setup.component(HUB_ECHO, &component.url()).start().unwrap();
        let board = Board::start(daemon.private(), made.bundle().unwrap());
        let world = Self { daemon, board, keys, made, _component: component };
        world.works();
        world
    }

    /// maelctl on the operator's machine.
    pub fn ctl(&self) -> Ctl {
        Ctl::to(&format!("https://{}", self.daemon.private())).tls(self.made.path())
    }

    /// The URL of the board's echo.
    pub fn url(&self) -> String {
        format!("{}/{BOARD_ECHO}/echo", self.daemon.gateway())
    }

    /// Waits until the board is a member and requests are answered in both directions.
    pub fn works(&self) {
        eventually(|| self.ctl().sees(BOARD, "alive")).unwrap();
        eventually(|| self.echoes(b"to the board")).unwrap();
        eventually(|| self.is_answered(b"from the board")).unwrap();
    }

    /// Sends `body` to the board through the gateway, and has it back.
    pub fn echoes(&self, body: &[u8]) -> Result<()> {
        let file = NamedTempFile::new()?;
        std::fs::write(&file, body)?;
        let answer = Curl::get(&self.url()).body(file.path()).send()?;
        same(answer.status, &answer.body, body)
    }

    /// Lets the board send `body` to the component behind the daemon, and has it back.
    pub fn is_answered(&self, body: &[u8]) -> Result<()> {
        let (status, answer) = self.board.call(HUB_ECHO, body)?;
        same(status, &answer, body)
    }

    /// Brings the keys that were made to the board.
    pub fn push(&self) {
        let dir = self.made.path().display().to_string();
        let output = self.ctl().run(&["keys", "push", BOARD, &dir]).unwrap();
        assert_eq!(output.code, 0, "{output:?}");
    }

    /// Brings the keys that were made to the daemon, as the recipe does.
    pub fn sync(&self) {
        self.keys.rotate_like(&self.made).unwrap();
    }

    /// SHA-256 of the certificate that was made active.
    pub fn active(&self) -> String {
        self.made.fingerprint("server_a").unwrap()
    }

    /// Waits for a link on which the daemon proved to have the key of the certificate `hub`, and the board that of
    /// `board`.
    pub fn proves(&self, hub: &str, board: &str) {
        self.daemon.wait_for_log(&format!("ours={hub} theirs={board}")).unwrap();
    }
}

/// Calls a method of the board from another member of the cluster, and returns the answer. Each call of a member takes another
/// `slot`.
pub fn call(member: &mut Peer, board: NodeId, method: u16, body: &[u8], slot: u32) -> Vec<u8> {
    let call = Open { to: Some(board), hops: 1, budget_ms: 60_000, service: Service::Rpc(method) };
    member.send(&open(&call, END, 1 << 16 | slot, body).unwrap()).unwrap();
    let mut answer = Vec::new();
    loop {
        let (header, part) = member.receive_kind(FrameKind::Data).unwrap();
        answer.extend(part);
        if header.ends() {
            return answer;
        }
    }
}

fn same(status: u16, answer: &[u8], body: &[u8]) -> Result<()> {
    ensure!(status == 200, "status {status}: {}", String::from_utf8_lossy(answer));
    ensure!(answer == body, "{} bytes came back as {} others", body.len(), answer.len());
    Ok(())
}
