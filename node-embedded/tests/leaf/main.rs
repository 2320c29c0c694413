//! A leaf on a host: embassy-net stacks joined by a cable in memory, in virtual time.

#[cfg(test)]
mod aligned;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod birth;
#[cfg(test)]
mod board;
#[cfg(test)]
mod cable;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod components;
#[cfg(test)]
mod counters;
#[cfg(feature = "events")]
#[cfg(test)]
mod events;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod flash;
#[cfg(test)]
mod heartbeat;
#[cfg(test)]
mod hub;
#[cfg(test)]
mod hub_rules;
#[cfg(test)]
mod hub_tls;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod impostor;
#[cfg(test)]
mod join;
#[cfg(test)]
mod keys;
#[cfg(feature = "logs")]
#[cfg(test)]
mod logs;
#[cfg(all(feature = "dns", feature = "events"))]
#[cfg(test)]
mod names;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod provision;
#[cfg(feature = "events")]
#[cfg(test)]
mod redial;
#[cfg(feature = "events")]
#[cfg(test)]
mod secure_element;
#[cfg(test)]
mod serial_line;
#[cfg(test)]
mod sleep;
#[cfg(test)]
mod task;
#[cfg(feature = "tls-key")]
#[cfg(test)]
mod tls_key;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod world;
#[cfg(test)]
mod worn;
