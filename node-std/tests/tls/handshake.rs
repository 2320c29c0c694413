//! Handshakes between two keyrings, as the server and the client see them.

use std::io;
use std::sync::Arc;

use node_core::trust::Rejection;
use node_core::wire::FIRST_RECORD;
use node_std::tls::{ALPN_LINK, Keyring, Shown, explain, peer_fingerprint};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::pki::{P256, Pki, RSA};

/// What is dialled in these tests. Certificates of a directory are trusted whatever they are dialled as.
fn server_name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

type Server = io::Result<server::TlsStream<DuplexStream>>;
type Client = io::Result<client::TlsStream<DuplexStream>>;

async fn handshake(server: &Keyring, client: Arc<ClientConfig>) -> (Server, Client) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let accept = TlsAcceptor::from(server.server_config().config).accept(near);
    let connect = TlsConnector::from(client).connect(server_name(), far);
    tokio::join!(accept, connect)
}

fn tls_error(error: &io::Error) -> &Error {
    error.get_ref().unwrap().downcast_ref().unwrap()
}

/// The alert of a server that refuses. In TLS 1.3 a client gets it only with the first read.
async fn alert(client: Client) -> io::Error {
    client.unwrap().read_u8().await.unwrap_err()
}

#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Offers the signature schemes of a board.
#[derive(Debug)]
struct OnlyP256;

impl ServerCertVerifier for OnlyP256 {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        unreachable!("no certificate is signed for")
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!("TLS 1.3 only")
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!("nothing is signed")
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

#[tokio::test]
async fn two_nodes_of_one_directory_connect() {
    for kind in [P256, RSA] {
        let pki = Pki::new(&[]);
        pki.make("a", kind);
        let (hub, node) = (Keyring::open(pki.dir()).unwrap(), Keyring::open(pki.dir()).unwrap());
        let (server, client) = handshake(&hub, node.link_client_config().config).await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        client.write_all(b"ping").await.unwrap();
        let mut read = [0; 4];
        server.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"ping");

        let fingerprint = Some(hub.active().certificate);
        assert_eq!(peer_fingerprint(server.get_ref().1).ok(), fingerprint);
        assert_eq!(peer_fingerprint(client.get_ref().1).ok(), fingerprint);
        assert_eq!(server.get_ref().1.alpn_protocol(), Some(ALPN_LINK));
        assert_eq!(server.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        assert_eq!(hub.rejected() + node.rejected(), 0);
    }
}

#[tokio::test]
async fn maelctl_speaks_http() {
    let pki = Pki::new(&["a"]);
    let keyring = Keyring::open(pki.dir()).unwrap();
    let (server, _client) = handshake(&keyring, keyring.http_client_config()).await;
    assert_eq!(server.unwrap().get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let pki = Pki::new(&["a"]);
    let keyring = Keyring::open(pki.dir()).unwrap();
    let mut bare = (*keyring.link_client_config().config).clone();
    bare.client_auth_cert_resolver = Arc::new(NoCertificate);
    let (server, client) = handshake(&keyring, Arc::new(bare)).await;
    let refusal = server.err().unwrap();
    assert_eq!(tls_error(&refusal), &Error::NoCertificatesPresented);
    assert!(explain(&refusal).contains("showed no certificate"));
    let alert = alert(client).await;
    assert_eq!(tls_error(&alert), &Error::AlertReceived(AlertDescription::CertificateRequired));
    assert!(explain(&alert).contains("set the TLS directory"));
}

#[tokio::test]
async fn an_unknown_client_is_refused_by_its_fingerprint() {
    let (ours, theirs) = (Pki::new(&["a"]), Pki::new(&["a"]));
    fn trust(of: &Pki, by: &Pki) {
        std::fs::copy(of.path("a.crt"), by.path("other.crt")).unwrap();
    }
    trust(&ours, &theirs);
    let (hub, unknown) = (Keyring::open(ours.dir()).unwrap(), Keyring::open(theirs.dir()).unwrap());
    let (server, client) = handshake(&hub, unknown.link_client_config().config).await;
    let refusal = server.err().unwrap();
    let Error::InvalidCertificate(CertificateError::Other(reason)) = tls_error(&refusal) else {
        panic!("{refusal}")
    };
    let fingerprint = unknown.active().certificate;
    assert!(matches!(
        reason.0.downcast_ref(),
        Some(Rejection::Unknown { fingerprint: named, .. }) if *named == fingerprint
    ));
    assert!(explain(&refusal).contains(&fingerprint.to_string()));
    assert_eq!((hub.rejected(), unknown.rejected()), (1, 0));
    assert!(explain(&alert(client).await).contains("does not trust this node's certificate"));
}

#[tokio::test]
async fn an_unknown_server_is_refused_by_the_client() {
    let (ours, theirs) = (Pki::new(&["a"]), Pki::new(&["a"]));
    std::fs::copy(ours.path("a.crt"), theirs.path("other.crt")).unwrap();
    let (node, rogue) = (Keyring::open(ours.dir()).unwrap(), Keyring::open(theirs.dir()).unwrap());
    let (server, client) = handshake(&rogue, node.link_client_config().config).await;
    assert!(explain(&client.err().unwrap()).contains(&rogue.active().certificate.to_string()));
    assert!(server.is_err());
    assert_eq!(node.rejected(), 1);
}

#[tokio::test]
async fn an_expired_client_is_refused_although_it_is_trusted() {
    let (ours, theirs) = (Pki::new(&["b"]), Pki::new(&[]));
    theirs.make_dated("a", "20200101000000Z", "20210101000000Z");
    std::fs::copy(theirs.path("a.crt"), ours.path("a.crt")).unwrap();
    std::fs::copy(ours.path("b.crt"), theirs.path("b.crt")).unwrap();
    let (hub, late) = (Keyring::open(ours.dir()).unwrap(), Keyring::open(theirs.dir()).unwrap());
    let (server, client) = handshake(&hub, late.link_client_config().config).await;
    let refusal = server.err().unwrap();
    assert!(matches!(
        tls_error(&refusal),
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })
            if not_after.as_secs() == 1_609_459_200
    ));
    assert!(explain(&refusal).contains("expired at 2021-01-01T00:00:00Z"), "{}", explain(&refusal));
    let alert = alert(client).await;
    assert_eq!(tls_error(&alert), &Error::AlertReceived(AlertDescription::CertificateExpired));
}

#[tokio::test]
async fn a_client_of_the_future_is_refused() {
    let pki = Pki::new(&["b"]);
    let early = pki.copy();
    early.make_dated("a", "20900101000000Z", "20910101000000Z");
    std::fs::copy(early.path("a.crt"), pki.path("a.crt")).unwrap();
    let (hub, early) = (Keyring::open(pki.dir()).unwrap(), Keyring::open(early.dir()).unwrap());
    let (server, _client) = handshake(&hub, early.link_client_config().config).await;
    let refusal = server.err().unwrap();
    assert!(matches!(
        tls_error(&refusal),
        Error::InvalidCertificate(CertificateError::NotValidYetContext { .. })
    ));
    assert!(explain(&refusal).contains("valid only from 2090-01-01T00:00:00Z"), "{}", explain(&refusal));
}

#[tokio::test]
async fn an_rsa_hub_learns_what_a_board_needs() {
    let pki = Pki::new(&["b"]);
    pki.make("a", RSA);
    let hub = Keyring::open(pki.dir()).unwrap();
    let mut board = (*hub.link_client_config().config).clone();
    board.dangerous().set_certificate_verifier(Arc::new(OnlyP256));
    let (server, _client) = handshake(&hub, Arc::new(board)).await;
    let refusal = server.err().unwrap();
    assert!(explain(&refusal).contains("make a P-256 pair active"), "{refusal}");
}

#[tokio::test]
async fn a_node_that_missed_one_rotation_gets_in_and_after_two_it_does_not() {
    let cluster = Pki::new(&["server_a", "server_b", "server_c"]);
    let behind = cluster.copy();
    let (hub, late) = (Keyring::open(cluster.dir()).unwrap(), Keyring::open(behind.dir()).unwrap());
    let connects = async || {
        let (server, client) = handshake(&hub, late.link_client_config().config).await;
        server.is_ok() && client.is_ok()
    };
    let (up, _client) = handshake(&hub, late.link_client_config().config).await;
    let shown = Shown::of(up.unwrap().get_ref().1, None);
    assert!(hub.judge(&shown).is_ok());

    cluster.rotate();
    assert!(hub.reload().unwrap());
    assert!(hub.judge(&shown).is_ok());
    assert!(connects().await);

    cluster.rotate();
    assert!(hub.reload().unwrap());
    assert!(matches!(hub.judge(&shown), Err(Rejection::Unknown { .. })));
    assert!(!connects().await);

    behind.sync_from(&cluster);
    assert!(late.reload().unwrap());
    assert_eq!(late.digest(), hub.digest());
    assert!(connects().await);
}

#[tokio::test]
async fn a_write_is_a_record_of_its_own_and_a_handshake_fits_a_boards_buffer() {
    let pki = Pki::new(&[]);
    pki.make("a", RSA);
    let keyring = Keyring::open(pki.dir()).unwrap();
    let (near, far) = tokio::io::duplex(1 << 18);
    let (carrier, board) = tokio::io::duplex(1 << 18);
    let accept = TlsAcceptor::from(keyring.server_config().config).accept(near);
    let connect = TlsConnector::from(keyring.link_client_config().config).connect(server_name(), board);
    let (mut from_server, mut to_server) = tokio::io::split(far);
    let (mut from_board, mut to_board) = tokio::io::split(carrier);
    let mut lengths = Vec::new();
    let observe = async {
        let mut header = [0; 5];
        while from_server.read_exact(&mut header).await.is_ok() {
            let mut body = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
            from_server.read_exact(&mut body).await.unwrap();
            lengths.push(body.len());
            to_board.write_all(&header).await.unwrap();
            to_board.write_all(&body).await.unwrap();
        }
        core::future::pending().await
    };
    let talk = async {
        let (server, client) = tokio::join!(accept, connect);
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        // A link relies on it: it writes no more at once than its peer's buffer holds (R-003g).
        for _ in 0..16 {
            server.write_all(&[7; FIRST_RECORD]).await.unwrap();
        }
        server.shutdown().await.unwrap();
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        assert_eq!(read.len(), 16 * FIRST_RECORD);
    };
    tokio::select! {
        () = talk => {}
        () = observe => {}
        _ = tokio::io::copy(&mut from_board, &mut to_server) => {}
    }
    let sealed = FIRST_RECORD + 17;
    assert_eq!(lengths.iter().filter(|length| **length == sealed).count(), 16, "{lengths:?}");
    assert!(lengths.iter().all(|length| *length <= 4096), "{lengths:?}");
}
