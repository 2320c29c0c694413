//! `cargo xtask demo`: shows a whole cluster on one machine, in a minute.

mod story;
mod summary;
mod view;
mod watch;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use node_tests::board::Sizes;
use node_tests::fleet::{BOARD, COMPONENT, Fleet};
use node_tests::{programs, wait};

use crate::firmware::{self, QEMU};
use crate::setup;
use view::View;

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave the cluster running at the end, and print commands to talk to it
    #[arg(long)]
    keep: bool,
}

/// Installs, builds, starts and shows everything, and ends with a summary.
///
/// # Errors
///
/// The first step that fails, with the last log lines of the node concerned.
pub fn demo(arguments: &Arguments) -> Result<()> {
    setup::setup()?;
    println!("building maelstromd and maelctl");
    programs::build_release()?;
    println!("building the board's firmware");
    let sizes = Sizes::of(&firmware::build(&QEMU)?)?;
    // Waits end with an error, so everything is taken down on the way out; the daemons and QEMU are ours to end.
    ctrlc::set_handler(wait::give_up).context("Ctrl-C cannot be caught")?;

    let view = View::new();
    let result = story::tell(&view);
    view.close();
    let (fleet, summary) = match result {
        Err(_) if wait::given_up() => bail!("interrupted; all that was started has been ended"),
        result => result?,
    };
    print!("{}", summary.text(sizes));
    if arguments.keep {
        print!("{}", invitation(&fleet));
        while !wait::given_up() {
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("ending the cluster");
    }
    Ok(())
}

/// Commands to talk to a cluster that is left running.
fn invitation(fleet: &Fleet) -> String {
    let programs =
        programs::maelctl().ok().and_then(|file| file.parent()).map(|dir| dir.display().to_string());
    let [node, ..] = &fleet.cluster.nodes[..] else { return String::new() };
    let tls = fleet.cluster.keys[0].path().display();
    let (made, gateway) = (fleet.made.path().display(), node.gateway());
    let logs: String = fleet.cluster.nodes.iter().fold(String::new(), |text, node| {
        text + &format!("  {:<6} pid {:<8} gateway {}\n", node.name(), node.pid(), node.gateway())
    });
    format!(
        "\nThe cluster is running; Ctrl-C ends it. In another terminal:\n\n\
         \x20 export PATH={}:$PATH\n\
         \x20 export MAELSTROM_PRIVATE_URL=https://{}\n\
         \x20 export MAEL_PRIVATE_TLS_DIR={tls}\n\n\
         \x20 maelctl cluster nodes\n\
         \x20 maelctl ping {BOARD}\n\
         \x20 maelctl keys ls {BOARD}\n\
         \x20 maelctl keys push {BOARD} {made}\n\
         \x20 curl {gateway}/{BOARD}/\n\
         \x20 curl --data hello {gateway}/{BOARD}/echo\n\
         \x20 curl {gateway}/{COMPONENT}/\n\n{logs}\n",
        programs.unwrap_or_default(),
        node.private(),
    )
}
