//! An upstream that is no HTTP library: it keeps the bytes that it is sent, and answers the bytes that a test gives it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context as _, Result};

/// What an upstream does with each request.
#[derive(Clone, Debug)]
pub struct Script {
    /// Bytes that it answers.
    pub answer: Vec<u8>,
    /// It closes the connection after that.
    pub closes: bool,
    /// It answers as soon as it has the head.
    pub early: bool,
}

impl Script {
    /// Answers this, and keeps the connection.
    #[must_use]
    pub fn answer(answer: &str) -> Self {
        Self { answer: answer.into(), closes: false, early: false }
    }

    /// The same, and closes the connection.
    #[must_use]
    pub fn close(self) -> Self {
        Self { closes: true, ..self }
    }

    /// The same, as soon as the head is there.
    #[must_use]
    pub fn early(self) -> Self {
        Self { early: true, ..self }
    }
}

/// An upstream. It runs until the test's process ends.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Upstream {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub fn start() -> Result<Self> {
        let script = Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        Self::on(TcpListener::bind("127.0.0.1:0")?, script)
    }

    /// One on this port, which does this with each request.
    ///
    /// # Errors
    ///
    /// The port is none.
    pub fn on(listener: TcpListener, script: Script) -> Result<Self> {
        let addr = listener.local_addr()?;
        let (script, seen) = (Arc::new(Mutex::new(script)), Arc::new(Mutex::new(Vec::new())));
        let (scripts, kept) = (Arc::clone(&script), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, seen) = (Arc::clone(&scripts), Arc::clone(&kept));
                thread::spawn(move || serve(stream, &script, &seen));
            }
        });
        Ok(Self { addr, script, seen })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Does this with the next requests, and forgets those that it saw.
    pub fn plays(&self, script: Script) {
        if let (Ok(mut now), Ok(mut seen)) = (self.script.lock(), self.seen.lock()) {
            *now = script;
            seen.clear();
        }
    }

    /// The requests that it saw, whole ones and those that broke off.
    ///
    /// # Errors
    ///
    /// A thread of it panicked.
    pub fn seen(&self) -> Result<Vec<String>> {
        let seen = self.seen.lock().ok().context("the upstream panicked")?;
        Ok(seen.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect())
    }
}

fn serve(mut stream: TcpStream, script: &Mutex<Script>, seen: &Mutex<Vec<Vec<u8>>>) {
    let mut held = Vec::new();
    loop {
        let mut answered = false;
        let len = loop {
            let Ok(script) = script.lock().map(|script| script.clone()) else { return };
            if script.early && !answered && held.windows(4).any(|window| window == b"\r\n\r\n") {
                answered = true;
                if stream.write_all(&script.answer).is_err() || script.closes {
                    keep(seen, held);
                    return;
                }
            }
            if let Some(len) = whole(&held) {
                break len;
            }
            let mut piece = [0; 16 * 1024];
            match stream.read(&mut piece) {
                Ok(read) if read > 0 => held.extend_from_slice(piece.get(..read).unwrap_or_default()),
                _ => {
                    if !held.is_empty() {
                        keep(seen, held);
                    }
                    return;
                }
            }
        };
        let rest = held.split_off(len);
        keep(seen, core::mem::replace(&mut held, rest));
        let Ok(script) = script.lock().map(|script| script.clone()) else { return };
        if !answered && stream.write_all(&script.answer).is_err() {
            return;
        }
        if script.closes {
            return;
        }
    }
}

fn keep(seen: &Mutex<Vec<Vec<u8>>>, request: Vec<u8>) {
    if let Ok(mut seen) = seen.lock() {
        seen.push(request);
    }
}

/// The length of the request at the start of `held`, once all of it is there.
fn whole(held: &[u8]) -> Option<usize> {
    let head = held.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(held.get(..head)?).to_ascii_lowercase();
    let value =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<usize>().ok());
    if text.contains("\r\ntransfer-encoding: chunked\r\n") {
        let body = held.get(head..)?;
        let last = body
            .windows(3)
            .position(|window| window == b"0\r\n")
            .filter(|&at| at == 0 || body.get(at - 1) == Some(&b'\n'))?;
        let end = body.get(last + 1..)?.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        return Some(head + last + 1 + end);
    }
    let len = head + value("content-length:").unwrap_or(0);
    (held.len() >= len).then_some(len)
}
