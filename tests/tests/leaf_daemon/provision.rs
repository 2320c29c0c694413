//! `maelctl provision` and a board at the two ends of a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use node_core::id::NodeId;
use node_embedded::{Board, LeafResources, Provisioner};
use node_tests::ctl::Ctl;
use rand_core::OsRng;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

use crate::flash::{Flash, RANGE};

/// A board's end of the line.
struct Uart(File);

impl ErrorType for Uart {
    type Error = ErrorKind;
}

impl Read for Uart {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, ErrorKind> {
        self.0.read(bytes).map_err(|_| ErrorKind::Other)
    }
}

impl Write for Uart {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.0.write(bytes).map_err(|_| ErrorKind::Other)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.0.flush().map_err(|_| ErrorKind::Other)
    }
}

/// A terminal, and a board that waits for a blob behind it. The board ends with the blob, and says its id then.
fn board() -> (PathBuf, JoinHandle<NodeId>) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let port = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
    // Held open, so that the board's end does not break between two runs of maelctl.
    let held = File::open(&port).unwrap();
    let mut uart = Uart(master.into());
    let board = thread::spawn(move || {
        let _held = held;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut memory, flash) = (LeafResources::new(), Flash::new());
            let board = Board {
                kind: "host",
                key: None,
                identity: None,
                tls: None,
                rng: OsRng,
                flash,
                flash_range: RANGE,
            };
            let mut provisioner = Provisioner::open(&mut memory, board).await.unwrap();
            uart.0.write_all(b"booting\r\n").unwrap();
            assert!(provisioner.serve(&mut uart).await.unwrap());
            provisioner.id()
        })
    });
    (port, board)
}

/// Runs maelctl in a folder.
fn maelctl(dir: &Path, arguments: &str) -> node_tests::ctl::Output {
    let arguments = arguments.replace("DIR", &dir.display().to_string());
    Ctl::default().run(&arguments.split(' ').collect::<Vec<_>>()).unwrap()
}

#[test]
fn maelctl_shows_a_board_and_provisions_it_over_a_terminal() {
    let dir = TempDir::new().unwrap();
    let run = |arguments: &str| maelctl(dir.path(), arguments);
    assert_eq!(run("cert dir -o DIR/tls").code, 0);
    std::fs::copy(dir.path().join("tls/server_b.crt"), dir.path().join("ops.operator.crt")).unwrap();
    let ops = "--trust DIR/tls/server_a.crt --trust DIR/ops.operator.crt --operator DIR/ops --hub hub:1";
    std::fs::create_dir(dir.path().join("ops")).unwrap();
    for ending in ["crt", "key"] {
        let from = dir.path().join(format!("tls/server_b.{ending}"));
        std::fs::copy(from, dir.path().join(format!("ops/server_b.{ending}"))).unwrap();
    }
    let made = run(&format!("cert board -n other -o DIR/other {ops} --kind esp32"));
    assert_eq!(made.code, 0, "{made:?}");
    let (port, board) = board();
    let port = port.display();
    let shown = run(&format!("provision --serial {port}"));
    let fetched = run(&format!("provision --request DIR/good.csr --serial {port}"));
    assert!(fetched.code == 0 && fetched.stdout.starts_with(&shown.stdout), "{fetched:?}");
    assert!(
        fetched.stdout.contains("\nnext: make its certificate with maelctl cert board --request "),
        "{fetched:?}"
    );
    let again = run(&format!("provision --request DIR/good.csr --serial {port}"));
    assert!(again.code == 1 && again.stderr.contains("good.csr: File exists"), "{again:?}");
    let made = run(&format!("cert board -n good -o DIR/good --request DIR/good.csr {ops}"));
    assert_eq!(made.code, 0, "{made:?}");
    assert!(!dir.path().join("good/good.leaf.key").exists(), "the key stays on the board");
    assert!(shown.code == 0 && shown.stdout.starts_with("board host, not provisioned\nid "), "{shown:?}");
    let refused = run(&format!("provision DIR/other/other.provision --serial {port}"));
    assert!(refused.code == 1 && refused.stderr.contains("for another kind of board"), "{refused:?}");
    let taken = run(&format!("provision DIR/good/good.provision --serial {port}"));
    let id = board.join().unwrap();
    assert!(taken.code == 0 && taken.stdout.contains(&format!("provisioned now\nid {id}\n")), "{taken:?}");
    // What is shown before and after is the same board.
    let key = |output: &str| output.lines().last().unwrap().to_owned();
    assert_eq!(key(&shown.stdout), key(&taken.stdout));
}

#[test]
fn maelctl_says_why_a_board_was_not_provisioned() {
    let dir = TempDir::new().unwrap();
    let run = |arguments: &str| maelctl(dir.path(), arguments);
    std::fs::write(dir.path().join("bad"), b"MAEP\x02").unwrap();
    for (arguments, part) in [
        ("provision DIR/bad --serial DIR/none", "bad: provisioning blob of version 2"),
        ("provision DIR/none --serial DIR/none", "none: cannot be read"),
        ("provision --serial DIR/none", "none: No such file"),
        ("provision --serial DIR/bad", "bad: "),
    ] {
        let said = run(arguments);
        assert!(said.code == 1 && said.stderr.contains(part), "{arguments}: {said:?}");
    }
}
