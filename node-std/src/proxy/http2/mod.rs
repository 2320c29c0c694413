//! Streams of HTTP/2 as legs: [`Http2Server`] for requests that came in, [`Http2Client`] for those that go out. Their heads are
//! turned into text and back, so that every request takes the same way through the proxy.

mod body;
mod client;
mod server;
mod text;

pub(crate) use client::Http2Client;
pub(crate) use server::Http2Server;
