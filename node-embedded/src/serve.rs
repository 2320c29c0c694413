//! Answers the exchanges that hubs open.

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embedded_storage_async::nor_flash::NorFlash;
use node_core::http::{HeadError, NO_FIELD, RequestHead, content_length, find};
use node_core::link::{ResetCode, Service};
use node_core::route;
use node_core::route::relay::RelayPath;
use node_core::rpc::{FIRST_CUSTOM, Method};

use crate::application::{Answer, Application, Request};
use crate::exchange::{Exchange, broken};
use crate::flash::KeyringMemory;
use crate::log::warning;
use crate::rpc::Methods;
use crate::sizes::{FIELDS, HEAD};
use crate::state::{ExchangeError, SlotIndex, State};

/// Everything that a worker uses.
pub(crate) struct Server<'r, 'd, F: NorFlash, A> {
    pub(crate) state: &'d State<'d>,
    pub(crate) application: &'r A,
    /// The flash, and memory for a keyring that arrives. One keyring is replaced at a time.
    pub(crate) keyring: &'r Mutex<NoopRawMutex, KeyringMemory<'d, F>>,
}

impl<'d, F: NorFlash, A: Application> Server<'_, 'd, F, A> {
    /// Answers requests to the application for ever, one after the other. `head` holds the start of each.
    pub(crate) async fn work(&self, head: &mut [u8; HEAD]) -> ! {
        loop {
            let (slot, open) = self.state.wait(|core| core.table.next_waiting(is_for_application)).await;
            let mut exchange = Exchange::new(self.state, slot, false);
            let outcome = self.answer(&mut exchange, slot, open.service, head).await;
            conclude(exchange, outcome);
        }
    }

    /// Answers calls of built-in methods for ever. They have a worker of their own, so that slow requests to the
    /// application do not keep an operator out.
    pub(crate) async fn work_methods(&self, head: &mut [u8; HEAD]) -> ! {
        loop {
            let (slot, open) = self.state.wait(|core| core.table.next_waiting(is_built_in)).await;
            let Service::Rpc(number) = open.service else { continue };
            let mut exchange = Exchange::new(self.state, slot, false);
            // A method that has begun runs to its end, even when the caller no longer waits for the answer.
            let outcome = match self.methods().answer(&mut exchange, number, head).await {
                Ok(()) => exchange.finish().await,
                Err(error) => Err(error),
            };
            conclude(exchange, outcome);
        }
    }

    /// Shows the log for ever, to one hub after the other. Others are refused meanwhile.
    #[cfg(feature = "logs")]
    pub(crate) async fn work_logs(&self) -> ! {
        loop {
            let (slot, _) = self.state.wait(|core| core.table.next_waiting(is_for_log)).await;
            let mut exchange = Exchange::new(self.state, slot, false);
            let methods = self.methods();
            let shown = select(methods.logs(&mut exchange), broken(self.state, slot));
            let outcome = match select(shown, self.refuse_readers()).await {
                Either::First(shown) => settle(shown),
                Either::Second(never) => never,
            };
            let outcome = match outcome {
                Ok(()) => exchange.finish().await,
                Err(error) => Err(error),
            };
            conclude(exchange, outcome);
        }
    }

    /// Refuses further readers of the log for ever.
    #[cfg(feature = "logs")]
    async fn refuse_readers(&self) -> ! {
        loop {
            let (slot, _) = self.state.wait(|core| core.table.next_waiting(is_for_log)).await;
            Exchange::new(self.state, slot, false).reset(ResetCode::Full);
        }
    }

    async fn answer(
        &self,
        exchange: &mut Exchange<'d>,
        slot: SlotIndex,
        service: Service,
        head: &mut [u8; HEAD],
    ) -> Result<(), ExchangeError> {
        let broken = broken(self.state, slot);
        match service {
            Service::Http => settle(select(self.answer_http(exchange, head), broken).await)?,
            Service::Rpc(number) => {
                settle(select(self.methods().custom(exchange, number, head), broken).await)?;
            }
        }
        exchange.finish().await
    }

    const fn methods(&self) -> Methods<'_, 'd, F, A> {
        Methods { state: self.state, application: self.application, keyring: self.keyring }
    }

    async fn answer_http(
        &self,
        exchange: &mut Exchange<'_>,
        buffer: &mut [u8; HEAD],
    ) -> Result<(), ExchangeError> {
        let filled = match read_head(exchange, buffer).await? {
            Ok(filled) => filled,
            Err(Refusal { status, problem }) => {
                return Answer::new(exchange, &[]).send(status, "text/plain", problem.as_bytes()).await;
            }
        };
        let bytes = buffer.get(..filled).unwrap_or_default();
        let mut slots = [NO_FIELD; FIELDS];
        let Ok(Some(head)) = RequestHead::parse(bytes, &mut slots) else {
            return Err(ExchangeError::BadHead);
        };
        let mut answer = Answer::new(exchange, bytes.get(head.len..).unwrap_or_default());
        if content_length(head.fields).is_err() {
            return answer.send(400, "text/plain", b"contradicting content lengths\n").await;
        }
        let path = find(head.fields, route::RELAY_PATH).and_then(|path| core::str::from_utf8(path).ok());
        if RelayPath(path.unwrap_or_default()).visits(self.state.with(|core| core.node.id())) {
            return answer.send(508, "text/plain", b"the request runs in a circle\n").await;
        }
        let component = find(head.fields, route::COMPONENT).and_then(|name| core::str::from_utf8(name).ok());
        let known = component.filter(|name| self.application.components().contains(name));
        let Some(component) = known else {
            return answer.send(404, "text/plain", b"this board does not offer that component\n").await;
        };
        self.application.serve(&Request { component, head }, &mut answer).await?;
        if !answer.is_begun() {
            answer.send(500, "text/plain", b"the component gave no answer\n").await?;
        }
        Ok(())
    }
}

const fn is_built_in(service: Service) -> bool {
    matches!(service, Service::Rpc(number) if number < FIRST_CUSTOM && number != Method::Event.number())
        && !is_for_log(service)
}

const fn is_for_log(service: Service) -> bool {
    cfg!(feature = "logs") && matches!(service, Service::Rpc(number) if number == Method::Logs.number())
}

const fn is_for_application(service: Service) -> bool {
    !is_built_in(service) && !is_for_log(service)
}

fn conclude(exchange: Exchange<'_>, outcome: Result<(), ExchangeError>) {
    match outcome {
        Ok(()) => {}
        // The other side knows of the end.
        Err(ExchangeError::LinkLost | ExchangeError::Reset(_) | ExchangeError::TimedOut) => {}
        Err(error) => {
            warning!("request: {}", error);
            exchange.reset(ResetCode::Internal);
        }
    }
}

/// The outcome of the work. When the exchange broke first, its error: the work was dropped.
fn settle(first: Either<Result<(), ExchangeError>, ExchangeError>) -> Result<(), ExchangeError> {
    match first {
        Either::First(done) => done,
        Either::Second(why) => Err(why),
    }
}

/// A request without a head that this board accepts.
struct Refusal {
    status: u16,
    problem: &'static str,
}

/// Fills `buffer` until it holds a whole head, and returns how many bytes it holds.
async fn read_head(
    exchange: &mut Exchange<'_>,
    buffer: &mut [u8; HEAD],
) -> Result<Result<usize, Refusal>, ExchangeError> {
    let mut filled = 0;
    loop {
        let mut slots = [NO_FIELD; FIELDS];
        match RequestHead::parse(buffer.get(..filled).unwrap_or_default(), &mut slots) {
            Ok(Some(_)) => return Ok(Ok(filled)),
            Ok(None) => {}
            Err(HeadError::TooManyFields) => {
                return Ok(Err(Refusal { status: 431, problem: "too many headers for this board\n" }));
            }
            Err(_) => return Ok(Err(Refusal { status: 400, problem: "malformed request\n" })),
        }
        let room = buffer.get_mut(filled..).unwrap_or_default();
        if room.is_empty() {
            return Ok(Err(Refusal { status: 431, problem: "the headers are too long for this board\n" }));
        }
        match exchange.read(room).await? {
            0 => {
                return Ok(Err(Refusal { status: 400, problem: "the request ends before its headers do\n" }));
            }
            read => filled += read,
        }
    }
}
