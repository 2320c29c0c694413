//! Streams through the gateway: upgrades, events, large bodies, HTTP/2 with trailers; and peers that go away at any moment.

mod hostile;
mod http2;
mod pair;
mod streams;
