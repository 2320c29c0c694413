//! Reads the settings that the host put into memory: QEMU's `-device loader,file=…,addr=0x21000000,force-raw=on`.

use board_settings::{Error, MAX_BLOB, Settings};

/// Start of the PSRAM, which neither the linker script nor anything else uses.
const ADDRESS: usize = 0x2100_0000;

/// Reads the settings from the place where the host put them.
///
/// # Errors
///
/// [`Error`] says what is wrong with them, or that there are none.
pub fn read() -> Result<Settings<'static>, Error> {
    let address = core::ptr::with_exposed_provenance::<u8>(ADDRESS);
    // SAFETY: the machine has 16 MB of PSRAM from this address on. The host filled it before the processor started,
    // and nothing writes to it afterwards.
    let memory = unsafe { core::slice::from_raw_parts(address, MAX_BLOB) };
    Settings::decode(memory)
}
