//! The TLS directory with certificates by real openssl: reading, reloading, handshakes.

#[cfg(test)]
mod directory;
#[cfg(test)]
mod files;
#[cfg(test)]
mod handshake;
#[cfg(test)]
mod hook;
#[cfg(test)]
mod pki;
#[cfg(test)]
mod reload;
