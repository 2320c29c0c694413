//! What both ends of a finished handshake know, and no other connection has.

use std::io;

use node_core::crypto::{Digest, Software};
use node_core::identity::{Certificates, Channel};
use node_core::trust::Fingerprint;
use rustls::{CommonState, ConnectionCommon};

/// The label of the exporter for channel binding (RFC 9266).
const LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// The channel of a finished handshake in which this node showed the certificate `ours`. Of a peer that showed none, it has no
/// certificates: the exporter alone binds the proofs then.
///
/// # Errors
/// There is no exporter. No finished handshake of this node allows that.
pub fn channel<D>(connection: &ConnectionCommon<D>, ours: Fingerprint) -> io::Result<Channel> {
    let exporter = connection.export_keying_material([0; 32], LABEL, Some(&[])).map_err(io::Error::other)?;
    let certificates = peer_fingerprint(connection).ok().map(|theirs| Certificates { ours, theirs });
    Ok(Channel { certificates, exporter: Some(exporter) })
}

/// SHA-256 of the certificate that the peer presented.
///
/// # Errors
/// It presented none.
pub fn peer_fingerprint(connection: &CommonState) -> io::Result<Fingerprint> {
    let leaf = connection.peer_certificates().and_then(<[_]>::first);
    let leaf = leaf.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no certificate was shown"))?;
    Ok(Fingerprint(Software.sha256(&[leaf])))
}
