//! A hub's side of TLS: rustls, which asks for certificates and accepts the trusted ones.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use embassy_net::tcp::TcpSocket;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, ServerConnection,
    SignatureScheme,
};

use crate::identity::Identity;

/// The certificates that a hub trusts; a test may change them while it runs.
pub type Trusted = Arc<Mutex<Vec<Vec<u8>>>>;

/// The certificate that a hub shows, and those that it accepts.
pub fn server_config(identity: &Identity, trusted: Trusted) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(Arc::new(Exactly { trusted, provider }))
        .with_single_cert(
            core::iter::once(&identity.certificate)
                .chain(&identity.path)
                .map(|der| der.clone().into())
                .collect(),
            PrivatePkcs8KeyDer::from(identity.key.serialize_der()).into(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"mael/1".to_vec()];
    config.max_fragment_size = Some(4084);
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

#[derive(Debug)]
struct Exactly {
    trusted: Trusted,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Exactly {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.trusted.lock().unwrap().iter().any(|trusted| trusted == shown.as_ref()) {
            return Ok(ClientCertVerified::assertion());
        }
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A TLS connection over a socket of embassy-net.
pub struct TlsServer<'s> {
    pub tls: ServerConnection,
    socket: TcpSocket<'s>,
}

impl<'s> TlsServer<'s> {
    /// Serves TLS on a connection that was accepted.
    pub fn new(config: Arc<ServerConfig>, socket: TcpSocket<'s>) -> Self {
        Self { tls: ServerConnection::new(config).unwrap(), socket }
    }

    /// Sends the bytes that TLS has to send.
    pub async fn flush(&mut self) -> Result<(), ()> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let sent = self.socket.write(rest).await.map_err(drop)?;
            rest = &rest[sent..];
        }
        Ok(())
    }

    /// Waits for bytes, and returns the plaintext in them. It may be dropped while it waits.
    pub async fn receive(&mut self) -> Result<Vec<u8>, ()> {
        let mut buffer = [0; 2048];
        let read = self.socket.read(&mut buffer).await.map_err(drop)?;
        if read == 0 {
            return Err(());
        }
        let mut rest = &buffer[..read];
        let mut plain = Vec::new();
        while !rest.is_empty() {
            self.tls.read_tls(&mut rest).unwrap();
            let state = self.tls.process_new_packets().map_err(drop);
            let Ok(state) = state else {
                // The alert that gives the reason. A reset would overtake it.
                let _ = self.flush().await;
                let second = embassy_time::Duration::from_secs(1);
                let _ = embassy_time::with_timeout(second, self.socket.flush()).await;
                return Err(());
            };
            let mut part = vec![0; state.plaintext_bytes_to_read()];
            self.tls.reader().read_exact(&mut part).unwrap();
            plain.extend_from_slice(&part);
        }
        Ok(plain)
    }

    /// Accepts plaintext to send.
    pub fn queue(&mut self, plain: &[u8]) {
        // It fails after a record of the board that was wrong, of which `receive` tells.
        let _ = self.tls.writer().write_all(plain);
    }

    /// The certificate that the board showed.
    pub fn shown(&self) -> Option<Vec<u8>> {
        self.tls.peer_certificates().and_then(|shown| shown.first()).map(|shown| shown.to_vec())
    }

    /// Ends the connection in order.
    pub async fn close(mut self) {
        self.tls.send_close_notify();
        let _ = self.flush().await;
        self.socket.close();
        let _ = embassy_time::with_timeout(embassy_time::Duration::from_secs(1), self.socket.flush()).await;
    }

    /// Ends the connection immediately.
    pub async fn abort(mut self) {
        self.socket.abort();
        let _ = embassy_time::with_timeout(embassy_time::Duration::from_secs(1), self.socket.flush()).await;
    }
}
