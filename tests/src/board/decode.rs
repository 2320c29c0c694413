//! A board's log: defmt frames from QEMU's standard output, decoded while they come.

use std::io::Read;
use std::process::{ChildStderr, ChildStdout};

use defmt_decoder::{DecodeError, Frame, Table};

use super::Program;
use crate::log::Log;

/// Reads until QEMU closes its end; QEMU's own complaints become lines too.
pub(super) fn follow(program: &Program, out: Option<ChildStdout>, err: Option<ChildStderr>) -> Log {
    let mut log = Log::of("the board");
    if let Some(err) = err {
        log.follow("qemu: ", err);
    }
    if let Some(out) = out {
        let table = program.table();
        log.follow_with(move |line| decode(&table, out, line));
    }
    log
}

/// Decodes frames until `bytes` ends. Bytes that are no frame become a line that says so.
fn decode(table: &Table, mut bytes: impl Read, line: &mut dyn FnMut(String)) {
    let mut decoder = table.new_stream_decoder();
    let mut buffer = [0; 4096];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => decoder.received(&buffer[..length]),
        }
        loop {
            match decoder.decode() {
                Ok(frame) => line(text(&frame)),
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => {
                    line("(not a log frame)".into());
                    if !table.encoding().can_recover() {
                        return;
                    }
                }
            }
        }
    }
}

fn text(frame: &Frame<'_>) -> String {
    let time = frame.display_timestamp().map(|time| time.to_string()).unwrap_or_default();
    let level = frame.level().map_or("", |level| level.as_str());
    format!("{time} {level} {}", frame.display_message())
}
