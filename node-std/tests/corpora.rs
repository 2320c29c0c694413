//! What fuzzing found worth keeping, and random changes of it, through the same entries.

use node_std::config::check_text;
use proptest::prelude::*;

/// The texts in the corpus of the target `config`.
fn texts() -> Vec<String> {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz/corpus/config");
    let files = std::fs::read_dir(corpus).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect()
}

#[test]
fn the_corpus_of_configuration_files_makes_nothing_panic() {
    let texts = texts();
    assert!(texts.len() >= 6, "the corpus is there");
    for text in &texts {
        let _ = check_text(text, "x");
        let _ = check_text(text, "");
    }
}

proptest! {
    #[test]
    fn no_change_of_a_configuration_file_makes_anything_panic(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..8,
        with in "[-:{}\\[\\],&*#\"' $|>\n\ta-z0-9~%@!?\\\\]{0,6}",
    ) {
        let texts = texts();
        let text = which.get(&texts);
        let chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len() + 1);
        let changed: String =
            chars.iter().take(at).copied().chain(with.chars()).chain(chars.iter().skip(at + cut).copied()).collect();
        let _ = check_text(&changed, &with);
    }
}
