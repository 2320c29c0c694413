//! A switch that joins the networks of several boards.

use core::cell::RefCell;
use core::task::{Context, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};

use crate::task::Task;

/// Frames on their way to each board.
#[derive(Clone, Default)]
pub struct Switch(Rc<RefCell<Vec<Line>>>);

#[derive(Default)]
struct Line {
    frames: VecDeque<Vec<u8>>,
    receiver: Option<Waker>,
    unplugged: bool,
}

impl Switch {
    /// Adds a network with the address 10.0.0.`number`. The task keeps it working.
    pub fn join(&self, number: u8) -> (Stack<'static>, Task) {
        let mut lines = self.0.borrow_mut();
        let (switch, place) = (self.clone(), lines.len());
        lines.push(Line::default());
        let config = Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, number), 24),
            gateway: None,
            dns_servers: Default::default(),
        });
        let resources = Box::leak(Box::new(StackResources::<12>::new()));
        let end = End { switch, place, address: [2, 0, 0, 0, 0, number] };
        let (stack, mut runner) = embassy_net::new(end, config, resources, number.into());
        let task: Task = Box::pin(async move {
            runner.run().await;
        });
        (stack, task)
    }

    /// Cuts the board that joined as this one off, or lets it back.
    pub fn plug(&self, place: usize, plugged: bool) {
        self.0.borrow_mut()[place].unplugged = !plugged;
    }
}

/// One plug of the switch.
struct End {
    switch: Switch,
    place: usize,
    address: [u8; 6],
}

impl Driver for End {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received, Room)> {
        let line = &mut self.switch.0.borrow_mut()[self.place];
        match line.frames.pop_front() {
            Some(frame) => Some((Received(frame), self.room())),
            None => {
                line.receiver = Some(cx.waker().clone());
                None
            }
        }
    }

    fn transmit(&mut self, _cx: &mut Context<'_>) -> Option<Room> {
        Some(self.room())
    }

    fn link_state(&mut self, _cx: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1514;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

impl End {
    fn room(&self) -> Room {
        Room { switch: self.switch.clone(), place: self.place }
    }
}

/// A frame that arrived.
struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, take: F) -> R {
        take(&mut self.0)
    }
}

/// Room for a frame to be sent, to everybody else.
struct Room {
    switch: Switch,
    place: usize,
}

impl TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let result = fill(&mut frame);
        let mut lines = self.switch.0.borrow_mut();
        if lines[self.place].unplugged {
            return result;
        }
        let others =
            lines.iter_mut().enumerate().filter(|(place, line)| *place != self.place && !line.unplugged);
        for (_, line) in others {
            line.frames.push_back(frame.clone());
            if let Some(receiver) = line.receiver.take() {
                receiver.wake();
            }
        }
        result
    }
}
