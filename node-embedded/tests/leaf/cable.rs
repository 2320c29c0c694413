//! An Ethernet cable between two embassy-net stacks, and the faults of the board's driver.

use core::cell::{Cell, RefCell};
use core::task::{Context, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use embassy_net::{
    Config, ConfigV6, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr, Stack, StackResources, StaticConfigV4,
    StaticConfigV6,
};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};

use crate::task::Task;

/// The board's address.
pub const BOARD: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
/// The other end's address.
pub const HUB: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

std::thread_local! {
    /// Bytes that passed over the cables of this thread, in both directions.
    pub static CARRIED: Cell<u64> = const { Cell::new(0) };
}

/// The addresses of an end: `ip`, and `fd00::` with its last byte. The hub is the name server.
fn config(ip: Ipv4Address) -> Config {
    let mut config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(ip, 24),
        gateway: None,
        dns_servers: [HUB].into_iter().collect(),
    });
    let address = Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, ip.octets()[3].into());
    config.ipv6 = ConfigV6::Static(StaticConfigV6 {
        address: Ipv6Cidr::new(address, 64),
        gateway: None,
        dns_servers: Default::default(),
    });
    config
}

/// One direction.
#[derive(Default)]
struct Line {
    frames: VecDeque<Vec<u8>>,
    receiver: Option<Waker>,
}

/// What becomes of a frame: the frames that leave in its place.
pub type Fate = Box<dyn FnMut(Vec<u8>) -> Vec<Vec<u8>>>;

/// What a driver tells its stack.
struct Driven {
    /// There is a network.
    linked: Cell<bool>,
    /// The queue of the frames to send is full.
    full: Cell<bool>,
    /// The stack, which hears of changes.
    stack: Cell<Option<Waker>>,
}

impl Driven {
    fn new() -> Rc<Self> {
        Rc::new(Self { linked: Cell::new(true), full: Cell::new(false), stack: Cell::new(None) })
    }

    fn change(&self) {
        if let Some(stack) = self.stack.take() {
            stack.wake();
        }
    }
}

/// One end of the cable.
struct End {
    incoming: Rc<RefCell<Line>>,
    outgoing: Rc<RefCell<Line>>,
    plugged: Rc<Cell<bool>>,
    fate: Rc<RefCell<Option<Fate>>>,
    driven: Rc<Driven>,
    address: [u8; 6],
}

/// Two networks that can reach each other.
pub struct Network {
    /// The board's end.
    pub board: Stack<'static>,
    /// The hubs' end.
    pub hub: Stack<'static>,
    plugged: Rc<Cell<bool>>,
    fate: Rc<RefCell<Option<Fate>>>,
    driven: Rc<Driven>,
}

impl Network {
    /// Lays the cable. The tasks keep it working.
    pub fn new() -> (Self, Vec<Task>) {
        let (there, back) = (Rc::<RefCell<Line>>::default(), Rc::<RefCell<Line>>::default());
        let (plugged, fate, driven) = (Rc::new(Cell::new(true)), Rc::default(), Driven::new());
        let ends = [(there.clone(), back.clone(), BOARD, driven.clone()), (back, there, HUB, Driven::new())];
        let mut tasks: Vec<Task> = Vec::new();
        let [board, hub] = ends.map(|(incoming, outgoing, ip, driven)| {
            let address = [2, 0, 0, 0, 0, ip.octets()[3]];
            let (plugged, fate) = (plugged.clone(), Rc::clone(&fate));
            let end = End { incoming, outgoing, plugged, fate, driven, address };
            let config = config(ip);
            let resources = Box::leak(Box::new(StackResources::<12>::new()));
            let (stack, mut runner) = embassy_net::new(end, config, resources, ip.octets()[3].into());
            tasks.push(Box::pin(async move {
                runner.run().await;
            }));
            stack
        });
        (Self { board, hub, plugged, fate, driven }, tasks)
    }

    /// Pulls the plug, or puts it back. Frames are lost, and neither end learns of it.
    pub fn plug(&self, plugged: bool) {
        self.plugged.set(plugged);
    }

    /// The board's driver loses its network, or finds it again, and says so. Without it frames are lost.
    pub fn link(&self, linked: bool) {
        self.plug(linked);
        self.driven.linked.set(linked);
        self.driven.change();
    }

    /// The board's driver has no room for frames to send, or room again.
    pub fn fill(&self, full: bool) {
        self.driven.full.set(full);
        self.driven.change();
    }

    /// Decides what becomes of the next frames, in both directions. `None` for what a good cable does.
    pub fn decide(&self, fate: Option<Fate>) {
        *self.fate.borrow_mut() = fate;
    }
}

impl Driver for End {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received, Room)> {
        // A frame is given away only with the room for an answer.
        self.transmit(cx)?;
        let mut line = self.incoming.borrow_mut();
        match line.frames.pop_front() {
            Some(frame) => Some((Received(frame), self.room())),
            None => {
                line.receiver = Some(cx.waker().clone());
                None
            }
        }
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Room> {
        self.driven.stack.set(Some(cx.waker().clone()));
        (!self.driven.full.get()).then(|| self.room())
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> LinkState {
        self.driven.stack.set(Some(cx.waker().clone()));
        if self.driven.linked.get() { LinkState::Up } else { LinkState::Down }
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
        let (line, plugged, fate) = (self.outgoing.clone(), self.plugged.clone(), self.fate.clone());
        Room { line, plugged, fate }
    }
}

/// A frame that arrived.
struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, take: F) -> R {
        take(&mut self.0)
    }
}

/// Room for a frame to be sent.
struct Room {
    line: Rc<RefCell<Line>>,
    plugged: Rc<Cell<bool>>,
    fate: Rc<RefCell<Option<Fate>>>,
}

impl TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let result = fill(&mut frame);
        let frames = match &mut *self.fate.borrow_mut() {
            Some(fate) => fate(frame),
            None => vec![frame],
        };
        if self.plugged.get() {
            let mut line = self.line.borrow_mut();
            CARRIED.set(CARRIED.get() + frames.iter().map(|frame| frame.len() as u64).sum::<u64>());
            line.frames.extend(frames);
            if let Some(receiver) = line.receiver.take() {
                receiver.wake();
            }
        }
        result
    }
}
