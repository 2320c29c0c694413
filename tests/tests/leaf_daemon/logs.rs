//! The log of a board, as an operator reads it through the daemon. The boards of all tests here are one process, which has one log.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::ensure;
use node_tests::programs;
use node_tests::wait::eventually;
use serde_json::Value;

use crate::world::{BOARD, World};

/// What the board says when it takes keys.
const ON_TRIAL: &str = "a new keyring is on trial";

/// A maelctl that follows the board's log, killed at the end.
struct Following(Child);

impl Following {
    fn start(world: &World) -> Self {
        let url = format!("https://{}", world.daemon.private());
        let mut command = Command::new(programs::maelctl().unwrap());
        command.arg("--tls-dir").arg(world.made.path()).args(["--url", &url]);
        command.args(["logs", "--follow", "--node", BOARD]).stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_operator_reads_the_log_of_a_board_and_follows_it() {
    let world = World::start();
    let output = world.ctl().run(&["--json", "logs", "--node", BOARD]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    let lines: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["message"].is_string());
    let line = line.unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!((&line["node"], &line["target"]), (&BOARD.into(), &"node_embedded".into()));
    // A board has no clock: the daemon's is held against the line's age.
    let recent = world.ctl().run(&["logs", "--node", BOARD, "--since", "1h"]).unwrap();
    assert!(recent.stdout.contains(" board: "), "{recent:?}");
    // No line of a board is an error.
    let graver = world.ctl().run(&["logs", "--node", BOARD, "--since", "1h", "--level", "error"]).unwrap();
    assert_eq!((graver.code, graver.stdout.as_str()), (0, ""), "{graver:?}");

    let mut following = Following::start(&world);
    let mut lines = BufReader::new(following.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.next().is_some());
    let second = world.ctl().run(&["logs", "--node", BOARD]).unwrap();
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("try again when one has gone"), "{second:?}");
    world.push();
    assert!(lines.any(|line| line.contains(ON_TRIAL)));
    drop(following);
    // The board notices that its reader is gone.
    eventually(|| {
        let output = world.ctl().run(&["logs", "--node", BOARD])?;
        ensure!(output.code == 0, "{output:?}");
        Ok(())
    })
    .unwrap();
}
