//! The board's host: a thread in which the board, its cable and the way to the daemon run.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use embassy_time::{Duration, Timer};
use node_embedded::Leaf;
use node_tests::load::Tally;
use node_tests::wait::TIMEOUT;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};

use crate::board::{board, call};
use crate::bridge;
use crate::cable::Network;
use crate::flash::Flash;
use crate::task::Task;

/// Connections that are passed on at the same time: a leaf has two, and old ones take a while to time out.
const CONNECTIONS: usize = 4;

/// A board that runs; it loses its power with this value.
pub struct Board {
    orders: Option<UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// The state of the thread.
#[derive(Clone)]
pub struct Held {
    /// The node.
    pub leaf: Leaf<'static>,
    /// Its cable.
    pub network: Rc<Network>,
}

/// Something to be done in that thread.
type Order = Box<dyn FnOnce(Held) -> Task + Send>;

impl Board {
    /// Starts a board with this keyring, whose only hub is the daemon there.
    pub fn start(daemon: SocketAddr, keyring: Vec<u8>) -> Self {
        let (sender, orders) = unbounded_channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, live(daemon, keyring, orders));
        });
        Self { orders: Some(sender), thread: Some(thread) }
    }

    /// Acts on the board in its thread, and returns the result.
    pub fn with<T: Send + 'static>(&self, act: impl AsyncFnOnce(Held) -> T + Send + 'static) -> T {
        self.begin(act).recv_timeout(TIMEOUT).expect("the board lives and answers in time")
    }

    /// The same, without waiting.
    fn begin<T: Send + 'static>(&self, act: impl AsyncFnOnce(Held) -> T + Send + 'static) -> Receiver<T> {
        let (sender, result) = mpsc::channel();
        let order: Order = Box::new(move |held| {
            Box::pin(async move {
                // The caller may have given up.
                let _ = sender.send(act(held).await);
            })
        });
        let _ = self.orders.as_ref().map(|orders| orders.send(order));
        result
    }

    /// Links that are up.
    pub fn links(&self) -> usize {
        self.with(async |held| held.leaf.links())
    }

    /// Pulls its plug, or puts it back.
    pub fn plug(&self, plugged: bool) {
        self.with(async move |held| held.network.plug(plugged));
    }

    /// Sends `body` to a component and returns status and body of the response.
    pub fn call(&self, component: &'static str, body: &[u8]) -> Result<(u16, Vec<u8>)> {
        let body = body.to_vec();
        Ok(self.with(async move |held| call(&held.leaf, component, &body).await)?)
    }

    /// Begins to ask a component, once a `period`, or as fast as answers come if that is slower.
    pub fn ask(&self, component: &'static str, period: Duration) -> Asking {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let tally = self.begin(async move |held| {
            let mut tally = Tally::default();
            while !stopped.load(Ordering::SeqCst) {
                match call(&held.leaf, component, b"from the board").await {
                    Ok((200, body)) if body == b"from the board" => tally.answered += 1,
                    other => {
                        tally.failed += 1;
                        tally.failures.push(format!("{other:?}"));
                    }
                }
                Timer::after(period).await;
            }
            tally
        });
        Asking { stop, tally }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        drop(self.orders.take());
        // A thread that panicked has printed why.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A board's requests.
pub struct Asking {
    stop: Arc<AtomicBool>,
    tally: Receiver<Tally>,
}

impl Asking {
    /// Lets the request under way end, and returns the count of all.
    pub fn stop(self) -> Result<Tally> {
        self.stop.store(true, Ordering::SeqCst);
        self.tally.recv_timeout(TIMEOUT).context("the board's requests do not end")
    }
}

async fn live(daemon: SocketAddr, keyring: Vec<u8>, mut orders: UnboundedReceiver<Order>) {
    let (network, cable) = Network::new();
    cable.into_iter().for_each(|end| drop(spawn_local(end)));
    for _ in 0..CONNECTIONS {
        spawn_local(bridge::serve(network.hub, daemon));
    }
    let (leaf, runner) = board(&network, Flash::new(), &keyring).await;
    spawn_local(runner);
    let held = Held { leaf, network: Rc::new(network) };
    while let Some(order) = orders.recv().await {
        spawn_local(order(held.clone()));
    }
}
