//! Answers proxied requests from a link.

use core::future::poll_fn;

use node_core::http::RequestHead;
use node_core::link::ResetCode;

use super::arrival::Origin;
use super::error::ProxyError;
use super::forward::{Outcome, Proxy, Sender};
use super::leg::{Leg, LegError};
use super::link::LinkLeg;
use super::refusal::{Reader, refuse};
use super::request::Request;
use super::slots::Slots;
use super::timers::Timers;
use super::{MAX_FIELDS, MAX_LINK_HEAD};
use crate::config::LONGEST;
use crate::link::Accepted;

impl Proxy {
    /// Serves an exchange of [`Service::Http`](node_core::link::Service::Http) that a peer opened. A component of this
    /// node answers, or another node. An error becomes a response that describes it, or a reset.
    pub async fn serve(&self, accepted: Accepted) {
        let open = accepted.open;
        let mut leg = LinkLeg::accepted(accepted);
        let request = loop {
            match self.read(&mut leg, Origin::Link(open)) {
                Ok(Some(request)) => break Ok(request),
                Err(error) => break Err(error),
                Ok(None) => {}
            }
            match poll_fn(|cx| leg.poll_more(cx)).await {
                Ok(true) => {}
                Ok(false) => break Err(ProxyError::BadRequest("it ended before its head did".to_owned())),
                // The peer gave it up.
                Err(_) => return,
            }
        };
        let served = match &request {
            Ok(request) => {
                leg.expect(request.body);
                let mut timers = Timers::of_node();
                let sender = Sender { arrival: None, most: u64::MAX, timers: &mut timers };
                self.forward(&mut leg, request, sender).await
            }
            Err(error) => Outcome::Refused(error.clone()),
        };
        match served {
            Outcome::Answered { .. } => {}
            // No component has seen the request, and the sender may know another way.
            Outcome::Refused(ProxyError::Unreachable { .. })
                if open.to.is_some_and(|to| to != self.cluster.me()) =>
            {
                leg.reset(ResetCode::Unknown);
            }
            Outcome::Refused(ProxyError::Late) => leg.reset(ResetCode::Timeout),
            Outcome::Refused(error) => {
                let is_head = request.is_ok_and(|request| request.is_head);
                let refusing = Box::pin(refuse(&mut leg, &error, Reader::Node, is_head));
                if let Err(error) = refusing.await {
                    tracing::debug!(%error, "a proxied request ended early");
                }
            }
            Outcome::Broken => leg.abort(),
            Outcome::Gone => {}
        }
    }

    /// Reads the head of a request from what is here. `None` when more of it must arrive first.
    ///
    /// # Errors
    /// It is not a head, or one that breaks a rule.
    pub(crate) fn read(&self, leg: &mut impl Leg, origin: Origin<'_>) -> Result<Option<Request>, ProxyError> {
        let bytes = leg.bytes();
        let mut slots = Slots::of(bytes, MAX_FIELDS);
        let parsed = RequestHead::parse(bytes, slots.get());
        let Some(head) = parsed.map_err(|error| ProxyError::BadRequest(format!("bad request: {error}")))?
        else {
            return if bytes.len() > MAX_LINK_HEAD {
                Err(ProxyError::HeadTooLarge { limit: MAX_LINK_HEAD })
            } else {
                Ok(None)
            };
        };
        let len = head.len;
        let request = Request::take(&head, leg.carried(len), origin, LONGEST, self.cluster.me())?;
        leg.consume(len);
        Ok(Some(request))
    }
}

impl From<LegError> for ProxyError {
    fn from(error: LegError) -> Self {
        Self::BadRequest(error.to_string())
    }
}
