//! Replays the corpora of tests/fuzz: no input makes a node panic.

use std::fs;
use std::path::Path;

#[cfg(test)]
#[path = "../../tests/fuzz/src/lib.rs"]
mod fuzz;

#[test]
fn no_input_of_the_corpora_makes_a_node_panic() {
    for (name, target) in fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(name);
        let mut count = 0;
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let input = fs::read(entry.path()).unwrap();
            eprintln!("{}", entry.path().display());
            target(&input);
            // The prefixes of an input are inputs, too.
            (0..input.len()).step_by(1 + input.len() / 64).for_each(|end| target(&input[..end]));
            count += 1;
        }
        assert!(count > 0, "{} is empty", folder.display());
    }
}
