//! The services of this node for its peers: methods, proxied requests, and relayed exchanges.

use std::sync::Arc;

use node_core::id::NodeId;
use node_core::link::{ResetCode, Service};
use node_core::rpc::{Code, Method};

use super::json::Json;
use super::logs::Logs;
use super::methods::Methods;
use super::relay::relay;
use super::remote::Peers;
use crate::api::Api;
use crate::application::Application;
use crate::cluster::Cluster;
use crate::link::{Accepted, Server};
use crate::proxy::Proxy;
use crate::rpc::refusal;

/// Answers peers.
pub struct Services {
    cluster: Cluster,
    methods: Arc<Methods>,
    json: Arc<Json<Peers>>,
    logs: Arc<Logs>,
    application: Arc<Application>,
    proxy: Arc<Proxy>,
}

impl Services {
    /// Answers for this node.
    #[must_use]
    pub fn new(
        methods: Arc<Methods>,
        api: Arc<Api<Peers>>,
        application: Arc<Application>,
        proxy: Arc<Proxy>,
        logs: Logs,
    ) -> Self {
        let cluster = application.cluster().clone();
        let (json, logs) = (Arc::new(Json::new(api)), Arc::new(logs));
        Self { cluster, methods, json, logs, application, proxy }
    }
}

impl Server for Services {
    fn is_immediate(&self, method: u16) -> bool {
        !matches!(Method::from_number(method), Some(Method::JsonRpc | Method::Logs))
            && !self.application.answers(method)
    }

    fn answer(&self, _: NodeId, method: u16, request: &[u8]) -> Option<Vec<u8>> {
        Some(match Method::from_number(method) {
            Some(method) => self.methods.answer(method, request),
            None => refusal(Code::UnknownMethod, "this node has no such method"),
        })
    }

    fn serve(&self, from: NodeId, accepted: Accepted) {
        match (accepted.open.to, accepted.open.service) {
            (Some(to), Service::Rpc(_)) if to != self.cluster.me() => {
                tokio::spawn(relay(self.cluster.clone(), from, to, accepted));
            }
            (_, Service::Http) => {
                let proxy = self.proxy.clone();
                // A task copies its future when it begins and when it ends: the box keeps that short.
                tokio::spawn(Box::pin(async move { proxy.serve(accepted).await }));
            }
            (_, Service::Rpc(method)) if Method::from_number(method) == Some(Method::JsonRpc) => {
                let json = self.json.clone();
                tokio::spawn(async move { json.serve(accepted).await });
            }
            (_, Service::Rpc(method)) if Method::from_number(method) == Some(Method::Logs) => {
                let logs = self.logs.clone();
                tokio::spawn(async move { logs.serve(accepted).await });
            }
            (_, Service::Rpc(method)) if self.application.answers(method) => {
                self.application.serve(from, method, accepted);
            }
            (_, Service::Rpc(_)) => accepted.outbound.reset(ResetCode::Unknown),
        }
    }
}
