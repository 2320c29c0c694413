//! Lists of revoked certificates (CRLs, RFC 5280 section 5) by HTTP.
//!
//! Data flows one way: sources (the configuration, certificates) → schedule → fetch → check → cache → `Distribution` → the trust
//! rules. Nothing is taken that no known CA signed, so HTTP needs no TLS.

mod cache;
mod check;
mod distribution;
mod fetch;
mod fetcher;
mod list;
mod schedule;
mod source;
mod url;

pub(super) use distribution::{Distribution, Fetched};
pub use fetcher::Fetcher;
pub use list::ListStatus;
pub(super) use list::{Listed, MAX_LIST, ders};
pub use schedule::Refresh;
pub(super) use source::Sources;
pub use url::{BadCrlUrl, CrlUrl};
