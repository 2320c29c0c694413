//! A leaf on the host and a real daemon: two embassy-net stacks joined by a cable. The second stack passes every connection on
//! to the daemon's private port. TLS goes from embedded-tls in the leaf to rustls in the daemon.

mod application;
#[path = "../hostile/author.rs"]
mod author;
#[path = "../../../node-embedded/tests/leaf/board.rs"]
mod board;
mod bridge;
#[path = "../../../node-embedded/tests/leaf/cable.rs"]
#[expect(dead_code, reason = "its driver has no faults here")]
mod cable;
mod calls;
mod clock;
mod components;
#[path = "../../../node-embedded/tests/leaf/flash.rs"]
#[expect(dead_code, reason = "power is never cut here")]
mod flash;
mod host;
mod join;
mod keys;
mod logs;
mod outage;
#[path = "../hostile/peer.rs"]
#[expect(dead_code, reason = "it keeps the rules here")]
mod peer;
mod provision;
mod sleep;
#[path = "../../../node-embedded/tests/leaf/task.rs"]
mod task;
mod theft;
mod trust;
mod world;
