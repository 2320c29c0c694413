//! A member on the path between two others. It holds the TLS key that all share, so it can end both TLS connections.

use std::net::SocketAddr;
use std::sync::Arc;

use node_std::tls::Keyring;
use node_tests::daemon::Setup;
use node_tests::pki::{Algorithm, TlsDir};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Joins every connection to itself with one to `target`.
fn stand_before(target: SocketAddr, keyring: Arc<Keyring>, runtime: &Runtime) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let addr = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let keyring = Arc::clone(&keyring);
            tokio::spawn(async move {
                let mut near = TlsAcceptor::from(keyring.server_config().config).accept(near).await?;
                let far = TcpStream::connect(target).await?;
                let connector = TlsConnector::from(keyring.link_client_config().config);
                let mut far = connector.connect(keyring.server_name("127.0.0.1:1"), far).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    addr
}

#[test]
fn a_member_on_the_path_with_the_shared_key_gets_no_link() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let (ada, ben) = (made.copy().unwrap(), made.copy().unwrap());
    let ada = Setup::named("ada").unwrap().tls(ada.path()).start().unwrap();
    let runtime = Runtime::new().unwrap();
    let middle = stand_before(ada.private(), Keyring::open(made.path()).unwrap(), &runtime);
    let ben = Setup::named("ben").unwrap().tls(ben.path()).join(middle).start().unwrap();
    // Each end sees the certificate that it expects, and another TLS connection than the other.
    for node in [&ada, &ben] {
        node.wait_for_log("the peer did not prove that it is node").unwrap();
    }
    let nodes = ben.ctl().nodes().unwrap();
    assert!(nodes.iter().all(|node| node.name != "ada"), "{nodes:?}");
}
