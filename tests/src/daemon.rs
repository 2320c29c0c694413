//! A real maelstromd: a test starts it, reads its log, sends it signals and starts it again.

mod setup;

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, kill_process};
use serde_json::Value;

pub use rustix::process::Signal;
pub use setup::Setup;

use crate::ctl::Ctl;
use crate::http::Curl;
use crate::log::Log;
pub use crate::log::Mark;
use crate::pki::TlsDir;
use crate::wait::TIMEOUT;

/// A running daemon, or one that has stopped. It is killed with this value; a test that panics shows its log.
pub struct Daemon {
    setup: Setup,
    child: Child,
    log: Log,
}

impl Daemon {
    fn start(mut setup: Setup) -> Result<Self> {
        let (child, log) = spawn(&setup.name, setup.command()?)?;
        let mut daemon = Self { child, log, setup: setup.clone() };
        setup.private = daemon.bound("private port listening on ")?;
        if setup.public.is_some() {
            setup.public = Some(daemon.bound("gateway listening on ")?);
        }
        daemon.setup = setup;
        Ok(daemon)
    }

    fn refusal(setup: &Setup) -> Result<String> {
        let (mut child, mut log) = spawn(&setup.name, setup.command()?)?;
        let ended = log.wait_for_end(TIMEOUT);
        if ended.is_err() {
            child.kill()?;
        }
        let status = child.wait()?;
        log.finish();
        ended?;
        ensure!(!status.success(), "{} ended with success{}", setup.name, log.tail());
        Ok(log.lines_after(Mark::default()).0.join("\n"))
    }

    /// Starts the daemon again: the same ports, the same data directory, the same TLS directory. One that still
    /// runs is killed first.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        *self = Self::start(self.setup.clone())?;
        Ok(())
    }

    /// Its setup, with the ports that it has.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.setup.name
    }

    /// The address of its private port.
    #[must_use]
    pub fn private(&self) -> SocketAddr {
        self.setup.private
    }

    /// The URL of its gateway.
    ///
    /// # Panics
    ///
    /// It has none.
    #[must_use]
    pub fn gateway(&self) -> String {
        format!("http://{}", self.setup.public.expect("a daemon with a gateway"))
    }

    /// A maelctl that talks to it.
    #[must_use]
    pub fn ctl(&self) -> Ctl {
        let ctl = match &self.setup.tls {
            Some(dir) => Ctl::to(&format!("https://{}", self.private())).tls(dir),
            None => Ctl::to(&format!("http://{}", self.private())).data_dir(&self.setup.data_dir()),
        };
        match &self.setup.namespace {
            Some(namespace) => ctl.within(namespace),
            None => ctl,
        }
    }

    /// Its health, as it answers a client with the keys of this TLS directory.
    ///
    /// # Errors
    ///
    /// It gives no answer.
    pub fn health(&self, keys: &TlsDir) -> Result<Value> {
        let answer = Curl::get(&format!("https://{}/_mael_health_check", self.private()))
            .header("Accept: application/json")
            .certificate(keys, "server_a")
            // The certificate names the cluster, not this address; that the right one is shown is tested elsewhere.
            .flag("--insecure")
            .send()?;
        answer.json()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How long this process has been running.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn uptime(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        // The second field is a name in brackets, which may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat")?;
        let fields: Vec<_> = fields.split(' ').collect();
        ensure!(!matches!(fields[0], "X" | "Z"), "{} has ended", self.name());
        let started = fields[19].parse::<u64>()? / rustix::param::clock_ticks_per_second();
        let uptime = fs::read_to_string("/proc/uptime")?;
        let uptime: f64 = uptime.split(' ').next().unwrap_or_default().parse()?;
        Ok(Duration::from_secs_f64(uptime).saturating_sub(Duration::from_secs(started)))
    }

    /// Bytes of memory that it has now.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("VmRSS")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).with_context(|| format!("no signal reaches {}", self.name()))
    }

    /// Kills it on the spot. Its log stays.
    pub fn kill(&mut self) {
        // It fails only when the daemon has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log.finish();
    }

    /// Waits until it ends by itself, or by a signal that was sent.
    ///
    /// # Errors
    ///
    /// It still runs.
    pub fn wait_for_exit(&mut self) -> Result<ExitStatus> {
        self.log.wait_for_end(TIMEOUT)?;
        let status = self.child.wait()?;
        self.log.finish();
        Ok(status)
    }

    /// The first line of its log that contains `pattern`, waiting for it if need be.
    ///
    /// # Errors
    ///
    /// No such line came.
    pub fn wait_for_log(&self, pattern: &str) -> Result<String> {
        self.log.wait(Mark::default(), pattern, TIMEOUT)
    }

    /// As [`wait_for_log`](Self::wait_for_log), among the lines after `mark`.
    ///
    /// # Errors
    ///
    /// No such line came.
    pub fn wait_for_log_after(&self, mark: Mark, pattern: &str) -> Result<String> {
        self.log.wait(mark, pattern, TIMEOUT)
    }

    /// The end of its log as it is now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.log.mark()
    }

    /// The lines of its log after `mark`.
    #[must_use]
    pub fn logs_after(&self, mark: Mark) -> Vec<String> {
        self.log.lines_after(mark).0
    }

    fn bound(&self, after: &str) -> Result<SocketAddr> {
        let line = self.wait_for_log(after)?;
        let addr = line.split_once(after).and_then(|(_, rest)| rest.split_whitespace().next());
        match addr.map(str::parse) {
            Some(Ok(addr)) => Ok(addr),
            _ => bail!("no address after {after:?} in {line:?}"),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}{}", self.name(), self.log.tail());
        }
    }
}

fn spawn(name: &str, mut command: Command) -> Result<(Child, Log)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
    let mut log = Log::of(name);
    if let Some(out) = child.stdout.take() {
        log.follow("", out);
    }
    if let Some(err) = child.stderr.take() {
        log.follow("", err);
    }
    Ok((child, log))
}
