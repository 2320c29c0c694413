//! The private port: one listener for links and HTTP. The first bytes of a connection show its protocol.

mod handshake;
mod http;
mod listener;
mod rate;
mod refusal;
#[cfg(test)]
mod tests;

pub use http::PrivateHttp;
#[cfg(test)]
pub(super) use http::Visit;
pub use listener::Listener;
pub use rate::Rate;
