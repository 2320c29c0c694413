//! How much of the heap a connection takes: measured in a process of its own, on a host, whose pointers are twice as long as a board's.

use std::process::Command;

use peak_alloc::PeakAlloc;

use super::rogue::{HANDSHAKE, Rogue, certificate, extension, hello, record};
use super::*;
use crate::sizes::{ACCEPT_HEAP, ACCEPT_HEAP_IDLE};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The most that was taken while `work` ran, beyond `before`.
fn peak_above<T>(before: usize, work: impl FnOnce() -> T) -> (T, usize) {
    HEAP.reset_peak_usage();
    let result = work();
    (result, HEAP.peak_usage() - before)
}

/// A hello whose lists are as long as they may be.
fn longest_hello() -> Vec<u8> {
    let list = |body: &[u8]| [&u16::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat();
    let more = [
        extension(16, &list(&[1, b'a'].repeat(79))),
        extension(47, &list(&[0, 1, b'a'].repeat(52))),
        extension(0, &list(&[0, 0, 1, b'a'])),
        extension(27, &[&[158][..], &[0, 1].repeat(79)].concat()),
        extension(19, &[&[159][..], &[0; 159]].concat()),
        extension(20, &[&[159][..], &[0; 159]].concat()),
        extension(11, &[&[159][..], &[0; 159]].concat()),
        extension(45, &[&[159][..], &[1; 159]].concat()),
        extension(5, &[&[1, 0, 150][..], &[0, 1, b'a'].repeat(50), &[0, 0]].concat()),
        extension(44, &list(&[1; 150])),
        extension(35, &[1; 160]),
    ];
    hello(&[4; 65], &more.concat())
}

#[test]
#[ignore = "its process must do nothing else"]
fn alone() {
    let shows = Shows::new();
    let new = || Server::new(shows.trusted_as(Role::Leaf));
    // What is made once for all connections.
    drop(new());

    let before = HEAP.current_usage();
    let mut server = new();
    let hello = record(HANDSHAKE, &longest_hello());
    let (refused, hello) = peak_above(before + hello.len(), || server.receive(&hello).unwrap_err());
    assert_ne!(refused, AcceptError::Hello);
    drop(server);

    let before = HEAP.current_usage();
    let mut server = new();
    let own = HEAP.current_usage();
    let mut rogue = Rogue::greet(&mut server);
    let of_server = before + (HEAP.current_usage() - own);
    let sealed = rogue.messages(&certificate(&[&[0; 900][..]; 4]));
    let (_, chain) = peak_above(of_server, || server.receive(&sealed).unwrap_err());
    drop((server, rogue, sealed));

    let provider = CryptoProvider { kx_groups: vec![ring::kx_group::SECP256R1], ..ring::default_provider() };
    let mut client = client_by(provider, Some(&shows), |_| ());
    let mut of_client = HEAP.current_usage();
    let (mut server, mut honest) = (new(), 0);
    while server.machine.peer().is_none() {
        let server_before = HEAP.current_usage();
        let up = written(&mut client);
        of_client += HEAP.current_usage() - server_before;
        let ((), peak) = peak_above(of_client, || {
            server.records.fill(&up);
            server.machine.advance(&mut server.records).unwrap();
        });
        honest = honest.max(peak);
        let server_before = HEAP.current_usage();
        let down = server.send();
        client.read_tls(&mut &down[..]).unwrap();
        client.process_new_packets().unwrap();
        drop((up, down));
        of_client = (of_client + HEAP.current_usage()) - server_before;
    }
    let idle = HEAP.current_usage() - of_client;
    std::println!("honest {honest}, then {idle}; the longest hello {hello}, the longest chain {chain}");
    assert!([honest, hello, chain].iter().all(|peak| *peak <= ACCEPT_HEAP) && idle <= ACCEPT_HEAP_IDLE);
}

#[test]
fn a_connection_takes_no_more_than_was_said() {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", "tls::accept::tests::heap::alone", "--ignored", "--nocapture"]);
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", std::string::String::from_utf8_lossy(&output.stdout));
}
