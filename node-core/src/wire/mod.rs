//! The wire format: frames, and the postcard messages inside them. PROTOCOL.md is the specification, and the code cites
//! its rules as `R-nnn`.
//!
//! Messages borrow from the frame that they came in, so reading copies nothing. Unknown frame kinds are skipped,
//! unknown protocol versions are refused.

pub mod frame;
pub mod goaway;
pub mod gossip;
pub mod hello;
pub mod open;
pub mod outbox;
pub mod record;

pub use frame::{Frame, FrameKind, HEADER, Header, MIN_FRAME};
pub use goaway::GoAway;
pub use hello::{FIRST_RECORD, Hello, Limits, PREFACE, Proof, VERSION};
pub use open::{Open, ResetCode, Service};
pub use outbox::{Full, Outbox, SliceOutbox};
pub use record::{Kind, Metadata, Record, Rival, Start, State};
