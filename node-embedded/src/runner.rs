//! The one future in which a node lives.

use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::future::{Future, pending, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_time::Timer;
use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;

use crate::application::Application;
#[cfg(feature = "accept")]
use crate::connection::AcceptMemory;
use crate::connection::{Connector, PortMemory};
use crate::flash::KeyringMemory;
#[cfg(feature = "accept")]
use crate::hub::Hub;
use crate::serve::Server;
#[cfg(feature = "accept")]
use crate::sizes::ACCEPTED;
use crate::sizes::{HEAD, LINKS, WORKERS};
use crate::state::{State, Work, now};
use crate::trial::judge_trials;

/// Runs a node: spawn a task that awaits [`run`](Self::run).
pub struct Runner<'d, G, F: NorFlash, A> {
    pub(crate) state: &'d State<'d>,
    pub(crate) network: Stack<'d>,
    pub(crate) rng: RefCell<G>,
    pub(crate) keyring: Mutex<NoopRawMutex, KeyringMemory<'d, F>>,
    pub(crate) application: A,
    pub(crate) ports: &'d mut [PortMemory; LINKS],
    #[cfg(feature = "accept")]
    pub(crate) accepted: &'d mut [AcceptMemory; ACCEPTED],
    pub(crate) heads: &'d mut [[u8; HEAD]; WORKERS + 1],
}

impl<'d, G: CryptoRngCore, F: NorFlash, A: Application> Runner<'d, G, F, A> {
    /// Runs the node for ever. When the future is dropped, the node stops without a GOAWAY.
    pub async fn run(&mut self) -> ! {
        let Self {
            state,
            network,
            rng,
            keyring,
            application,
            ports,
            #[cfg(feature = "accept")]
            accepted,
            heads,
        } = self;
        let (state, network): (&'d State<'d>, _) = (*state, *network);
        let (rng, keyring, application) = (&*rng, &*keyring, &*application);
        // Each future is created in its final place: futures are large, and a board's stack is small.
        let connector = |port| Connector { state, network, rng, port, turn: Cell::new(0) };
        let server = Server { state, application, keyring };
        let [first_port, second_port] = ports;
        let [first_head, rest @ .., methods_head] = heads;
        let mut rest = rest.iter_mut();
        let (first_connector, second_connector) = (connector(0), connector(1));
        let mut clock = pin!(clock(state));
        let mut trials = pin!(judge_trials(state, keyring));
        let mut first_connection = pin!(first_connector.run(first_port));
        let mut second_connection = pin!(second_connector.run(second_port));
        let mut first_worker = pin!(server.work(Work::Application, first_head));
        let mut second_worker = pin!(Optional::<{ WORKERS > 1 }>::work(&server, MIDDLE, rest.next()));
        let mut third_worker = pin!(Optional::<{ WORKERS > 2 }>::work(&server, Work::Whole, rest.next()));
        #[cfg(feature = "logs")]
        let mut logs_worker = pin!(server.work_logs());
        let mut methods_worker = pin!(server.work_methods(methods_head));
        #[cfg(feature = "accept")]
        let hub = Hub { state, network, rng };
        #[cfg(feature = "accept")]
        let mut hub = pin!(hub.run(accepted));
        poll_fn(|cx| {
            // Read first: a question that comes in this round is answered after the next one.
            let question = state.with(|core| core.heartbeat.asked());
            // None of them ends.
            let _ = clock.as_mut().poll(cx);
            let _ = trials.as_mut().poll(cx);
            let _ = first_connection.as_mut().poll(cx);
            let _ = second_connection.as_mut().poll(cx);
            let _ = first_worker.as_mut().poll(cx);
            let _ = second_worker.as_mut().poll(cx);
            let _ = third_worker.as_mut().poll(cx);
            let _ = methods_worker.as_mut().poll(cx);
            #[cfg(feature = "logs")]
            let _ = logs_worker.as_mut().poll(cx);
            #[cfg(feature = "accept")]
            let _ = hub.as_mut().poll(cx);
            state.with(|core| core.beat(question));
            Poll::Pending
        })
        .await
    }
}

/// The last worker takes whole requests only, where it is not the only one.
const MIDDLE: Work = if WORKERS > 2 { Work::Application } else { Work::Whole };

/// A worker that a product may do without: one that is not there takes no memory.
trait Worker {
    fn work<F: NorFlash, A: Application>(
        server: &Server<'_, '_, F, A>,
        work: Work,
        head: Option<&mut [u8; HEAD]>,
    ) -> impl Future<Output = Infallible>;
}

struct Optional<const THERE: bool>;

impl Worker for Optional<true> {
    async fn work<F: NorFlash, A: Application>(
        server: &Server<'_, '_, F, A>,
        work: Work,
        head: Option<&mut [u8; HEAD]>,
    ) -> Infallible {
        match head {
            Some(head) => server.work(work, head).await,
            None => pending().await,
        }
    }
}

impl Worker for Optional<false> {
    async fn work<F: NorFlash, A: Application>(
        _: &Server<'_, '_, F, A>,
        _: Work,
        _: Option<&mut [u8; HEAD]>,
    ) -> Infallible {
        pending().await
    }
}

/// Lets time pass for the core.
async fn clock(state: &State<'_>) -> ! {
    poll_fn(|cx| {
        loop {
            let next = state.with(|core| {
                core.runner.register(cx.waker());
                core.handle_time(now())
            });
            // Computed again after every change, because a change may set an earlier deadline.
            let timer = pin!(Timer::at(embassy_time::Instant::from_micros(next.as_micros())));
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await
}
