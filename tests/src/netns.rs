//! Network namespaces: a program in one sees only the interfaces that were put there.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

/// A namespace with loopback and the interfaces that are added to it. It has no name, so none can collide, and leaves nothing
/// behind: it ends with the last process in it, and the process that holds it ends with this one, however that ends.
#[derive(Debug)]
pub struct Namespace {
    /// It waits for the end of a pipe of which we have the other side.
    holder: Child,
}

impl Namespace {
    /// A new one. A user namespace comes with it, so that not only root can have one.
    ///
    /// # Errors
    ///
    /// The system does not allow it; the message says what to do.
    pub fn new() -> Result<Self> {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--net"]);
        Self::hold(unshare)
    }

    /// Another one, to which interfaces can be given from this one.
    ///
    /// # Errors
    ///
    /// The system does not allow it.
    pub fn beside(&self) -> Result<Self> {
        let mut unshare = self.command("unshare");
        unshare.arg("--net");
        Self::hold(unshare)
    }

    /// The id of the process that holds it, by which `ip` names it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// A command that runs `program` in it. It becomes that program, so the child's process id is the program's.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--user",
            "--net",
            "--preserve-credentials",
            "--target",
            &self.pid().to_string(),
            "--",
        ]);
        command.arg(program).env("PATH", administrators_path());
        command
    }

    /// Runs lines of `ip -batch` in it.
    ///
    /// # Errors
    ///
    /// One of them fails.
    pub fn ip(&self, lines: &str) -> Result<()> {
        let mut ip = self.command("ip");
        ip.args(["-batch", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut ip = ip.spawn().context("nsenter does not start")?;
        if let Some(mut stdin) = ip.stdin.take() {
            stdin.write_all(lines.as_bytes())?;
        }
        let output = ip.wait_with_output()?;
        ensure!(output.status.success(), "ip: {}\n{lines}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    fn hold(mut unshare: Command) -> Result<Self> {
        unshare.args(["--", "sh", "-e", "-c", "ip link set lo up; echo up; exec cat"]);
        unshare.env("PATH", administrators_path());
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut namespace = Self { holder: unshare.spawn().context("unshare does not start")? };
        let mut line = String::new();
        if let Some(out) = namespace.holder.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        if line != "up\n" {
            let mut said = String::new();
            if let Some(mut err) = namespace.holder.stderr.take() {
                err.read_to_string(&mut said)?;
            }
            bail!(
                "no network namespace can be made: {}; install iproute2, and allow namespaces: \
                 `sysctl -w kernel.unprivileged_userns_clone=1`, on Ubuntu \
                 `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, in a container `--privileged`",
                said.trim()
            );
        }
        Ok(namespace)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It fails only when the holder has ended by itself.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The path of `ip`, for it is not in every user's `PATH`.
fn administrators_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}
