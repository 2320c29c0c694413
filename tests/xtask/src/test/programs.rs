//! The programs of the tests: cargo builds them all, and two run at a time. Much of their time is spent waiting, so that one alone
//! leaves half of two cores idle.

use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::WITH_BOARDS;
use crate::run::{cargo, output};

/// How many run at the same time, each with as many tests as there are cores.
const AT_ONCE: usize = 2;

/// A program that cargo built, and the package whose tests it has.
struct Program {
    executable: PathBuf,
    package: PathBuf,
}

/// What cargo says of something that it built.
#[derive(Deserialize)]
struct Built {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds them and runs them all, whatever fails.
///
/// # Errors
///
/// One does not build, or some fail; the message names these.
pub fn run() -> Result<()> {
    let programs = Mutex::new(built()?.into_iter());
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(program) = next(&programs) {
            if let Err(error) = program.run() {
                lock(&failed).push(format!("{}: {error:#}", program.name()));
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap_or_default();
    ensure!(failed.is_empty(), "tests failed:\n{}", failed.join("\n"));
    Ok(())
}

fn next(programs: &Mutex<impl Iterator<Item = Program>>) -> Option<Program> {
    lock(programs).next()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn built() -> Result<Vec<Program>> {
    let mut build = cargo("test");
    build.args(["--workspace", "--locked", "--no-run"]).args(WITH_BOARDS);
    let messages = output(build.args(["--message-format", "json-render-diagnostics"]))?;
    let mut programs = Vec::new();
    for message in messages.lines() {
        let built: Built = serde_json::from_str(message).context("what cargo says of its build")?;
        if let Built { executable: Some(executable), manifest_path: Some(manifest), profile: Some(profile) } =
            built
            && profile.test
        {
            let package = manifest.parent().unwrap_or(Path::new("/")).to_owned();
            programs.push(Program { executable, package });
        }
    }
    ensure!(!programs.is_empty(), "cargo built no tests");
    Ok(programs)
}

impl Program {
    /// The package and the program, without the hash that cargo gives it.
    fn name(&self) -> String {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let program = name(&self.executable);
        let program = program.rsplit_once('-').map_or(&*program, |(program, _)| program);
        format!("{} {program}", name(&self.package))
    }

    /// Runs it as `cargo test` does, and then prints what it printed, so that the lines of two do not mix. That goes into a file: a pipe
    /// stays open as long as any process that the tests started.
    fn run(&self) -> Result<()> {
        println!("--- {} starts", self.name());
        let mut file = tempfile::tempfile().context("no temporary file")?;
        let mut program = Command::new(&self.executable);
        program.current_dir(&self.package).env("CARGO_MANIFEST_DIR", &self.package);
        program.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
        let status =
            program.status().with_context(|| format!("{} does not start", self.executable.display()))?;
        let mut printed = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut printed)?;
        println!("--- {}\n{}", self.name(), String::from_utf8_lossy(&printed).trim_end());
        ensure!(status.success(), "{status}");
        Ok(())
    }
}
