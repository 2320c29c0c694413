//! A board in QEMU: a test starts it, reads its log, kills it and starts it again with the flash that it had.

mod decode;
mod machine;
mod parts;
mod program;
mod sizes;
mod usage;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use board_settings::{REGION, Settings};
use tempfile::TempDir;

use crate::log::Log;
pub use crate::log::Mark;
pub use machine::Machine;
pub use parts::Parts;
pub use program::{Firmware, Program};
pub use sizes::Sizes;
pub use usage::Usage;

/// The host's loopback as a board sees it.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// How QEMU runs a board.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The machine.
    pub machine: Machine,
    /// One instruction takes one nanosecond of the board's time: counts repeat, at the price of speed.
    pub icount: bool,
    /// The folder that holds the board's flash, one that ends with the board if left out.
    pub dir: Option<PathBuf>,
    /// What it runs.
    pub firmware: Firmware,
    /// What its network is joined with; the host by default.
    pub network: Network,
}

/// What a board's network is joined with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// QEMU's network for one board, in which the host is [`HOST`].
    #[default]
    Host,
    /// A cable to another board, and nothing else. Each end has a socket of its own: the board's, and the other's.
    Cable {
        /// The board's end.
        here: PathBuf,
        /// The other board's.
        there: PathBuf,
    },
    /// As [`Host`](Self::Host), and this port of the host's loopback leads to the same port of the board, at [`BOARD`].
    Served(u16),
}

/// The address of a board that the host reaches.
pub const BOARD: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

impl Network {
    /// QEMU's arguments for a machine of Arm.
    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Host => owned(&["-nic", "user,model=lan9118"]),
            Self::Cable { here, there } => {
                let (here, there) = (here.display(), there.display());
                let cable = format!(
                    "dgram,id=cable,local.type=unix,local.path={here},remote.type=unix,remote.path={there}"
                );
                owned(&["-netdev", &cable, "-net", "nic,netdev=cable,model=lan9118"])
            }
            Self::Served(port) => {
                owned(&["-nic", &format!("user,model=lan9118,hostfwd=tcp:127.0.0.1:{port}-{BOARD}:{port}")])
            }
        }
    }
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

impl From<Machine> for Options {
    fn from(machine: Machine) -> Self {
        Self { machine, ..Self::default() }
    }
}

impl From<Firmware> for Options {
    fn from(firmware: Firmware) -> Self {
        Self { firmware, ..Self::default() }
    }
}

/// A running board, or one that has stopped. It ends with this value, and so does its flash, unless
/// [`Options::dir`] says where it lies.
///
/// All waiting is bounded and blocks the thread; asynchronous tests wait on a blocking thread.
pub struct Board {
    program: Program,
    icount: bool,
    network: Network,
    dir: PathBuf,
    /// Ends the folder.
    _temporary: Option<TempDir>,
    qemu: Child,
    log: Log,
}

impl Board {
    /// Starts a board with an empty flash; without settings it waits for a blob on its [serial line](Self::serial).
    ///
    /// # Errors
    ///
    /// The firmware has not been built, the settings are too long, or QEMU does not start.
    pub fn start(settings: Option<&Settings<'_>>, options: impl Into<Options>) -> Result<Self> {
        let Options { machine, icount, dir, firmware, network } = options.into();
        let program = Program::find(machine, firmware)?;
        let (dir, temporary) = match dir {
            Some(dir) => {
                std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
                (dir, None)
            }
            None => {
                let dir = TempDir::with_prefix("board-").context("a folder for the board")?;
                (dir.path().to_owned(), Some(dir))
            }
        };
        if let Some(settings) = settings {
            write_settings(&dir, settings)?;
        }
        let (qemu, log) = launch(&program, &dir, icount, &network)?;
        Ok(Self { program, icount, network, dir, _temporary: temporary, qemu, log })
    }

    /// Cuts the power, and starts the board again with the flash that it has.
    ///
    /// # Errors
    ///
    /// QEMU does not start; the board is then off.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        (self.qemu, self.log) = launch(&self.program, &self.dir, self.icount, &self.network)?;
        Ok(())
    }

    /// Cuts the power. The log stays.
    pub fn kill(&mut self) {
        // It fails only when QEMU has ended by itself.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        self.log.finish();
    }

    /// The first line since this start that contains `pattern`, waiting for it if need be.
    ///
    /// # Errors
    ///
    /// No such line came `within` that time, or the board ended without one. The message shows the last lines.
    pub fn wait_for_log(&self, pattern: &str, within: Duration) -> Result<String> {
        self.log.wait(Mark::default(), pattern, within)
    }

    /// As [`wait_for_log`](Self::wait_for_log), among the lines that came after `mark` was taken.
    ///
    /// # Errors
    ///
    /// As `wait_for_log`.
    pub fn wait_for_log_after(&self, mark: Mark, pattern: &str, within: Duration) -> Result<String> {
        self.log.wait(mark, pattern, within)
    }

    /// The end of the log as it is now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.log.mark()
    }

    /// The lines since this start, the last 10,000 of them.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.log.lines_after(Mark::default()).0
    }

    /// The lines after `mark`, as far as they are kept, and where they end.
    #[must_use]
    pub fn logs_after(&self, mark: Mark) -> (Vec<String>, Mark) {
        self.log.lines_after(mark)
    }

    /// Waits until the board ends by itself.
    ///
    /// # Errors
    ///
    /// It did not end `within` that time; it still runs.
    pub fn wait_for_exit(&mut self, within: Duration) -> Result<ExitStatus> {
        self.log.wait_for_end(within)?;
        let status = self.qemu.wait().context("QEMU's exit status")?;
        self.log.finish();
        Ok(status)
    }

    /// The UNIX socket that is the board's serial line.
    #[must_use]
    pub fn serial(&self) -> PathBuf {
        self.dir.join(SERIAL)
    }

    /// The folder in which the board's files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.dir
    }

    /// The file that holds the board's flash.
    #[must_use]
    pub fn flash(&self) -> PathBuf {
        self.dir.join("flash.bin")
    }

    /// QEMU's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.qemu.id()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.kill();
    }
}

const SETTINGS_FILE: &str = "settings.bin";

/// The board's serial line, in its folder.
const SERIAL: &str = "serial.sock";

/// Writes the partition with the board's blob, which is newer than all before it.
fn write_settings(dir: &Path, settings: &Settings<'_>) -> Result<()> {
    let mut region = [0; REGION];
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    settings.encode(u64::try_from(epoch)?, &mut region)?;
    std::fs::write(dir.join(SETTINGS_FILE), region).context("the board's settings")
}

fn launch(program: &Program, dir: &Path, icount: bool, network: &Network) -> Result<(Child, Log)> {
    let machine = program.machine();
    let mut command = Command::new(machine.qemu());
    command
        .args(machine.arguments())
        .args(if machine == Machine::Virt { Vec::new() } else { network.arguments() })
        .args(["-display", "none", "-monitor", "none"])
        .args(["-serial", &format!("unix:{SERIAL},server=on,wait=off")])
        // Bytes that the board writes through semihosting arrive unchanged at our end of the pipe.
        .args(["-chardev", "stdio,id=log,signal=off"])
        .args(["-semihosting-config", "enable=on,target=native,chardev=log"])
        .arg("-kernel")
        .arg(program.elf())
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if dir.join(SETTINGS_FILE).exists() {
        let loader = format!("loader,file={SETTINGS_FILE},addr={:#x},force-raw=on", machine.settings());
        command.args(["-device", &loader]);
    }
    if icount {
        command.args(["-icount", "shift=0"]);
    }
    let mut qemu = command.spawn().context("QEMU does not start; `cargo xtask setup` installs it")?;
    let log = decode::follow(program, qemu.stdout.take(), qemu.stderr.take());
    Ok((qemu, log))
}
