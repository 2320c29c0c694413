//! Describes the application to the boot loader, which refuses one without: `esp_app_desc_t` of ESP-IDF.
//!
//! The crate `esp-bootloader-esp-idf` has the same, and brings a second version of SHA-2, which this project does not allow.

/// What stands at the start of the application's constants.
#[repr(C)]
struct Descriptor {
    magic: u32,
    secure_version: u32,
    reserved: [u32; 2],
    version: [u8; 32],
    project: [u8; 32],
    time: [u8; 16],
    date: [u8; 16],
    idf_version: [u8; 32],
    elf_sha256: [u8; 32],
    /// Revisions of the chip's fuses that it runs on: major * 100 + minor.
    least_fuses: u16,
    most_fuses: u16,
    /// Size of a page of the flash's memory unit, as a power of two.
    page_size: u8,
    reserved_bytes: [u8; 3],
    reserved_end: [u32; 18],
}

const _: () = assert!(size_of::<Descriptor>() == 256);

// SAFETY: the linker script puts this section where the boot loader looks, and nothing else defines this symbol.
#[unsafe(export_name = "esp_app_desc")]
#[unsafe(link_section = ".flash.appdesc")]
#[used]
static DESCRIPTOR: Descriptor = Descriptor {
    magic: 0xabcd_5432,
    secure_version: 0,
    reserved: [0; 2],
    version: text(env!("CARGO_PKG_VERSION")),
    project: text(env!("CARGO_PKG_NAME")),
    // No time, so that each build of a source is the same.
    time: [0; 16],
    date: [0; 16],
    // The boot loader's, with which the flash is laid out.
    idf_version: text("5.1.0"),
    elf_sha256: [0; 32],
    least_fuses: 0,
    most_fuses: u16::MAX,
    page_size: 16,
    reserved_bytes: [0; 3],
    reserved_end: [0; 18],
};

/// A text with zeros behind it. One that is too long does not compile.
const fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    assert!(text.len() < N);
    let (start, _) = bytes.split_at_mut(text.len());
    start.copy_from_slice(text.as_bytes());
    bytes
}
