//! The private port: one listener for links and HTTP, told apart by their first bytes.

mod handshake;
mod http;
mod listener;
mod refusal;
#[cfg(test)]
mod tests;

pub use http::PrivateHttp;
pub use listener::Listener;
