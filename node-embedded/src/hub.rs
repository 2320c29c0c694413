//! What a hub does beside the work of a leaf: it accepts connections, and relays exchanges.

use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_net::Stack;
use embedded_tls::CryptoRngCore;

use crate::connection::{AcceptMemory, Acceptor};
use crate::relay::relay;
use crate::sizes::{ACCEPTED, LINKS};
use crate::state::{State, Work};

/// The work of a hub.
pub(crate) struct Hub<'r, 'd, G> {
    pub(crate) state: &'d State<'d>,
    pub(crate) network: Stack<'d>,
    pub(crate) rng: &'r RefCell<G>,
}

impl<G: CryptoRngCore> Hub<'_, '_, G> {
    /// Works for ever. In a leaf it only waits.
    pub(crate) async fn run(&self, places: &mut [AcceptMemory; ACCEPTED]) -> ! {
        let Self { state, network, rng } = *self;
        let acceptor = |place| Acceptor { state, network, rng, port: LINKS + place };
        let [first_place, second_place, third_place, fourth_place] = places;
        let (first, second, third, fourth) = (acceptor(0), acceptor(1), acceptor(2), acceptor(3));
        // Each future is created in its final place.
        let mut first = pin!(first.run(first_place));
        let mut second = pin!(second.run(second_place));
        let mut third = pin!(third.run(third_place));
        let mut fourth = pin!(fourth.run(fourth_place));
        let mut first_relay = pin!(relay(state, Work::Relay));
        let mut second_relay = pin!(relay(state, Work::Relay));
        let mut third_relay = pin!(relay(state, Work::Relay));
        let mut last_relay = pin!(relay(state, Work::RelayBuiltIn));
        poll_fn(|cx| {
            // None of them ends.
            let _ = first.as_mut().poll(cx);
            let _ = second.as_mut().poll(cx);
            let _ = third.as_mut().poll(cx);
            let _ = fourth.as_mut().poll(cx);
            let _ = first_relay.as_mut().poll(cx);
            let _ = second_relay.as_mut().poll(cx);
            let _ = third_relay.as_mut().poll(cx);
            let _ = last_relay.as_mut().poll(cx);
            Poll::Pending
        })
        .await
    }
}
