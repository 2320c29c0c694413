//! Full mutual handshakes with one maelstromd: of a certificate that it trusts exactly, one that a CA signed, and one that an
//! intermediate signed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use node_std::tls::Keyring;
use node_std::tls::settings::{PairSource, Pem, TlsSettings};
use node_tests::daemon::{Daemon, Setup};
use node_tests::pki::{Algorithm, TlsDir};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::report::{Rate, Stopwatch};

/// Makes a CA `ca.crt`, `leaf.crt` signed by it, and `chain.crt`: a leaf and the intermediate that signed it.
const CERTIFICATES: &str = r#"
key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }
sign() { openssl req -new -key $1.key -subj /CN=$1 | openssl x509 -req -CA $2.crt -CAkey $2.key -CAcreateserial -days 30 -extfile $3 -out $1.crt; }
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign' > ca.ext
printf 'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=IP:127.0.0.1' > leaf.ext
key ca; openssl req -x509 -new -key ca.key -days 30 -subj /CN=ca -out ca.crt
key inner; sign inner ca ca.ext
key leaf; sign leaf ca leaf.ext
key deep; sign deep inner leaf.ext
cat deep.crt inner.crt > chain.crt; mv deep.key chain.key
"#;

/// Measures handshakes one after the other, each kind for `time`.
///
/// # Errors
///
/// The daemon does not start, or a handshake fails.
pub fn measure(time: Duration) -> Result<Vec<Rate>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let keys = TlsDir::generate(Algorithm::P256)?;
    let pinned = Setup::named("pinned")?.tls(keys.path()).start()?;
    let mut rates = Vec::new();
    let settings = TlsSettings::directory(keys.path());
    rates.push(runtime.block_on(rate("mutual handshake, exact certificate", &pinned, settings, time))?);
    let dir = tempfile::tempdir()?;
    let made = Command::new("sh").args(["-ec", CERTIFICATES]).current_dir(dir.path()).output()?;
    ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    for (what, pair) in
        [("mutual handshake, signed by a CA", "leaf"), ("mutual handshake, chain of two", "chain")]
    {
        let config = dir.path().join(format!("{pair}.yaml"));
        let file = |name: &str| dir.path().join(name).display().to_string();
        let [ca, cert, key] = [file("ca.crt"), file(&format!("{pair}.crt")), file(&format!("{pair}.key"))];
        fs::write(&config, format!("tls: {{ ca: {ca}, cert: {cert}, key: {key} }}\n"))?;
        let daemon = Setup::named(pair)?.flag("--config", &config.display().to_string()).start()?;
        rates.push(runtime.block_on(rate(what, &daemon, settings_of(dir.path(), pair), time))?);
    }
    Ok(rates)
}

fn settings_of(dir: &Path, pair: &str) -> TlsSettings {
    let file = |name: String| Pem::File(dir.join(name));
    let certificate = file(format!("{pair}.crt"));
    let pair = PairSource { certificate, key: Some(file(format!("{pair}.key"))), password: None };
    let mut settings = TlsSettings { pairs: vec![pair], ..TlsSettings::default() };
    settings.listening.authorities = vec![file("ca.crt".to_owned())];
    settings.dialling.authorities = settings.listening.authorities.clone();
    settings
}

async fn rate(what: &'static str, daemon: &Daemon, settings: TlsSettings, time: Duration) -> Result<Rate> {
    let keyring = Keyring::open_with(settings)?;
    let connector = TlsConnector::from(keyring.http_client_config());
    for _ in 0..20 {
        handshake(&connector, &keyring, daemon).await?;
    }
    let pids = [daemon.pid()];
    let (stopwatch, end) = (Stopwatch::start(&pids)?, Instant::now() + time);
    let mut count = 0;
    while Instant::now() < end {
        handshake(&connector, &keyring, daemon).await?;
        count += 1;
    }
    Ok(Rate::new(what, 1, count, stopwatch.stop(&pids)?))
}

/// Shakes hands, says that nothing follows, and waits until the daemon closes: it has judged the certificate then.
async fn handshake(connector: &TlsConnector, keyring: &Arc<Keyring>, daemon: &Daemon) -> Result<()> {
    let address = daemon.private();
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = connector.connect(keyring.server_name(&address.to_string()), stream).await?;
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
    let mut end = Vec::new();
    match stream.read_to_end(&mut end).await {
        // A client that asks for nothing is not told goodbye.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error.into()),
        _ => Ok(()),
    }
}
