//! Tells the linker how the board's memory is laid out: by the scripts that esp-hal writes.

fn main() {
    println!("cargo:rustc-link-arg-bins=-Tlinkall.x");
    // Gathers the log strings in a section that is not loaded onto the board.
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    // The bounds of the code, as the processor sees the flash. board-support looks for callers between them.
    println!("cargo:rustc-link-arg-bins=--defsym=__stext=0x42000000");
    println!("cargo:rustc-link-arg-bins=--defsym=__etext=0x42800000");
    println!("cargo:rerun-if-changed=build.rs");
}
