//! What it costs to sign and to check records, with the crypto of the daemon.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use node_core::gossip::{Kind, Metadata, Record, State};
use node_core::identity::Identity;
use node_core::wire::record::MAX_METADATA;
use node_std::identity::{Checker, NodeKey};

use crate::report::{Rate, Stopwatch};

/// Signs and checks, each for `time`.
///
/// # Errors
///
/// The system gives no random numbers.
pub fn measure(time: Duration) -> Result<Vec<Rate>> {
    let (key, _) = NodeKey::generate()?;
    let identity = Identity::new("maelstrom", key.public(), &key, &Checker);
    let mut buffer = [0; MAX_METADATA];
    let mut described = Metadata { identity: key.public(), ..Metadata::new("a-hub-of-ours", Kind::Hub) };
    described.active_key = [7; 32];
    described.keyring = [8; 32];
    described.addrs.extend(["192.168.100.100:8374"]);
    described.components.extend(["billing", "shop"]);
    let length = described.encode(&mut buffer).ok().context("metadata")?.len();
    let metadata = buffer.get_mut(..length).context("metadata")?;
    let mut rates = vec![repeat("sign a record", time, || Ok(identity.sign_record(1, metadata)?))?];
    let record = Record { id: identity.id, incarnation: 1, state: State::Alive, by: None, metadata };
    rates.push(repeat("check a record", time, || Ok(identity.verify_record(&record)?))?);
    Ok(rates)
}

fn repeat(what: &'static str, time: Duration, mut act: impl FnMut() -> Result<()>) -> Result<Rate> {
    let stopwatch = Stopwatch::start(&[])?;
    let end = Instant::now() + time;
    let mut count = 0;
    while Instant::now() < end {
        act()?;
        count += 1;
    }
    Ok(Rate::new(what, 1, count, stopwatch.stop(&[])?))
}
