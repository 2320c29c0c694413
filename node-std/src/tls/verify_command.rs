//! A program of the operator's that has the last word about a peer. It is given the verdict so far as JSON, and its exit status
//! is the answer.

use core::time::Duration;
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::error::{FileProblem, TlsError};
use super::listing::Stamp;

/// How long a program may take, unless the operator says otherwise.
pub const VERIFY_TIMEOUT: Duration = Duration::from_secs(2);
/// Programs that run at once. Others wait, within their own time.
static PLACES: Semaphore = Semaphore::const_new(8);
/// The same for peers that only the program can let in, who may be anybody: they cannot take the places of members.
static PLACES_FOR_STRANGERS: Semaphore = Semaphore::const_new(4);
/// Most that is shown of what a program says, in characters.
const MAX_SAID: usize = 200;
/// The environment of this process may hold the password of its keys, so only this goes on to the program.
const PASSED_ON: &str = "PATH";

/// A program that is run for each peer. Exit status 0 accepts it; everything else refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyCommand {
    /// Its path. No shell runs it.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// It is killed after this.
    pub timeout: Duration,
}

impl VerifyCommand {
    /// Checks that it can be run, and that nobody else decides what it does.
    pub(super) fn check(&self) -> Result<(), TlsError> {
        let program = &self.program;
        let metadata = program.metadata().map_err(|error| FileProblem::NoProgram(error).of(program))?;
        if !metadata.is_file() {
            return Err(FileProblem::NoProgram(io::Error::other("it is no file")).of(program));
        }
        access(program, Access::EXEC_OK).map_err(|error| FileProblem::NoProgram(error.into()).of(program))?;
        if Stamp::of(program).others_may_write(program) {
            return Err(FileProblem::Writable.of(program));
        }
        Ok(())
    }

    /// Runs the program with this on its standard input, for a peer that is refused without it, or for one that every other rule
    /// accepts.
    ///
    /// # Errors
    /// It refuses, or does not answer. The text says which, with the first line that it wrote.
    pub(super) async fn ask(&self, question: &[u8], is_stranger: bool) -> Result<(), String> {
        let program = self.program.display();
        let answer = async {
            let places = if is_stranger { &PLACES_FOR_STRANGERS } else { &PLACES };
            let _place = places.acquire().await.map_err(io::Error::other)?;
            self.run(question).await
        };
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok((status, _))) if status.success() => Ok(()),
            Ok(Ok((status, said))) if said.is_empty() => Err(format!("{program} refuses it ({status})")),
            Ok(Ok((status, said))) => Err(format!("{program} refuses it ({status}): {said}")),
            Ok(Err(error)) => Err(format!("{program} cannot be run: {error}")),
            Err(_) => Err(format!("{program} gave no answer in {} s", self.timeout.as_secs_f64())),
        }
    }

    /// Returns how it ended, and its first line.
    async fn run(&self, question: &[u8]) -> io::Result<(ExitStatus, String)> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().process_group(0).kill_on_drop(true);
        let passed_on = std::env::var_os(PASSED_ON);
        command.envs(passed_on.iter().map(|value| (OsStr::new(PASSED_ON), value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let mut group = Group::of(&child);
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let tell = async {
            if let Some(mut stdin) = stdin {
                // It may answer without reading.
                let _ = stdin.write_all(question).await;
            }
        };
        let hear = async {
            match stdout {
                Some(stdout) => first_line(stdout).await,
                None => String::new(),
            }
        };
        let ((), said, status) = tokio::join!(tell, hear, child.wait());
        group.0 = None;
        Ok((status?, said))
    }
}

/// The processes of one program. They are killed when it is dropped, those that a script started as well.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // They may be gone.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// The first line, fit for a log. The rest is read too, because a program whose output nobody reads does not end.
async fn first_line(output: impl AsyncRead + Unpin) -> String {
    let (mut output, mut line) = (BufReader::new(output), Vec::new());
    let longest = 4 * MAX_SAID as u64;
    // What was read before an error is shown.
    let _ = (&mut output).take(longest).read_until(b'\n', &mut line).await;
    let _ = tokio::io::copy_buf(&mut output, &mut tokio::io::sink()).await;
    let line = String::from_utf8_lossy(&line);
    line.trim().chars().filter(|each| !each.is_control()).take(MAX_SAID).collect()
}
