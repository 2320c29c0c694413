//! Tells the linker how this board's memory is laid out.

fn main() {
    // cortex-m-rt's link.x includes memory.x and device.x: they are looked for in these folders, in this order.
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if std::env::var_os("CARGO_FEATURE_CA").is_some() {
        println!("cargo:rustc-link-search={here}/ca");
    }
    println!("cargo:rustc-link-search={here}");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    // Gathers the log strings in a section that is not loaded onto the board.
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    // The loadable segments need no page alignment: there is no pager, and the padding would be flashed.
    println!("cargo:rustc-link-arg-bins=--nmagic");
    for file in ["build.rs", "memory.x", "ca/memory.x", "device.x"] {
        println!("cargo:rerun-if-changed={file}");
    }
}
