//! Answers the exchanges that hubs open.

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embedded_storage_async::nor_flash::NorFlash;
use node_core::http::{BodyLength, FramingError, HeadError, NO_FIELD, RequestHead, find, request_length};
use node_core::link::{ResetCode, Service};
use node_core::route;
use node_core::route::relay::RelayPath;

use crate::application::{Answer, Application, Request};
use crate::exchange::{Exchange, NoHead, broken};
use crate::flash::KeyringMemory;
use crate::log::warning;
#[cfg(feature = "accept")]
use crate::relay::{Forward, HopByHop, onward_of};
use crate::rpc::Methods;
use crate::sizes::{FIELDS, HEAD};
use crate::state::{ExchangeError, SlotIndex, State, Work};

/// What a sender is told that lets a worker wait.
const STALLS: &str = "the request does not arrive\n";
/// What a sender is told whose request nobody answers.
const NOT_HERE: Refusal = (404, "this board does not offer that component\n");
/// What a sender is told whose request a hub does not pass on.
#[cfg(feature = "accept")]
const HOP_BY_HOP: Refusal = (
    400,
    "the component is on another node, and this hub, a board, passes on no header that ends at a hop: leave out \
     Connection, Keep-Alive, Proxy-*, Trailer, Upgrade, and TE unless it is trailers\n",
);
/// A status, and a line of text.
type Refusal = (u16, &'static str);

/// Everything that a worker uses.
pub(crate) struct Server<'r, 'd, F: NorFlash, A> {
    pub(crate) state: &'d State<'d>,
    pub(crate) application: &'r A,
    /// The flash, and memory for a keyring that arrives. One keyring is replaced at a time.
    pub(crate) keyring: &'r Mutex<NoopRawMutex, KeyringMemory<'d, F>>,
}

impl<'d, F: NorFlash, A: Application> Server<'_, 'd, F, A> {
    /// Answers exchanges for the application for ever, one after the other. `head` holds the start of each.
    pub(crate) async fn work(&self, work: Work, head: &mut [u8; HEAD]) -> ! {
        loop {
            let (slot, service) = self.state.wait(|core| core.table.next_waiting(work)).await;
            let mut exchange = Exchange::accepted(self.state, slot);
            let outcome = self.answer(&mut exchange, slot, service, head).await;
            self.state.with(|core| core.count_request(outcome.is_ok()));
            conclude(exchange, outcome);
        }
    }

    /// Answers calls of built-in methods for ever. They have a worker of their own, so that slow requests to the
    /// application do not keep an operator out.
    pub(crate) async fn work_methods(&self, head: &mut [u8; HEAD]) -> ! {
        loop {
            let (slot, service) = self.state.wait(|core| core.table.next_waiting(Work::BuiltIn)).await;
            let Service::Rpc(number) = service else { continue };
            let mut exchange = Exchange::accepted(self.state, slot);
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
            let (slot, _) = self.state.wait(|core| core.table.next_waiting(Work::Log)).await;
            let mut exchange = Exchange::accepted(self.state, slot);
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
            let (slot, _) = self.state.wait(|core| core.table.next_waiting(Work::Log)).await;
            Exchange::accepted(self.state, slot).reset(ResetCode::Full);
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
            Service::Http => settle(select(self.answer_http((exchange, slot), head), broken).await)?,
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
        (exchange, slot): (&Exchange<'d>, SlotIndex),
        buffer: &mut [u8; HEAD],
    ) -> Result<(), ExchangeError> {
        let mut answer = Answer::new(exchange);
        let served = match exchange.read_head(buffer).await {
            Ok(Ok(filled)) => {
                let head = buffer.get(..filled).unwrap_or_default();
                #[cfg(feature = "accept")]
                let otherwise = match Forward::find(self.state, head, self.application.components()) {
                    Some(Ok(forward)) => return self.forward(&forward, (exchange, slot), &mut answer).await,
                    Some(Err(HopByHop)) => HOP_BY_HOP,
                    None => NOT_HERE,
                };
                #[cfg(not(feature = "accept"))]
                let otherwise = NOT_HERE;
                let _ = slot;
                self.answer_head(head, otherwise, &mut answer).await
            }
            Ok(Err(NoHead::TooLong)) => answer.refuse(431, "the headers are too long for this board\n").await,
            Ok(Err(NoHead::Ended)) => answer.refuse(400, "the request ends before its headers do\n").await,
            Err(ExchangeError::Stalled) => answer.refuse(408, STALLS).await,
            Err(error) => Err(error),
        };
        match served {
            Ok(()) if answer.is_whole() => Ok(()),
            Ok(()) if answer.is_begun() => Err(ExchangeError::Misuse),
            Ok(()) => answer.refuse(500, "the component gave no answer\n").await,
            Err(error) if answer.is_begun() || exchange.is_broken() => Err(error),
            // The component may pass on an error of another exchange. So it does not say who is to blame here.
            Err(error) => match answer.fault() {
                Some(ExchangeError::Stalled) => answer.refuse(408, STALLS).await,
                Some(ExchangeError::BadBody) => {
                    answer.refuse(400, "the body is not as long as announced\n").await
                }
                _ => {
                    warning!("request: {}", error);
                    answer.refuse(500, "the component failed\n").await
                }
            },
        }
    }

    /// Lets another node answer.
    #[cfg(feature = "accept")]
    async fn forward(
        &self,
        forward: &Forward<'_>,
        (exchange, slot): (&Exchange<'d>, SlotIndex),
        answer: &mut Answer<'_, '_>,
    ) -> Result<(), ExchangeError> {
        let onward = onward_of(self.state, slot).ok_or(ExchangeError::LinkLost)?;
        match forward.pass(self.state, exchange, onward).await {
            Ok(()) => Ok(()),
            Err(ResetCode::Unknown | ResetCode::Full) if !exchange.has_sent() => {
                answer.refuse(503, "the node that offers this component cannot be reached\n").await
            }
            Err(code) => Err(ExchangeError::Reset(code)),
        }
    }

    /// Lets a component of this board answer. A request to another one is refused with `otherwise`.
    async fn answer_head(
        &self,
        bytes: &[u8],
        otherwise: Refusal,
        answer: &mut Answer<'_, '_>,
    ) -> Result<(), ExchangeError> {
        let mut slots = [NO_FIELD; FIELDS];
        let head = match RequestHead::parse(bytes, &mut slots) {
            Ok(Some(head)) => head,
            Err(HeadError::TooManyFields) => {
                return answer.refuse(431, "too many headers for this board\n").await;
            }
            Ok(None) | Err(_) => return answer.refuse(400, "malformed request\n").await,
        };
        let body = match request_length(head.version, head.fields) {
            // The end of the exchange ends a body without a length.
            Ok(BodyLength::None) => BodyLength::UntilClose,
            Ok(body) => body,
            Err(FramingError::Coding) => return answer.refuse(501, "unknown transfer coding\n").await,
            Err(_) => return answer.refuse(400, "the length of the body is not clear\n").await,
        };
        answer.take_head(&head, body);
        let path = find(head.fields, route::RELAY_PATH).and_then(|path| core::str::from_utf8(path).ok());
        if RelayPath(path.unwrap_or_default()).visits(self.state.with(|core| core.node.id())) {
            return answer.refuse(508, "the request runs in a circle\n").await;
        }
        let component = find(head.fields, route::COMPONENT).and_then(|name| core::str::from_utf8(name).ok());
        match component.filter(|name| self.application.components().contains(name)) {
            Some(component) => self.application.serve(&Request { component, head }, answer).await,
            None => answer.refuse(otherwise.0, otherwise.1).await,
        }
    }
}

fn conclude(exchange: Exchange<'_>, outcome: Result<(), ExchangeError>) {
    match outcome {
        Ok(()) => {}
        // The other side knows of the end.
        Err(_) if exchange.is_broken() => {}
        Err(ExchangeError::Stalled) => exchange.reset(ResetCode::Timeout),
        // Of an exchange that was passed on.
        #[cfg(feature = "accept")]
        Err(ExchangeError::Reset(code)) => exchange.reset(code),
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
