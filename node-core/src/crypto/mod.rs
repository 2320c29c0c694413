//! The cryptography that a device or a server plugs in.
//!
//! Small traits, so that a hash unit, an ECDSA accelerator or a secure element can implement any one of them.
//! P-256 with SHA-256 is the only signature that every node MUST know, because boards can afford it.

mod p256;
#[cfg(feature = "seal")]
mod seal;
#[cfg(feature = "software")]
mod software;
#[cfg(feature = "software")]
mod software_path;
mod traits;
#[cfg(feature = "unseal")]
mod unseal;

pub use p256::{
    BadSeal, BadSecret, BadSignature, DerSignature, P256Point, P256Secret, PublicKey, SignError, Signature,
};
#[cfg(feature = "seal")]
pub(crate) use seal::seal;
#[cfg(feature = "software")]
pub use software::{Software, SoftwareSigner};
#[cfg(feature = "software")]
pub use software_path::SOFTWARE_ALGORITHMS;
pub use traits::{Check, Derive, Digest, Sign, Unseal, Verify};
