//! A program that runs beside ours, from a configuration file of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use node_tests::wait::eventually;
use tempfile::TempDir;

/// A running program. It is killed with this value.
pub struct Process {
    /// Where it listens.
    pub addr: SocketAddr,
    child: Child,
    // Its configuration.
    _folder: TempDir,
}

impl Process {
    /// Starts `program` in a folder with its configuration, and returns when it listens. `configure` writes the
    /// configuration for that folder and that address; the arguments of the program may name it `config`.
    ///
    /// # Errors
    ///
    /// The program is missing, or does not like its configuration.
    pub fn start(
        program: &str,
        arguments: &[&str],
        configure: impl FnOnce(&Path, SocketAddr) -> Result<String>,
    ) -> Result<Self> {
        let folder = TempDir::with_prefix(format!("{program}-"))?;
        let addr = free()?;
        fs::write(folder.path().join("config"), configure(folder.path(), addr)?)?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
        // Administrators' folders are not on everybody's path.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        let child = command.spawn().with_context(|| format!("{program} does not start"))?;
        let mut process = Self { addr, child, _folder: folder };
        process.listens().context(program.to_owned())?;
        Ok(process)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn listens(&mut self) -> Result<()> {
        let mut ended = None;
        eventually(|| {
            ended = self.child.try_wait()?;
            if ended.is_none() {
                TcpStream::connect(self.addr)?;
            }
            Ok(())
        })?;
        match ended {
            Some(status) => bail!("it ended: {status}"),
            None => Ok(()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only when the program has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of loopback whose port nobody uses now.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
