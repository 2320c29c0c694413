//! Tells the linker how a board's memory is laid out: the build script of each board.

fn main() {
    // The runtime's linker script includes memory.x, which is looked for in these folders, in this order.
    let board = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let has = |feature| std::env::var_os(feature).is_some();
    // A program for several processors has a folder for each.
    let processor = format!("{board}/{}", std::env::var("TARGET").unwrap_or_default());
    let memory = if has("CARGO_FEATURE_HUB") {
        format!("{board}/hub")
    } else if has("CARGO_FEATURE_CA") {
        format!("{board}/ca")
    } else if std::path::Path::new(&processor).exists() {
        processor
    } else {
        board
    };
    println!("cargo:rustc-link-search={memory}");
    println!("cargo:rerun-if-changed={memory}/memory.x");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    // Gathers the log strings in a section that is not loaded onto the board.
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    // The loadable segments need no page alignment: there is no pager, and the padding would be flashed.
    println!("cargo:rustc-link-arg-bins=--nmagic");
}
