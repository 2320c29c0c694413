//! What travels on a link: frames, and the postcard messages inside them. PROTOCOL.md is the specification;
//! the rules that code keeps are cited as `R-nnn`.
//!
//! Messages borrow from the frame they came in, so nothing is copied to read them. Unknown frame kinds are
//! skipped, unknown protocol versions refused.

pub mod frame;
pub mod goaway;
pub mod gossip;
pub mod hello;
pub mod open;
pub mod outbox;
pub mod record;

pub use frame::{Frame, FrameKind, HEADER, Header, MIN_FRAME};
pub use goaway::GoAway;
pub use hello::{Hello, Limits, PREFACE, VERSION};
pub use open::{Open, ResetCode, Service};
pub use outbox::{Full, Outbox, SliceOutbox};
pub use record::{Kind, Metadata, Record, State};
