use core::net::SocketAddr;
use core::sync::atomic::AtomicU16;

use http::Response;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpSocket};

use super::*;
use crate::config::{GatewayTls, UpstreamTls};
use crate::port::gateway_tls::TlsTerminator;
use crate::testing::{Log, component, server};
use crate::tls::settings::{PairSource, Pem};

/// The answer of the upstream `checked`.
static STATUS: AtomicU16 = AtomicU16::new(200);

async fn checked() -> SocketAddr {
    server(|request: Request<hyper::body::Incoming>| async move {
        let is_check = request.uri() == "/base/health?deep" && request.headers().contains_key("host");
        let status = if is_check { STATUS.load(Ordering::Relaxed) } else { 404 };
        Response::builder().status(status).body(Empty::<Bytes>::new()).unwrap()
    })
    .await
}

fn check(path: &str) -> Option<HealthCheck> {
    let (interval, timeout) = (Duration::from_millis(5), Duration::from_millis(500));
    Some(HealthCheck { path: path.to_owned(), interval, timeout })
}

fn start(component: Component) -> Arc<Health> {
    let checks = HealthChecks::open(&[component]).unwrap();
    let health = checks.health();
    tokio::spawn(checks.run(CancellationToken::new()));
    health
}

async fn until(what: impl Fn() -> bool) {
    let wait = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn an_upstream_is_down_while_it_fails_its_checks() {
    let (log, _guard) = Log::start();
    let mut shop =
        Component { health_check: check("/health?deep"), ..component("shop", checked().await, "/base") };
    // The second one refuses connections.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refusing = closed.local_addr().unwrap();
    shop.upstreams.push(format!("http://{refusing}").parse().unwrap());
    let health = start(shop);
    until(|| !health.is_up("shop", 1)).await;
    assert!(health.is_up("shop", 0) && health.is_any_up("shop"));
    STATUS.store(500, Ordering::Relaxed);
    until(|| !health.is_any_up("shop")).await;
    STATUS.store(302, Ordering::Relaxed);
    until(|| health.is_any_up("shop")).await;
    assert!(health.is_up("shop", 0) && !health.is_up("shop", 1));
    assert!(log.lines("refused").iter().any(|line| line.contains("shop") && line.contains("is down")));
    assert_eq!(log.lines("answered 500").len(), 1, "each change is told once");
    assert_eq!(log.lines("is up again").len(), 1);
}

#[tokio::test]
async fn who_never_answers_is_down() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = silent.local_addr().unwrap();
    let mut slow = Component { health_check: check("/"), ..component("slow", url, "") };
    slow.health_check.as_mut().unwrap().timeout = Duration::from_millis(20);
    let health = start(slow);
    until(|| !health.is_any_up("slow")).await;
}

#[tokio::test]
async fn http2_without_tls_is_checked_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                seen.store(request.uri().path() == "/up", Ordering::Relaxed);
                async { Ok::<_, core::convert::Infallible>(Response::new(Empty::<Bytes>::new())) }
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(io), service));
        }
    });
    let mut lamp = component("lamp", addr, "");
    lamp.upstreams = vec![format!("h2c://{addr}").parse().unwrap()];
    let health = start(Component { health_check: check("/up"), ..lamp });
    until(|| asked.load(Ordering::Relaxed)).await;
    assert!(health.is_up("lamp", 0));
}

#[tokio::test]
async fn an_https_upstream_proves_its_name() {
    let (log, _guard) = Log::start();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    for name in ["shop", "other"] {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new([format!("{name}.internal")]).unwrap();
        std::fs::write(file(&format!("{name}.crt")), certificate.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let pem = |name: &str| Pem::File(file(name));
    let pair = PairSource { certificate: pem("shop.crt"), key: Some(pem("shop.key")), password: None };
    let terminator = TlsTerminator::open(GatewayTls::new(vec![pair])).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let Ok(io) = terminator.accept(io).await else { continue };
            let service = service_fn(|_: Request<hyper::body::Incoming>| async {
                Ok::<_, core::convert::Infallible>(Response::new(Empty::<Bytes>::new()))
            });
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(io), service));
        }
    });
    let upstream = |name: &str, ca: &str, server_name: &str| {
        let server_name = Some(ServerName::try_from(server_name.to_owned()).unwrap());
        let tls = Some(UpstreamTls { authorities: vec![pem(ca)], server_name });
        let upstreams = vec![format!("https://{addr}").parse().unwrap()];
        Component { upstreams, tls, health_check: check("/"), ..component(name, addr, "") }
    };
    let right = upstream("right", "shop.crt", "shop.internal");
    let probes = HealthChecks::open(core::slice::from_ref(&right)).unwrap().probes;
    probes[0].ask().await.unwrap();
    let strangers =
        [upstream("ca", "other.crt", "shop.internal"), upstream("name", "shop.crt", "x.internal")];
    for stranger in strangers {
        let name = stranger.name.to_string();
        let health = start(stranger);
        until(|| !health.is_any_up(&name)).await;
        assert!(log.lines(&format!("component {name}"))[0].contains("invalid peer certificate"));
    }
}

#[test]
fn without_a_check_everything_is_up() {
    let health = Health::default();
    assert!(health.is_up("shop", 0) && health.is_any_up("shop"));
}
