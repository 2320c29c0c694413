//! The load: wrk, with one thread.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::NamedTempFile;

use super::Case;

/// Prints the counts for a program. Nothing of it runs for each request.
const REPORT: &str = r#"
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("counts %d %d %d %d\n", summary.requests, summary.bytes, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
"#;

/// Sends requests for `time`, and returns how many were answered.
///
/// # Errors
///
/// A response is an error or too short, or a connection broke.
pub fn run(url: &str, case: Case, time: Duration) -> Result<u64> {
    let mut script = NamedTempFile::with_suffix(".lua")?;
    script.write_all(REPORT.as_bytes())?;
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--timeout", "30s", "--connections", &case.clients.to_string()]);
    wrk.args(["--duration", &format!("{}s", time.as_secs()), "--script"]).arg(script.path()).arg(url);
    let output = wrk.output().context("wrk does not start")?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let counts =
        said.lines().find_map(|line| line.strip_prefix("counts ")).with_context(|| said.to_string())?;
    let counts: Vec<u64> = counts.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [answered, bytes, refused, broken] = counts[..] else { anyhow::bail!("{said}") };
    ensure!(output.status.success() && answered > 0, "{said}");
    ensure!(refused == 0, "{refused} of {answered} responses were errors");
    ensure!(broken == 0, "{broken} connections broke");
    ensure!(bytes > answered * case.bytes as u64, "{answered} responses had only {bytes} bytes");
    Ok(answered)
}
