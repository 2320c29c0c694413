//! An application behind a node: a small HTTP service on loopback.
//!
//! | path        | answer                                                                  |
//! |-------------|-------------------------------------------------------------------------|
//! | `/echo`     | the body of the request, while it comes                                 |
//! | `/hold`     | nothing until the test [releases](Component::release) it                |
//! | `/bytes/N`  | N bytes                                                                 |
//! | others      | JSON: this component's name, and the method, target and headers it saw  |

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::wait::eventually;

/// A running service; it ends with this value.
pub struct Component {
    addr: SocketAddr,
    state: Arc<State>,
    // Its tasks end when it is dropped.
    _runtime: Runtime,
}

struct State {
    name: String,
    held: AtomicUsize,
    release: Notify,
}

impl Component {
    /// Starts a service that calls itself `name`.
    ///
    /// # Errors
    ///
    /// The system gives no port or no thread.
    pub fn start(name: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let addr = listener.local_addr()?;
        let state = State { name: name.to_owned(), held: AtomicUsize::new(0), release: Notify::new() };
        let state = Arc::new(state);
        runtime.spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { addr, state, _runtime: runtime })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Waits until exactly `count` requests to `/hold` wait for an answer.
    ///
    /// # Errors
    ///
    /// More or fewer do.
    pub fn holds(&self, count: usize) -> Result<()> {
        eventually(|| {
            let held = self.held();
            ensure!(held == count, "{held} requests wait for an answer, not {count}");
            Ok(())
        })
    }

    /// The requests to `/hold` that wait for an answer now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.state.held.load(Ordering::SeqCst)
    }

    /// Answers all that wait.
    pub fn release(&self) {
        self.state.release.notify_waiters();
    }
}

type Body = BoxBody<Bytes, hyper::Error>;

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&state)));
            // Some tests have clients that break off.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    if path == "/echo" {
        return Ok(Response::new(request.into_body().boxed()));
    }
    if path == "/hold" {
        let released = state.release.notified();
        let _held = Held::new(&state.held);
        released.await;
        return Ok(Response::new(full("released")));
    }
    if let Some(Ok(length)) = path.strip_prefix("/bytes/").map(str::parse) {
        return Ok(Response::new(full(vec![b'x'; length])));
    }
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let seen = serde_json::json!({
        "component": state.name,
        "method": request.method().as_str(),
        "target": request.uri().to_string(),
        "headers": headers,
    });
    Ok(Response::new(full(seen.to_string())))
}

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

/// Counts a request as long as its client waits for the answer.
struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
