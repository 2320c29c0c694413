//! Provisioning: the settings and the keyring of a board in one signed blob, for a partition of its flash or over a serial line
//!
//!
//! A host fills a [`Draft`] and signs it. A board reads the [`Blob`], checks it against what it is and holds, and stores its
//! two parts as they are: the encoded [`Settings`] and the keyring ([`Bundle`](crate::keys::Bundle)). [`frame`] is how both talk
//! over a serial line, and [`certificate_request`] what a board that holds its own TLS key asks a certificate with.

mod blob;
mod draft;
mod error;
pub mod frame;
mod request;
mod settings;

pub use blob::{Blob, MAX_BLOB, Recipient};
pub use draft::{Draft, DraftError};
pub use error::BlobError;
pub use request::{CertificateRequest, MAX_REQUEST, certificate_request};
pub use settings::{
    Ip, MAX_HUBS, MAX_LISTEN, MAX_NAME_SERVERS, MAX_PINS, MAX_SETTINGS, MAX_USES, Settings, SettingsError,
    Wifi,
};
