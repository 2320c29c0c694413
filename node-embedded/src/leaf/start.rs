//! Starts a node: its memory, its records in flash, its machines.

use core::ops::Range;

use embassy_net::Stack;
use embassy_sync::mutex::Mutex;
use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::crypto::SignError;
use node_core::gossip::Node;
use node_core::identity::Identity;
use node_core::wire::Metadata;

use super::error::StartError;
use super::handle::Leaf;
use super::identity::owner;
use super::key::OwnKeys;
use super::prepare::{Prepared, prepare};
use crate::application::Application;
#[cfg(feature = "accept")]
use crate::connection::AcceptMemory;
use crate::connection::PortMemory;
use crate::flash::{Aligned, KeyringMemory, Keys, Store};
use crate::log::information;
use crate::runner::Runner;
use crate::settings::Settings;
#[cfg(feature = "accept")]
use crate::sizes::ACCEPTED;
use crate::sizes::{HEAD, ITEM, LINKS, SCRATCH, SEALED, WORKERS};
use crate::state::{Boot, Core, CoreError, CoreMemory, NodeMemory, Owner, State, Trial, now};

/// The firmware's parts for a node.
pub struct Parts<'d, G, F, A> {
    /// The network, which may still be coming up.
    pub network: Stack<'d>,
    /// Random numbers that are good enough for keys. Each start draws 512 bytes, and tests whether the generator works at all.
    pub rng: G,
    /// Flash. Nothing else writes to its `flash_range`. Behind a DMA that takes aligned words only, put it into an
    /// [`AlignedFlash`](crate::AlignedFlash).
    pub flash: F,
    /// The node's records lie in this range of `flash`: whole pages, at least two of them and 16 KiB in all.
    pub flash_range: Range<u32>,
    /// Components and methods; `()` for none.
    pub application: A,
}

/// All memory of a node: put it into a `static`.
///
/// At first it holds only zeros and empty vectors, which a linker does not store: a `static` of it takes no flash.
pub struct LeafResources<'d> {
    memory: Memory<'d>,
    state: heapless::Vec<State<'d>, 1>,
}

struct Memory<'d> {
    own: OwnKeys,
    keys: Keys,
    node: NodeMemory<'d>,
    core: CoreMemory,
    ports: [PortMemory; LINKS],
    #[cfg(feature = "accept")]
    accepted: [AcceptMemory; ACCEPTED],
    item: Aligned<ITEM>,
    /// For sealed keyrings, and the heads of requests behind them. One array, so that a blob has all of it.
    scratch: [u8; SCRATCH],
}

const _: () = assert!(core::mem::offset_of!(Memory<'_>, item) % 4 == 0, "a DMA may read and write it");

impl LeafResources<'_> {
    /// Memory for one node.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            memory: Memory {
                own: OwnKeys::NONE,
                keys: Keys::NONE,
                node: NodeMemory::NEW,
                core: CoreMemory::NEW,
                ports: [PortMemory::NEW; LINKS],
                #[cfg(feature = "accept")]
                accepted: [AcceptMemory::NEW; ACCEPTED],
                item: Aligned::NEW,
                scratch: [0; SCRATCH],
            },
            state: heapless::Vec::new(),
        }
    }
}

impl LeafResources<'_> {
    /// The memory for provisioning, as long as the node has not started.
    pub(crate) fn lend(&mut self) -> (&mut OwnKeys, &mut [u8; ITEM], &mut [u8; SCRATCH]) {
        let Memory { own, item, scratch, .. } = &mut self.memory;
        (own, &mut item.0, scratch)
    }
}

impl Default for LeafResources<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Starts a node. It does nothing until its [`Runner`] runs.
///
/// The keyring comes from flash. A board without one takes it from the settings and stores it. The identity key comes from
/// flash, too, unless the settings name a device for it. A board without one makes it and stores it.
///
/// # Errors
/// [`NotStarted`] says what to change, and gives back what was lent. Nothing was sent.
pub async fn start<'d, G: CryptoRngCore, F: NorFlash, A: Application>(
    resources: &'d mut LeafResources<'d>,
    settings: Settings<'d>,
    mut parts: Parts<'d, G, F, A>,
) -> Result<(Leaf<'d>, Runner<'d, G, F, A>), NotStarted<'d, G, F, A>> {
    // First all that can fail on a board in the field, with the memory borrowed for a moment only.
    let LeafResources { memory: Memory { own, keys, item, .. }, .. } = &mut *resources;
    let mut store = match Store::open(parts.flash, parts.flash_range.clone(), &mut item.0).await {
        Ok(store) => store,
        Err((error, flash)) => {
            let parts = Parts { flash, ..parts };
            return Err(NotStarted { error: StartError::Flash(error), parts, resources: Some(resources) });
        }
    };
    let prepared = prepare(&settings, own, keys, &mut store, &mut parts.rng).await;
    let store = store.detach();
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            let parts = Parts { flash: store.flash(), ..parts };
            return Err(NotStarted { error, parts, resources: Some(resources) });
        }
    };
    let Parts { network, rng, flash_range, application, .. } = parts;
    let LeafResources { memory, state } = resources;
    let Memory {
        own,
        keys,
        node,
        core,
        ports,
        #[cfg(feature = "accept")]
        accepted,
        item,
        scratch,
    } = memory;
    let places = Places { own, keys, node, core, state };
    let state = put_together(settings, &prepared, application.components(), places);
    match state.and_then(|state| Ok((state, divide(scratch).ok_or(CoreError::Settings)?))) {
        Ok((state, (sealed, heads))) => {
            let keyring = Mutex::new(KeyringMemory { store: store.attach(&mut item.0), sealed });
            let runner = Runner {
                state,
                network,
                rng: rng.into(),
                keyring,
                application,
                ports,
                #[cfg(feature = "accept")]
                accepted,
                heads,
            };
            Ok((Leaf::new(state), runner))
        }
        Err(error) => {
            let parts = Parts { network, rng, flash: store.flash(), flash_range, application };
            Err(NotStarted { error: error.into(), parts, resources: None })
        }
    }
}

/// A node that was not started: why, and what was lent to it.
pub struct NotStarted<'d, G, F: NorFlash, A> {
    /// The reason.
    pub error: StartError<F::Error>,
    /// The parts, as they were lent.
    pub parts: Parts<'d, G, F, A>,
    /// The memory, free for another start. `None` when the very last steps failed, for [`StartError::Settings`] and
    /// [`StartError::Sign`]: then machines lie in it that were not finished.
    pub resources: Option<&'d mut LeafResources<'d>>,
}

impl<G, F: NorFlash, A> core::fmt::Debug for NotStarted<'_, G, F, A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NotStarted").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<G, F: NorFlash, A> core::fmt::Display for NotStarted<'_, G, F, A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.error.fmt(f)
    }
}

impl<G, F: NorFlash, A> core::error::Error for NotStarted<'_, G, F, A> {}

/// The memory of a sealed keyring, and that of heads. There is always enough.
fn divide(scratch: &mut [u8; SCRATCH]) -> Option<(&mut [u8; SEALED], &mut [[u8; HEAD]; WORKERS + 1])> {
    let (sealed, heads) = scratch.split_first_chunk_mut()?;
    Some((sealed, heads.as_chunks_mut().0.first_chunk_mut()?))
}

/// The places in which the parts of a node are made.
struct Places<'d> {
    own: &'d OwnKeys,
    keys: &'d mut Keys,
    node: &'d mut NodeMemory<'d>,
    core: &'d mut CoreMemory,
    state: &'d mut heapless::Vec<State<'d>, 1>,
}

/// Puts the node together. Each step is a function that is not inlined, so that its stack is given back before the next one.
#[inline(never)]
fn put_together<'d>(
    settings: Settings<'d>,
    prepared: &Prepared,
    components: &[&str],
    places: Places<'d>,
) -> Result<&'d State<'d>, CoreError> {
    let Places { own, keys, node, core, state } = places;
    let owner = owner(&settings, own).ok_or(CoreError::Sign(SignError))?;
    let node = create(&settings, prepared, owner.identity, keys, components, node)?;
    let edition = keys.edition();
    let state = place(state, core, settings, owner, keys, node)?;
    state.with(|core| {
        core.counters.starts = prepared.starts;
        core.trial = prepared.on_trial.then(|| Trial::begin(now(), edition));
    });
    Ok(state)
}

/// Makes the node, which signs what it says of itself.
#[inline(never)]
fn create<'d>(
    settings: &Settings<'d>,
    prepared: &Prepared,
    identity: Identity<'d>,
    keys: &Keys,
    components: &[&str],
    memory: &'d mut NodeMemory<'d>,
) -> Result<&'d mut Node<'d>, CoreError> {
    let Prepared { starts, seed, random: [a, b, c, d, ..], .. } = *prepared;
    information!("{} ({}), start {}, certificate {}", settings.name, identity.id, starts, keys.active());
    let random = u32::from_le_bytes([a, b, c, d]);
    let boot = Boot { identity, starts, random, seed: u64::from_le_bytes(seed) };
    boot.create(memory, &describe(settings, keys, components).ok_or(CoreError::Settings)?)
}

/// Puts the machines around the node, and the state in its final place.
#[inline(never)]
fn place<'d>(
    state: &'d mut heapless::Vec<State<'d>, 1>,
    memory: &'d mut CoreMemory,
    settings: Settings<'d>,
    owner: Owner<'d>,
    keys: &'d mut Keys,
    node: &'d mut Node<'d>,
) -> Result<&'d State<'d>, CoreError> {
    let core = Core::new(memory, &settings, owner.identity, node)?;
    state.clear();
    state.push(State::new(settings, owner, keys, core)).map_err(|_| CoreError::Settings)?;
    state.first().ok_or(CoreError::Settings)
}

/// The node's own metadata; `None` when a list in it is too long.
fn describe<'s>(settings: &Settings<'s>, keys: &Keys, components: &'s [&'s str]) -> Option<Metadata<'s>> {
    let mut metadata = Metadata::new(settings.name, settings.kind());
    #[cfg(feature = "accept")]
    if let Some(listen) = settings.listen {
        metadata.addrs = heapless::Vec::from_slice(listen.addresses).ok()?;
    }
    metadata.active_key = keys.active().0;
    metadata.keyring = keys.digest().0;
    metadata.components = heapless::Vec::from_slice(components).ok()?;
    metadata.uses = heapless::Vec::from_slice(settings.uses).ok()?;
    Some(metadata)
}
