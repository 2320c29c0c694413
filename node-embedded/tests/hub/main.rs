//! Boards alone: one of them is the hub of the others, on a switch in memory and in virtual time.

#[path = "../leaf/authority.rs"]
#[cfg(test)]
#[expect(dead_code, reason = "tests of one leaf use intermediates as well")]
mod authority;
#[cfg(test)]
mod boards;
#[path = "../leaf/clock.rs"]
#[cfg(test)]
mod clock;
#[path = "../leaf/flash.rs"]
#[cfg(test)]
#[expect(dead_code, reason = "tests of one leaf cut its power")]
mod flash;
#[path = "../leaf/hub.rs"]
#[cfg(test)]
#[expect(dead_code, reason = "tests of one leaf change it while it runs")]
mod hub;
#[path = "../leaf/hub_tls.rs"]
#[cfg(test)]
mod hub_tls;
#[path = "../leaf/identity.rs"]
#[cfg(test)]
#[expect(dead_code, reason = "tests of one leaf use CAs as well")]
mod identity;
#[path = "../leaf/impostor.rs"]
#[cfg(test)]
#[expect(dead_code, reason = "tests of one leaf let hubs lie")]
mod impostor;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod links;
#[cfg(feature = "events")]
#[cfg(test)]
mod refused;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod switch;
#[path = "../leaf/task.rs"]
#[cfg(test)]
mod task;
#[cfg(feature = "tls-key")]
#[cfg(test)]
mod tls_key;

#[cfg(test)]
use boards as board;
