//! Small crates that keep the rules, and some that break them.

use super::tree::Sources;
use super::{CrateRules, Order};

/// The faults of a crate whose order is `low`, then `middle` and `aside`, then `high`.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let order: Order =
        toml::from_str("folder = ''\nmodules = [['low'], ['middle', 'aside'], ['high']]").unwrap();
    check(files, CrateRules { source: String::new(), rooms: vec![String::new()], order: vec![order] })
}

/// The circles of a crate.
fn circles(rooms: &[&str], files: &[(&str, &str)]) -> Vec<String> {
    let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
    check(files, CrateRules { source: String::new(), rooms, order: Vec::new() })
}

fn check(files: &[(&str, &str)], rules: CrateRules) -> Vec<String> {
    let sources: Sources =
        files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    rules.faults(&sources).unwrap()
}

const LIB: (&str, &str) = ("lib.rs", "mod low; mod middle; mod aside; mod high; pub use high::High;");

#[test]
fn a_crate_that_names_only_what_is_below_has_no_fault() {
    let found = faults(&[
        LIB,
        ("low.rs", "pub struct Low; use std::fmt; use other_crate::high::High as Other;"),
        ("middle.rs", "use crate::low::Low; pub struct Middle(Low);"),
        ("aside.rs", "pub fn aside() -> crate::low::Low { crate::low::Low }"),
        ("high/mod.rs", "mod part; use crate::{low, middle::Middle}; pub struct High(low::Low, Middle);"),
        ("high/part.rs", "use crate::low::Low; #[cfg(test)] mod tests;"),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_module_that_names_one_above_it_is_found() {
    for text in [
        "use crate::high::High;",
        "use super::high::High;",
        "use crate::high;",
        "use crate::high::*;",
        "use crate::high::High as Renamed;",
        "use crate::{middle::{self}, high::{part::{self as renamed}}};",
        "use crate::High;",
        "fn low() { use crate::high; }",
        "fn low() -> Option<crate::high::High> { None }",
        "struct Low { high: super::high::High }",
        "use crate::middle as renamed; fn low() { renamed::above(); }",
        "fn low() { println!(\"{}\", crate::high::HIGH); }",
        "macro_rules! low { () => { $crate::high::High } }",
        "mod inline { use super::super::high::High; }",
        "impl<T: crate::high::Trait> Low<T> {}",
        "#[cfg(not(test))] use crate::high::High;",
        "#[cfg(any(test, feature = \"low\"))] use crate::high::High;",
    ] {
        let found = faults(&[
            LIB,
            ("low.rs", text),
            ("middle.rs", "pub use crate::high::above;"),
            ("aside.rs", ""),
            (
                "high.rs",
                "pub mod part; pub struct High; pub trait Trait {} pub const HIGH: u8 = 0; pub fn above() {}",
            ),
            ("high/part.rs", ""),
        ]);
        let expected =
            |fault: &String| fault.starts_with("low.rs names high") && fault.ends_with("high is above low");
        assert!(found.iter().any(expected), "{text}: {found:?}");
    }
}

#[test]
fn modules_of_one_line_do_not_name_each_other() {
    let found = faults(&[
        LIB,
        ("low.rs", ""),
        ("middle.rs", "use crate::aside::Aside;"),
        ("aside.rs", "pub struct Aside;"),
        ("high.rs", "pub struct High;"),
    ]);
    assert_eq!(found, ["middle.rs names aside.rs (crate::aside::Aside): aside is beside middle"]);
}

#[test]
fn code_for_tests_may_name_anything() {
    let found = faults(&[
        LIB,
        (
            "low.rs",
            "#[cfg(test)] mod tests; #[cfg(test)] use crate::high::High; #[test] fn low() { crate::high::high(); }
             #[cfg(all(test, feature = \"low\"))] mod more { use crate::high::High; }
             struct Low; impl Low { #[cfg(test)] fn low() { crate::high::high(); } }",
        ),
        ("middle.rs", ""),
        ("aside.rs", ""),
        ("high.rs", "pub struct High; pub fn high() {}"),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn every_module_has_a_place_and_every_place_a_module() {
    let found = faults(&[
        ("lib.rs", "mod low; mod middle; mod high; mod new;"),
        ("low.rs", ""),
        ("middle.rs", ""),
        ("high.rs", ""),
        ("new.rs", ""),
    ]);
    assert_eq!(
        found,
        ["new has no place in the order of \"\"", "aside stands in the order of \"\" and does not exist"]
    );
}

#[test]
fn the_shortest_circle_is_named_with_what_causes_it() {
    let found = circles(
        &["room"],
        &[
            ("lib.rs", "mod room;"),
            ("room/mod.rs", "mod a; mod b; mod c; pub use a::A; pub use b::B;"),
            ("room/a.rs", "use super::B; pub struct A(B);"),
            ("room/b.rs", "use super::c::C; use super::{A as Renamed}; pub struct B(C);"),
            ("room/c.rs", "use super::a::A; pub struct C(A);"),
        ],
    );
    assert_eq!(
        found,
        [
            "circle: room/a.rs -> room/b.rs (super::B); room/b.rs -> room/a.rs (super::A)",
            "circle: room/c.rs -> room/a.rs (super::a::A); room/a.rs -> room/b.rs (super::B); room/b.rs -> room/c.rs (super::c::C)",
        ]
    );
}

#[test]
fn a_circle_through_a_file_outside_of_the_room_counts_and_one_that_never_enters_it_does_not() {
    let files = [
        ("lib.rs", "mod room; mod outside; mod x; mod y;"),
        ("room/mod.rs", "mod a;"),
        ("room/a.rs", "use crate::outside::Outside; pub struct A;"),
        ("outside.rs", "use crate::room::a::A; pub struct Outside;"),
        ("x.rs", "use crate::y::Y; pub struct X;"),
        ("y.rs", "use crate::x::X; pub struct Y;"),
    ];
    let found = circles(&["room"], &files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("room/a.rs") && found[0].contains("outside.rs"), "{found:?}");
}

#[test]
fn a_room_that_declares_and_reexports_its_parts_is_in_no_circle_with_them() {
    let found = circles(
        &["room"],
        &[
            ("lib.rs", "mod room;"),
            ("room/mod.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
            ("room/a.rs", "pub struct A;"),
            ("room/b.rs", "use super::A; pub struct B(A);"),
        ],
    );
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_room_that_defines_what_its_parts_name_and_names_them_is_in_a_circle() {
    let found = circles(
        &["room"],
        &[
            ("lib.rs", "mod room;"),
            ("room/mod.rs", "mod a; pub use a::A; pub struct Room(A);"),
            ("room/a.rs", "use super::Room; pub struct A(Room);"),
        ],
    );
    assert_eq!(found, ["circle: room/a.rs -> room/mod.rs (super::Room); room/mod.rs -> room/a.rs (A)"]);
}

#[test]
fn rooms_that_name_each_other_are_in_a_circle_though_their_files_are_not() {
    let found = circles(
        &["one", "two"],
        &[
            ("lib.rs", "mod one; mod two;"),
            ("one/mod.rs", "pub mod a; pub mod b;"),
            ("one/a.rs", "use crate::two::a::A; pub struct B;"),
            ("one/b.rs", "pub struct B;"),
            ("two/mod.rs", "pub mod a; pub mod b;"),
            ("two/a.rs", "pub struct A;"),
            ("two/b.rs", "use crate::one::b::B;"),
        ],
    );
    assert_eq!(
        found,
        [
            "circle: one -> two (one/a.rs names crate::two::a::A); two -> one (two/b.rs names crate::one::b::B)"
        ]
    );
}

#[test]
fn a_room_that_does_not_exist_is_named() {
    assert_eq!(circles(&["rom"], &[("lib.rs", "")]), ["there is no room rom"]);
}
