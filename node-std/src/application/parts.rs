//! What an application adds to a node, put together before the node starts.

use core::fmt;
use core::pin::Pin;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use node_core::id::{Name, NodeId};
use node_core::rpc::FIRST_CUSTOM;

use super::subscriptions::{Event, Subscription};
use crate::rpc::Failure;

/// Topics of a node, and its subscriptions.
const MAX_TOPICS: usize = 64;

/// A call of a method.
#[derive(Clone, Debug)]
pub struct Call {
    /// The node over whose link it came: the caller, or a hub that relays for it.
    pub from: NodeId,
    /// The request, at most [`MAX_BODY`](node_core::rpc::MAX_BODY) bytes.
    pub body: Bytes,
}

/// The outcome of a method, while it is worked out.
type Outcome = Pin<Box<dyn Future<Output = Result<Bytes, Failure>> + Send>>;

/// Works out the answer to a call.
pub(super) type Handler = Arc<dyn Fn(Call) -> Outcome + Send + Sync>;

/// What an application adds to a node.
#[derive(Default)]
pub struct Parts {
    pub(super) methods: BTreeMap<u16, (&'static str, Handler)>,
    pub(super) topics: Vec<&'static str>,
    pub(super) subscriptions: Vec<Subscription>,
}

impl Parts {
    /// Adds a method.
    ///
    /// # Errors
    /// [`BadPart`]: the number is not the application's, or taken. Nothing changed.
    pub fn method<F>(
        &mut self,
        number: u16,
        name: &'static str,
        handler: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Result<(), BadPart>
    where
        F: Future<Output = Result<Bytes, Failure>> + Send + 'static,
    {
        if number < FIRST_CUSTOM {
            return Err(BadPart::BuiltIn { number, name });
        }
        if let Some((other, _)) = self.methods.get(&number) {
            return Err(BadPart::Taken { number, name, other });
        }
        self.methods.insert(number, (name, Arc::new(move |call| Box::pin(handler(call)))));
        Ok(())
    }

    /// Adds a topic that this node publishes.
    ///
    /// # Errors
    /// [`BadPart`]: it is no name, or there are too many. Nothing changed.
    pub fn topic(&mut self, topic: &'static str) -> Result<(), BadPart> {
        check(topic, self.topics.len())?;
        self.topics.push(topic);
        Ok(())
    }

    /// Adds a topic of another node, `publisher`, by its name or id.
    ///
    /// # Errors
    /// [`BadPart`]: it is no name, or there are too many. Nothing changed.
    pub fn subscription<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        publisher: &str,
        topic: &'static str,
        handler: impl Fn(Event) -> F + Send + Sync + 'static,
    ) -> Result<(), BadPart> {
        check(topic, self.subscriptions.len())?;
        self.subscriptions.push(Subscription::new(publisher, topic, handler));
        Ok(())
    }

    pub(super) fn find(&self, number: u16) -> Option<Handler> {
        self.methods.get(&number).map(|(_, handler)| handler.clone())
    }
}

fn check(topic: &'static str, so_far: usize) -> Result<(), BadPart> {
    if Name::new(topic).is_err() {
        return Err(BadPart::NoName(topic));
    }
    if so_far >= MAX_TOPICS { Err(BadPart::TooMany(topic)) } else { Ok(()) }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<&str> = self.methods.values().map(|(name, _)| *name).collect();
        f.debug_struct("Parts")
            .field("methods", &methods)
            .field("topics", &self.topics)
            .field("subscriptions", &self.subscriptions)
            .finish()
    }
}

/// Why something cannot be added to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPart {
    /// The number is that of a built-in method, now or later.
    #[error(
        "the method {name} has number {number}: an application numbers its methods from {FIRST_CUSTOM} on"
    )]
    BuiltIn {
        /// The number.
        number: u16,
        /// The method's name.
        name: &'static str,
    },
    /// A topic is not named as it must be.
    #[error("{0:?} is no topic: a topic has 1 to 63 of the characters A-Z a-z 0-9 - _ .")]
    NoName(&'static str),
    /// Another method has the number.
    #[error("the methods {other} and {name} have one number, {number}: give each its own")]
    Taken {
        /// The number.
        number: u16,
        /// The method's name.
        name: &'static str,
        /// The name of the other method.
        other: &'static str,
    },
    /// There are too many topics, or too many subscriptions.
    #[error("{0} is one too many: a node has at most {MAX_TOPICS} topics, and as many subscriptions")]
    TooMany(&'static str),
}
