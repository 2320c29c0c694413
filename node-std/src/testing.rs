//! Components and clients for tests.

use core::convert::Infallible;
use core::net::SocketAddr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use node_core::gossip::{Metadata, State};
use node_core::id::NodeId;
use node_core::link::Limits;
use node_core::trust::Roles;
use node_core::wire::record::MAX_METADATA;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tracing::subscriber::DefaultGuard;

use crate::access::{Access, Caller, Credential, Credentials};
use crate::cluster::Cluster;
use crate::config::Component;
use crate::data_dir::DataDir;
use crate::identity::NodeKey;
use crate::link::{Greeting, Local};

/// A cluster of one.
pub fn alone() -> Cluster {
    Cluster::new(NodeId([0; 16])).0
}

/// A node of the cluster `test` with this number.
pub fn local(number: u128, limits: Limits, key_usage_limit: u64) -> Local {
    Local { key: Arc::new(NodeKey::numbered(number)), cluster: "test".into(), limits, key_usage_limit }
}

/// The record that a node publishes of itself.
pub fn greeting(local: &Local, incarnation: u64, metadata: &Metadata<'_>) -> Greeting {
    let metadata = Metadata { identity: local.key.public(), ..metadata.clone() };
    let mut buffer = [0; MAX_METADATA];
    let length = metadata.encode(&mut buffer).unwrap().len();
    let state = if metadata.left { State::Left } else { State::Alive };
    let mut metadata = buffer[..length].to_vec();
    local.identity().sign_record(incarnation, &mut metadata).unwrap();
    Greeting { incarnation, state, metadata }
}

/// Decides as a node without TLS does, and without rules.
pub fn access() -> Arc<Access> {
    let home = tempfile::tempdir().unwrap();
    let token = DataDir::open(home.path()).unwrap().make_token().unwrap();
    Arc::new(Access::new(Credentials::Token(token), Vec::new()))
}

/// A caller with every role.
pub const ANYBODY: Caller = Caller { roles: Roles::ALL, credential: Credential::Token };

/// The log of a test's thread. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps all lines until the guard is dropped.
    pub fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        (log, tracing::subscriber::set_default(subscriber.finish()))
    }

    /// The lines that hold `part`.
    pub fn lines(&self, part: &str) -> Vec<String> {
        let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        all.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An HTTP/1.1 server on loopback that answers each request with `respond`.
pub async fn server<F, B>(respond: impl Fn(Request<Incoming>) -> F + Copy + Send + 'static) -> SocketAddr
where
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: core::error::Error + Send + Sync> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            let service = service_fn(move |request| {
                let response = respond(request);
                async { Ok::<_, Infallible>(response.await) }
            });
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(io), service);
            tokio::spawn(connection);
        }
    });
    addr
}

/// A component that answers with the request as it came: request line, headers, blank line, body.
pub async fn mirror() -> SocketAddr {
    server(|request: Request<Incoming>| async move {
        let (parts, body) = request.into_parts();
        let mut text = format!("{} {}\n", parts.method, parts.uri);
        for (name, value) in &parts.headers {
            text += &format!("{name}: {}\n", value.to_str().unwrap());
        }
        text += "\n";
        text += str::from_utf8(&body.collect().await.unwrap().to_bytes()).unwrap();
        Response::new(Full::new(Bytes::from(text)))
    })
    .await
}

/// `name` at `addr`, under the path `prefix`.
pub fn component(name: &str, addr: SocketAddr, prefix: &str) -> Component {
    format!("{name}=http://{addr}{prefix}").parse().unwrap()
}

/// An HTTP/1.1 client on `io`.
pub async fn client<B>(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> SendRequest<B>
where
    B: Body<Data = Bytes, Error: core::error::Error + Send + Sync> + Send + 'static,
{
    let (client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The body as text.
pub async fn text<B: Body<Error: core::fmt::Debug>>(response: Response<B>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// A number of 32 bytes. This value does not put it into the memory of the process.
pub struct Hidden([u8; 32]);

const MASK: u8 = 0x5A;
const PAGE: u64 = 4096;
const HALF: usize = 16;
const ZEROS: &[u8] = &[0; PAGE as usize + HALF - 1];

impl Hidden {
    /// Hides a number. The caller's copy stays.
    pub fn new(number: [u8; 32]) -> Self {
        Self(number.map(|byte| byte ^ MASK))
    }

    /// A number that nothing else holds. Those of different seeds up to 7 have no part in common.
    pub fn numbered(seed: u8) -> Self {
        Self(core::array::from_fn(|index| seed.wrapping_mul(32).wrapping_add(index as u8).wrapping_mul(7)))
    }

    /// The number.
    pub fn reveal(&self) -> [u8; 32] {
        self.0.map(|byte| byte ^ MASK)
    }

    /// How often writable memory holds the number or its last half, in either order of bytes.
    pub fn copies(&self) -> usize {
        // One search must not find what another has read.
        static SEARCH: Mutex<()> = Mutex::new(());
        let _search = SEARCH.lock();
        let mut swapped = self.0;
        swapped.reverse();
        let memory = File::open("/proc/self/mem").unwrap();
        // Too long to share a page with anything else. The search passes it over.
        let mut buffer = vec![0; 64 << 20];
        let own = buffer.as_ptr_range();
        let own = own.start.addr() as u64 - PAGE..own.end.addr() as u64;
        // The page, and what a number at its end needs of the next one.
        let buffer = &mut buffer[..PAGE as usize + HALF - 1];
        let mut found = 0;
        for page in writable_pages() {
            buffer.fill(0);
            if own.contains(&page) {
                continue;
            }
            // The last page has no next one, and a region may be gone by now.
            let read = memory.read_at(buffer, page).unwrap_or(0);
            if buffer == ZEROS {
                continue;
            }
            for half in [&self.0[HALF..], &swapped[HALF..]] {
                let first = half[0] ^ MASK;
                let starts = buffer[..read].iter().enumerate().filter(|(_, byte)| **byte == first);
                let is_half = |start: usize| {
                    let bytes = buffer[..read].get(start..start + HALF).unwrap_or_default();
                    !bytes.is_empty() && bytes.iter().zip(half).all(|(byte, hidden)| *byte ^ MASK == *hidden)
                };
                found += starts.filter(|(start, _)| is_half(*start)).count();
            }
        }
        found
    }
}

/// The addresses of the pages that this process can write.
fn writable_pages() -> Vec<u64> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let writable = maps.lines().filter(|line| line.contains(" rw"));
    let ranges = writable.map(|line| line.split_once(' ').unwrap().0.split_once('-').unwrap());
    let address = |digits| u64::from_str_radix(digits, 16).unwrap();
    ranges.flat_map(|(start, end)| (address(start)..address(end)).step_by(PAGE as usize)).collect()
}

/// Does `work` in another thread, and `look`s while the stack of that thread is as the work left it.
pub fn after<T: Send>(work: impl FnOnce() -> T + Send, look: impl FnOnce()) -> T {
    let (done, seen) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let result = work();
            done.wait();
            seen.wait();
            result
        });
        done.wait();
        look();
        seen.wait();
        worker.join().unwrap()
    })
}
