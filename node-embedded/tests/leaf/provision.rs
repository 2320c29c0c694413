//! A board before its node starts: it gets its identity, its settings and its keyring, all of them or none.

use core::ops::Range;

use embassy_futures::block_on;
use embassy_futures::join::join;
use embassy_futures::select::select;
use embedded_storage_async::nor_flash::NorFlash;
use node_core::crypto::{P256Secret, PublicKey, Software, SoftwareSigner};
use node_core::id::NodeId;
use node_core::provision::frame::Request;
use node_core::provision::{BlobError, Draft, MAX_BLOB, MAX_SETTINGS, Settings};
use node_core::time::UnixTime;
use node_core::trust::Fingerprint;
use node_embedded::{
    Board, IdentitySigner, LeafResources, Parts, ProvisionError, Provisioner, StartError, TlsSigner, start,
};
use rand_core::OsRng;

use crate::board::{BUILT, CLUSTER, Echo, HUBS, settings as board_settings, try_board};
use crate::clock::run;
use crate::flash::{Failure, Flash, RANGE};
use crate::identity::{Identity, named_bundle};
use crate::serial_line::{framed, line};
use crate::world::{World, world};

/// The kind of these boards.
const KIND: &str = "cable";

/// An operator, who makes blobs for a board and its hub.
pub struct Operator<'w> {
    pub key: Identity,
    pub world: &'w World,
}

impl<'w> Operator<'w> {
    pub fn new(world: &'w World) -> Self {
        Self { key: Identity::new(), world }
    }

    /// A keyring with the board's own pair, and the certificates of the hub and of this operator.
    fn keyring(&self) -> Vec<u8> {
        let others = [("hub.hub", &self.world.hub_identity), ("ops.operator", &self.key)];
        named_bundle(&[("kettle.leaf", &self.world.board_identity)], &others)
    }

    /// A blob with these settings, changed by `change`.
    pub fn blob(&self, epoch: u64, name: &str, change: impl FnOnce(&mut Draft<'_>)) -> Vec<u8> {
        let keyring = self.keyring();
        let mut settings = Settings::new(name, CLUSTER);
        settings.hubs.extend_from_slice(&HUBS).unwrap();
        settings.not_before = UnixTime(BUILT);
        let mut buffer = [0; MAX_SETTINGS];
        let settings = settings.encode(&mut buffer).unwrap();
        let mut draft =
            Draft { epoch, kind: "", board: None, new_identity: false, settings, keyring: Some(&keyring) };
        change(&mut draft);
        let signer = SoftwareSigner::new(P256Secret(&self.key.secret())).unwrap();
        let mut buffer = [0; MAX_BLOB];
        draft.sign(self.key.fingerprint(), &signer, &Software, &mut buffer).unwrap().to_vec()
    }
}

pub fn resources() -> &'static mut LeafResources<'static> {
    Box::leak(Box::new(LeafResources::new()))
}

pub fn firmware(flash: &Flash) -> Board<'static, OsRng, Flash> {
    Board {
        kind: KIND,
        key: None,
        identity: None,
        tls: None,
        rng: OsRng,
        flash: flash.clone(),
        flash_range: RANGE,
    }
}

/// What a start finds in a flash: the id, and the name in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub id: NodeId,
    pub name: Option<String>,
}

/// Opens a board, and lets `work` provision it.
pub fn open<T>(
    flash: &Flash,
    work: impl AsyncFnOnce(&mut Provisioner<'_, OsRng, Flash>) -> T,
) -> Result<T, StartError<Failure>> {
    block_on(async {
        let mut memory = LeafResources::new();
        let mut provisioner = Provisioner::open(&mut memory, firmware(flash)).await?;
        Ok(work(&mut provisioner).await)
    })
}

pub fn find(flash: &Flash) -> Found {
    open(flash, async |board| {
        let mut buffer = [0; MAX_SETTINGS];
        let name = board.settings(&mut buffer).await.unwrap().map(|settings| settings.name.to_owned());
        assert_eq!(name.is_some(), board.is_provisioned());
        Found { id: board.id(), name }
    })
    .unwrap()
}

pub fn take(flash: &Flash, blob: &[u8]) -> Result<bool, ProvisionError<Failure>> {
    open(flash, async |board| board.take_new(blob).await).unwrap()
}

fn refusal(flash: &Flash, blob: &[u8]) -> BlobError {
    match take(flash, blob) {
        Err(ProvisionError::Blob(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_board_without_settings_waits_on_its_serial_line_and_joins_when_it_has_them() {
    let (world, tasks) = world();
    run(tasks, async {
        let operator = Operator::new(&world);
        let (flash, memory) = (Flash::new(), resources());
        let mut provisioner = Provisioner::open(memory, firmware(&flash)).await.unwrap();
        let id = provisioner.id();
        let (mut boards_end, mut line) = line();
        let host = async {
            // A log, a terminal, half a frame, and a message of somebody else share the line.
            line.send(b"0.01 info hello\r\n\0\0");
            let blob = operator.blob(7, "kettle", |_| ());
            let frame = framed(&Request::Provision(&blob));
            line.send(&frame[..frame.len() / 2]);
            line.ask(&Request::Identify);
            assert_eq!(line.answer().await, format!("{KIND} {id} false"));
            let for_other = operator.blob(7, "kettle", |draft| draft.kind = "esp32");
            line.ask(&Request::Provision(&for_other));
            assert_eq!(line.answer().await, BlobError::OtherKind.to_string());
            line.ask(&Request::Provision(&[0x5a; 10_000]));
            assert!(line.answer().await.contains("longer than this board takes"));
            line.send(&frame);
            assert_eq!(line.answer().await, format!("provisioned {id} true"));
        };
        let (taken, ()) = join(provisioner.serve(&mut boards_end), host).await;
        assert_eq!(taken, Ok(true));
        let stored = Box::leak(Box::new([0; MAX_SETTINGS]));
        let stored = &*Box::leak(Box::new(provisioner.settings(stored).await.unwrap().unwrap()));
        let (rng, flash) = provisioner.close();
        let settings = node_embedded::Settings::of(stored, UnixTime(1));
        assert_eq!((settings.name, settings.not_before), ("kettle", UnixTime(BUILT)));
        let parts = Parts { network: world.network.board, rng, flash, flash_range: RANGE, application: Echo };
        let (leaf, mut runner) = start(resources(), settings, parts).await.unwrap();
        select(leaf.linked(), runner.run()).await;
        assert_eq!((leaf.links(), leaf.id()), (1, id));
    });
}

#[test]
fn a_line_that_ends_is_not_a_blob() {
    let (mut boards_end, line) = line();
    line.cut();
    let served = open(&Flash::new(), async |board| board.serve(&mut boards_end).await);
    assert_eq!(served.unwrap(), Ok(false));
}

#[test]
fn a_second_copy_of_a_blob_is_refused_in_the_words_that_maelctl_knows() {
    let (world, _) = world();
    let (operator, flash) = (Operator::new(&world), Flash::new());
    let (mut boards_end, mut line) = line();
    let answers = open(&flash, async |board| {
        let blob = operator.blob(7, "kettle", |_| ());
        line.ask(&Request::Provision(&blob));
        assert_eq!(board.serve(&mut boards_end).await, Ok(true));
        // Firmware that goes on listening.
        line.ask(&Request::Provision(&blob));
        line.cut();
        assert_eq!(board.serve(&mut boards_end).await, Ok(false));
        [line.answer().await, line.answer().await]
    });
    let [first, second] = answers.unwrap();
    assert!(first.starts_with("provisioned "), "{first}");
    assert_eq!(second, BlobError::Old { epoch: 7, last: 7 }.to_string());
}

#[test]
fn a_partition_is_taken_once_and_again_only_when_it_is_newer() {
    let (world, _) = world();
    let (operator, flash) = (Operator::new(&world), Flash::new());
    assert!(!take(&flash, &[0xff; 4096]).unwrap(), "an erased partition");
    let new = find(&flash);
    assert_eq!(new.name, None);
    let found = |name: &str| Found { name: Some(name.to_owned()), ..new.clone() };
    let partition = |blob: &[u8]| [blob, &[0xff; 100]].concat();
    let first = partition(&operator.blob(7, "kettle", |_| ()));
    assert!(take(&flash, &first).unwrap());
    assert_eq!(find(&flash), found("kettle"));
    assert!(!take(&flash, &first).unwrap() && !take(&flash, &operator.blob(6, "old", |_| ())).unwrap());
    // Only settings, and the keyring stays.
    assert!(take(&flash, &operator.blob(8, "pot", |draft| draft.keyring = None)).unwrap());
    assert_eq!(find(&flash), found("pot"));
    let old = open(&flash, async |board| board.take(&first).await).unwrap();
    assert!(matches!(old, Err(ProvisionError::Blob(BlobError::Old { epoch: 7, last: 8 }))), "{old:?}");
    // An operator of another cluster.
    let stranger = Operator::new(&world);
    let foreign = stranger.blob(9, "mine", |_| ());
    assert_eq!(refusal(&flash, &foreign), BlobError::NoOperator(stranger.key.fingerprint()));
    assert_eq!(find(&flash), found("pot"));
}

/// Writes a partition, as a programmer does.
fn put(flash: &mut Flash, partition: Range<u32>, bytes: &[u8]) {
    let mut words = bytes.to_vec();
    words.resize(bytes.len().next_multiple_of(4), 0xff);
    block_on(flash.erase(partition.start, partition.end)).unwrap();
    block_on(flash.write(partition.start, &words)).unwrap();
}

#[test]
fn a_partition_in_the_flash_of_the_records_is_read_there() {
    let (world, _) = world();
    let operator = Operator::new(&world);
    let (mut flash, blob) = (Flash::new(), operator.blob(7, "kettle", |_| ()));
    let partition = RANGE.end..RANGE.end + 3 * 4096;
    let look = |flash: &Flash| open(flash, async |board| board.take_new_at(partition.clone()).await).unwrap();
    assert!(!look(&flash).unwrap());
    put(&mut flash, partition.clone(), &blob);
    assert!(look(&flash).unwrap() && !look(&flash).unwrap());
    assert_eq!(find(&flash).name.as_deref(), Some("kettle"));
    put(&mut flash, partition.clone(), &operator.blob(8, "pot", |_| ())[..200]);
    assert!(matches!(look(&flash), Err(ProvisionError::Blob(BlobError::Damaged))));
    let outside = open(&flash, async |board| board.take_new_at(RANGE.end * 9..RANGE.end * 10).await);
    assert!(matches!(outside.unwrap(), Err(ProvisionError::Flash(_))));
}

#[test]
fn a_blob_that_is_cut_off_damaged_or_not_for_this_board_changes_nothing() {
    let (world, _) = world();
    let (operator, flash) = (Operator::new(&world), Flash::new());
    let blob = operator.blob(7, "kettle", |_| ());
    for length in (0..blob.len()).step_by(7) {
        let taken = take(&flash, &blob[..length]);
        match taken {
            Ok(false) if length < 4 => {}
            Err(ProvisionError::Blob(BlobError::Truncated { have, .. })) => assert_eq!(have, length),
            other => panic!("{length} bytes: {other:?}"),
        }
    }
    let damaged = [&blob[..100], &[blob[100] ^ 1], &blob[101..]].concat();
    assert_eq!(refusal(&flash, &damaged), BlobError::Damaged);
    let newer = [&blob[..4], &[2], &blob[5..]].concat();
    assert_eq!(refusal(&flash, &newer), BlobError::Version(2));
    let other = NodeId([9; 16]);
    let foreign = operator.blob(7, "kettle", |draft| draft.board = Some(other));
    assert_eq!(refusal(&flash, &foreign), BlobError::OtherBoard(other));
    // A keyring that breaks its rules: nobody has a key.
    let without = named_bundle(&[], &[("ops.operator", &operator.key)]);
    let keyless = |draft: &mut Draft<'_>| draft.keyring = Some(Box::leak(without.clone().into()));
    assert!(matches!(refusal(&flash, &operator.blob(7, "kettle", keyless)), BlobError::Keyring(_)));
    assert_eq!(find(&flash).name, None);
}

#[test]
fn the_identity_stays_unless_the_blob_asks_for_a_new_one() {
    let (world, _) = world();
    let (operator, flash) = (Operator::new(&world), Flash::new());
    let first = find(&flash).id;
    assert!(take(&flash, &operator.blob(7, "kettle", |_| ())).unwrap());
    assert_eq!(find(&flash).id, first);
    let anew = operator.blob(8, "kettle", |draft| draft.new_identity = true);
    let told = open(&flash, async |board| {
        assert!(board.take_new(&anew).await.unwrap());
        board.id()
    });
    let second = find(&flash).id;
    assert!(second != first && told.unwrap() == second);
    assert!(!take(&flash, &anew).unwrap());
    assert_eq!(find(&flash).id, second, "once for each blob");
}

#[test]
fn an_identity_in_a_device_is_not_made_anew() {
    let (world, _) = world();
    let operator = Operator::new(&world);
    let device = crate::identity::signer();
    let key: PublicKey = device.public_key();
    let identity = IdentitySigner { key, signer: &device, unseal: None };
    block_on(async {
        let mut memory = LeafResources::new();
        let board = Board { identity: Some(identity), ..firmware(&Flash::new()) };
        let mut board = Provisioner::open(&mut memory, board).await.unwrap();
        assert_eq!(board.identity(), key);
        let anew = operator.blob(7, "kettle", |draft| draft.new_identity = true);
        assert!(matches!(board.take(&anew).await, Err(ProvisionError::NewIdentity)));
        board.take(&operator.blob(7, "kettle", |_| ())).await.unwrap();
    });
}

#[test]
fn a_board_whose_device_holds_the_tls_key_takes_a_keyring_without_private_keys() {
    let (world, _) = world();
    let operator = Operator::new(&world);
    let others = [
        ("kettle.leaf", &world.board_identity),
        ("hub.hub", &world.hub_identity),
        ("ops.operator", &operator.key),
    ];
    let keyring: &[u8] = Box::leak(named_bundle(&[], &others).into());
    let blob = operator.blob(7, "kettle", |draft| draft.keyring = Some(keyring));
    let device = SoftwareSigner::new(P256Secret(&world.board_identity.secret())).unwrap();
    let held = TlsSigner { key: device.public_key(), signer: &device };
    for (tls, is_taken) in [(None, false), (Some(held), true)] {
        let mut memory = LeafResources::new();
        let board = Board { tls, ..firmware(&Flash::new()) };
        let taken =
            block_on(async { Provisioner::open(&mut memory, board).await.unwrap().take(&blob).await });
        assert_eq!(taken.is_ok(), is_taken, "{taken:?}");
    }
}

#[test]
fn firmware_with_a_provisioning_key_takes_its_first_blob_from_that_key_only() {
    let (world, _) = world();
    let operator = Operator::new(&world);
    let key = SoftwareSigner::new(P256Secret(&[0x77; 32])).unwrap().public_key();
    block_on(async {
        let mut memory = LeafResources::new();
        let board = Board { key: Some(key), ..firmware(&Flash::new()) };
        let mut board = Provisioner::open(&mut memory, board).await.unwrap();
        let signer: Fingerprint = operator.key.fingerprint();
        let refused = board.take(&operator.blob(7, "kettle", |_| ())).await;
        let expected = BlobError::OtherKey(signer);
        assert!(matches!(refused, Err(ProvisionError::Blob(error)) if error == expected));
    });
}

#[test]
fn a_brown_out_at_any_moment_of_provisioning_leaves_the_board_as_before_or_as_after() {
    let (world, _) = world();
    let operator = Operator::new(&world);
    let blob = operator.blob(7, "kettle", |draft| draft.new_identity = true);
    // A new board, which makes its identity and is provisioned; and one that had a blob before.
    let used = Flash::new();
    assert!(take(&used, &operator.blob(6, "pot", |_| ())).unwrap());
    for (before, name) in [(Flash::new(), None), (used, Some("pot"))] {
        let old = name.map(|_| find(&before).id);
        for words in 0.. {
            let flash = before.copy();
            // Half of the next word is written.
            flash.tear_after(words, [0xff, 0xff, 0, 0]);
            let taken = open(&flash, async |board| board.take_new(&blob).await.is_ok());
            let whole = flash.has_power();
            let flash = flash.copy();
            let found = find(&flash);
            let done = matches!(taken, Ok(true));
            match found.name.as_deref() {
                Some("kettle") => assert_ne!(Some(found.id), old, "after {words} words"),
                other => {
                    assert!(other == name && !done, "after {words} words: {found:?}");
                    assert!(old.is_none_or(|old| old == found.id), "after {words} words");
                    assert!(take(&flash, &blob).unwrap(), "after {words} words: it is taken in the end");
                }
            }
            assert_eq!(find(&flash).name.as_deref(), Some("kettle"));
            if whole {
                assert!(done && words > 200, "it wrote nothing");
                break;
            }
        }
    }
}

#[test]
fn a_worn_flash_refuses_a_blob_with_its_reason() {
    let (world, _) = world();
    let (operator, flash) = (Operator::new(&world), Flash::new());
    assert!(take(&flash, &operator.blob(7, "kettle", |_| ())).unwrap());
    flash.wear_out();
    let refused = (8..100).find_map(|epoch| take(&flash, &operator.blob(epoch, "pot", |_| ())).err());
    let refused = refused.unwrap();
    assert!(
        matches!(refused, ProvisionError::Flash(_))
            && refused.to_string().contains("cannot be read, erased or written"),
        "{refused}"
    );
    assert!(format!("{refused:?}").contains("Worn"), "the firmware can tell more: {refused:?}");
    assert!(find(&flash).name.is_some());
}

#[test]
fn a_start_that_fails_gives_back_what_it_was_lent() {
    let (world, tasks) = world();
    run(tasks, async {
        let (flash, operator) = (Flash::new(), Operator::new(&world));
        let network = world.network.board;
        let parts =
            Parts { network, rng: OsRng, flash: flash.clone(), flash_range: 0..4096, application: Echo };
        let keyless = || node_embedded::Settings { keyring: None, ..board_settings(&[]) };
        let refused = start(resources(), keyless(), parts).await.map(|_| ()).unwrap_err();
        assert!(matches!(refused.error, StartError::Flash(_)), "{refused:?}");
        let parts = Parts { flash_range: RANGE, ..refused.parts };
        let refused = start(refused.resources.unwrap(), keyless(), parts).await.map(|_| ()).unwrap_err();
        assert!(matches!(refused.error, StartError::NoKeyring), "{refused:?}");
        // The same memory and the same flash, once there is a keyring.
        let resources = refused.resources.unwrap();
        let Parts { rng, flash, flash_range, application, .. } = refused.parts;
        let board = Board { rng, flash, flash_range, ..firmware(&Flash::new()) };
        let mut provisioner = Provisioner::open(resources, board).await.unwrap();
        provisioner.take(&operator.blob(7, "kettle", |_| ())).await.unwrap();
        let (rng, flash) = provisioner.close();
        let parts = Parts { network, rng, flash, flash_range: RANGE, application };
        let (leaf, mut runner) = start(resources, keyless(), parts).await.unwrap();
        select(leaf.linked(), runner.run()).await;
        assert_eq!(leaf.links(), 1);
        let long = "x".repeat(64);
        let settings = node_embedded::Settings { name: Box::leak(long.into()), ..board_settings(&[]) };
        let last = try_board(&world.network, flash_with_keyring(&operator), OsRng, settings).await;
        assert!(matches!(last.map(|_| ()), Err(StartError::Settings)));
    });
}

fn flash_with_keyring(operator: &Operator<'_>) -> Flash {
    let flash = Flash::new();
    assert!(take(&flash, &operator.blob(7, "kettle", |_| ())).unwrap());
    flash
}
