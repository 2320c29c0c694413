use core::net::{Ipv4Addr, SocketAddrV4};

use super::*;
use crate::Request;

fn settings() -> Settings<'static> {
    let mut settings = Settings::new("kettle", "kitchen");
    settings.ip =
        Ip::Static { address: Ipv4Addr::new(10, 0, 2, 15), prefix: 24, gateway: Some([10, 0, 2, 2].into()) };
    settings.hubs.push(SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 2), 8374)).unwrap();
    settings.uses.push("clock").unwrap();
    settings.unix_floor = 1_700_000_000;
    settings.keyring = Some(&[0xa5; 4096]);
    settings.authority = Some(&[0x30; 600]);
    settings.crl = Some(&[0x31; 300]);
    settings.request = Some(Request { component: "clock", path: "/now", period_ms: 250 });
    settings
}

#[test]
fn settings_survive_encoding_and_decoding() {
    let mut out = [0; MAX_BLOB];
    let blob = settings().encode(&mut out).unwrap();
    assert_eq!(Settings::decode(blob), Ok(settings()));
}

#[test]
fn every_damaged_byte_is_detected() {
    let mut small = settings();
    small.keyring = None;
    let mut out = [0; MAX_BLOB];
    let length = small.encode(&mut out).unwrap().len();
    for at in 0..length {
        let mut blob = out;
        blob[at] ^= 1;
        assert!(Settings::decode(&blob[..length]).is_err(), "byte {at}");
    }
}

#[test]
fn every_truncation_is_detected() {
    let mut out = [0; MAX_BLOB];
    let blob = settings().encode(&mut out).unwrap();
    for length in 0..blob.len() {
        assert!(Settings::decode(&blob[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn empty_memory_holds_no_settings() {
    assert_eq!(Settings::decode(&[0; MAX_BLOB]), Err(Error::Missing));
    assert_eq!(Settings::decode(&[]), Err(Error::Missing));
}

#[test]
fn a_space_too_small_is_refused() {
    let length = settings().encode(&mut [0; MAX_BLOB]).unwrap().len();
    for space in [0, HEADER, length - 1] {
        assert_eq!(settings().encode(&mut [0; MAX_BLOB][..space]), Err(Error::TooLong));
    }
}

#[test]
fn an_impossible_prefix_is_refused() {
    let mut wrong = settings();
    wrong.ip = Ip::Static { address: Ipv4Addr::LOCALHOST, prefix: 33, gateway: None };
    let mut out = [0; MAX_BLOB];
    assert_eq!(Settings::decode(wrong.encode(&mut out).unwrap()), Err(Error::Prefix(33)));
}
