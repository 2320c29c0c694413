//! The HTTP server of a CA, as it is and as it should not be.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does when it is asked for a path.
#[derive(Clone)]
pub enum Reply {
    Body(Vec<u8>),
    Status(u16),
    Redirect(String),
    /// Nothing, and the connection stays open.
    Hang,
    /// A gigabyte, without saying how much comes.
    Endless,
    /// The end of the connection.
    Close,
}

/// A running server. It answers 404 for every path that has no reply.
pub struct Server {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    replies: HashMap<String, Reply>,
    /// The paths that were asked for.
    asked: Vec<String>,
    hanging: Vec<TcpStream>,
    /// Bytes that the last endless answer got rid of.
    endless: u64,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Mutex<Shared>>::default();
        let server = Self { url, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that goes away early is no fault.
                thread::spawn(move || drop(answer(stream, &shared)));
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn reply(&self, path: &str, reply: Reply) {
        self.shared.lock().unwrap().replies.insert(path.to_owned(), reply);
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.shared.lock().unwrap().asked.iter().filter(|asked| *asked == path).count()
    }

    /// Bytes that the last endless answer got rid of, once its client went away.
    pub fn endless(&self) -> u64 {
        self.shared.lock().unwrap().endless
    }
}

fn answer(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let reply = {
        let mut shared = shared.lock().unwrap();
        let reply = shared.replies.get(&path).cloned().unwrap_or(Reply::Status(404));
        shared.asked.push(path);
        reply
    };
    let mut out = &stream;
    match reply {
        Reply::Body(body) => {
            write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
            out.write_all(&body)
        }
        Reply::Status(status) => write!(out, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n"),
        Reply::Redirect(location) => {
            write!(out, "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
        }
        Reply::Hang => {
            shared.lock().unwrap().hanging.push(stream);
            Ok(())
        }
        Reply::Endless => {
            write!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            let chunk = [0x30; 1 << 16];
            let mut sent = 0;
            while sent < 1 << 30 && out.write_all(&chunk).is_ok() {
                sent += chunk.len() as u64;
            }
            shared.lock().unwrap().endless = sent;
            Ok(())
        }
        Reply::Close => Ok(()),
    }
}
