//! The node itself: how it is started, and what the firmware holds in its hands.

use core::fmt;
use core::future::poll_fn;
use core::ops::Range;
use core::task::Poll;

use embassy_net::Stack;
use embassy_sync::mutex::Mutex;
use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::gossip::{self, Node, Peer, Storage};
use node_core::id::NodeId;
use node_core::keys::BundleError;
use node_core::time::{ClockFloor, Duration, Instant};
use node_core::trust::Fingerprint;
use node_core::wire::record::BadMetadata;
use node_core::wire::{Kind, Metadata};

use crate::application::Application;
use crate::connection::PortMemory;
use crate::keyring::Keys;
use crate::log::information;
use crate::port::{Port, PortExchanges};
use crate::runner::Runner;
use crate::serve::KeyringMemory;
use crate::settings::{MAX_PINS, Settings};
use crate::sizes::{BUNDLE, HEAD, ITEM, LIMITS, LINKS, MEMBERS, METADATA, WORKERS};
use crate::state::{Core, State, now};
use crate::store::{Store, StoreError};
use crate::table::{self, Table};

/// What the firmware brings to a node.
pub struct Parts<'d, G, F, A> {
    /// The network, which may still be coming up.
    pub network: Stack<'d>,
    /// Random numbers fit for keys.
    pub rng: G,
    /// Flash that nothing else writes to, as far as `flash_range` goes.
    pub flash: F,
    /// Where in `flash` the node keeps its records: whole pages, at least two of them and 16 KiB in all.
    pub flash_range: Range<u32>,
    /// Components and methods; `()` for none.
    pub application: A,
}

/// All memory of a node: put it into a `static`.
///
/// At first it holds zeros and empty vectors only, which a linker does not store: a `static` of it takes no flash.
pub struct LeafResources<'d> {
    memory: Memory,
    state: heapless::Vec<State<'d>, 1>,
}

struct Memory {
    core: CoreMemory,
    ports: [PortMemory; LINKS],
    heads: [[u8; HEAD]; WORKERS + 1],
    item: [u8; ITEM],
    bundle: [u8; BUNDLE],
}

/// What the core's machines work in.
struct CoreMemory {
    slots: heapless::Vec<gossip::MemberSlot, MEMBERS>,
    id_index: [gossip::IdEntry; MEMBERS],
    deadlines: [Instant; MEMBERS],
    metadata: [u8; MEMBERS * METADATA],
    peers: heapless::Vec<Peer, LINKS>,
    table: table::Slots,
    exchanges: [PortExchanges; LINKS],
}

impl LeafResources<'_> {
    /// Memory for one node.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            memory: Memory {
                core: CoreMemory {
                    slots: heapless::Vec::new(),
                    id_index: [gossip::IdEntry::FREE; MEMBERS],
                    deadlines: [Instant::START; MEMBERS],
                    metadata: [0; MEMBERS * METADATA],
                    peers: heapless::Vec::new(),
                    table: table::Slots::new(),
                    exchanges: [PortExchanges::NEW; LINKS],
                },
                ports: [PortMemory::NEW; LINKS],
                heads: [[0; HEAD]; WORKERS + 1],
                item: [0; ITEM],
                bundle: [0; BUNDLE],
            },
            state: heapless::Vec::new(),
        }
    }
}

impl Default for LeafResources<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Starts a node. It does nothing until its [`Runner`] runs.
///
/// The keyring comes from flash; on a board that has none, from the settings, and is then kept.
///
/// # Errors
/// [`StartError`] says what to change. Nothing was sent.
pub async fn start<'d, G: CryptoRngCore, F: NorFlash, A: Application>(
    resources: &'d mut LeafResources<'d>,
    settings: Settings<'d>,
    parts: Parts<'d, G, F, A>,
) -> Result<(Leaf<'d>, Runner<'d, G, F, A>), StartError<F::Error>> {
    let Parts { network, mut rng, flash, flash_range, application } = parts;
    let LeafResources { memory, state } = resources;
    let Memory { core, ports, heads, item, bundle } = memory;
    if settings.pins.len() > MAX_PINS {
        return Err(StartError::Settings);
    }
    let mut store = Store::new(flash, flash_range, item).map_err(StartError::Flash)?;
    provision(&mut store, settings.keyring).await?;
    let id = load_id(&mut store, settings.id, &mut rng).await?;
    let starts = store.count_start().await.map_err(StartError::Flash)?;
    let mut seed = [0; 8];
    rng.try_fill_bytes(&mut seed).map_err(|_| StartError::Entropy)?;
    // Last of all: it is large, and a wait would keep it in this future.
    let keys = load_keys(&mut store).await?;
    information!("{} ({}), start {}, certificate {}", settings.name, id, starts, keys.active());

    let birth = Birth { id, starts, seed: u64::from_le_bytes(seed) };
    let core = assemble(core, (&settings, &keys, birth), application.components());
    let state = keep(state, (settings, keys), core).ok_or(StartError::Settings)?;
    let keyring = Mutex::new(KeyringMemory { store, bundle });
    let runner = Runner { state, network, rng: rng.into(), keyring, application, ports, heads };
    Ok((Leaf { state }, runner))
}

/// What makes this start of this node different from any other.
#[derive(Clone, Copy)]
struct Birth {
    id: NodeId,
    starts: u32,
    seed: u64,
}

/// Puts the core's machines together; `None` when the settings are out of range.
///
/// On its own, so that the stack that it takes is given back: a part of [`start`] would hold it to the end.
#[inline(never)]
fn assemble<'d>(
    memory: &'d mut CoreMemory,
    (settings, keys, birth): (&Settings<'d>, &Keys, Birth),
    components: &[&str],
) -> Option<Core<'d>> {
    let now = now();
    let CoreMemory { slots, id_index, deadlines, metadata, peers, table, exchanges } = memory;
    fill(slots, gossip::MemberSlot::FREE);
    fill(peers, Peer::FREE);
    let storage = Storage { slots, id_index, deadlines, fingerprints: &mut [], metadata, peers };
    let config =
        gossip::Config { active_view: LINKS - 1, dials: 1, ..gossip::Config::new(birth.id, Kind::Leaf) };
    // What it says of itself may change during a life as well as between two.
    let incarnation = u64::from(birth.starts) << 12;
    let about_me = describe(settings, keys, components)?;
    let mut node =
        Node::new(now, config, gossip::Birth { incarnation, metadata: &about_me, seed: birth.seed }, storage)
            .ok()?;
    for hub in settings.hubs {
        node.add_seed(now, hub).ok()?;
    }
    let link = node_core::link::Config {
        id: birth.id,
        cluster: settings.cluster,
        limits: LIMITS,
        hello_timeout: Duration::from_secs(5),
        ping_after: Duration::from_secs(5),
        dead_after: Duration::from_secs(5),
    };
    Some(Core {
        node,
        clock: ClockFloor::new(now, settings.not_before),
        ports: exchanges.each_mut().map(|memory| Port::new(link, memory)),
        table: Table::new(table),
        links: 0,
        runner: Default::default(),
        callers: embassy_sync::waitqueue::MultiWakerRegistration::new(),
    })
}

/// Puts the state where it stays, if there are machines for it; on its own as [`assemble`] is.
#[inline(never)]
fn keep<'d>(
    state: &'d mut heapless::Vec<State<'d>, 1>,
    (settings, keys): (Settings<'d>, Keys),
    core: Option<Core<'d>>,
) -> Option<&'d State<'d>> {
    state.clear();
    state.push(State::new(settings, keys, core?)).ok()?;
    state.first()
}

/// As many as there is room for.
fn fill<T: Clone, const N: usize>(vector: &mut heapless::Vec<T, N>, free: T) {
    let filled = vector.resize(N, free);
    debug_assert!(filled.is_ok(), "its capacity is its length");
}

/// What the node says of itself; `None` when there is too much of something.
fn describe<'s>(settings: &Settings<'s>, keys: &Keys, components: &[&'s str]) -> Option<Metadata<'s>> {
    let mut metadata = Metadata::new(settings.name, Kind::Leaf);
    metadata.active_key = keys.active().0;
    metadata.keyring = keys.digest().0;
    metadata.components = heapless::Vec::from_slice(components).ok()?;
    metadata.uses = heapless::Vec::from_slice(settings.uses).ok()?;
    Some(metadata)
}

/// Gives a board that has no keyring the one in its settings.
async fn provision<F: NorFlash>(
    store: &mut Store<'_, F>,
    bundle: Option<&[u8]>,
) -> Result<(), StartError<F::Error>> {
    if store.keyring().await.map_err(StartError::Flash)?.is_some() {
        return Ok(());
    }
    let bundle = bundle.ok_or(StartError::NoKeyring)?;
    Keys::read(bundle).map_err(StartError::Keyring)?;
    store.set_keyring(bundle).await.map_err(StartError::Flash)
}

async fn load_keys<F: NorFlash>(store: &mut Store<'_, F>) -> Result<Keys, StartError<F::Error>> {
    let bundle = store.keyring().await.map_err(StartError::Flash)?.ok_or(StartError::NoKeyring)?;
    Keys::read(bundle).map_err(StartError::Keyring)
}

async fn load_id<F: NorFlash>(
    store: &mut Store<'_, F>,
    given: Option<NodeId>,
    rng: &mut impl CryptoRngCore,
) -> Result<NodeId, StartError<F::Error>> {
    if let Some(id) = given {
        return Ok(id);
    }
    if let Some(id) = store.node_id().await.map_err(StartError::Flash)? {
        return Ok(id);
    }
    let mut bytes = [0; 16];
    rng.try_fill_bytes(&mut bytes).map_err(|_| StartError::Entropy)?;
    if bytes == [0; 16] {
        return Err(StartError::Entropy);
    }
    store.set_node_id(NodeId(bytes)).await.map_err(StartError::Flash)?;
    Ok(NodeId(bytes))
}

/// The firmware's hold on its node; copies are the same node.
#[derive(Clone, Copy)]
pub struct Leaf<'d> {
    pub(crate) state: &'d State<'d>,
}

impl Leaf<'_> {
    /// The node's identity.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.state.with(|core| core.node.id())
    }

    /// SHA-256 of the certificate that it presents.
    #[must_use]
    pub fn active_key(&self) -> Fingerprint {
        self.state.keys.borrow().active()
    }

    /// How many hubs it is linked to now.
    #[must_use]
    pub fn links(&self) -> usize {
        self.state.with(|core| core.links_up())
    }

    /// How many members it knows, itself included.
    #[must_use]
    pub fn members(&self) -> usize {
        self.state.with(|core| core.node.members().count())
    }

    /// Waits until it is linked to a hub.
    pub async fn linked(&self) {
        self.wait(|core| core.links_up() > 0).await;
    }

    /// Says GOAWAY to the cluster, finishes what is under way and waits until the links are closed. Nothing is
    /// dialled any more.
    pub async fn leave(&self) {
        self.state.with(|core| {
            core.node.leave(now());
            core.runner.wake();
        });
        self.wait(|core| (0..LINKS).all(|port| !core.is_connected(port))).await;
    }

    /// Tells the cluster that the board sleeps for so many seconds, a week at most, and waits until its hubs know and the links
    /// are closed, without a hub until there is one (bound the wait by a timeout):
    /// then the processor may stop, or the power be cut. Nobody misses the board meanwhile, and what is sent to it waits at
    /// its hubs as long as its sender does. A board that starts anew need not [`wake`](Self::wake).
    ///
    /// # Errors
    /// [`BadMetadata`] when the node's description leaves no room for it; nothing changed.
    pub async fn sleep(&self, seconds: u32) -> Result<(), BadMetadata> {
        self.linked().await;
        self.state.with(|core| {
            core.runner.wake();
            core.node.sleep(seconds)
        })?;
        self.wait(|core| (0..LINKS).all(|port| !core.is_connected(port))).await;
        Ok(())
    }

    /// Comes back after [`sleep`](Self::sleep), however early or late.
    ///
    /// # Errors
    /// [`BadMetadata`] never, as long as the description could be written before.
    pub fn wake(&self) -> Result<(), BadMetadata> {
        self.state.with(|core| {
            core.runner.wake();
            core.node.wake(now())
        })
    }

    async fn wait(&self, mut until: impl FnMut(&mut Core<'_>) -> bool) {
        poll_fn(|cx| {
            self.state.with(|core| {
                if until(core) {
                    return Poll::Ready(());
                }
                core.callers.register(cx.waker());
                Poll::Pending
            })
        })
        .await;
    }
}

/// Why a node was not started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError<E> {
    /// The random number generator does not work.
    Entropy,
    /// The flash cannot be used.
    Flash(StoreError<E>),
    /// The keyring in flash, or the one in the settings, is no good.
    Keyring(BundleError),
    /// There is no keyring, neither in flash nor in the settings.
    NoKeyring,
    /// A name is not one, or there are too many hubs, components, needs or pins.
    Settings,
}

impl<E: fmt::Debug> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entropy => f.write_str("the random number generator gives no random numbers: check its driver"),
            Self::Flash(error) => error.fmt(f),
            Self::Keyring(error) => error.fmt(f),
            Self::NoKeyring => f.write_str("the board has no keyring: give it one in its settings"),
            Self::Settings => f.write_str(
                "the settings are out of range: names are 1 to 63 of the characters A-Z a-z 0-9 - _ . and there are \
                 at most 8 hubs, 8 uses, 4 pins and 32 components",
            ),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StartError<E> {}
