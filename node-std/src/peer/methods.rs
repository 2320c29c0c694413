//! The built-in methods that are answered immediately.

use std::time::Instant;

use node_core::rpc::{Code, KeySlot, MAX_BODY, MAX_PING, MemberItem, Method, Response, Status};
use serde::Serialize;

use crate::cluster::{Cluster, Security};
use crate::rpc::{encode, refusal};

/// Answers for this node.
pub struct Methods {
    cluster: Cluster,
    security: Security,
    started: Instant,
}

impl Methods {
    /// The methods of this node, which starts now.
    #[must_use]
    pub fn new(cluster: Cluster, security: Security) -> Self {
        Self { cluster, security, started: Instant::now() }
    }

    /// The whole response to a method.
    #[must_use]
    pub fn answer(&self, method: Method, request: &[u8]) -> Vec<u8> {
        match method {
            Method::Ping if request.len() > MAX_PING => {
                refusal(Code::BadRequest, "a ping has at most 1024 bytes")
            }
            Method::Ping => {
                let mut answer = encode(&Response::Ok(()));
                answer.extend_from_slice(request);
                answer
            }
            Method::Status => self.status(),
            Method::Members => self.members(),
            Method::Components => self.components(),
            Method::KeysList => self.key_slots(),
            Method::Counters => refusal(Code::UnknownMethod, "only boards have counters"),
            Method::KeysReplace => {
                refusal(Code::Refused, "this node's keyring is its TLS directory: change the files there")
            }
            Method::JsonRpc | Method::Logs | Method::Subscribe | Method::Event => {
                refusal(Code::Internal, "this method is answered in a task")
            }
        }
    }

    fn status(&self) -> Vec<u8> {
        let view = self.cluster.view();
        let name = view.member(self.cluster.me()).map(|me| me.name.clone());
        let status = Status {
            name: name.as_ref().map_or("", |name| name.as_str()),
            version: env!("CARGO_PKG_VERSION"),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            links: u32::try_from(view.link_count()).unwrap_or(u32::MAX),
            members: u32::try_from(view.members().len()).unwrap_or(u32::MAX),
            stack_high_water: None,
        };
        encode(&Response::Ok(status))
    }

    fn members(&self) -> Vec<u8> {
        let view = self.cluster.view();
        items(view.members().iter().map(|member| MemberItem {
            id: member.id,
            name: member.name.as_str(),
            state: member.state,
            linked: member.linked,
        }))
    }

    fn components(&self) -> Vec<u8> {
        let view = self.cluster.view();
        items(view.member(self.cluster.me()).into_iter().flat_map(|me| &me.components))
    }

    fn key_slots(&self) -> Vec<u8> {
        let slots = match &self.security {
            Security::Plaintext => Vec::new(),
            Security::Tls(keyring) => {
                let active = keyring.active();
                let slots = keyring.slots().into_iter();
                slots.map(|info| KeySlot { active: info.name == active.name, info }).collect()
            }
        };
        items(slots)
    }
}

/// `Ok(())`, then the items, as many as a response has room for (R-061d).
fn items<T: Serialize>(items: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut body = encode(&Response::Ok(()));
    for item in items {
        let item = encode(&item);
        if body.len() + item.len() > MAX_BODY {
            break;
        }
        body.extend(item);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::{MAX_BODY, items};

    #[test]
    fn a_list_ends_where_the_response_is_full() {
        let body = items(core::iter::repeat([7_u8; 32]));
        assert!((MAX_BODY - 32..=MAX_BODY).contains(&body.len()), "{}", body.len());
    }
}
