//! `GET /_mael/logs`: the log of any node, as lines of JSON (one an object, separated by CRLF).
//!
//! | parameter     | meaning                                                                                     |
//! |---------------|---------------------------------------------------------------------------------------------|
//! | `node`        | the name or id of the node, the one asked by default                                        |
//! | `since`       | only lines since then: RFC 3339, Unix milliseconds or seconds, or a time ago such as `5m`   |
//! | `after`       | only lines with a larger `number`                                                           |
//! | `level`       | only lines of this level and graver ones: error, warn, info, debug or trace                 |
//! | `components`  | only lines whose field `component` is one of these names, which may begin or end with `*`    |
//! | `follow`      | `false` ends the answer after the lines that are there                                      |
//!
//! A line has `time`, `number`, `level`, `node`, `nodeId`, `target`, `message`, and `fields` if there are any. `{}` comes each second
//! in which there is no line, `lost` with a number where as many lines are missing, and `error` before an answer that ends early.
//!
//! ```text
//! query -> line <- stream -> source
//! ```

mod line;
mod query;
mod source;
mod stream;

use std::sync::Arc;

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, ORIGIN, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};

use super::error::RpcError;
use super::methods::READ;
use super::node::find;
use super::peers::Remote;
use super::service::{Api, MAX_LOG_STREAMS};
use crate::access::Caller;
use crate::proxy::{Body, text};

use line::Writer;
use query::Query;
pub use source::{LogSource, OtherLog};
use stream::Stream;

impl<R: Remote> Api<R> {
    /// Answers a request of this caller for the log of a node.
    pub async fn logs<B>(&self, request: &Request<B>, caller: &Caller) -> Response<Body> {
        self.stream_logs(request, caller).await.unwrap_or_else(|refusal| refusal)
    }

    async fn stream_logs<B>(
        &self,
        request: &Request<B>,
        caller: &Caller,
    ) -> Result<Response<Body>, Response<Body>> {
        if request.method() != Method::GET {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "logs are read by GET");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return Err(response);
        }
        if request.headers().contains_key(ORIGIN) {
            return Err(text(
                StatusCode::FORBIDDEN,
                "logs are not for web pages: the request has an Origin header",
            ));
        }
        let refused = |refusal| text(StatusCode::FORBIDDEN, String::from(refusal));
        self.about.access.require(caller, READ, "the log of a node").map_err(refused)?;
        let query = Query::read(request.uri().query().unwrap_or_default())
            .map_err(|error| text(StatusCode::BAD_REQUEST, error.to_string()))?;
        let (node, name) = self.log_owner(query.node.as_deref()).map_err(|error| match error {
            RpcError::NotFound(_) => text(StatusCode::NOT_FOUND, error.to_string()),
            _ => text(StatusCode::BAD_REQUEST, error.to_string()),
        })?;
        let place = Arc::clone(&self.log_streams).try_acquire_owned().map_err(|_| {
            let busy =
                format!("{MAX_LOG_STREAMS} readers of logs are here already: try again when one has gone");
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, busy);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            response
        })?;
        let source = self.remote.logs(node, query.request).await;
        let source = source.map_err(|error| text(StatusCode::BAD_GATEWAY, error.to_string()))?;
        let (pieces, body) = Body::pieces();
        let stream = Stream {
            source,
            follows: query.request.follow,
            writer: Writer::new(node, name, query.components),
            drain: self.about.drain.clone(),
        };
        tokio::spawn(async move {
            let _place = place;
            stream.run(pieces).await;
        });
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        Ok(response)
    }

    /// The node with this name or id, this one by default, and its name.
    fn log_owner(&self, node: Option<&str>) -> Result<(node_core::id::NodeId, String), RpcError> {
        let view = self.cluster.view();
        let Some(node) = node else {
            let me = self.cluster.me();
            return Ok((me, view.member(me).map(|member| member.name.to_string()).unwrap_or_default()));
        };
        let member = find(view.members(), node)?;
        Ok((member.id, member.name.to_string()))
    }
}
