//! The stack of a board is known: what goes deepest leaves a margin, and a guard stops an overflow.
#![cfg(feature = "qemu")]

use board_settings::Settings;
use node_tests::board::{Board, Firmware, Machine, Program, Usage};
use node_tests::fleet::{Fleet, NODES};
use node_tests::on_every_machine;
use node_tests::wait::TIMEOUT;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

on_every_machine!(
    what_goes_deepest_leaves_a_margin,
    an_overflow_is_stopped_and_its_place_logged,
    no_memory_lies_where_an_overflow_would_write,
);

/// Bytes of the stack that nothing may ever use.
const MARGIN: u64 = 4096;

fn what_goes_deepest_leaves_a_margin(machine: Machine) {
    let fleet = Fleet::daemons().unwrap().with_board(machine).unwrap();
    fleet.is_whole().unwrap();
    let margin_is_left = |after: &str| {
        let stack = Usage::of_stack(&fleet.board_status(fleet.node(NODES[0])).unwrap()).unwrap();
        println!("{}, after {after}: stack {stack}", machine.name());
        assert!(stack.free() >= MARGIN, "after {after}: {stack}");
    };
    margin_is_left("a TLS handshake and a request");
    let next = fleet.make_next_key().unwrap();
    for node in 0..NODES.len() {
        fleet.sync(node).unwrap();
    }
    fleet.push(&fleet.made).unwrap();
    margin_is_left("the writing of a keyring");
    fleet.all_use(&next).unwrap();
    margin_is_left("a rotation");
}

fn an_overflow_is_stopped_and_its_place_logged(machine: Machine) {
    let settings = Settings { overflow: true, ..Settings::new("kettle", "kitchen") };
    let mut board = Board::start(Some(&settings), machine).unwrap();
    assert!(!board.wait_for_exit(TIMEOUT).unwrap().success());
    let logs = board.logs();
    let report = logs.iter().position(|line| line.contains("fault: stack overflow"));
    let deepest = &logs[report.unwrap_or_else(|| panic!("{logs:#?}")) + 1];
    let (_, address) = deepest.split_once("0x").unwrap_or_else(|| panic!("{logs:#?}"));
    let function = function_at(machine, u64::from_str_radix(address, 16).unwrap());
    assert!(function.contains("overflow::descend"), "{deepest} is in {function}");
}

/// The function of the firmware in which this address lies.
fn function_at(machine: Machine, address: u64) -> String {
    let image = std::fs::read(Program::find(machine, Firmware::Leaf).unwrap().elf()).unwrap();
    let file = object::File::parse(&*image).unwrap();
    let function = file.symbols().find(|symbol| {
        // Thumb's bit is no part of an address.
        let start = symbol.address() & !1;
        (start..start + symbol.size()).contains(&address)
    });
    format!("{:#}", rustc_demangle::demangle(function.unwrap().name().unwrap()))
}

fn no_memory_lies_where_an_overflow_would_write(machine: Machine) {
    /// Longer than the frame of any function.
    const BELOW: u64 = 64 * 1024;

    let image = std::fs::read(Program::find(machine, Firmware::Leaf).unwrap().elf()).unwrap();
    let file = object::File::parse(&*image).unwrap();
    let symbol = |name: &str| file.symbol_by_name(name).unwrap().address();
    let end = symbol("_stack_end");
    let forbidden = end.saturating_sub(BELOW)..symbol("_stack_start");
    let sections = file
        .sections()
        .filter(|section| section.address() != 0 && section.size() > 0 && section.name() != Ok(".stack"));
    for section in sections {
        let used = section.address()..section.address() + section.size();
        let is_apart = used.end <= forbidden.start || forbidden.end <= used.start;
        assert!(is_apart, "{} lies at {used:#x?}, the stack ends at {end:#x}", section.name().unwrap());
    }
}
