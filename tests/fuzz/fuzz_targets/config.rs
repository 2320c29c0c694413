#![no_main]

//! The text of a configuration file. `node-std/tests/corpora.rs` replays its corpus.

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(text) = core::str::from_utf8(input) {
        let _ = node_std::config::check_text(text, "x");
    }
});
