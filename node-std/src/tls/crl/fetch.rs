//! Fetches one list by HTTP/1.1.

use core::time::Duration;
use std::io;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, LOCATION};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::list::MAX_LIST;
use super::url::{BadCrlUrl, CrlUrl};
use crate::connect;

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 3;

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("no whole answer within {0:?} (crl_cache: http)")]
    Slow(Duration),
    #[error("cannot connect to {address}: {error}")]
    Connect { address: String, error: io::Error },
    #[error("the server answers {0}")]
    Status(StatusCode),
    #[error("the server redirects more than {MAX_REDIRECTS} times")]
    Redirects,
    #[error("the server redirects to a URL that is not taken: {0}")]
    Redirect(BadCrlUrl),
    #[error("the answer is longer than {} MiB", MAX_LIST >> 20)]
    Long,
    #[error("the answer breaks off: {0}")]
    Http(#[from] hyper::Error),
}

/// What is at `url`, which nobody has checked. All of it has to come within `timeout`.
pub(super) async fn fetch(url: &CrlUrl, timeout: Duration) -> Result<Bytes, FetchError> {
    let fetched = tokio::time::timeout(timeout, follow(url.clone())).await;
    fetched.unwrap_or(Err(FetchError::Slow(timeout)))
}

async fn follow(mut url: CrlUrl) -> Result<Bytes, FetchError> {
    for _ in 0..=MAX_REDIRECTS {
        match get(&url).await? {
            Answer::Body(body) => return Ok(body),
            Answer::Moved(location) => url = url.join(&location).map_err(FetchError::Redirect)?,
        }
    }
    Err(FetchError::Redirects)
}

enum Answer {
    Body(Bytes),
    Moved(String),
}

async fn get(url: &CrlUrl) -> Result<Answer, FetchError> {
    let connect = async { connect::race(&connect::resolve(url.address()).await?).await };
    let fault = |error| FetchError::Connect { address: url.address().to_owned(), error };
    let stream = connect.await.map_err(fault)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(url.target())
        .header(HOST, url.address().strip_suffix(":80").unwrap_or(url.address()))
        .header(ACCEPT, "application/pkix-crl, */*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    // A URL that was parsed makes a good request.
    let request = request.map_err(|_| FetchError::Redirect(BadCrlUrl::Host))?;
    let exchange = async { read(sender.send_request(request).await?).await };
    // The connection is driven by this future and ends with it.
    tokio::pin!(exchange, connection);
    tokio::select! {
        answer = &mut exchange => answer,
        // It may end before the whole answer is read from it.
        _ = &mut connection => exchange.await,
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, FetchError> {
    let status = response.status();
    if status.is_redirection()
        && let Some(location) = response.headers().get(LOCATION)
    {
        return Ok(Answer::Moved(location.to_str().unwrap_or_default().to_owned()));
    }
    if status != StatusCode::OK {
        return Err(FetchError::Status(status));
    }
    let body = response.into_body();
    if body.size_hint().lower() > MAX_LIST as u64 {
        return Err(FetchError::Long);
    }
    let whole = Limited::new(body, MAX_LIST).collect().await.map_err(|error| {
        match error.downcast::<hyper::Error>() {
            Ok(error) => FetchError::Http(*error),
            // `LengthLimitError`, the only other one.
            Err(_) => FetchError::Long,
        }
    })?;
    Ok(Answer::Body(whole.to_bytes()))
}
