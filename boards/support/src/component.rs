//! The component that this board offers to its cluster, under the node's own name.
//!
//! | request        | answer                       |
//! |----------------|------------------------------|
//! | `GET /`        | the board's status, as JSON  |
//! | `POST /echo`   | the body of the request      |

use core::cell::OnceCell;
use core::fmt::{self, Write as _};

use embassy_time::Instant;
use heapless::String;
use node_embedded::{Answer, Application, ExchangeError, Leaf, Request};

#[cfg(all(feature = "hub", feature = "runtime"))]
use crate::heap;
#[cfg(feature = "runtime")]
use crate::{executor, stack};

/// Longest status. All its names and numbers are bounded.
const STATUS: usize = 512;
/// Longest piece of a body that is sent back.
const PIECE: usize = 256;

/// The component.
pub struct Component {
    names: [&'static str; 1],
    leaf: &'static OnceCell<Leaf<'static>>,
    requests: fn() -> Counts,
}

/// Requests that the board made.
pub struct Counts {
    /// Those that were answered with success.
    pub answered: u32,
    /// All others.
    pub failed: u32,
}

impl Component {
    /// A component called `name`. `leaf` is filled when the node has been started, before the first request.
    pub const fn new(name: &'static str, leaf: &'static OnceCell<Leaf<'static>>) -> Self {
        Self { names: [name], leaf, requests: || Counts { answered: 0, failed: 0 } }
    }

    /// The same on a board that makes requests, which `requests` counts.
    #[must_use]
    pub const fn with_requests(self, requests: fn() -> Counts) -> Self {
        Self { requests, ..self }
    }

    fn status(&self) -> Result<String<STATUS>, fmt::Error> {
        let [name] = self.names;
        let leaf = self.leaf.get().ok_or(fmt::Error)?;
        let Counts { answered, failed } = (self.requests)();
        let mut text = String::new();
        // A node's name needs no escapes.
        write!(
            text,
            "{{\"name\":\"{name}\",\"nodeId\":\"{}\",\"uptimeMs\":{},\"links\":{},\"members\":{},\
             \"activeKey\":\"{}\",\"requests\":{{\"answered\":{answered},\"failed\":{failed}}}",
            leaf.id(),
            Instant::now().as_millis(),
            leaf.links(),
            leaf.members(),
            leaf.active_key(),
        )?;
        #[cfg(feature = "runtime")]
        write!(
            text,
            ",\"stackHighWater\":{},\"stackSize\":{},\"busyMicros\":{}",
            stack::used(),
            stack::size(),
            executor::busy_micros(),
        )?;
        #[cfg(all(feature = "hub", feature = "runtime"))]
        write!(text, ",\"heapHighWater\":{},\"heapSize\":{}", heap::high_water(), heap::SIZE)?;
        text.write_char('}')?;
        Ok(text)
    }
}

impl Application for Component {
    fn components(&self) -> &[&str] {
        &self.names
    }

    async fn serve(&self, request: &Request<'_>, answer: &mut Answer<'_, '_>) -> Result<(), ExchangeError> {
        match request.path() {
            "/" => match self.status() {
                Ok(status) => answer.send(200, "application/json", status.as_bytes()).await,
                Err(_) => answer.send(500, "text/plain", b"the status does not fit its buffer\n").await,
            },
            "/echo" => echo(request, answer).await,
            _ => answer.send(404, "text/plain", b"this board answers / and /echo\n").await,
        }
    }

    #[cfg(feature = "runtime")]
    fn stack_high_water(&self) -> Option<u32> {
        u32::try_from(stack::used()).ok()
    }

    #[cfg(feature = "runtime")]
    fn stack_size(&self) -> Option<u32> {
        u32::try_from(stack::size()).ok()
    }
}

/// Sends the body back while it arrives. It may be longer than the board's memory.
async fn echo(request: &Request<'_>, answer: &mut Answer<'_, '_>) -> Result<(), ExchangeError> {
    let kind = ("content-type", request.field("content-type").unwrap_or(b"application/octet-stream"));
    match request.field("content-length") {
        Some(length) => answer.begin(200, &[kind, ("content-length", length)]).await?,
        None => answer.begin(200, &[kind]).await?,
    }
    let mut piece = [0; PIECE];
    loop {
        match answer.read(&mut piece).await? {
            0 => return Ok(()),
            length => answer.write(piece.get(..length).unwrap_or_default()).await?,
        }
    }
}
