//! A lying member: it tells of hubs that do not exist.

use std::format;
use std::prelude::rust_2024::*;
use std::vec;

use super::Cluster;
use super::life::CLUSTER;
use crate::gossip::{Kind, Metadata};
use crate::id::NodeId;
use crate::sim::toy;
use crate::wire::gossip::{MAX_MESSAGE, Tag};
use crate::wire::record::MAX_METADATA;

/// Ids of invented hubs share their first bytes, which no random id has.
const INVENTED: u128 = 0x0bad_0bad_0bad_0bad_u128 << 64;

impl Cluster {
    /// Adds a machine that takes no part in the cluster. Either it accepts connections and never says anything, or nothing
    /// listens there.
    pub fn add_bystander(&mut self, accepts: bool) -> usize {
        let at = self.add(Kind::Leaf, &[]);
        if accepts {
            self.net.start(at);
            self.net.pause(at);
        }
        at
    }

    /// A host tells all its peers of hubs that do not exist: all are alive, and advertise the address of another host.
    pub fn invent(&mut self, liar: usize, hubs: usize, incarnation: u64, at: usize) {
        let address = Self::address(at);
        let mut messages: Vec<Vec<u8>> = Vec::new();
        for number in 0..hubs {
            let name = format!("invented-{number}");
            let mut metadata = Metadata::new(&name, Kind::Hub);
            metadata.addrs.extend([address.as_str()]);
            let mut buffer = [0; MAX_METADATA];
            // It makes an identity for each.
            let id = NodeId((INVENTED + number as u128).to_be_bytes());
            let identity = toy::identity(CLUSTER, id);
            let Ok(record) = toy::record(&identity, incarnation, &metadata, &mut buffer) else { continue };
            let Ok(record) = postcard::to_extend(&record, Vec::new()) else { continue };
            match messages.last_mut().filter(|last| last.len() + record.len() <= MAX_MESSAGE) {
                Some(last) => last.extend(record),
                None => messages.push([vec![Tag::Records as u8], record].concat()),
            }
        }
        messages.iter().for_each(|message| self.lie(liar, message));
    }
}
