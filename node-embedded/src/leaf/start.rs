//! Starts a node: its memory, its records in flash, its machines.

use core::ops::Range;

use embassy_net::Stack;
use embassy_sync::mutex::Mutex;
use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::gossip::Node;
use node_core::identity::Identity;
use node_core::wire::{Kind, Metadata};

use super::error::StartError;
use super::handle::Leaf;
use super::identity::{IdentityMemory, find_identity};
use crate::application::Application;
use crate::connection::PortMemory;
use crate::entropy;
use crate::flash::{KeyringMemory, Keys, Store};
use crate::log::{information, warning};
use crate::runner::Runner;
use crate::settings::{MAX_PINS, Settings};
use crate::sizes::{HEAD, ITEM, LINKS, SEALED, WORKERS};
use crate::state::{Boot, Core, CoreError, CoreMemory, NodeMemory, State, Trial, now};

/// The firmware's parts for a node.
pub struct Parts<'d, G, F, A> {
    /// The network, which may still be coming up.
    pub network: Stack<'d>,
    /// Random numbers that are good enough for keys. Each start draws 512 bytes, and tests whether the generator works at all.
    pub rng: G,
    /// Flash. Nothing else writes to its `flash_range`.
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
    identity: IdentityMemory,
    node: NodeMemory<'d>,
    core: CoreMemory,
    ports: [PortMemory; LINKS],
    heads: [[u8; HEAD]; WORKERS + 1],
    item: [u8; ITEM],
    sealed: [u8; SEALED],
}

impl LeafResources<'_> {
    /// Memory for one node.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            memory: Memory {
                identity: IdentityMemory::new(),
                node: NodeMemory::NEW,
                core: CoreMemory::NEW,
                ports: [PortMemory::NEW; LINKS],
                heads: [[0; HEAD]; WORKERS + 1],
                item: [0; ITEM],
                sealed: [0; SEALED],
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
/// The keyring comes from flash. A board without one takes it from the settings and stores it. The identity key comes from
/// flash, too, unless the settings name a device for it. A board without one makes it and stores it.
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
    let Memory { identity, node, core, ports, heads, item, sealed } = memory;
    if settings.pins.len() > MAX_PINS {
        return Err(StartError::Settings);
    }
    if let Some(rules) = settings.hub_rules {
        rules.check().map_err(StartError::HubRules)?;
    }
    entropy::test(&mut rng)?;
    let mut store = Store::open(flash, flash_range, item).await.map_err(StartError::Flash)?;
    provision(&mut store, settings.keyring).await?;
    let owner = find_identity(&settings, identity, &mut store, &mut rng).await?;
    let starts = store.count_start().await.map_err(StartError::Flash)?;
    let (mut seed, mut random) = ([0; 8], [0; 8]);
    entropy::fill(&mut rng, &mut seed)?;
    entropy::fill(&mut rng, &mut random)?;
    // Loaded last: the keys are large, and a wait would keep them in this future.
    let keys = load_keys(&mut store).await?;
    let identity = owner.identity;
    information!("{} ({}), start {}, certificate {}", settings.name, identity.id, starts, keys.active());

    let [a, b, c, d, ..] = random;
    let random = u32::from_le_bytes([a, b, c, d]);
    let boot = Boot { identity, starts, random, seed: u64::from_le_bytes(seed) };
    let about_me = describe(&settings, &keys, application.components());
    let node = bear(&boot, node, about_me)?;
    let mut core = assemble(core, &settings, identity, node)?;
    core.trial = store.is_on_trial().then(|| Trial::begin(now(), keys.edition()));
    let state = place(state, State::new(settings, owner, keys, core))?;
    let keyring = Mutex::new(KeyringMemory { store, sealed });
    let runner = Runner { state, network, rng: rng.into(), keyring, application, ports, heads };
    Ok((Leaf::new(state), runner))
}

/// Makes the node, which signs what it says of itself.
///
/// Not inlined, so that the stack of a signature is given back, and small beside that of [`start`].
#[inline(never)]
fn bear<'d>(
    boot: &Boot<'d>,
    memory: &'d mut NodeMemory<'d>,
    about_me: Option<Metadata<'_>>,
) -> Result<&'d mut Node<'d>, CoreError> {
    boot.bear(memory, &about_me.ok_or(CoreError::Settings)?)
}

/// Puts the core's machines together. Not inlined, as [`bear`].
#[inline(never)]
fn assemble<'d>(
    memory: &'d mut CoreMemory,
    settings: &Settings<'d>,
    identity: Identity<'d>,
    node: &'d mut Node<'d>,
) -> Result<Core<'d>, CoreError> {
    Core::new(memory, settings, identity, node)
}

/// Puts the state in its final place. Not inlined, as [`bear`].
#[inline(never)]
fn place<'d>(
    memory: &'d mut heapless::Vec<State<'d>, 1>,
    state: State<'d>,
) -> Result<&'d State<'d>, CoreError> {
    memory.clear();
    memory.push(state).map_err(|_| CoreError::Settings)?;
    memory.first().ok_or(CoreError::Settings)
}

/// The node's own metadata; `None` when a list in it is too long.
fn describe<'s>(settings: &Settings<'s>, keys: &Keys, components: &[&'s str]) -> Option<Metadata<'s>> {
    let mut metadata = Metadata::new(settings.name, Kind::Leaf);
    metadata.active_key = keys.active().0;
    metadata.keyring = keys.digest().0;
    metadata.components = heapless::Vec::from_slice(components).ok()?;
    metadata.uses = heapless::Vec::from_slice(settings.uses).ok()?;
    Some(metadata)
}

/// Stores the keyring of the settings on a board that has none.
async fn provision<F: NorFlash>(
    store: &mut Store<'_, F>,
    bundle: Option<&[u8]>,
) -> Result<(), StartError<F::Error>> {
    if store.confirmed_keyring().await.map_err(StartError::Flash)?.is_some() {
        return Ok(());
    }
    let bundle = bundle.ok_or(StartError::NoKeyring)?;
    Keys::read(bundle).map_err(StartError::Keyring)?;
    store.provision(bundle).await.map_err(StartError::Flash)
}

/// The keyring to use: the one on trial, if its trial goes on, else the confirmed one.
async fn load_keys<F: NorFlash>(store: &mut Store<'_, F>) -> Result<Keys, StartError<F::Error>> {
    let was_on_trial = store.is_on_trial();
    store.resume_trial().await.map_err(StartError::Flash)?;
    if was_on_trial && !store.is_on_trial() {
        warning!(
            "this is the second start since the trial of a keyring began: the keyring before it is used"
        );
    }
    if store.is_on_trial() {
        let bundle = store.keyring().await.map_err(StartError::Flash)?;
        if let Some(Ok(keys)) = bundle.map(|bundle| Keys::read(&bundle)) {
            return Ok(keys);
        }
        warning!("the keyring on trial cannot be read: the one before it is used");
        store.end_trial(false).await.map_err(StartError::Flash)?;
    }
    let bundle = store.confirmed_keyring().await.map_err(StartError::Flash)?;
    Keys::read(&bundle.ok_or(StartError::NoKeyring)?).map_err(StartError::Keyring)
}
