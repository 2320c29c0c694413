//! The peers that dialled and have proved nothing yet: one for each address, so that nobody takes all places for connections.

use embassy_net::IpAddress;

use crate::sizes::{ACCEPTED, LINKS};

/// The address of the stranger in each place for a connection that a peer dialled.
pub(crate) struct Strangers([Option<IpAddress>; ACCEPTED]);

impl Strangers {
    pub(crate) const NONE: Self = Self([None; ACCEPTED]);

    /// Lets somebody from this address shake hands on a port. False while another one from there does.
    pub(crate) fn admit(&mut self, port: usize, address: IpAddress) -> bool {
        if self.0.contains(&Some(address)) {
            return false;
        }
        self.set(port, Some(address));
        true
    }

    /// The stranger on a port is known now, or gone.
    pub(crate) fn settle(&mut self, port: usize) {
        self.set(port, None);
    }

    fn set(&mut self, port: usize, address: Option<IpAddress>) {
        if let Some(place) = port.checked_sub(LINKS).and_then(|place| self.0.get_mut(place)) {
            *place = address;
        }
    }
}
