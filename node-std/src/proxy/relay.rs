//! Moves a request from one leg to another, and its response back.

#[cfg(test)]
mod tests;

use core::future::poll_fn;
use core::task::{Context, Poll};
use core::time::Duration;

use node_core::http::{BodyLength, ResponseHead};

use super::error::ProxyError;
use super::interim::Interim;
use super::leg::{Arrived, Leg, LegError, Protocol};
use super::reply::Reply;
use super::request::Request;
use super::slots::Slots;
use super::timers::Timers;
use super::trailers::{Message, passed};
use super::{MAX_FIELDS, MAX_HEAD};
use crate::config::LONGEST;

/// How a relayed request ended, apart from errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    /// The whole request was passed on.
    pub(super) request_sent: bool,
    /// The upstream closes its connection.
    pub(super) closes: bool,
    /// It answered 502, 503 or 504.
    pub(super) is_failure: bool,
}

/// Who is to blame for a request that failed, before any of its response was passed on or after.
#[derive(Debug)]
pub(super) enum Failure {
    /// The sender went away, or broke a rule: nobody waits for a response.
    Downstream(LegError),
    /// The sender sends or reads too slowly.
    Slow,
    /// The upstream failed.
    Upstream(LegError),
    /// Its response is not one.
    Response(String),
    /// Time ran out.
    Late,
    /// A node behind the upstream says what failed.
    Told(ProxyError),
    /// The body is longer than is taken.
    TooLarge(u64),
}

/// What is known of a request while it is relayed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes of the request's body were taken from the sender.
    pub(super) took_body: bool,
    /// A byte of the response arrived.
    pub(super) heard: bool,
    /// The response's head was passed on.
    pub(super) began: bool,
}

/// What a relay needs to know of both ends.
pub(super) struct Terms<'r> {
    pub(super) request: &'r Request,
    /// This node let the request into the cluster.
    pub(super) enters: bool,
    /// The longest body of a request, in bytes.
    pub(super) most: u64,
    pub(super) timers: &'r mut Timers,
}

/// Moves what is left of `request` from `down` to `up`, on which its head was begun, and the response back.
pub(super) async fn relay<D: Leg, U: Leg>(
    down: &mut D,
    up: &mut U,
    terms: Terms<'_>,
    progress: &mut Progress,
) -> Result<Finished, Failure> {
    let mut relay = Relay {
        down,
        up,
        terms,
        progress,
        taken: 0,
        sent: false,
        stopped: false,
        head: true,
        done: false,
        closes: false,
        is_failure: false,
        endless: false,
        talks: false,
        tunnel: false,
        named: Vec::new(),
        interim: Interim::default(),
    };
    poll_fn(|cx| relay.poll(cx)).await
}

struct Relay<'r, D, U> {
    down: &'r mut D,
    up: &'r mut U,
    terms: Terms<'r>,
    progress: &'r mut Progress,
    /// Bytes of the request's body.
    taken: u64,
    /// The request was passed on.
    sent: bool,
    /// The upstream takes no more of the request.
    stopped: bool,
    /// The head of the response is expected.
    head: bool,
    /// The response was passed on.
    done: bool,
    closes: bool,
    is_failure: bool,
    /// The response has no end of its own: it goes on for as long as anything moves.
    endless: bool,
    /// The response began, and the request has no end of its own: the client may wait for an answer before it sends the rest.
    talks: bool,
    /// The protocol was changed: both directions carry bytes without any form.
    tunnel: bool,
    /// The names of fields of the response that end at this hop.
    named: Vec<u8>,
    /// The interim responses that came.
    interim: Interim,
}

impl<D: Leg, U: Leg> Relay<'_, D, U> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Finished, Failure>> {
        loop {
            let forth = self.poll_request(cx)?;
            let back = self.poll_response(cx)?;
            if self.done && self.down.poll_flush(cx).map_err(Failure::Downstream)?.is_ready() {
                let Self { sent, closes, is_failure, tunnel, .. } = *self;
                // A tunnel has two ends.
                if !tunnel || sent || self.stopped {
                    return Poll::Ready(Ok(Finished { request_sent: sent, closes, is_failure }));
                }
            }
            if !forth && !back {
                break;
            }
            if self.endless || self.is_dialogue() {
                self.terms.timers.response.clear();
            }
        }
        if self.terms.timers.alarm.poll(cx).is_ready() {
            return Poll::Ready(Err(Failure::Late));
        }
        let time = self.response_time();
        if !self.head && self.terms.timers.awaits_response(cx, time) {
            return Poll::Ready(Err(Failure::Slow));
        }
        Poll::Pending
    }

    /// Both sides may send for as long as they like, at any rate.
    const fn is_dialogue(&self) -> bool {
        self.tunnel || (self.talks && !self.sent)
    }

    /// How long the whole response may take from its head on, or how long nothing may move if it has no end of its own.
    fn response_time(&self) -> Option<Duration> {
        match self.terms.timers.timeouts {
            Some(timeouts) if self.tunnel || !self.is_dialogue() => Some(timeouts.write),
            Some(timeouts) => Some(timeouts.read),
            // The node of the client ends it sooner. A tunnel has no deadline.
            None => self.tunnel.then_some(LONGEST),
        }
    }

    /// Moves the request. Returns whether anything was moved.
    fn poll_request(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let (mut moved, mut waits) = (false, false);
        while !self.sent && !self.stopped {
            let arrived = match self.down.poll_body(cx) {
                Poll::Ready(arrived) => arrived.map_err(Failure::Downstream)?,
                Poll::Pending => {
                    if !self.is_dialogue() && self.terms.timers.awaits_request(cx) {
                        return Err(Failure::Slow);
                    }
                    break;
                }
            };
            if arrived == Arrived::End && self.terms.request.upgrades && self.head {
                // What follows is for the other protocol, if the response changes it.
                waits = true;
                break;
            }
            let passed = match arrived {
                // The upstream must not see the end of what is refused.
                Arrived::Data { len, .. }
                    if !self.tunnel && self.taken.saturating_add(len as u64) > self.terms.most =>
                {
                    return Err(Failure::TooLarge(self.terms.most));
                }
                Arrived::Data { len, last } => {
                    self.terms.timers.received.moved(len);
                    let data = self.down.bytes().get(..len).unwrap_or_default();
                    self.up.poll_send(cx, data, last).map_ok(|taken| (taken, last && taken == len))
                }
                Arrived::End => {
                    let trailers = passed(self.down.trailers(), Message::Request, &self.terms.request.named)
                        .map_err(|error| Failure::Downstream(error.into()))?;
                    self.up.poll_end(cx, &trailers).map_ok(|()| (0, true))
                }
            };
            match passed {
                Poll::Ready(Ok((taken, end))) => {
                    self.down.consume(taken);
                    self.taken += taken as u64;
                    self.progress.took_body |= taken > 0;
                    self.sent = end;
                    moved = true;
                }
                Poll::Ready(Err(LegError::Length)) => return Err(Failure::Downstream(LegError::Length)),
                Poll::Ready(Err(error @ LegError::Head)) => return Err(Failure::Upstream(error)),
                // It may answer all the same: its response says why it reads no more.
                Poll::Ready(Err(_)) => self.stopped = true,
                Poll::Pending => break,
            }
        }
        if !self.stopped && matches!(self.up.poll_flush(cx), Poll::Ready(Err(_))) {
            self.stopped = true;
        }
        if (self.sent || waits) && !self.done && !self.tunnel && self.down.poll_gone(cx).is_ready() {
            return Err(Failure::Downstream(LegError::Closed));
        }
        Ok(moved)
    }

    /// Moves the response. Returns whether anything was moved.
    fn poll_response(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let mut moved = false;
        while self.head {
            if self.interim.any() && !self.flush_interim(cx)? {
                return Ok(moved);
            }
            if self.take_head()? {
                moved = true;
                continue;
            }
            match self.up.poll_more(cx) {
                Poll::Ready(Ok(true)) => self.progress.heard = true,
                Poll::Ready(Ok(false)) => return Err(Failure::Upstream(LegError::Closed)),
                Poll::Ready(Err(error)) => return Err(Failure::Upstream(error)),
                Poll::Pending => {
                    // An interim response does not wait for the final one.
                    let _ = self.down.poll_flush(cx).map_err(Failure::Downstream)?;
                    return Ok(moved);
                }
            }
        }
        while !self.done {
            let arrived = match self.up.poll_body(cx) {
                Poll::Ready(arrived) => arrived.map_err(Failure::Upstream)?,
                Poll::Pending => break,
            };
            let passed = match arrived {
                Arrived::Data { len, last } => {
                    let data = self.up.bytes().get(..len).unwrap_or_default();
                    self.down.poll_send(cx, data, last).map_ok(|taken| (taken, last && taken == len))
                }
                Arrived::End => {
                    let trailers = passed(self.up.trailers(), Message::Response, &self.named)
                        .map_err(|error| Failure::Upstream(error.into()))?;
                    self.down.poll_end(cx, &trailers).map_ok(|()| (0, true))
                }
            };
            match passed {
                Poll::Ready(Ok((taken, end))) => {
                    self.up.consume(taken);
                    self.terms.timers.sent.moved(taken);
                    self.done = end;
                    moved = true;
                }
                Poll::Ready(Err(LegError::Length)) => return Err(Failure::Upstream(LegError::Length)),
                Poll::Ready(Err(error)) => return Err(Failure::Downstream(error)),
                Poll::Pending if !self.is_dialogue() && self.terms.timers.sent.waits(cx) => {
                    return Err(Failure::Slow);
                }
                Poll::Pending => break,
            }
        }
        if !self.done {
            let _ = self.down.poll_flush(cx).map_err(Failure::Downstream)?;
        }
        Ok(moved)
    }

    /// Waits until the sender has taken the interim responses so far. Returns whether another head may be read.
    fn flush_interim(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        self.interim.is_blocked = self.down.poll_flush(cx).map_err(Failure::Downstream)?.is_pending();
        if !self.interim.is_blocked {
            self.terms.timers.sent.moved(0);
        } else if self.terms.timers.sent.waits(cx) {
            return Err(Failure::Slow);
        }
        // Its connection is read whether anybody takes the heads or not. So they are taken, counted and dropped.
        Ok(!self.interim.is_blocked || self.up.protocol() == Protocol::Http2)
    }

    /// Reads a head of the response and passes it on. `false` when more of it must arrive first.
    fn take_head(&mut self) -> Result<bool, Failure> {
        let bad = |error: &dyn core::fmt::Display| Failure::Response(error.to_string());
        let bytes = self.up.bytes();
        if bytes.is_empty() {
            return Ok(false);
        }
        let mut slots = Slots::of(bytes, MAX_FIELDS);
        let parsed = ResponseHead::parse_any(bytes, slots.get()).map_err(|error| bad(&error))?;
        let Some(head) = parsed else {
            // Nodes add to the head of a component.
            let is_link = self.up.protocol() == Protocol::Link;
            let too_long = bytes.len() > if is_link { 2 * MAX_HEAD } else { MAX_HEAD };
            return if too_long { Err(bad(&"its head is too long")) } else { Ok(false) };
        };
        let Terms { request, enters, .. } = self.terms;
        let reply = Reply::take(&head, self.up.carried(head.len), request, enters);
        let reply = reply.map_err(|error| bad(&error))?;
        if let Some(error) = reply.error {
            return Err(Failure::Told(error));
        }
        let len = head.len;
        self.up.consume(len);
        if reply.is_interim() {
            if !self.interim.admits(len) {
                return Err(bad(&"too many interim responses"));
            }
            if request.reads_interim && !self.interim.is_blocked {
                self.down.begin(&reply.text, reply.outline);
            }
            return Ok(true);
        }
        if reply.status == 101 && !request.upgrades {
            return Err(bad(&"it changes the protocol without being asked"));
        }
        self.down.begin(&reply.text, reply.outline);
        self.progress.began = true;
        if reply.status == 101 {
            self.down.upgrade();
            self.up.upgrade();
            self.terms.timers.alarm.clear();
            (self.sent, self.stopped) = (false, false);
        } else {
            self.up.expect(reply.body);
        }
        (self.tunnel, self.is_failure, self.named) = (reply.status == 101, reply.is_failure, reply.named);
        self.endless = matches!(reply.body, BodyLength::Chunked | BodyLength::UntilClose);
        let has_length = matches!(request.body, BodyLength::None | BodyLength::Known(_));
        self.talks = !has_length && self.down.is_conversation();
        // Who refuses a body has often not read it, and closes without saying so.
        let refuses = reply.status >= 400 && request.body != BodyLength::None;
        (self.head, self.closes) = (false, reply.closes || self.tunnel || refuses);
        Ok(true)
    }
}
