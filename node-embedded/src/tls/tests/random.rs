//! Servers that send random bytes.

use super::*;

/// Damages one thing.
fn spoil(bytes: &mut Vec<u8>, random: &mut impl FnMut(usize) -> usize) {
    let (at, byte) = (random(bytes.len()), random(256) as u8);
    match random(5) {
        0 => bytes[at] = byte,
        1 => bytes.truncate(at + 1),
        2 => bytes.insert(at, byte),
        3 => drop(bytes.remove(at)),
        _ => bytes[at..].reverse(),
    }
}

/// Numbers below a bound, the same ones in each run.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state: u64 = 1;
    move |bound| {
        // The constants of Knuth's MMIX.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    }
}

#[test]
fn a_damaged_flight_before_trust_does_no_harm() {
    let mut random = numbers();
    for _ in 0..200 {
        refusal(async |rogue| {
            // Every message of a server, with a few bytes wrong, encrypted correctly.
            let alpn = [0, 16, 0, 9, 0, 7, 6, b'm', b'a', b'e', b'l', b'/', b'1'];
            let groups = [0, 10, 0, 4, 0, 2, 0, 23];
            let extensions = [&[0, 21][..], &alpn, &groups].concat();
            let mut messages = [
                message(8, &extensions),
                message(13, &[0, 0, 12, 0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 8, 7]),
                message(4, &[0, 0, 1, 0, 1, 2, 3, 4, 1, 9, 0, 2, 7, 7, 0, 0]),
                rogue.certificate(BOARD),
                message(20, &[0; 32]),
            ];
            messages.rotate_left(random(5));
            let mut inner = [&messages.concat()[..], &[HANDSHAKE]].concat();
            for _ in 0..=random(3) {
                spoil(&mut inner, &mut random);
            }
            rogue.encrypted(&inner).await;
            rogue.hang_up();
        });
    }
}

#[test]
fn random_bytes_in_place_of_server_hello_do_no_harm() {
    let mut random = numbers();
    for _ in 0..200 {
        let mut hello = rogue::server_hello(&p256::PublicKey::from(hub_key().verifying_key()));
        for _ in 0..=random(3) {
            spoil(&mut hello, &mut random);
        }
        let serve = async |_, mut down: Pipe| {
            let hello = record(HANDSHAKE, &hello);
            embedded_io_async::Write::write_all(&mut down, &hello).await.unwrap();
            down.close();
        };
        let (outcome, _) = meet(trust(HUB), Board::new(), OsRng, serve);
        outcome.opened.unwrap_err();
    }
}
