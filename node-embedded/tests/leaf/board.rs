//! A board: a leaf with a flash, a name and an echo.

use core::cell::RefCell;

use embassy_time::{Duration, Timer};
use embedded_storage_async::nor_flash::NorFlash;
use node_core::rpc::{Code, Event};
use node_core::time::UnixTime;
use node_embedded::{
    Answer, Application, Call, CallError, ExchangeError, Leaf, LeafResources, Parts, Reply, Request,
    Settings, StartError, start,
};
use rand_core::{CryptoRngCore, OsRng};

use crate::cable::Network;
use crate::flash::{self, Failure, Flash};
use crate::task::Task;

/// The time of the firmware's build: 2026-11-30T12:00:00Z.
pub const BUILT: u64 = 1_796_040_000;
/// The cluster of every test.
pub const CLUSTER: &str = "maelstrom";
/// The hub's address.
pub const HUBS: [&str; 1] = ["10.0.0.2:8374"];

/// Starts a board. The task is the board.
pub async fn board(network: &Network, flash: Flash, keyring: &[u8]) -> (Leaf<'static>, Task) {
    try_board(network, flash, OsRng, settings(keyring)).await.unwrap()
}

/// The settings of every board.
pub fn settings(keyring: &[u8]) -> Settings<'static> {
    Settings {
        not_before: UnixTime(BUILT),
        uses: &["hub-echo"],
        keyring: Some(Box::leak(keyring.into())),
        ..Settings::new("board", CLUSTER, &HUBS)
    }
}

/// Starts a board with its own random numbers and settings.
pub async fn try_board(
    network: &Network,
    flash: impl NorFlash<Error = Failure> + 'static,
    rng: impl CryptoRngCore + 'static,
    settings: Settings<'static>,
) -> Result<(Leaf<'static>, Task), StartError<Failure>> {
    let parts = Parts { network: network.board, rng, flash, flash_range: flash::RANGE, application: Echo };
    let started = start(Box::leak(Box::new(LeafResources::new())), settings, parts).await;
    let (leaf, mut runner) = started.map_err(|refused| refused.error)?;
    let task: Task = Box::pin(async move {
        runner.run().await;
    });
    Ok((leaf, task))
}

/// Sends back what it gets, as a component and as a method.
pub struct Echo;

/// The method that sends back what it gets.
pub const ECHO: u16 = 0x1000;

/// The topic of another node that the board subscribes to.
pub const SWITCH: &str = "switch";

std::thread_local! {
    /// The events that boards of this thread took.
    pub static EVENTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl Application for Echo {
    fn components(&self) -> &[&str] {
        &["board-echo"]
    }

    async fn serve(&self, request: &Request<'_>, answer: &mut Answer<'_, '_>) -> Result<(), ExchangeError> {
        match request.path() {
            "/echo" => {
                answer.begin(200, &[("x-method", request.method().as_bytes())]).await?;
                let mut part = [0; 100];
                loop {
                    match answer.read(&mut part).await? {
                        0 => return Ok(()),
                        read => answer.write(&part[..read]).await?,
                    }
                }
            }
            "/collect" => {
                let (mut part, mut length) = ([0; 100], 0);
                loop {
                    match answer.read(&mut part).await? {
                        0 => return answer.send(200, "text/plain", length.to_string().as_bytes()).await,
                        read => length += read,
                    }
                }
            }
            "/slow" => {
                let (mut part, mut length) = ([0; 500], 0);
                loop {
                    Timer::after_secs(5).await;
                    match answer.read(&mut part).await? {
                        0 => return answer.send(200, "text/plain", length.to_string().as_bytes()).await,
                        read => length += read,
                    }
                }
            }
            "/empty" => answer.begin(204, &[]).await,
            "/fails" => Err(ExchangeError::Failed),
            // As if from an exchange of its own with somebody else.
            "/elsewhere" => Err(ExchangeError::LinkLost),
            "/short" => {
                answer.begin(200, &[("content-length", b"3")]).await?;
                answer.write(b"ab").await
            }
            "/long" => {
                answer.begin(200, &[("content-length", b"3")]).await?;
                answer.write(b"abc").await?;
                answer.write(b"d").await
            }
            "/interim" => answer.begin(103, &[]).await,
            "/hop" => answer.begin(200, &[("connection", b"close")]).await,
            "/twice" => {
                answer.send(200, "text/plain", b"one").await?;
                answer.begin(200, &[]).await
            }
            "/no-answer" => Ok(()),
            "/never" => core::future::pending().await,
            _ => answer.send(404, "text/plain", b"no such path\n").await,
        }
    }

    async fn call(&self, method: u16, body: &[u8], reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        match method {
            ECHO => reply.ok(&body).await,
            _ => reply.error(Code::UnknownMethod, "only echo").await,
        }
    }

    fn topics(&self) -> &[&str] {
        &["button"]
    }

    async fn event(&self, event: &Event<'_>, data: &[u8]) -> bool {
        let subscribed = event.topic == SWITCH;
        if subscribed {
            EVENTS.with_borrow_mut(|events| events.push(data.to_vec()));
        }
        subscribed
    }

    fn stack_high_water(&self) -> Option<u32> {
        Some(1234)
    }

    fn stack_size(&self) -> Option<u32> {
        Some(4096)
    }
}

/// Sends `body` to a component and returns status and body of the response.
pub async fn call(leaf: &Leaf<'_>, component: &str, body: &[u8]) -> Result<(u16, Vec<u8>), CallError> {
    let mut head = [0; 512];
    let call = Call { timeout: Duration::from_secs(20), ..Call::post(component, "/echo", body) };
    let mut response = leaf.call(&call, &mut head).await?;
    let mut whole = Vec::new();
    let mut part = [0; 64];
    loop {
        match response.read(&mut part).await? {
            0 => return Ok((response.status(), whole)),
            read => whole.extend_from_slice(&part[..read]),
        }
    }
}
