//! JSON-RPC over one HTTP/1.1 connection, with mutual TLS if there is a TLS directory.

use core::time::Duration;
use std::io;
use std::io::{Write as _, stderr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use node_core::trust::{RoleRule, Roles};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use super::error::CtlError;
use super::flags::Flags;
use super::token::LocalToken;
use crate::access::{Access, Credentials};
use crate::api::{ANSWER_BUDGET, FORBIDDEN};
use crate::config::{Environment, HostPort, PRIVATE_PORT, resolve_tls};
use crate::connect;
use crate::tls::crl::Fetcher;
use crate::tls::settings::{CrlCheck, TlsSettings};
use crate::tls::{self, Keyring, Shown, TlsError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer, in bytes: the result, and what is around it.
const MAX_ANSWER: usize = ANSWER_BUDGET + 1024;

/// A connection to a node.
trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A node to ask.
pub struct Client {
    url: String,
    addr: HostPort,
    tls: Option<Tls>,
    token: LocalToken,
}

/// The keys for a node with TLS.
struct Tls {
    config: Arc<ClientConfig>,
    keyring: Arc<Keyring>,
    /// Knows which certificates may be those of nodes.
    access: Access,
    settings: TlsSettings,
    /// Lists of revoked certificates are fetched before the first connection.
    lists: OnceCell<()>,
}

impl Tls {
    fn open(settings: TlsSettings, roles: Vec<RoleRule>) -> Result<Self, CtlError> {
        let (keyring, problems) = Keyring::open_usable(settings.clone())?;
        let warnings = problems.iter().map(TlsError::to_string);
        let warnings = warnings.chain(keyring.warnings().into_iter().map(str::to_owned));
        for warning in warnings {
            let _ = writeln!(stderr(), "maelctl: warning: {warning}");
        }
        let config = keyring.http_client_config();
        let access = Access::new(Credentials::Tls(keyring.clone()), roles);
        Ok(Self { config, keyring, access, settings, lists: OnceCell::new() })
    }

    /// Fetches the lists of revoked certificates that the node is held against, and warns of those that do not come.
    async fn fetch_lists(&self) {
        if !self.settings.list_fetch.is_on() || self.settings.dialling.crl_check == CrlCheck::Off {
            return;
        }
        Fetcher::open(self.keyring.clone(), None).await.once().await;
        for list in self.keyring.lists() {
            if let Some(error) = list.error {
                let _ = writeln!(stderr(), "maelctl: warning: {}: {error}", list.origin);
            }
        }
    }
}

impl Client {
    /// Reads the URL and the TLS directory. Nothing is sent.
    pub fn new(flags: &Flags) -> Result<Self, CtlError> {
        let given = |text: &&String| !text.is_empty();
        let (tls, roles) = resolve_tls(
            flags.target.tls(),
            flags.target.config.clone().filter(|path| !path.is_empty()),
            Environment::of_process(),
        )?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let default = format!("{scheme}://127.0.0.1:{PRIVATE_PORT}");
        let url = flags.target.url.as_ref().filter(given).cloned().unwrap_or(default);
        let bad_url = || CtlError::Url(url.clone());
        let uri: Uri = url.parse().map_err(|_| bad_url())?;
        let addr = HostPort::of_url(&uri, PRIVATE_PORT).map_err(|_| bad_url())?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad_url());
        }
        let tls = match (uri.scheme_str(), tls) {
            (Some("http"), None) => None,
            (Some("https"), Some(settings)) => Some(Tls::open(settings, roles)?),
            (Some("http"), Some(settings)) => {
                return Err(CtlError::PlainUrl { url, keys: settings.place().display().to_string() });
            }
            (Some("https"), None) => return Err(CtlError::NoKeys { url }),
            _ => return Err(bad_url()),
        };
        let token = match tls {
            Some(_) => LocalToken::NotNeeded,
            None => LocalToken::find(flags.target.data_dir.as_deref(), &addr),
        };
        Ok(Self { url, addr, tls, token })
    }

    /// The URL of the node.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The directory of the key that is shown to the node: an operator seals keyrings for boards with it.
    pub fn sealing_dir(&self) -> Result<&Path, CtlError> {
        match &self.tls {
            Some(Tls { settings: TlsSettings { dir: Some(dir), .. }, .. }) => Ok(dir),
            _ => Err(CtlError::NoSealingKey { url: self.url.clone() }),
        }
    }

    /// The result of `method`.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, CtlError> {
        let request = json!({"jsonrpc": "2.0", "id": "1", "method": method, "params": [params]});
        let body = self.post(request.to_string()).await?;
        let answer: Value = serde_json::from_slice(&body).map_err(|error| {
            self.unreachable(format!("its answer is not JSON ({error}): is it a Maelstrom node?"))
        })?;
        if let Some(message) = answer.pointer("/error/message") {
            let message = message.as_str().unwrap_or_default().to_owned();
            let forbidden = answer.pointer("/error/code").and_then(Value::as_i64) == Some(FORBIDDEN.into());
            return Err(match self.token.problem() {
                Some(problem) if forbidden => CtlError::Refused(format!("{message}. {problem}")),
                _ => CtlError::Refused(message),
            });
        }
        let result = answer.get("result").cloned();
        result
            .ok_or_else(|| self.unreachable("its answer is not JSON-RPC: is it a Maelstrom node?".to_owned()))
    }

    /// Asks for a page of the node, and returns its body as it comes.
    pub async fn open(&self, path: &str) -> Result<Incoming, CtlError> {
        let response = self.send(Request::get(path), Bytes::new()).await?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response.into_body());
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| self.unreachable(error.to_string()))?.to_bytes();
        Err(match String::from_utf8(body.into()) {
            // The node's own words say what is wrong with the question.
            Ok(text) if !matches!(status, StatusCode::NOT_FOUND) || !text.contains("no such page") => {
                CtlError::Refused(text.trim().to_owned())
            }
            _ => self.unreachable(format!("{status}: is it a Maelstrom node, and is it up to date?")),
        })
    }

    async fn post(&self, call: String) -> Result<Bytes, CtlError> {
        let request = Request::post("/_mael/v1").header(CONTENT_TYPE, "application/json");
        let response = self.send(request, call.into()).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| self.unreachable(error.to_string()))?.to_bytes();
        if status == StatusCode::OK { Ok(body) } else { Err(self.refused(status, &body)) }
    }

    /// Sends a request on a connection of its own.
    async fn send(&self, request: Builder, body: Bytes) -> Result<Response<Incoming>, CtlError> {
        let mut request = request.header(HOST, self.addr.as_str());
        if let Some(authorization) = self.token.authorization() {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body)).map_err(|_| CtlError::Url(self.url.clone()))?;
        let failed = |error: hyper::Error| self.broke_off(&error);
        let io = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = http1::handshake(io).await.map_err(failed)?;
        // The task ends with the response.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(failed)
    }

    /// The error for an answer with another status than 200.
    fn refused(&self, status: StatusCode, body: &[u8]) -> CtlError {
        let text = String::from_utf8_lossy(body.get(..200).unwrap_or(body)).into_owned();
        let keys = match (&self.tls, status) {
            (None, StatusCode::BAD_REQUEST) => {
                "; if that port needs TLS, give --tls-dir (MAEL_PRIVATE_TLS_DIR)"
            }
            _ => "",
        };
        self.unreachable(format!("{status}: {}{keys}", text.trim()))
    }

    /// Connects to the node, and checks that it is one.
    async fn connect(&self) -> Result<Box<dyn Io>, CtlError> {
        if let Some(tls) = &self.tls {
            tls.lists.get_or_init(|| tls.fetch_lists()).await;
        }
        let tcp = async { connect::race(&connect::resolve(self.addr.as_str()).await?).await };
        let tcp = tokio::time::timeout(CONNECT_TIMEOUT, tcp).await.map_err(|_| self.late(CONNECT_TIMEOUT))?;
        let tcp = tcp.map_err(|error| self.unreachable(error.to_string()))?;
        let Some(Tls { config, keyring, access, .. }) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = keyring.server_name(self.addr.as_str());
        let connecting = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp);
        let (stream, refused) = tls::noting(connecting).await;
        let stream = stream.map_err(|error| {
            self.unreachable(
                refused.map_or_else(|| tls::explain_opening(&error), |refused| refused.to_string()),
            )
        })?;
        let shown = Shown::of(stream.get_ref().1, Some(name));
        let confirmed = keyring.confirm(&shown).await;
        confirmed.map_err(|refused| self.unreachable(refused.to_string()))?;
        // The holder of a leaf's key must not receive what is meant for a node, such as the keys of a board.
        let node = access.caller(Some(&shown), &HeaderMap::new());
        let judged = access.require(&node, Roles::LINK_AS_HUB, "a node that maelctl asks");
        judged.map_err(|refusal| self.unreachable(refusal.into()))?;
        Ok(Box::new(stream))
    }

    /// The error for a connection that broke.
    pub fn broke_off(&self, error: &hyper::Error) -> CtlError {
        self.unreachable(self.explain(error))
    }

    /// An error of the connection in plain words.
    fn explain(&self, error: &hyper::Error) -> String {
        let source = core::error::Error::source(error);
        match source.and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(error) if self.tls.is_some() => tls::explain(error),
            _ if self.tls.is_none() => {
                format!("{error}; if that port speaks TLS, give --tls-dir (MAEL_PRIVATE_TLS_DIR)")
            }
            _ => error.to_string(),
        }
    }

    /// The error for an answer that does not come in time.
    pub fn late(&self, waited: Duration) -> CtlError {
        self.unreachable(format!("no answer within {} s", waited.as_secs()))
    }

    fn unreachable(&self, reason: String) -> CtlError {
        CtlError::Unreachable { url: self.url.clone(), reason }
    }
}

/// The result of a method as the structure that it is.
pub fn read<T: DeserializeOwned>(result: Value) -> Result<T, CtlError> {
    serde_json::from_value(result).map_err(|error| {
        CtlError::Refused(format!(
            "the node answers in a form that this maelctl does not know ({error}): try --json"
        ))
    })
}
