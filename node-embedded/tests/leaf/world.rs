//! The start of most tests: a hub and a board that trust each other.

use core::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_time::Timer;
use node_core::http::{HeadWriter, NO_FIELD, ResponseHead};
use node_core::link::Service;
use node_embedded::Leaf;

use crate::board::{board, call};
use crate::cable::Network;
use crate::clock::run;
use crate::flash::Flash;
use crate::hub::Hub;
use crate::hub_tls::Trusted;
use crate::identity::{Identity, bundle};
use crate::task::Task;

/// A hub and a board that trust each other.
pub struct World {
    pub network: Rc<Network>,
    pub hub: Hub,
    pub hub_identity: Identity,
    pub board_identity: Identity,
    /// The certificates that the hub trusts.
    pub trusted: Trusted,
}

/// Creates both, and joins them by a cable.
pub fn world() -> (World, Vec<Task>) {
    let (network, mut tasks) = Network::new();
    let (hub_identity, board_identity) = (Identity::new(), Identity::new());
    let trusted = Arc::new(Mutex::new(vec![board_identity.certificate.clone()]));
    let (hub, more) = Hub::new(network.hub, &hub_identity, trusted.clone());
    tasks.extend(more);
    (World { network: Rc::new(network), hub, hub_identity, board_identity, trusted }, tasks)
}

/// Runs `test` with a board that is linked.
pub fn with_board<T>(test: impl AsyncFnOnce(&World, Leaf<'static>) -> T) -> T {
    let (world, tasks) = world();
    run(tasks, async {
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            test(&world, leaf).await
        };
        match select(test, task).await {
            Either::First(result) => result,
            Either::Second(()) => unreachable!("a board runs for ever"),
        }
    })
}

impl World {
    /// The board's first keyring.
    pub fn keyring(&self) -> Vec<u8> {
        bundle(&[&self.board_identity], &[&self.hub_identity])
    }

    /// Calls a method of the board.
    pub async fn rpc(&self, leaf: Leaf<'_>, method: u16, body: &[u8]) -> Vec<u8> {
        self.hub.request(leaf.id(), Service::Rpc(method), body).await.unwrap()
    }

    /// Sends `body` to the board's component and returns status and body of the response.
    pub async fn http(&self, leaf: Leaf<'_>, path: &str, body: &[u8]) -> Result<(u16, Vec<u8>), String> {
        let mut request = vec![0; 256];
        let mut head = HeadWriter::request(&mut request, "POST", path).unwrap();
        head.field("maelstrom-component", b"board-echo").unwrap();
        let length = head.finish().unwrap();
        request.truncate(length);
        request.extend_from_slice(body);
        let response = self.hub.request(leaf.id(), Service::Http, &request).await?;
        let mut slots = [NO_FIELD; 16];
        let head = ResponseHead::parse(&response, &mut slots).unwrap().unwrap();
        Ok((head.status, response[head.len..].to_vec()))
    }

    /// Makes requests in both directions for ever, one after the other.
    pub async fn load(&self, leaf: Leaf<'_>, tally: Rc<Tally>) {
        let count = |outcome: Result<(u16, Vec<u8>), String>, sent: &[u8]| match outcome {
            Ok((200, body)) if body == sent => tally.good.set(tally.good.get() + 1),
            other => tally.bad.borrow_mut().push(format!("{other:?}")),
        };
        let down = async {
            for number in 0usize.. {
                let body = vec![number as u8; number % 1500];
                count(self.http(leaf, "/echo", &body).await, &body);
                Timer::after_millis(5).await;
            }
        };
        let up = async {
            for number in 0usize.. {
                let body = vec![number as u8; number % 1500];
                count(call(&leaf, "hub-echo", &body).await.map_err(|error| error.to_string()), &body);
                // The cable is infinitely fast.
                Timer::after_millis(5).await;
            }
        };
        join(down, up).await;
    }
}

/// Counts what happened in a load.
#[derive(Default)]
pub struct Tally {
    /// Requests with the right answer.
    pub good: Cell<usize>,
    /// Requests that failed, and why.
    pub bad: RefCell<Vec<String>>,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }
}
