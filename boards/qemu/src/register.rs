//! Access to device registers.

/// One 32-bit device register.
#[derive(Clone, Copy)]
pub struct Register(usize);

impl Register {
    /// The register at `address`.
    ///
    /// # Safety
    ///
    /// `address` is that of a 32-bit register of a device on this machine, and neither reading nor writing it
    /// makes the device touch memory.
    pub const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    /// Reads it, side effects included.
    pub fn read(self) -> u32 {
        // SAFETY: `at` demands an address that is valid for 32-bit reads at any time.
        unsafe { core::ptr::with_exposed_provenance::<u32>(self.0).read_volatile() }
    }

    /// Writes it.
    pub fn write(self, value: u32) {
        // SAFETY: `at` demands an address that is valid for 32-bit writes at any time and is not memory.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }
}
