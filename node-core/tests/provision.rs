//! Blobs that provision a board: whole, signed by somebody who counts, for this board, and newer than what it has.

extern crate alloc;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use node_core::crypto::{Digest, P256Secret, Software, SoftwareSigner};
use node_core::id::{Name, NodeId};
use node_core::keys::{Bundle, BundleSlot, MAX_BUNDLE};
use node_core::provision::{
    Blob, BlobError, Draft, Ip, MAX_BLOB, MAX_SETTINGS, Recipient, Settings, SettingsError, Wifi, frame,
};
use node_core::trust::Fingerprint;

const A: &[u8] = include_bytes!("fixtures/p256_a.der");
const A_SECRET: &[u8; 32] = include_bytes!("fixtures/p256_a.secret");
const B: &[u8] = include_bytes!("fixtures/p256_b.der");
const B_SECRET: &[u8; 32] = include_bytes!("fixtures/p256_b.secret");
const BOARD: NodeId = NodeId([7; 16]);

#[expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]
mod make {
    use super::*;

    pub fn signer(secret: &[u8; 32]) -> SoftwareSigner {
        SoftwareSigner::new(P256Secret(secret)).unwrap()
    }

    pub fn fingerprint(certificate: &[u8]) -> Fingerprint {
        Fingerprint(Software.sha256(&[certificate]))
    }

    /// A board's own pair, and `operator` under this name.
    pub fn keyring(name: &str, operator: &[u8]) -> Vec<u8> {
        let mut bundle = Bundle::default();
        let own = Name::new("kitchen.leaf").unwrap();
        bundle.push(BundleSlot::pair(own, B, P256Secret(B_SECRET))).unwrap();
        bundle.push(BundleSlot::trusted(Name::new(name).unwrap(), operator)).unwrap();
        bundle.encode(&mut [0; MAX_BUNDLE]).unwrap().to_vec()
    }

    pub fn settings() -> Settings<'static> {
        let mut settings = Settings::new("kitchen", "home");
        settings.hubs.push("hub.example.com:8374").unwrap();
        settings
    }

    pub fn encoded(settings: &Settings<'_>) -> Vec<u8> {
        settings.encode(&mut [0; MAX_SETTINGS]).unwrap().to_vec()
    }

    /// What a blob says.
    pub struct Content {
        pub epoch: u64,
        pub kind: &'static str,
        pub board: Option<NodeId>,
        pub settings: Vec<u8>,
        pub keyring: Option<Vec<u8>>,
    }

    impl Content {
        pub fn draft(&self) -> Draft<'_> {
            Draft {
                epoch: self.epoch,
                kind: self.kind,
                board: self.board,
                new_identity: false,
                settings: &self.settings,
                keyring: self.keyring.as_deref(),
            }
        }
    }

    pub fn content() -> Content {
        let keyring = Some(keyring("a.operator", A));
        Content { epoch: 6, kind: "", board: None, settings: encoded(&settings()), keyring }
    }

    /// A blob with these changes, signed by A.
    pub fn blob(change: impl FnOnce(&mut Content)) -> Vec<u8> {
        let mut content = content();
        change(&mut content);
        let mut buffer = [0; MAX_BLOB];
        content.draft().sign(fingerprint(A), &signer(A_SECRET), &Software, &mut buffer).unwrap().to_vec()
    }

    /// What a new board makes of it.
    pub fn taken(blob: &[u8]) -> Result<String, BlobError> {
        taken_by(&Recipient { kind: "pico", id: BOARD, epoch: 5, keyring: None, key: None }, blob)
    }

    pub fn taken_by(board: &Recipient<'_>, blob: &[u8]) -> Result<String, BlobError> {
        Blob::read(blob)?.check(board, &Software).map(|settings| settings.name.to_owned())
    }
}
use make::{blob, content, encoded, fingerprint, keyring, settings, signer, taken, taken_by};

const NEW: Recipient<'_> = Recipient { kind: "pico", id: BOARD, epoch: 5, keyring: None, key: None };

#[cfg_attr(test, test)]
pub(crate) fn a_new_board_takes_what_an_operator_of_the_blob_signed() {
    let whole = blob(|_| ());
    assert_eq!(taken(&whole).as_deref(), Ok("kitchen"));
    assert_eq!(taken(&[&whole[..], &[0xff; 3000]].concat()).as_deref(), Ok("kitchen"), "in its partition");
    let for_it = blob(|draft| (draft.kind, draft.board) = ("pico", Some(BOARD)));
    assert_eq!(taken(&for_it).as_deref(), Ok("kitchen"));
    // A certificate that is only a hub's signs nothing.
    let by_hub = blob(|draft| draft.keyring = Some(keyring("a.hub", A)));
    assert_eq!(taken(&by_hub), Err(BlobError::NoOperator(fingerprint(A))));
    assert_eq!(taken(&blob(|draft| draft.keyring = None)), Err(BlobError::NoKeyring));
}

#[cfg_attr(test, test)]
pub(crate) fn a_provisioned_board_takes_the_word_of_its_own_operators_only() {
    let (trusts_a, trusts_b) = (keyring("a.operator", A), keyring("b.operator", B));
    let board = Recipient { keyring: Some(&trusts_a), ..NEW };
    assert_eq!(taken_by(&board, &blob(|_| ())).as_deref(), Ok("kitchen"));
    assert_eq!(taken_by(&board, &blob(|draft| draft.keyring = None)).as_deref(), Ok("kitchen"));
    // The blob names its signer an operator; the board does not.
    let other = Recipient { keyring: Some(&trusts_b), ..NEW };
    assert_eq!(taken_by(&other, &blob(|_| ())), Err(BlobError::NoOperator(fingerprint(A))));
    for epoch in [0, 4, 5] {
        let old = blob(|draft| draft.epoch = epoch);
        assert_eq!(taken_by(&board, &old), Err(BlobError::Old { epoch, last: 5 }));
    }
}

#[cfg_attr(test, test)]
pub(crate) fn a_provisioning_key_in_the_firmware_alone_signs_the_first_blob() {
    let key = signer(B_SECRET);
    let board = Recipient { key: Some(key.public_key()), ..NEW };
    let own = fingerprint(&key.public_key().to_sec1());
    let (trusts_a, content) = (keyring("a.operator", A), content());
    let draft = content.draft();
    let mut buffer = [0; MAX_BLOB];
    let signed = draft.sign_with_key(key.public_key(), &key, &Software, &mut buffer).unwrap().to_vec();
    assert_eq!(taken_by(&board, &signed).as_deref(), Ok("kitchen"));
    assert_eq!(taken_by(&board, &blob(|_| ())), Err(BlobError::OtherKey(fingerprint(A))));
    let forged = draft.sign_with_key(key.public_key(), &signer(A_SECRET), &Software, &mut buffer).unwrap();
    assert_eq!(taken_by(&board, forged), Err(BlobError::Forged(own)));
    let without = Draft { keyring: None, ..draft };
    let without = without.sign_with_key(key.public_key(), &key, &Software, &mut buffer).unwrap();
    assert_eq!(taken_by(&board, without), Err(BlobError::NoKeyring));
    // Once there is a keyring, its operators count.
    let provisioned = Recipient { keyring: Some(&trusts_a), ..board };
    assert_eq!(taken_by(&provisioned, &signed), Err(BlobError::NoOperator(own)));
    assert_eq!(taken_by(&provisioned, &blob(|_| ())).as_deref(), Ok("kitchen"));
}

#[cfg_attr(test, test)]
pub(crate) fn a_blob_for_another_board_is_refused() {
    assert_eq!(taken(&blob(|draft| draft.kind = "esp32")), Err(BlobError::OtherKind));
    let other = NodeId([8; 16]);
    assert_eq!(taken(&blob(|draft| draft.board = Some(other))), Err(BlobError::OtherBoard(other)));
}

#[cfg_attr(test, test)]
pub(crate) fn a_forged_blob_is_refused() {
    let mut buffer = [0; MAX_BLOB];
    let content = content();
    let forged = content.draft().sign(fingerprint(A), &signer(B_SECRET), &Software, &mut buffer).unwrap();
    assert_eq!(taken(forged), Err(BlobError::Forged(fingerprint(A))));
}

#[cfg_attr(test, test)]
pub(crate) fn a_blob_that_is_cut_off_damaged_or_too_long_says_so() {
    let whole = blob(|_| ());
    for length in 0..whole.len() {
        let error = taken(&whole[..length]).unwrap_err();
        let need = if length < 11 { 11 } else { whole.len() };
        let cut = BlobError::Truncated { have: length, need };
        assert_eq!(error, if length < 4 { BlobError::Missing } else { cut }, "{length} bytes");
    }
    assert_eq!(taken(&[0xff; 64]), Err(BlobError::Missing), "an erased partition");
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        let error = taken(&changed).unwrap_err();
        let expected = match at {
            0..4 => matches!(error, BlobError::Missing),
            4 => error == BlobError::Version(0x11),
            5..7 => matches!(error, BlobError::Truncated { .. } | BlobError::TooLong(_) | BlobError::Damaged),
            _ => error == BlobError::Damaged,
        };
        assert!(expected, "byte {at}: {error}");
    }
    let newer = [&whole[..4], &[2], &whole[5..]].concat();
    assert_eq!(taken(&newer), Err(BlobError::Version(2)));
    let long = [&whole[..5], &[0xff, 0xff], &whole[7..]].concat();
    assert_eq!(taken(&long), Err(BlobError::TooLong(0xffff + 11)));
    let none = b"MAEP\x01\x00\x00\x00\x00\x00\x00";
    assert_eq!(taken(none), Err(BlobError::Damaged), "without even a signature");
}

#[cfg_attr(test, test)]
pub(crate) fn settings_out_of_range_are_refused_on_both_sides() {
    type Case = (fn(&mut Settings<'static>), SettingsError);
    let cases: [Case; 14] = [
        (|settings| settings.name = "", SettingsError::Name),
        (|settings| settings.cluster = "my home", SettingsError::Cluster),
        (|settings| settings.hubs.clear(), SettingsError::NoHub),
        (|settings| settings.hubs[0] = "hub.example.com", SettingsError::Hub(1)),
        (|settings| settings.hubs.push("hub:0").unwrap(), SettingsError::Hub(2)),
        (|settings| settings.hubs.push("hub:+80").unwrap(), SettingsError::Hub(2)),
        (|settings| settings.hubs.push("[::1]:80").unwrap(), SettingsError::Hub(2)),
        (|settings| settings.listen.push("10.0.0.1").unwrap(), SettingsError::Listen(1)),
        (
            |settings| settings.listen = ["10.0.0.1:8374", "[::1]:8374"].into_iter().collect(),
            SettingsError::Listen(2),
        ),
        (|settings| settings.uses.push("a b").unwrap(), SettingsError::Use(1)),
        (
            |settings| {
                let address = [10, 0, 0, 1].into();
                let name_servers = [].into_iter().collect();
                settings.ip = Ip::Static { address, prefix: 33, gateway: None, name_servers };
            },
            SettingsError::Prefix(33),
        ),
        (|settings| settings.wifi = Some(Wifi { ssid: "", passphrase: "" }), SettingsError::Ssid),
        (|settings| settings.wifi = Some(Wifi { ssid: "x", passphrase: "short" }), SettingsError::Passphrase),
        (
            |settings| {
                let hub: &str = Box::leak(format!("{}:1", "x".repeat(126)).into());
                settings.hubs = [hub; 8].into_iter().collect();
            },
            SettingsError::TooLong,
        ),
    ];
    for (change, expected) in cases {
        let mut bad = settings();
        change(&mut bad);
        assert_eq!(bad.encode(&mut [0; MAX_SETTINGS]), Err(expected));
        // A host that does not check.
        let mut buffer = [0; 2048];
        let bytes = postcard::to_slice(&(2u8, &bad, &bad.listen), &mut buffer).unwrap().to_vec();
        assert_eq!(Settings::decode(&bytes), Err(expected));
        if expected != SettingsError::TooLong {
            let blob = blob(|draft| draft.settings = bytes);
            assert_eq!(taken(&blob), Err(BlobError::Settings(expected)));
        }
    }
    let good = encoded(&settings());
    assert_eq!(Settings::decode(&good), Ok(settings()));
    for length in 0..good.len() {
        assert!(Settings::decode(&good[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(Settings::decode(&[&good[..], b"x"].concat()), Err(SettingsError::Malformed));
    assert_eq!(Settings::decode(&[&[3], &good[1..]].concat()), Err(SettingsError::Version(3)));
}

#[cfg_attr(test, test)]
pub(crate) fn a_hub_says_where_it_listens_and_a_leaf_is_written_for_all_boards() {
    assert_eq!(encoded(&settings())[0], 1);
    // It may be the first hub of its cluster.
    let mut hub = Settings::new("attic", "home");
    hub.listen.extend(["192.168.1.7:8374", "attic.example.com:8374"]);
    let bytes = encoded(&hub);
    assert_eq!((bytes[0], Settings::decode(&bytes)), (2, Ok(hub)));
    for length in 0..bytes.len() {
        assert!(Settings::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    let as_leaf = [&[1], &bytes[1..]].concat();
    assert_eq!(Settings::decode(&as_leaf), Err(SettingsError::Malformed));
    let without =
        postcard::to_slice(&(2u8, &settings(), [""; 0].as_slice()), &mut [0; 256]).unwrap().to_vec();
    assert_eq!(Settings::decode(&without), Ok(settings()), "a host need not write the older version");
}

#[cfg_attr(test, test)]
pub(crate) fn no_passphrase_is_shown() {
    let mut with_wifi = settings();
    with_wifi.wifi = Some(Wifi { ssid: "home", passphrase: "correct horse" });
    let shown = format!("{with_wifi:?}");
    assert!(shown.contains("home") && !shown.contains("horse"), "{shown}");
}

#[cfg_attr(test, test)]
pub(crate) fn messages_pass_a_serial_line_beside_a_log() {
    let whole = blob(|_| ());
    let (mut scratch, mut line) = (vec![0; frame::MAX_PAYLOAD], vec![0; frame::MAX_FRAME + 1]);
    let sent = frame::encode(&frame::Request::Provision(&whole), &mut scratch, &mut line).unwrap().to_vec();
    let line = [b"0.1 info booting\r\n", &sent[..], b"0.2 info more\0"].concat();
    let mut parts = line.split(|byte| *byte == frame::END).filter(|part| !part.is_empty());
    let mut next = || parts.next().unwrap().to_vec();
    assert_eq!(frame::decode::<frame::Request<'_>>(&mut next()), Err(frame::FrameError::Damaged));
    let mut part = next();
    assert_eq!(frame::decode(&mut part), Ok(frame::Request::Provision(&whole)));
    assert_eq!(frame::decode::<frame::Request<'_>>(&mut next()), Err(frame::FrameError::Damaged));
    for at in 1..sent.len() - 1 {
        let mut changed = sent[1..sent.len() - 1].to_vec();
        changed[at - 1] ^= 0x40;
        let read = frame::decode::<frame::Request<'_>>(&mut changed);
        assert_eq!(read, Err(frame::FrameError::Damaged), "byte {at}");
    }
}

#[cfg_attr(test, test)]
pub(crate) fn the_longest_blob_passes_a_serial_line() {
    let longest = vec![0x5a; MAX_BLOB];
    let (mut scratch, mut line) = (vec![0; frame::MAX_PAYLOAD], vec![0; frame::MAX_FRAME + 1]);
    let sent = frame::encode(&frame::Request::Provision(&longest), &mut scratch, &mut line).unwrap();
    let mut part = sent[1..sent.len() - 1].to_vec();
    assert_eq!(frame::decode(&mut part), Ok(frame::Request::Provision(&longest)));
}

#[cfg(test)]
mod random {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = taken(&[&b"MAEP\x01"[..], &bytes].concat());
            for version in [1, 2] {
                let _ = Settings::decode(&[&[version][..], &bytes].concat());
            }
            let _ = frame::decode::<frame::Request<'_>>(&mut bytes.clone());
            let _ = frame::decode::<frame::Answer<'_>>(&mut bytes.clone());
        }
    }
}
