//! Checks the roles of a link's peer before anything is done for it. The peer can open exchanges as soon as it said hello, which is
//! before the task of the cluster can refuse the link.

use std::sync::{Arc, Mutex, PoisonError};

use node_core::id::NodeId;
use node_core::link::{ResetCode, Service};
use node_core::rpc::{Code, Response, RpcError, needs};
use node_core::trust::{Granted, Roles};

use crate::access::{Access, Edition, Refusal};
use crate::link::{Accepted, Server};
use crate::tls::Shown;

/// The server of one link.
pub(super) struct Guard {
    pub(super) server: Arc<dyn Server>,
    pub(super) access: Arc<Access>,
    /// What the peer showed, under TLS.
    pub(super) shown: Option<Shown>,
    /// The last decision, and what it was made by.
    decided: Mutex<Option<(Edition, NodeId, Granted)>>,
}

impl Guard {
    pub(super) const fn new(server: Arc<dyn Server>, access: Arc<Access>, shown: Option<Shown>) -> Self {
        Self { server, access, shown, decided: Mutex::new(None) }
    }

    /// The roles of the peer. They are decided again when anything changed that decides them, and each second.
    fn granted(&self, from: NodeId) -> Granted {
        let edition = self.access.edition();
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        match *decided {
            Some((known, of, granted)) if known == edition && of == from => granted,
            _ => {
                let granted = self.access.of_link(self.shown.as_ref(), from);
                *decided = Some((edition, from, granted));
                granted
            }
        }
    }

    fn check(&self, from: NodeId, service: Service) -> Result<(), Refusal> {
        let (needs, what) = match service {
            Service::Rpc(number) => (needs(number), "a remote procedure call"),
            Service::Http => (Roles::PROXY, "a request to a component"),
        };
        let granted = self.granted(from);
        self.access.require_of_link(granted, self.shown.as_ref(), needs, what)
    }
}

/// The answer to a method that the caller has no role for (R-062c).
fn refused() -> Option<Vec<u8>> {
    let message = "this needs the role hub or leaf at the node that answers: see its log";
    let refused = Response::<()>::Err(RpcError { code: Code::Refused, message });
    postcard::to_extend(&refused, Vec::new()).ok()
}

impl Server for Guard {
    fn is_immediate(&self, method: u16) -> bool {
        self.server.is_immediate(method)
    }

    fn answer(&self, from: NodeId, method: u16, request: &[u8]) -> Option<Vec<u8>> {
        match self.check(from, Service::Rpc(method)) {
            Ok(()) => self.server.answer(from, method, request),
            Err(_) => refused(),
        }
    }

    fn serve(&self, from: NodeId, accepted: Accepted) {
        match (self.check(from, accepted.open.service), accepted.open.service) {
            (Ok(()), _) => self.server.serve(from, accepted),
            (Err(_), Service::Http) => accepted.outbound.reset(ResetCode::Cancelled),
            (Err(_), Service::Rpc(_)) => {
                tokio::spawn(async move {
                    // The peer may be gone.
                    let _ = accepted.outbound.finish_with(refused().unwrap_or_default().into()).await;
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use node_core::rpc::Method;

    use super::*;
    use crate::access::Credentials;
    use crate::data_dir::DataDir;

    const TOOL: NodeId = NodeId([7; 16]);
    const BOARD: NodeId = NodeId([8; 16]);

    /// Counts the calls that reach it.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Server for Count {
        fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Some(Vec::new())
        }

        fn serve(&self, _: NodeId, _: Accepted) {}
    }

    #[test]
    fn a_peer_without_the_role_for_a_method_gets_no_answer() {
        let home = tempfile::tempdir().unwrap();
        let token = DataDir::open(home.path()).unwrap().make_token().unwrap();
        let rule = format!("{TOOL}=operator,application").parse().unwrap();
        let access = Arc::new(Access::new(Credentials::Token(token), vec![rule]));
        let server = Arc::new(Count::default());
        let guard = Guard::new(server.clone(), access.clone(), None);
        for method in [Method::Ping.number(), Method::KeysReplace.number(), 0x1000] {
            let answer = guard.answer(TOOL, method, b"").unwrap();
            let answer: Response<'_, ()> = postcard::from_bytes(&answer).unwrap();
            assert_eq!(answer.unwrap_err().code, Code::Refused);
        }
        assert_eq!((server.0.load(Ordering::Relaxed), access.refused()), (0, 3));
        guard.answer(BOARD, Method::Ping.number(), b"").unwrap();
        assert_eq!((server.0.load(Ordering::Relaxed), access.refused()), (1, 3));
        assert!(guard.check(TOOL, Service::Http).is_ok(), "an application may");
    }
}
