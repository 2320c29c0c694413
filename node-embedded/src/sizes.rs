//! Every size of a node in one place, with the proofs that they fit together. Bytes unless said otherwise.
//!
//! A product chooses these at build time, by variables of the environment, for example in the table `[env]` of its
//! `.cargo/config.toml`. A value out of range, or one that does not fit the others, does not compile.
//!
//! | variable | size | default | range |
//! |---|---|---|---|
//! | `NODE_EMBEDDED_MEMBERS` | [`MEMBERS`] | 16 | 4 to 1,024 |
//! | `NODE_EMBEDDED_TLS_READ` | [`TLS_READ`] | 4,096 | 1,600 to 16,640 |
//! | `NODE_EMBEDDED_TCP_READ` | [`TCP_READ`] | 2,048 | 536 to 65,535 |
//! | `NODE_EMBEDDED_TCP_WRITE` | [`TCP_WRITE`] | 2,048 | 536 to 65,535 |
//! | `NODE_EMBEDDED_THEIR_EXCHANGES` | [`THEIR_EXCHANGES`] | 6 | 2 to 64 |
//! | `NODE_EMBEDDED_EXCHANGE_CREDIT` | [`EXCHANGE_CREDIT`] | 512 | 256 to 65,535 |
//! | `NODE_EMBEDDED_WORKERS` | [`WORKERS`] | 3 | 1 to 3 |
//! | `NODE_EMBEDDED_BUNDLE` | [`BUNDLE`] | 3,840 | 1,536 to 3,840 |
//! | `NODE_EMBEDDED_LOG` | [`LOG`] | 1,024 | 256 to 65,536 |
//!
//! The aim is a whole node, its stack included, in 64 KB of RAM; a board's `sizes.txt` holds its present size.

use embassy_time::Duration;
use node_core::keys::{MAX_BUNDLE, MAX_BUNDLE_CERTIFICATE, MAX_SEALED};
use node_core::rpc::MAX_PING;
use node_core::wire::record::MAX_METADATA;
use node_core::wire::{FIRST_RECORD, HEADER, Limits, MIN_FRAME, PREFACE};

/// TLS connections at the same time. Two, so that a new link is up before the one that it replaces is drained.
pub const LINKS: usize = 2;
/// TLS connections that a hub accepts at the same time. One of them is for the link that replaces another when keys change.
pub const ACCEPTED: usize = if cfg!(feature = "accept") { 4 } else { 0 };
/// TLS keys that the board makes and keeps itself.
pub(crate) const TLS_KEYS: usize = if cfg!(feature = "tls-key") { 1 } else { 0 };
/// All connections.
pub const PORTS: usize = LINKS + ACCEPTED;
/// Members that the table holds, this node included.
pub const MEMBERS: usize = chosen(option_env!("NODE_EMBEDDED_MEMBERS"), 16, 4, 1024);
/// Room for a member's metadata, its key and signature included, on average. The table forgets metadata that does not fit
/// beside the others.
pub const METADATA: usize = 256;

/// Longest TLS record that the board accepts, without its header. What a hub sends on a link takes less than 1,600 bytes (R-003g). The
/// certificates that it shows in the handshake may take more, above all those of a CA.
pub const TLS_READ: usize = chosen(option_env!("NODE_EMBEDDED_TLS_READ"), 4096, 1600, 16_640);
/// Memory in which the board builds a TLS record.
pub const TLS_WRITE: usize = BATCH + TLS_WRITE_OVERHEAD + 1;
/// The bytes that embedded-tls keeps free in that memory, and the record's header.
const TLS_WRITE_OVERHEAD: usize = embedded_tls::TLS_RECORD_OVERHEAD + 5;
/// Longest TLS record that the board accepts from a peer that dialled it, without its header.
#[cfg(feature = "accept")]
pub const TLS_ACCEPT: usize = 4096;
/// Longest TLS record that the board sends to a peer that dialled it, without its header. The board's whole first answer is
/// one of them, so that a leaf with a record buffer of this size can read it.
#[cfg(feature = "accept")]
pub const TLS_ANSWER: usize = 1600;
/// Memory from the heap that a connection takes while it is in its handshake, at most, whoever the peer is.
#[cfg(feature = "accept")]
pub const ACCEPT_HEAP: usize = 14 * 1024;
/// Memory from the heap that it takes afterwards, beside a record that is being read or written.
#[cfg(feature = "accept")]
pub const ACCEPT_HEAP_IDLE: usize = 4 * 1024;
/// TCP's receive window.
pub const TCP_READ: usize = chosen(option_env!("NODE_EMBEDDED_TCP_READ"), 2048, 536, 65_535);
/// TCP's send queue.
pub const TCP_WRITE: usize = chosen(option_env!("NODE_EMBEDDED_TCP_WRITE"), 2048, 536, 65_535);

/// Frames that go into one TLS record.
pub const BATCH: usize = 1280;
/// Largest payload of a frame that a hub may send.
pub const FRAME: u16 = 1024;
/// Memory for the frame that arrives.
pub const INPUT: usize = HEADER + FRAME as usize;

/// Exchanges that a hub may have open on one link. The last one is for built-in methods, so that an operator gets through.
pub const THEIR_EXCHANGES: usize = chosen(option_env!("NODE_EMBEDDED_THEIR_EXCHANGES"), 6, 2, 64);
/// Exchanges of hubs, on all links.
pub const ALL_THEIR_EXCHANGES: usize = THEIR_EXCHANGES + 2 + 2 * ACCEPTED;
/// Exchanges of this node's own, on all links.
pub const OUR_EXCHANGES: usize = 4 + ONWARD;
/// Exchanges that a hub passes on to other nodes: one for each of its relays, and for each worker that takes requests.
const ONWARD: usize = if cfg!(feature = "accept") { RELAYS + WORKERS } else { 0 };
/// Exchanges between other nodes that a hub relays at the same time. The last of them relays built-in methods alone, so that an
/// operator gets through.
pub const RELAYS: usize = 4;
/// All exchanges.
pub const EXCHANGES: usize = ALL_THEIR_EXCHANGES + OUR_EXCHANGES;
/// Bytes that a hub may send on one exchange before the node reads them.
pub const EXCHANGE_CREDIT: usize = chosen(option_env!("NODE_EMBEDDED_EXCHANGE_CREDIT"), 512, 256, 65_535);
/// Bytes that a hub may send on one link before the node reads them.
pub const LINK_CREDIT: usize = THEIR_EXCHANGES * EXCHANGE_CREDIT;
/// Requests to the application that the node answers at the same time, beside one built-in method. Where there are several workers, the
/// last one takes no request whose end has not arrived, so that slow uploads leave it to others.
pub const WORKERS: usize = chosen(option_env!("NODE_EMBEDDED_WORKERS"), 3, 1, 3);
/// How long a further request waits for a worker. Then it is reset with *full*, of which a hub makes status 503.
pub const WAIT: Duration = Duration::from_secs(5);
/// How long a worker waits for a hub that sends nothing, or reads nothing. Then the request is answered with status 408 if it
/// was not answered yet, and reset otherwise.
pub const STALL: Duration = Duration::from_secs(10);
/// A hub that sends or reads fewer bytes a second than that, on average, uses up [`STALL`].
pub const LEAST_RATE: u64 = 256;

/// Subscriptions of other nodes to topics of this board, at the same time.
pub const SUBSCRIBERS: usize = 4;

/// Lines of the log that are kept, with the feature `logs`.
pub const LOG: usize = chosen(option_env!("NODE_EMBEDDED_LOG"), 1024, 256, 65_536);
/// Longest line among them.
pub const LOG_LINE: usize = 160;

/// Longest head of an HTTP request to a component, longest body of a custom method, of an event with its topic, and of a ping.
pub const HEAD: usize = 1024;
/// Longest head of an HTTP response that a component writes.
pub const RESPONSE_HEAD: usize = 512;
/// Most fields in a head.
pub const FIELDS: usize = 24;

/// Longest keyring bundle. It is one item in flash, whose pages have 4 KiB.
pub const BUNDLE: usize = chosen(option_env!("NODE_EMBEDDED_BUNDLE"), 3840, 1536, 3840);
/// Memory in which a sealed keyring arrives, and is decrypted.
pub const SEALED: usize = BUNDLE + MAX_SEALED - MAX_BUNDLE;
/// Memory in which a blob arrives before the node starts, as one frame of a serial line: that of sealed keyrings and of heads.
pub const SCRATCH: usize = SEALED + HEADS;
/// Memory for the heads of requests, and for methods.
pub(crate) const HEADS: usize = (WORKERS + 1) * HEAD;
/// Longest item in flash: the bundle and its key, in words of up to 32 bytes.
pub const ITEM: usize = BUNDLE + 32;

/// The limits that this node tells its hubs to respect.
pub const LIMITS: Limits = Limits {
    frame: FRAME,
    exchanges: THEIR_EXCHANGES as u16,
    exchange_credit: EXCHANGE_CREDIT as u32,
    link_credit: LINK_CREDIT as u32,
    members: MEMBERS as u32,
};

const _: () = assert!(LIMITS.is_valid());
const _: () = assert!(TLS_READ >= LIMITS.record() + 17, "what a hub sends fits a record");
const _: () = assert!(BATCH <= FIRST_RECORD, "what this node sends fits the record of any peer");
const _: () =
    assert!(MEMBERS * METADATA >= 4 * MAX_METADATA, "the metadata of this node and of its hubs always fits");
const _: () = assert!(
    BATCH >= PREFACE.len() + HEADER + 192 + HEADER + MIN_FRAME,
    "a hello and a proof of identity fit one batch"
);
const _: () = assert!(BATCH + 22 <= 1460, "a full TLS record fits one Ethernet frame");
const _: () =
    assert!(TLS_WRITE >= MAX_BUNDLE_CERTIFICATE + 64 + 255, "this node's certificate fits a record");
#[cfg(feature = "accept")]
const _: () = assert!(TLS_ANSWER >= MAX_BUNDLE_CERTIFICATE + 256 && TLS_ANSWER >= BATCH + 17);
const _: () = assert!(BUNDLE <= MAX_BUNDLE);
const _: () =
    assert!(SCRATCH >= 2 * node_core::provision::frame::MAX_ANSWER + 16, "an answer fits, and its frame");
const _: () = assert!(ITEM >= node_core::provision::MAX_SETTINGS + 32, "settings are one item");
const _: () = assert!(HEAD >= MAX_PING);
const _: () = assert!(ALL_THEIR_EXCHANGES >= THEIR_EXCHANGES && THEIR_EXCHANGES >= 2);
const _: () = assert!(THEIR_EXCHANGES <= u16::MAX as usize && EXCHANGES <= u8::MAX as usize);

/// The size that the builder of the firmware chose, else `default`. The compiler refuses what is no number from `least` to `most`.
const fn chosen(value: Option<&str>, default: usize, least: usize, most: usize) -> usize {
    let Some(value) = value else { return default };
    let mut digits = value.as_bytes();
    assert!(
        !digits.is_empty() && digits.len() <= 9,
        "a size is a number of at most nine digits: see node-embedded/src/sizes.rs"
    );
    let mut size = 0;
    while let [digit, rest @ ..] = digits {
        assert!(
            digit.is_ascii_digit(),
            "a size is a number without spaces and signs: see node-embedded/src/sizes.rs"
        );
        size = size * 10 + (*digit - b'0') as usize;
        digits = rest;
    }
    assert!(least <= size && size <= most, "a size is out of its range: see node-embedded/src/sizes.rs");
    size
}
