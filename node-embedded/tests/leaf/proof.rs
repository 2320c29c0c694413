//! A board and its hub prove their identities before anything else passes between them.

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_futures::join::join;
use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::crypto::{Sign, SignError, Signature, Software, SoftwareSigner};
use node_core::id::NodeId;
use node_core::identity::node_id;
use node_core::link::Service;
use node_core::rpc::Method;
use node_embedded::{IdentitySigner, Leaf, StartError};
use rand_core::OsRng;

use crate::board::{board, call, settings, try_board};
use crate::clock::run;
use crate::flash::Flash;
use crate::identity::signer;
use crate::impostor::Impostor;
use crate::world::{World, world};

/// Shows a board an impostor for 20 seconds, then its own hub. The board may have been linked to its hub before.
fn meets(linked_before: bool, impostor: Impostor) {
    let (world, tasks) = world();
    run(tasks, async {
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        let test = async {
            if linked_before {
                leaf.linked().await;
                Timer::after_millis(100).await;
                world.hub.switch(false);
                Timer::after_secs(1).await;
            }
            world.hub.pretend(Some(impostor));
            world.hub.switch(true);
            let (members, (visits, heard)) = (leaf.members(), world.hub.visits());
            select(Timer::after_secs(20), has_no_link(&world, leaf)).await;
            let (more_visits, more_heard) = world.hub.visits();
            assert!(more_visits >= visits + 3, "the board dialled {} times", more_visits - visits);
            assert_eq!((leaf.members(), more_heard), (members, heard), "the board listened or spoke");
            world.hub.pretend(None);
            leaf.linked().await;
            Timer::after_millis(100).await;
            assert_eq!(call(&leaf, "hub-echo", b"honest").await, Ok((200, b"honest".to_vec())));
        };
        select(test, task).await;
    });
}

/// Asks in both directions, again and again: there is no answer.
async fn has_no_link(world: &World, leaf: Leaf<'static>) {
    let linked = async {
        leaf.linked().await;
        panic!("the board is linked");
    };
    let down = async {
        loop {
            let answer = world.hub.request(leaf.id(), Service::Rpc(Method::Ping.number()), b"hello").await;
            assert!(answer.is_err(), "the board answers: {answer:?}");
            Timer::after_millis(1).await;
        }
    };
    let up = async {
        let answer = call(&leaf, "hub-echo", b"secret").await;
        assert!(answer.is_err(), "the board asks: {answer:?}");
    };
    join(linked, join(down, up)).await;
}

#[test]
fn a_hub_with_a_wrong_signature_gets_no_link() {
    meets(false, Impostor::BadSignature);
}

#[test]
fn a_hub_that_replays_the_proof_of_another_link_gets_no_link() {
    meets(true, Impostor::Replay);
}

#[test]
fn a_hub_that_proves_nothing_gets_no_link() {
    meets(false, Impostor::Nothing);
}

#[test]
fn a_hub_that_introduces_another_node_gets_no_link() {
    meets(false, Impostor::OtherId(NodeId([0xbb; 16])));
}

/// A secure element.
struct Device {
    signer: SoftwareSigner,
    broken: AtomicBool,
}

impl Device {
    fn new() -> &'static Self {
        Box::leak(Box::new(Self { signer: signer(), broken: AtomicBool::new(false) }))
    }

    fn breaks(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    /// As it is told to a board.
    fn identity(&'static self) -> IdentitySigner<'static> {
        IdentitySigner { key: self.signer.public_key(), signer: self, unseal: None }
    }
}

impl Sign for Device {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        if self.broken.load(Ordering::Relaxed) { Err(SignError) } else { self.signer.sign(message) }
    }
}

#[test]
fn a_device_can_hold_the_identity_key() {
    let (world, tasks) = world();
    run(tasks, async {
        let device = Device::new();
        let settings =
            node_embedded::Settings { identity: Some(device.identity()), ..settings(&world.keyring()) };
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        assert_eq!(leaf.id(), node_id(device.signer.public_key(), &Software));
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            assert_eq!(world.http(leaf, "/echo", b"hello").await, Ok((200, b"hello".to_vec())));
            // Another flash is the same node: the device is.
            let (again, _task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
            assert_eq!(again.id(), leaf.id());
        };
        select(test, task).await;
    });
}

#[test]
fn a_board_whose_device_stops_signing_has_no_link_until_it_signs_again() {
    let (world, tasks) = world();
    run(tasks, async {
        let device = Device::new();
        let settings =
            node_embedded::Settings { identity: Some(device.identity()), ..settings(&world.keyring()) };
        let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
        let test = async {
            device.breaks(true);
            select(Timer::after_secs(20), has_no_link(&world, leaf)).await;
            let (visits, heard) = world.hub.visits();
            assert!(visits >= 3, "the board dialled {visits} times");
            assert_eq!((heard, world.hub.shown().len()), (0, 0));
            device.breaks(false);
            leaf.linked().await;
        };
        select(test, task).await;
    });
}

#[test]
fn a_device_that_fails_or_has_another_key_starts_no_node() {
    let (world, tasks) = world();
    run(tasks, async {
        let keyring = world.keyring();
        let start = async |identity| {
            let settings = node_embedded::Settings { identity: Some(identity), ..settings(&keyring) };
            try_board(&world.network, Flash::new(), OsRng, settings).await.map(|_| ()).unwrap_err()
        };
        let (device, other) = (Device::new(), Device::new());
        let wrong = IdentitySigner { key: other.signer.public_key(), ..device.identity() };
        assert!(matches!(start(wrong).await, StartError::OtherKey));
        device.breaks(true);
        assert!(matches!(start(device.identity()).await, StartError::Sign(SignError)));
    });
}
