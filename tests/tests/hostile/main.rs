//! Peers that break rules: each is named in the log, costs little, and disturbs no other peer.

#[cfg(test)]
mod author;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod gossip;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod middle;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod siege;
