//! COMPATIBILITY.md has a row for every line of the documents, and the tests that it names are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TEXT: &str = include_str!("../../../COMPATIBILITY.md");

/// How many lines each document has.
const LINES: [(char, u32); 5] = [('M', 18), ('E', 44), ('T', 43), ('N', 49), ('O', 7)];

/// The numbers in the first column of a row, such as `E1, E4-E6`.
fn numbers(column: &str) -> Option<Vec<(char, u32)>> {
    let one = |text: &str| {
        let letter = text.chars().next()?;
        Some((letter, text.get(1..)?.parse().ok()?))
    };
    let mut found = Vec::new();
    for part in column.split(", ") {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let ((letter, first), (_, last)) = (one(first)?, one(last)?);
        found.extend((first..=last).map(|number| (letter, number)));
    }
    Some(found)
}

#[test]
fn every_line_has_a_row() {
    let rows = TEXT.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let found: BTreeSet<(char, u32)> = rows.filter_map(numbers).flatten().collect();
    let lines = LINES.iter().flat_map(|(letter, count)| (1..=*count).map(|number| (*letter, number)));
    assert_eq!(found, lines.collect());
}

/// Where a test may be whose name begins so.
fn files(of: &str) -> Vec<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    if of.ends_with(".rs") {
        return vec![root.join(of)];
    }
    let tests = root.join("tests/tests");
    let folder = fs::read_dir(tests.join(of)).into_iter().flatten();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.extend([tests.join(format!("documents/{of}.rs")), tests.join(format!("{of}.rs"))]);
    files
}

#[test]
fn every_test_that_is_named_is_there() {
    let names: BTreeSet<&str> =
        TEXT.split('`').filter(|text| text.contains("::") && !text.contains("FILE")).collect();
    assert!(names.len() > 60, "{names:?}");
    let is_there = |name: &&str| {
        let (file, test) = name.rsplit_once("::").unwrap();
        let header = format!("#[test]\nfn {test}(");
        files(file).iter().any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(&header)))
    };
    let missing: Vec<_> = names.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
