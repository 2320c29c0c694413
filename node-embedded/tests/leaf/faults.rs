//! A network that comes and goes, as Wi-Fi does, and a driver with faults: the board comes back to its hub each time.

use core::cell::{Cell, RefCell};
use core::fmt::Debug;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::thread;

use embassy_futures::join::{join, join3};
use embassy_futures::select::{Either, select};
use embassy_net::{ConfigV4, Ipv4Address, Ipv4Cidr, StaticConfigV4};
use embassy_time::{Duration, Timer, with_timeout};
use node_core::link::Service;
use node_core::rpc::{Event, Method, Response};
use node_core::trust::Fingerprint;
use node_embedded::{CallError, ExchangeError, Leaf};

use crate::board::{EVENTS, SWITCH, board, call};
use crate::cable::{Fate, Network};
use crate::clock::run;
use crate::flash::Flash;
use crate::hub::SERVED;
use crate::identity::{Identity, bundle};
use crate::operator::seal;
use crate::world::{World, with_board, world};

/// How a board's network goes away for a while.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// The driver says that there is no network.
    Down,
    /// The driver takes no frames, and gives none away.
    Full,
    /// Both.
    DownAndFull,
    /// The network comes back as another one, in which the board has another address.
    Roaming,
}

impl Outage {
    const ALL: [Self; 4] = [Self::Down, Self::Full, Self::DownAndFull, Self::Roaming];

    fn begin(self, network: &Network) {
        network.link(matches!(self, Self::Full));
        network.fill(matches!(self, Self::Full | Self::DownAndFull));
        if let Self::Roaming = self {
            network.board.set_config_v4(ConfigV4::None);
        }
    }

    fn end(self, network: &Network) {
        network.fill(false);
        network.link(true);
        if let Self::Roaming = self {
            network.board.set_config_v4(ConfigV4::Static(StaticConfigV4 {
                address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, 3), 24),
                gateway: None,
                dns_servers: Default::default(),
            }));
        }
    }
}

/// The seconds of an outage after so many frames.
const fn lasts(frames: usize) -> u64 {
    [2, 7, 30][frames % 3]
}

/// Lets `frames` pass, loses the next ones, and goes on with an outage. Returns false, and the network is whole, if there were not so
/// many frames in a while.
async fn outage_at(frames: usize, outage: Outage, world: &World, leaf: Leaf<'_>) -> bool {
    let left = Rc::new(Cell::new(frames));
    let counted = left.clone();
    world.network.decide(Some(Box::new(move |frame| match counted.get() {
        0 => vec![],
        left => {
            counted.set(left - 1);
            vec![frame]
        }
    })));
    let reached = async {
        while left.get() > 0 {
            Timer::after_millis(1).await;
        }
    };
    let reached = with_timeout(Duration::from_secs(3), reached).await.is_ok();
    if reached {
        outage.begin(&world.network);
        Timer::after_secs(lasts(frames)).await;
        beats(leaf).await;
        outage.end(&world.network);
    }
    world.network.decide(None);
    reached
}

/// The node runs.
pub async fn beats(leaf: Leaf<'_>) {
    let beat = with_timeout(Duration::from_millis(1), leaf.heartbeat()).await;
    assert!(beat.is_ok(), "the heartbeat stops");
}

/// Runs `test` in a time of its own.
pub fn apart<T: Send + 'static>(what: impl Debug, test: impl FnOnce() -> T + Send + 'static) -> T {
    thread::spawn(test).join().unwrap_or_else(|_| panic!("{what:?}"))
}

/// Lets the network go away at each of these frames of a `test`, in one of these ways after the other, until it returns false: there
/// are no more frames.
fn at_frames(
    frames: impl Iterator<Item = usize>,
    outages: &[Outage],
    test: impl Fn(usize, Outage) -> bool + Copy + Send + 'static,
) {
    let last = outages.iter().cycle().zip(frames).find(|(outage, frames)| {
        let (outage, frames) = (**outage, *frames);
        !apart((outage, frames), move || test(frames, outage))
    });
    assert!(last.is_some_and(|(_, frames)| frames > 12), "{last:?}");
}

/// Requests in both directions, each with a number.
#[derive(Default)]
struct Requests {
    /// The numbers of those that were answered.
    down: RefCell<BTreeSet<u64>>,
    up: RefCell<BTreeSet<u64>>,
    /// Requests that were under way when their link was lost.
    down_lost: Cell<usize>,
    up_lost: Cell<usize>,
}

impl Requests {
    /// The longest time until a request has an answer or an error.
    const LONGEST: Duration = Duration::from_secs(30);

    /// Makes requests for ever. Each is answered, or fails, in time.
    async fn make(&self, world: &World, leaf: Leaf<'_>) {
        let down = async {
            for number in 0u64.. {
                let event = Event { topic: SWITCH, publisher: world.hub.id() };
                let mut body = postcard::to_extend(&event, Vec::new()).unwrap();
                body.extend(number.to_le_bytes());
                let request = world.hub.request(leaf.id(), Service::Rpc(Method::Event.number()), &body);
                match with_timeout(Self::LONGEST, request).await.expect("an answer or an error") {
                    Ok(answer) => {
                        postcard::from_bytes::<Response<'_, ()>>(&answer).unwrap().unwrap();
                        self.down.borrow_mut().insert(number);
                    }
                    Err(error) if error == "the link is gone" => self.down_lost.set(self.down_lost.get() + 1),
                    Err(_) => {}
                }
                Timer::after_millis(100).await;
            }
        };
        let up = async {
            for number in 0u64.. {
                let body = number.to_le_bytes();
                match with_timeout(Self::LONGEST, call(&leaf, "hub-echo", &body))
                    .await
                    .expect("an answer or an error")
                {
                    Ok(answer) => {
                        assert_eq!(answer, (200, body.to_vec()));
                        self.up.borrow_mut().insert(number);
                    }
                    Err(CallError::Exchange(ExchangeError::LinkLost)) => {
                        self.up_lost.set(self.up_lost.get() + 1)
                    }
                    Err(_) => {}
                }
                Timer::after_millis(100).await;
            }
        };
        let heart = async {
            loop {
                beats(leaf).await;
                Timer::after_secs(1).await;
            }
        };
        join3(down, up, heart).await;
    }

    /// Makes requests while `meanwhile` runs.
    async fn beside<T>(&self, world: &World, leaf: Leaf<'_>, meanwhile: impl Future<Output = T>) -> T {
        match select(meanwhile, self.make(world, leaf)).await {
            Either::First(result) => result,
            Either::Second(()) => unreachable!("there is no last request"),
        }
    }

    /// Waits for the next answers in both directions.
    async fn pass(&self) {
        let answered = || (self.down.borrow().len(), self.up.borrow().len());
        let (down, up) = answered();
        let both = async {
            while answered().0 == down || answered().1 == up {
                Timer::after_millis(100).await;
            }
        };
        assert!(with_timeout(BACK, both).await.is_ok(), "no requests pass");
    }

    /// Whatever was answered was done, and nothing was done twice.
    fn check(&self) {
        let number = |bytes: &Vec<u8>| u64::from_le_bytes(*bytes.last_chunk().unwrap());
        let [events, served] = [EVENTS.take(), SERVED.take()];
        for (answered, done) in [(&self.down, events), (&self.up, served)] {
            let numbers: BTreeSet<_> = done.iter().map(number).collect();
            assert_eq!(numbers.len(), done.len(), "twice");
            assert!(answered.borrow().is_subset(&numbers), "answered and not done");
        }
    }
}

/// The longest time until a board is back, once the network is: dials are up to some 45 s apart, and a wrong address of Ethernet is
/// remembered for a minute.
const BACK: Duration = Duration::from_secs(150);

/// The board is linked, and requests pass.
pub async fn is_back(world: &World, leaf: Leaf<'_>) {
    let back = async {
        while world.http(leaf, "/echo", b"down").await != Ok((200, b"down".to_vec()))
            || call(&leaf, "hub-echo", b"up").await != Ok((200, b"up".to_vec()))
        {
            Timer::after_millis(100).await;
        }
    };
    assert!(with_timeout(BACK, back).await.is_ok(), "the board does not come back");
}

/// Starts a board whose network goes away after so many frames.
fn connects(frames: usize, outage: Outage) -> bool {
    let (world, tasks) = world();
    run(tasks, async {
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        let test = async {
            let reached = outage_at(frames, outage, &world, leaf).await;
            is_back(&world, leaf).await;
            reached
        };
        match select(test, task).await {
            Either::First(reached) => reached,
            Either::Second(()) => unreachable!("a board runs for ever"),
        }
    })
}

#[test]
fn a_network_that_goes_away_at_any_frame_of_a_connection_is_used_again_when_it_is_back() {
    for outage in Outage::ALL {
        at_frames(0.., &[outage], connects);
    }
}

#[test]
fn requests_fail_when_the_network_goes_away_and_none_is_answered_twice() {
    for outage in Outage::ALL {
        apart(outage, move || {
            with_board(async |world, leaf| {
                let requests = Requests::default();
                let outages = async {
                    for frames in 0..12 {
                        assert!(outage_at(frames, outage, world, leaf).await);
                        requests.pass().await;
                    }
                };
                requests.beside(world, leaf, outages).await;
                requests.check();
                let lost = (requests.down_lost.get(), requests.up_lost.get());
                assert!(lost.0 > 0 && lost.1 > 0, "no request was under way: {lost:?}");
            });
        });
    }
}

/// Sends a keyring to a board whose network goes away after so many frames. The hub trusts it, or does not.
fn takes_keys(is_trusted: bool, frames: usize, outage: Outage) -> bool {
    let (world, tasks) = world();
    let (next, flash) = (Identity::new(), Flash::new());
    if is_trusted {
        world.trusted.lock().unwrap().push(next.certificate.clone());
    }
    run(tasks, async {
        let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
        let first = leaf.active_key();
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            let keyring = bundle(&[&next], &[&world.hub_identity]);
            let sealed = seal(&world.board_identity, world.identity_of(leaf), 7, &keyring);
            let push = world.hub.request(leaf.id(), Service::Rpc(Method::KeysReplace.number()), &sealed);
            let (answer, reached) = join(push, outage_at(frames, outage, &world, leaf)).await;
            is_back(&world, leaf).await;
            // The trial is over then.
            Timer::after_secs(if is_trusted { 5 } else { 75 }).await;
            let active = leaf.active_key();
            let is_taken = answer
                .is_ok_and(|answer| postcard::from_bytes::<Response<'_, [u8; 32]>>(&answer).unwrap().is_ok());
            assert!(active == first || (is_trusted && active == next.fingerprint()), "another keyring");
            // A trial of a minute does not outlast the longest outage.
            let in_time = is_trusted && is_taken && lasts(frames) < 10;
            assert!(!in_time || active == next.fingerprint(), "it was taken");
            let known = world.hub.member(leaf.id(), |member| member.metadata.active_key).map(Fingerprint);
            assert_eq!((leaf.links(), known), (1, Some(active)));
            (active, reached)
        };
        let Either::First((active, reached)) = select(test, task).await else { unreachable!() };
        for _ in 0..2 {
            let (leaf, _task) = board(&world.network, flash.clone(), &[]).await;
            assert_eq!(leaf.active_key(), active, "a start finds no trial");
        }
        reached
    })
}

#[test]
fn a_network_that_goes_away_at_any_frame_of_a_push_leaves_the_old_keyring_or_the_new_one() {
    at_frames(0.., &Outage::ALL, |frames, outage| takes_keys(true, frames, outage));
}

#[test]
fn a_network_that_goes_away_during_a_push_does_not_keep_a_keyring_that_no_hub_trusts() {
    at_frames((0..).step_by(3), &Outage::ALL, |frames, outage| takes_keys(false, frames, outage));
}

/// What a bad network does to frames.
#[derive(Clone, Copy, Debug)]
enum Noise {
    Lost,
    Doubled,
    Late,
    /// One bit is wrong.
    Flipped,
    /// Two words of TCP's data are exchanged, which its checksum does not notice.
    Exchanged,
    /// Any of these.
    Any,
}

impl Noise {
    const ALL: [Self; 6] = [Self::Lost, Self::Doubled, Self::Late, Self::Flipped, Self::Exchanged, Self::Any];

    /// What becomes of frames, the same for the same seed.
    fn fate(self, seed: u64) -> Fate {
        let mut random = Random(seed);
        // One frame of each direction, which a later one overtakes.
        let mut late = [None, None];
        Box::new(move |mut frame: Vec<u8>| {
            let noise = if let Self::Any = self { Self::ALL[random.below(5)] } else { self };
            let late = &mut late[usize::from(frame[11] == 1)];
            if random.below(8) > 0 {
                return [Some(frame), late.take()].into_iter().flatten().collect();
            }
            match noise {
                Self::Lost => return vec![],
                Self::Doubled => return vec![frame.clone(), frame],
                Self::Late => return late.replace(frame).into_iter().collect(),
                Self::Flipped => {
                    let bit = random.below(frame.len() * 8);
                    frame[bit / 8] ^= 1 << (bit % 8);
                }
                Self::Exchanged | Self::Any => {
                    // After the heads of Ethernet, IPv4 and TCP.
                    let data = frame.get_mut(54..).unwrap_or_default();
                    if let Some(words) = (data.len() / 4).checked_sub(1).filter(|words| *words > 0) {
                        let at = random.below(words) * 4;
                        let (first, second) = data[at..at + 4].split_at_mut(2);
                        first.swap_with_slice(second);
                    }
                }
            }
            vec![frame]
        })
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

#[test]
fn frames_that_are_lost_doubled_late_or_changed_delay_requests_and_change_none() {
    for (noise, seed) in Noise::ALL.into_iter().flat_map(|noise| [(noise, 1), (noise, 2)]) {
        apart((noise, "seed", seed), move || {
            with_board(async |world, leaf| {
                let requests = Requests::default();
                let noisy = async {
                    world.network.decide(Some(noise.fate(seed)));
                    Timer::after_secs(30).await;
                    world.network.decide(None);
                    requests.pass().await;
                };
                requests.beside(world, leaf, noisy).await;
                requests.check();
            });
        });
    }
}
