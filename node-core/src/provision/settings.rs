//! The settings of a board: all that it needs beside its keyring to join a cluster.

use core::fmt;
use core::net::Ipv4Addr;

use heapless::Vec;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::is_name;
use crate::time::UnixTime;
use crate::trust::Fingerprint;
use crate::wire::record::MAX_ADDR;

/// Longest encoding of settings, in bytes.
pub const MAX_SETTINGS: usize = 1024;
/// Most hubs.
pub const MAX_HUBS: usize = 8;
/// Most components that a board uses.
pub const MAX_USES: usize = crate::wire::record::MAX_USES;
/// Most pins.
pub const MAX_PINS: usize = 4;
/// Most name servers beside a static address.
pub const MAX_NAME_SERVERS: usize = 2;
/// Most addresses at which others dial a board.
pub const MAX_LISTEN: usize = crate::wire::record::MAX_ADDRS;

/// The settings of a board, borrowed from their encoding: one version byte, then postcard (PROTOCOL.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings<'a> {
    /// The node's name: 1 to 63 of the characters `A-Z a-z 0-9 - _ .`.
    pub name: &'a str,
    /// The node's cluster, of the same characters.
    pub cluster: &'a str,
    /// Addresses of hubs, `HOST:PORT` each. HOST is an IPv4 address or a name. A board that is no hub itself needs at least one.
    #[serde(borrow)]
    pub hubs: Vec<&'a str, MAX_HUBS>,
    /// How the board gets its address.
    pub ip: Ip,
    /// The wireless network to join.
    pub wifi: Option<Wifi<'a>>,
    /// Components that the node uses.
    pub uses: Vec<&'a str, MAX_USES>,
    /// SHA-256 of the `SubjectPublicKeyInfo` of hubs that are trusted beside the keyring.
    pub pins: Vec<Fingerprint, MAX_PINS>,
    /// A time in the past. The board judges no certificate by an earlier time.
    pub not_before: UnixTime,
    /// Addresses at which others dial the board, as those of hubs. With one the board is a hub, and listens on the port of the first.
    #[serde(skip)]
    pub listen: Vec<&'a str, MAX_LISTEN>,
}

/// How a board gets its IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ip {
    /// From the network.
    #[default]
    Dhcp,
    /// From the settings.
    Static {
        /// The board's address.
        address: Ipv4Addr,
        /// Length of the network prefix in bits, 0 to 32.
        prefix: u8,
        /// Where packets for other networks go.
        gateway: Option<Ipv4Addr>,
        /// Where names of hubs are looked up.
        name_servers: Vec<Ipv4Addr, MAX_NAME_SERVERS>,
    },
}

/// A wireless network.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wifi<'a> {
    /// Its name, 1 to 32 bytes.
    pub ssid: &'a str,
    /// Its passphrase, 8 to 63 bytes; empty for an open network.
    pub passphrase: &'a str,
}

impl fmt::Debug for Wifi<'_> {
    /// Without the passphrase, so that no log can hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wifi").field("ssid", &self.ssid).finish_non_exhaustive()
    }
}

impl<'a> Settings<'a> {
    /// The newest version that this code writes and reads: that of a hub.
    pub const VERSION: u8 = 2;
    /// The version of a leaf, which has no `listen`. Boards that know no other version read it.
    const LEAF: u8 = 1;

    /// The minimal settings: a name, a cluster, and an address by DHCP. A hub is still missing.
    #[must_use]
    pub const fn new(name: &'a str, cluster: &'a str) -> Self {
        Self {
            name,
            cluster,
            hubs: Vec::new(),
            ip: Ip::Dhcp,
            wifi: None,
            uses: Vec::new(),
            pins: Vec::new(),
            not_before: UnixTime(0),
            listen: Vec::new(),
        }
    }

    /// Checks the settings, and writes them to the start of `buffer`. Returns what was written.
    ///
    /// # Errors
    /// [`SettingsError`] says which setting is out of range.
    pub fn encode<'b>(&self, buffer: &'b mut [u8; MAX_SETTINGS]) -> Result<&'b [u8], SettingsError> {
        self.check()?;
        let encoded = if self.listen.is_empty() {
            postcard::to_slice(&(Self::LEAF, self), buffer)
        } else {
            postcard::to_slice(&(Self::VERSION, self, &self.listen), buffer)
        };
        encoded.map(|encoded| &*encoded).map_err(|_| SettingsError::TooLong)
    }

    /// Reads and checks settings.
    ///
    /// # Errors
    /// [`SettingsError`]: they MUST NOT be used.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, SettingsError> {
        if bytes.len() > MAX_SETTINGS {
            return Err(SettingsError::TooLong);
        }
        let (&version, rest) = bytes.split_first().ok_or(SettingsError::Malformed)?;
        if !(Self::LEAF..=Self::VERSION).contains(&version) {
            return Err(SettingsError::Version(version));
        }
        let malformed = |_| SettingsError::Malformed;
        let (mut settings, mut rest) = postcard::take_from_bytes::<Self>(rest).map_err(malformed)?;
        if version > Self::LEAF {
            (settings.listen, rest) = postcard::take_from_bytes(rest).map_err(malformed)?;
        }
        if !rest.is_empty() {
            return Err(SettingsError::Malformed);
        }
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        if !is_name(self.name) {
            return Err(SettingsError::Name);
        }
        if !is_name(self.cluster) {
            return Err(SettingsError::Cluster);
        }
        if self.hubs.is_empty() && self.listen.is_empty() {
            return Err(SettingsError::NoHub);
        }
        if let Some(index) = self.hubs.iter().position(|hub| !is_address(hub)) {
            return Err(SettingsError::Hub(index + 1));
        }
        if let Some(index) = self.listen.iter().position(|address| !is_address(address)) {
            return Err(SettingsError::Listen(index + 1));
        }
        if let Some(index) = self.uses.iter().position(|name| !is_name(name)) {
            return Err(SettingsError::Use(index + 1));
        }
        if let Ip::Static { prefix, .. } = self.ip
            && prefix > 32
        {
            return Err(SettingsError::Prefix(prefix));
        }
        match &self.wifi {
            Some(Wifi { ssid, .. }) if !(1..=32).contains(&ssid.len()) => Err(SettingsError::Ssid),
            Some(Wifi { passphrase, .. }) if !matches!(passphrase.len(), 0 | 8..=63) => {
                Err(SettingsError::Passphrase)
            }
            _ => Ok(()),
        }
    }
}

/// Whether `text` is `HOST:PORT`, with an IPv4 address or a DNS name.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= MAX_ADDR
        && !host.is_empty()
        && host.bytes().all(known)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A setting that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The bytes are no settings.
    #[error("not the settings of a board")]
    Malformed,
    /// The version is not known here.
    #[error(
        "settings of version {0}, but version {known} is known here: update the older side",
        known = Settings::VERSION
    )]
    Version(u8),
    /// They are longer than [`MAX_SETTINGS`].
    #[error("the settings take more than {MAX_SETTINGS} bytes: shorten the names of hubs and components")]
    TooLong,
    /// There are more hubs, components, pins, name servers or own addresses than a board takes.
    #[error(
        "more than {MAX_HUBS} hubs, {MAX_USES} used components, {MAX_PINS} pins, {MAX_NAME_SERVERS} name servers or \
         {MAX_LISTEN} addresses to listen at"
    )]
    TooMany,
    /// The name of the node.
    #[error("the name of the board is not 1 to 63 of the characters A-Z a-z 0-9 - _ .")]
    Name,
    /// The name of the cluster.
    #[error("the name of the cluster is not 1 to 63 of the characters A-Z a-z 0-9 - _ .")]
    Cluster,
    /// There is no hub.
    #[error("no hub: a board that is no hub itself needs the address of one, HOST:PORT")]
    NoHub,
    /// The hub at this place, from 1.
    #[error("hub number {0} is not HOST:PORT with an IPv4 address or a name")]
    Hub(usize),
    /// The own address at this place, from 1.
    #[error("address number {0} to listen at is not HOST:PORT with an IPv4 address or a name")]
    Listen(usize),
    /// The component at this place, from 1.
    #[error("used component number {0} has no valid name")]
    Use(usize),
    /// A network prefix of so many bits.
    #[error("a network prefix of {0} bits, 32 at most")]
    Prefix(u8),
    /// The name of the wireless network.
    #[error("the name of the wireless network is not 1 to 32 bytes long")]
    Ssid,
    /// The passphrase of the wireless network.
    #[error("the passphrase of the wireless network is not 8 to 63 bytes long, or empty for an open one")]
    Passphrase,
}
