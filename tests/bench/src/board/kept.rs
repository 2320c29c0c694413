//! The board's sizes, and the file that keeps them from one change to the next, so that growth is seen in a review.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../boards/qemu-mps2-an386/sizes.txt");

/// The memory that the firmware takes, in bytes, and the instructions of what it does, counted by `-icount`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Code, constants and the first values of variables.
    pub flash: u64,
    /// Variables; the stack is not among them.
    pub ram: u64,
    /// The most that was in use of the stack.
    pub stack: u64,
    /// Instructions from the dial until the link is up: mutual TLS, hello and proof.
    pub handshake: u64,
    /// Instructions of the operations with P-256 keys in that: TLS agrees on keys, and each side signs in TLS and proves its identity;
    /// the board also signs what it says of itself, with its new hub.
    pub p256: u64,
    /// Instructions for one request of 128 bytes that comes back.
    pub echo: u64,
    /// `flash` of firmware with the feature `ca`.
    pub ca_flash: u64,
    /// `ram` of that firmware.
    pub ca_ram: u64,
    /// `stack` of a board that judges its hub by a CA and a revocation list.
    pub ca_stack: u64,
    /// `handshake` of that board.
    pub ca_handshake: u64,
    /// `flash` of firmware with the feature `hub`.
    pub hub_flash: u64,
    /// `ram` of that firmware, its heap included.
    pub hub_ram: u64,
    /// `stack` of a hub with one peer.
    pub hub_stack: u64,
    /// The most that was in use of its heap.
    pub hub_heap: u64,
    /// `flash` of the small firmware.
    pub small_flash: u64,
    /// `ram` of that firmware.
    pub small_ram: u64,
    /// `stack` of a board with that firmware, which took new keys.
    pub small_stack: u64,
    /// `echo` of that board.
    pub small_echo: u64,
}

impl Sizes {
    /// The sizes in the file; `None` when there is no file.
    ///
    /// # Errors
    ///
    /// The file holds something else.
    pub fn kept() -> Result<Option<Self>> {
        let Ok(text) = fs::read_to_string(FILE) else { return Ok(None) };
        let mut sizes = Self::default();
        for line in text.lines() {
            let (what, bytes) = line.split_once(' ').with_context(|| format!("{FILE}: {line:?}"))?;
            let bytes = bytes.trim().parse().with_context(|| format!("{FILE}: {line:?}"))?;
            match what {
                "flash" => sizes.flash = bytes,
                "ram" => sizes.ram = bytes,
                "ca_flash" => sizes.ca_flash = bytes,
                "ca_ram" => sizes.ca_ram = bytes,
                "ca_stack" => sizes.ca_stack = bytes,
                "ca_handshake" => sizes.ca_handshake = bytes,
                "hub_flash" => sizes.hub_flash = bytes,
                "hub_ram" => sizes.hub_ram = bytes,
                "hub_stack" => sizes.hub_stack = bytes,
                "hub_heap" => sizes.hub_heap = bytes,
                "small_flash" => sizes.small_flash = bytes,
                "small_ram" => sizes.small_ram = bytes,
                "small_stack" => sizes.small_stack = bytes,
                "small_echo" => sizes.small_echo = bytes,
                "stack" => sizes.stack = bytes,
                "handshake" => sizes.handshake = bytes,
                "p256" => sizes.p256 = bytes,
                "echo" => sizes.echo = bytes,
                _ => bail!("{FILE}: {line:?}"),
            }
        }
        Ok(Some(sizes))
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn keep(&self) -> Result<()> {
        let lines = [
            ("flash", self.flash),
            ("ram", self.ram),
            ("stack", self.stack),
            ("handshake", self.handshake),
            ("p256", self.p256),
            ("echo", self.echo),
            ("ca_flash", self.ca_flash),
            ("ca_ram", self.ca_ram),
            ("ca_stack", self.ca_stack),
            ("ca_handshake", self.ca_handshake),
            ("hub_flash", self.hub_flash),
            ("hub_ram", self.hub_ram),
            ("hub_stack", self.hub_stack),
            ("hub_heap", self.hub_heap),
            ("small_flash", self.small_flash),
            ("small_ram", self.small_ram),
            ("small_stack", self.small_stack),
            ("small_echo", self.small_echo),
        ];
        let text: String = lines.iter().map(|(what, bytes)| format!("{what} {bytes}\n")).collect();
        fs::write(FILE, text).context(FILE)
    }
}
