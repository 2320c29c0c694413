//! Four documents on TLS, line by line: what each promises is a test with real daemons, the real openssl and curl. COMPATIBILITY.md
//! has all lines, also those that are something else here.

#[cfg(test)]
mod compatibility;
#[cfg(test)]
#[path = "../cert/desk.rs"]
#[expect(dead_code, reason = "these tests need only a part of it")]
mod desk;
#[cfg(test)]
mod erlang;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod maelstrom;
#[cfg(test)]
mod muti_metroo;
#[cfg(test)]
mod nats;
#[cfg(test)]
mod site;
