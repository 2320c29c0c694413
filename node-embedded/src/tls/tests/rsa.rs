//! A hub with an RSA key, played by rustls. The board can check no RSA signature, and its ClientHello says so.

use std::boxed::Box;
use std::string::ToString;
use std::sync::Arc;
use std::vec;

use embedded_io_async::{Read as _, Write as _};
use rustls::crypto::ring;
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{Error, PeerIncompatible, ServerConfig, ServerConnection, SignatureAlgorithm, SignatureScheme};

use super::*;

/// Never gets to sign.
#[derive(Debug)]
struct RsaKey;

impl SigningKey for RsaKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        assert!(!offered.contains(&SignatureScheme::RSA_PSS_SHA256), "{offered:?}");
        None
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

#[test]
fn a_hub_with_an_rsa_key_gets_an_error_of_its_own() {
    let key = CertifiedKey::new(vec![RSA.into()], Arc::new(RsaKey));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    let serve = async |mut up: Pipe, mut down: Pipe| {
        let mut hub = ServerConnection::new(Arc::new(config)).unwrap();
        loop {
            let mut buffer = [0; 1024];
            let read = up.read(&mut buffer).await.unwrap();
            hub.read_tls(&mut &buffer[..read]).unwrap();
            let processed = hub.process_new_packets();
            let mut reply = Vec::new();
            while hub.wants_write() {
                hub.write_tls(&mut reply).unwrap();
            }
            down.write_all(&reply).await.unwrap();
            if let Err(error) = processed {
                return error;
            }
        }
    };
    let (outcome, error) = meet(trust(RSA), Board::new(), OsRng, serve);
    assert_eq!(error, Some(Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon)));
    let error = outcome.opened.unwrap_err();
    assert!(matches!(error, SessionError::NoCommonKey), "{error}");
    assert!(error.to_string().contains("P-256"), "{error}");
}
