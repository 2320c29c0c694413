//! Power failures at every word of a write to flash, and writes and erases that fail.

use std::vec;
use std::vec::Vec;

use embassy_futures::block_on;
use node_core::provision::MAX_SETTINGS;

use super::*;

#[path = "../../../tests/leaf/flash.rs"]
mod flash;

use flash::{Flash, RANGE};

const SECRET: [u8; 32] = [0x5e; 32];

/// Bytes as long as a keyring of three certificates, distinguished by `edition`.
fn bundle(edition: u8) -> Vec<u8> {
    vec![edition; 1800]
}

fn with_store<T>(flash: &Flash, work: impl AsyncFnOnce(&mut Store<'_, Flash>) -> T) -> T {
    let mut buffer = [0; ITEM];
    block_on(async { work(&mut Store::open(flash.clone(), RANGE, &mut buffer).await.ok().unwrap()).await })
}

/// Puts a keyring on trial and confirms it.
async fn replace(store: &mut Store<'_, Flash>, bundle: &[u8]) -> Result<(), StoreError<flash::Failure>> {
    let epoch = store.epoch() + 1;
    store.begin_trial(bundle, epoch).await?;
    store.end_trial(true).await
}

/// The flash of a board that has received `changes` new keyrings.
fn used(changes: u8) -> Flash {
    let flash = Flash::new();
    with_store(&flash, async |store| {
        store.set_identity(&SECRET).await.unwrap();
        store.count_start().await.unwrap();
        store.provision(&bundle(0)).await.unwrap();
        for edition in 1..=changes {
            replace(store, &bundle(edition)).await.unwrap();
        }
    });
    flash
}

/// The records that a start finds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Contents {
    in_use: Option<Vec<u8>>,
    confirmed: Option<Vec<u8>>,
    on_trial: bool,
    epoch: u64,
    secret: Option<[u8; 32]>,
}

impl Contents {
    /// Those of a board that has a confirmed keyring, and nothing else.
    fn confirmed(keyring: &[u8], epoch: u64) -> Self {
        let keyring = Some(keyring.to_vec());
        Self { in_use: keyring.clone(), confirmed: keyring, on_trial: false, epoch, secret: Some(SECRET) }
    }
}

fn contents(flash: &Flash) -> Contents {
    with_store(flash, read)
}

async fn read(store: &mut Store<'_, Flash>) -> Contents {
    let in_use = store.keyring().await.unwrap().map(|bundle| bundle.to_vec());
    let confirmed = store.confirmed_keyring().await.unwrap().map(|bundle| bundle.to_vec());
    let mut secret = [0; 32];
    let secret = store.identity(&mut secret).await.unwrap().then_some(secret);
    Contents { in_use, confirmed, on_trial: store.is_on_trial(), epoch: store.epoch(), secret }
}

/// Cuts the power after 0, 1, 2 ... words that `change` writes or erases, until it completes, and shows `judge` the
/// flash of each next start.
fn cut_everywhere(
    before: &Flash,
    change: impl AsyncFn(&mut Store<'_, Flash>) -> bool,
    judge: impl Fn(&Flash, bool),
) {
    cut_by(Flash::fail_after, before, change, judge);
}

/// As [`cut_everywhere`], with this way to cut the power.
fn cut_by(
    cut: impl Fn(&Flash, usize),
    before: &Flash,
    change: impl AsyncFn(&mut Store<'_, Flash>) -> bool,
    judge: impl Fn(&Flash, bool),
) {
    for words in 0.. {
        let flash = before.copy();
        cut(&flash, words);
        let done = with_store(&flash, &change);
        judge(&flash.copy(), done);
        if done && flash.has_power() {
            assert!(words > 2, "it wrote nothing");
            return;
        }
    }
}

#[test]
fn a_power_cut_at_the_start_of_a_trial_leaves_the_old_keyring_or_the_trial() {
    // Enough changes to go once round the pages, so that they are erased and records move.
    for changes in 0..8 {
        let (old, new) = (bundle(changes), bundle(200));
        cut_everywhere(
            &used(changes),
            async |store| store.begin_trial(&new, 1000).await.is_ok(),
            |flash, done| {
                let before = Contents::confirmed(&old, changes.into());
                let on_trial = Contents {
                    in_use: Some(new.clone()),
                    on_trial: true,
                    epoch: 1000,
                    ..Contents::confirmed(&old, 0)
                };
                let found = contents(flash);
                assert!(found == on_trial || (found == before && !done), "after {changes} changes");
                with_store(flash, async |store| replace(store, b"another").await.unwrap());
                let epoch = found.epoch + 1;
                assert_eq!(
                    contents(flash),
                    Contents::confirmed(b"another", epoch),
                    "it can be written again"
                );
            },
        );
    }
}

#[test]
fn a_power_cut_at_the_end_of_a_trial_leaves_the_trial_or_its_outcome() {
    for (changes, confirm) in (0..8).flat_map(|changes| [(changes, true), (changes, false)]) {
        let (old, new) = (bundle(changes), bundle(200));
        let before = used(changes);
        with_store(&before, async |store| store.begin_trial(&new, 1000).await.unwrap());
        let trial = contents(&before);
        cut_everywhere(
            &before,
            async |store| store.end_trial(confirm).await.is_ok(),
            |flash, done| {
                let outcome = Contents::confirmed(if confirm { &new } else { &old }, 1000);
                let found = contents(flash);
                assert!(found == outcome || (found == trial && !done), "after {changes} changes");
                with_store(flash, async |store| replace(store, b"another").await.unwrap());
                assert_eq!(contents(flash), Contents::confirmed(b"another", 1001), "it can be written again");
            },
        );
    }
}

#[test]
fn a_power_cut_when_a_start_goes_on_with_a_trial_leaves_the_trial_or_its_outcome() {
    for (changes, starts) in (0..8).flat_map(|changes| [(changes, 1), (changes, 2)]) {
        let before = used(changes);
        let resume = async |store: &mut Store<'_, Flash>| store.resume_trial().await.is_ok();
        with_store(&before, async |store| {
            store.begin_trial(&bundle(200), 1000).await.unwrap();
            for _ in 1..starts {
                store.resume_trial().await.unwrap();
            }
        });
        let trial = contents(&before);
        assert!(trial.on_trial);
        cut_everywhere(&before, resume, |flash, done| {
            let dropped = Contents::confirmed(&bundle(changes), 1000);
            let outcome = if starts == 1 { &trial } else { &dropped };
            let found = contents(flash);
            assert!(found == *outcome || (found == trial && !done), "after {changes} changes");
            // However often power fails: two starts later there is no trial.
            with_store(flash, async |store| [resume(store).await, resume(store).await]);
            assert_eq!(contents(flash), dropped);
        });
    }
}

#[test]
fn a_power_cut_never_counts_starts_backwards() {
    let before = used(1);
    cut_everywhere(
        &before,
        async |store| store.count_start().await.is_ok(),
        |flash, done| {
            let next = with_store(flash, async |store| store.count_start().await.unwrap());
            assert!(next == 3 || (next == 2 && !done), "{next}");
        },
    );
}

#[test]
fn a_power_cut_at_the_first_start_leaves_nothing_or_all_of_a_record() {
    cut_everywhere(
        &Flash::new(),
        async |store| store.provision(&bundle(1)).await.is_ok() && store.set_identity(&SECRET).await.is_ok(),
        |flash, done| {
            let Contents { in_use: keyring, secret, .. } = contents(flash);
            assert!(keyring == Some(bundle(1)) || (keyring.is_none() && !done));
            assert!(secret == Some(SECRET) || (secret.is_none() && !done));
        },
    );
}

#[test]
fn a_keyring_that_does_not_fit_is_refused_and_the_old_one_kept() {
    let flash = used(0);
    for long in [ITEM, 5000] {
        let refused = with_store(&flash, async |store| store.begin_trial(&vec![1; long], 9).await.is_err());
        assert!(refused, "{long}");
    }
    assert_eq!(contents(&flash), Contents::confirmed(&bundle(0), 0));
}

#[test]
fn the_longest_keyrings_replace_each_other_for_ever() {
    let flash = used(0);
    for edition in 0..20 {
        let longest = vec![edition; BUNDLE];
        let before = contents(&flash).confirmed;
        with_store(&flash, async |store| {
            store.begin_trial(&longest, u64::from(edition) + 1).await.unwrap();
            assert_eq!(store.count_start().await.unwrap(), u32::from(edition) + 2);
        });
        let Contents { in_use, confirmed, .. } = contents(&flash);
        assert!(in_use == Some(longest.clone()) && confirmed == before, "both are kept");
        // Some of them are dropped.
        let confirm = edition % 3 != 0;
        with_store(&flash, async |store| store.end_trial(confirm).await.unwrap());
        let after = contents(&flash);
        assert_eq!(after.confirmed, if confirm { Some(longest) } else { before });
        assert_eq!((after.epoch, after.secret), (u64::from(edition) + 1, Some(SECRET)));
    }
}

#[test]
fn no_copy_of_a_key_is_left_in_the_buffer() {
    let (flash, mut buffer) = (Flash::new(), [0; ITEM]);
    with_store(&flash, async |store| store.provision(&bundle(0x5e)).await.unwrap());
    for step in 0..16 {
        block_on(async {
            let mut store = Store::open(flash.clone(), RANGE, &mut buffer).await.ok().unwrap();
            match step {
                0 => store.set_identity(&SECRET).await.unwrap(),
                1 => assert!(store.identity(&mut [0; 32]).await.unwrap()),
                2 => assert_eq!(store.retired_id().await.unwrap(), None),
                3 => assert_eq!(store.count_start().await.unwrap(), 1),
                4 => assert!(store.keyring().await.unwrap().is_some()),
                5 => assert!(store.begin_trial(&[0; ITEM], 1).await.is_err()),
                // The records move when their page is erased.
                _ => replace(&mut store, &bundle(0x5e)).await.unwrap(),
            }
        });
        assert!(!buffer.windows(8).any(|part| SECRET.starts_with(part)), "step {step}");
    }
}

#[test]
fn an_identity_of_another_length_is_an_error_and_no_new_identity() {
    let flash = Flash::new();
    for length in [0, 31, 33] {
        with_store(&flash, async |store| {
            store.store(IDENTITY_A, &vec![1; length]).await.unwrap();
            assert!(matches!(store.identity(&mut [0; 32]).await, Err(StoreError::Key)), "{length}");
        });
    }
}

#[test]
fn a_range_that_is_too_short_or_not_whole_pages_is_refused() {
    for range in [0..4096, 0..3 * 4096, 0..20_000, 100..16_384 + 100] {
        assert!(matches!(
            block_on(Store::open(Flash::new(), range, &mut [0; ITEM])),
            Err((StoreError::Range, _))
        ));
    }
}

#[test]
fn a_damaged_ledger_is_an_error_and_no_new_start_of_epochs() {
    for record in [&[0; 8][..], &[0; 10], &[], &[0, 0, 0, 0, 0, 0, 0, 0, 64], &[0, 0, 0, 0, 0, 0, 0, 0, 16]] {
        let flash = used(0);
        with_store(&flash, async |store| store.store(LEDGER, record).await.unwrap());
        let opened = block_on(async { Store::open(flash, RANGE, &mut [0; ITEM]).await.map(|_| ()) });
        assert!(matches!(opened, Err((StoreError::Ledger, _))), "{record:?}");
    }
}

#[test]
fn a_buffer_is_wiped_when_its_future_is_dropped() {
    let mut buffer = [0x5e; 64];
    {
        let mut waits = core::pin::pin!(async {
            let wiped = Wiped(&mut buffer);
            core::future::pending::<()>().await;
            drop(wiped);
        });
        assert!(embassy_futures::poll_once(waits.as_mut()).is_pending());
    }
    assert_eq!(buffer, [0; 64]);
}

/// Settings as long as a board's are, distinguished by `edition`.
fn settings(edition: u8) -> Vec<u8> {
    vec![edition; 300]
}

/// The records that a blob may change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Provisioned {
    settings: Option<Vec<u8>>,
    contents: Contents,
}

fn provisioned(flash: &Flash) -> Provisioned {
    with_store(flash, read_all)
}

async fn read_all(store: &mut Store<'_, Flash>) -> Provisioned {
    let settings = store.settings().await.unwrap().map(|bytes| bytes.to_vec());
    Provisioned { settings, contents: read(store).await }
}

/// A keyring that leaves the tests of every cut some time.
fn short_bundle(edition: u8) -> Vec<u8> {
    vec![edition; 900]
}

/// A flash that was provisioned by so many blobs.
fn installed(blobs: u8) -> Flash {
    let flash = used(0);
    with_store(&flash, async |store| {
        for edition in 1..=blobs {
            let (settings, bundle) = (settings(edition), short_bundle(edition));
            let (epoch, keyring) = (edition.into(), Some(&bundle[..]));
            store
                .install(&BlobRecords { epoch, settings: &settings, keyring, identity: None })
                .await
                .unwrap();
        }
    });
    flash
}

#[test]
fn a_power_cut_while_a_board_is_provisioned_leaves_it_as_before_or_as_after() {
    const OTHER: [u8; 32] = [0x6f; 32];
    let (new_settings, new_bundle) = (settings(200), short_bundle(200));
    // Enough blobs to go once round the pages.
    for blobs in 0..9 {
        let (with_keyring, with_identity) =
            [(true, false), (false, true), (true, true)][usize::from(blobs % 3)];
        let before = installed(blobs);
        let old = provisioned(&before);
        let records = BlobRecords {
            epoch: 1000,
            settings: &new_settings,
            keyring: with_keyring.then_some(&new_bundle[..]),
            identity: with_identity.then_some(&OTHER),
        };
        let keyring = if with_keyring { Some(new_bundle.clone()) } else { old.contents.in_use.clone() };
        let new = Provisioned {
            settings: Some(new_settings.clone()),
            contents: Contents {
                in_use: keyring.clone(),
                confirmed: keyring,
                on_trial: false,
                epoch: 1000,
                secret: Some(if with_identity { OTHER } else { SECRET }),
            },
        };
        cut_everywhere(
            &before,
            async |store| store.install(&records).await.is_ok(),
            |flash, done| {
                let found = provisioned(flash);
                assert!(found == new || (found == old && !done), "after {blobs} blobs: {done}");
                // However it ended, the next blob is taken.
                let next = BlobRecords { epoch: 1001, identity: None, ..records };
                with_store(flash, async |store| store.install(&next).await.unwrap());
                let found = provisioned(flash);
                assert_eq!((found.settings, found.contents.epoch), (new.settings.clone(), 1001));
            },
        );
    }
}

#[test]
fn a_board_on_trial_is_provisioned_and_the_trial_ends() {
    let before = installed(1);
    with_store(&before, async |store| store.begin_trial(&short_bundle(100), 500).await.unwrap());
    let (settings, bundle) = (settings(200), short_bundle(200));
    let records = BlobRecords { epoch: 1000, settings: &settings, keyring: Some(&bundle), identity: None };
    let trial = provisioned(&before);
    let dropped = Provisioned {
        contents: Contents { in_use: trial.contents.confirmed.clone(), on_trial: false, ..contents(&before) },
        ..trial.clone()
    };
    let new = Provisioned { settings: Some(settings.clone()), contents: Contents::confirmed(&bundle, 1000) };
    cut_everywhere(
        &before,
        async |store| store.install(&records).await.is_ok(),
        |flash, done| {
            let found = provisioned(flash);
            assert!(found == new || (!done && (found == trial || found == dropped)));
        },
    );
}

#[test]
fn the_longest_settings_and_keyrings_replace_each_other_for_ever() {
    let flash = used(0);
    // A page holds both. Longer keyrings need a fifth page beside the longest settings.
    const LONGEST: usize = if BUNDLE < 2900 { BUNDLE } else { 2900 };
    for edition in 0..24 {
        let (settings, longest) = (vec![edition; MAX_SETTINGS], vec![edition; LONGEST]);
        // Some keyrings arrive over the network in between.
        let (epoch, push) = (u64::from(edition) * 2 + 1, edition % 3 == 0);
        with_store(&flash, async |store| {
            let records = BlobRecords {
                epoch,
                settings: &settings,
                keyring: Some(&longest),
                identity: Some(&[edition; 32]),
            };
            store.install(&records).await.unwrap();
            if push {
                store.begin_trial(&longest, epoch + 1).await.unwrap();
                store.end_trial(edition % 2 == 0).await.unwrap();
            }
            store.count_start().await.unwrap();
        });
        let found = provisioned(&flash);
        assert_eq!(found.settings, Some(settings));
        let secret = Some([edition; 32]);
        assert_eq!(
            found.contents,
            Contents { secret, ..Contents::confirmed(&longest, epoch + u64::from(push)) }
        );
    }
}

#[test]
fn erases_are_counted_over_restarts() {
    let flash = Flash::new();
    for start in 1..=40 {
        with_store(&flash, async |store| {
            assert_eq!(store.wear().await.unwrap(), Wear { erased: flash.erased(), pages: 4 });
            store.provision(&bundle(start)).await.unwrap();
            assert_eq!(store.wear().await.unwrap(), Wear { erased: flash.erased(), pages: 4 });
        });
    }
    assert!(flash.erased() > 8, "it went twice round the pages");
}

#[test]
fn a_worn_flash_refuses_a_blob_and_keeps_what_it_has() {
    let flash = installed(5);
    let old = provisioned(&flash);
    flash.wear_out();
    let (settings, bundle) = (settings(200), bundle(200));
    let install = async |store: &mut Store<'_, Flash>, epoch| {
        let records = BlobRecords { epoch, settings: &settings, keyring: Some(&bundle), identity: None };
        store.install(&records).await
    };
    // Without an erase there is room for a few more.
    let mut taken = None;
    for epoch in 1000..1100 {
        match with_store(&flash, async |store| install(store, epoch).await) {
            Ok(()) => taken = Some(epoch),
            Err(error) => {
                assert!(matches!(error, StoreError::Flash(_)), "{error}");
                let found = provisioned(&flash);
                assert_eq!(found.contents.epoch, taken.unwrap_or(old.contents.epoch));
                assert!(found.contents.confirmed.is_some() && found.settings.is_some());
                return;
            }
        }
    }
    panic!("nothing was erased");
}

#[test]
fn a_word_that_is_half_written_when_the_power_fails_is_no_record() {
    let (settings, bundle) = (settings(200), short_bundle(200));
    let records =
        BlobRecords { epoch: 1000, settings: &settings, keyring: Some(&bundle), identity: Some(&[7; 32]) };
    // With and without an erase; the first half of the word, and every other bit.
    for (blobs, bits) in [(3, [0xff, 0xff, 0, 0]), (4, [0xff, 0xff, 0, 0]), (3, [0x55; 4]), (4, [0x55; 4])] {
        let before = installed(blobs);
        let old = provisioned(&before);
        let after = before.copy();
        with_store(&after, async |store| store.install(&records).await.unwrap());
        let new = provisioned(&after);
        let install = async |store: &mut Store<'_, Flash>| store.install(&records).await.is_ok();
        let tear = |flash: &Flash, words| flash.tear_after(words, bits);
        cut_by(tear, &before, install, |flash, done| {
            let found = provisioned(flash);
            assert!(found == new || (found == old && !done), "after {blobs} blobs");
            let again = with_store(flash, async |store| store.install(&records).await);
            assert!(again.is_ok(), "after {blobs} blobs and {bits:?}: {again:?}");
            assert!(provisioned(flash) == new, "after {blobs} blobs: again");
        });
    }
}

/// Lets each write and erase of `change` fail: once, and from then on. The store that goes on finds what the next start finds: all as
/// before, or all as after. A fault that passes is forgotten: the same change is made then.
fn fault_everywhere(before: &Flash, change: impl AsyncFn(&mut Store<'_, Flash>) -> bool) {
    let old = provisioned(before);
    let after = before.copy();
    assert!(with_store(&after, &change));
    let new = provisioned(&after);
    for passes in [true, false] {
        for first in 0.. {
            let flash = before.copy();
            flash.fail_operations(first..if passes { first + 1 } else { usize::MAX });
            let (done, found) =
                with_store(&flash, async |store| (change(store).await, read_all(store).await));
            assert!(found == new || (found == old && !done), "operation {first}: {done}");
            assert!(provisioned(&flash.copy()) == found, "operation {first}: the next start");
            if flash.operations() <= first {
                assert!(first > 2, "it wrote nothing");
                break;
            }
            if passes && !done {
                assert!(with_store(&flash, &change), "operation {first}: again");
                assert!(provisioned(&flash) == new, "operation {first}: again");
            }
        }
    }
}

#[test]
fn a_write_or_erase_that_fails_changes_nothing_or_all_and_the_store_goes_on() {
    let (settings, bundle) = (settings(200), short_bundle(200));
    let records =
        BlobRecords { epoch: 1000, settings: &settings, keyring: Some(&bundle), identity: Some(&[7; 32]) };
    // With and without an erase.
    for blobs in [0, 3, 4, 5] {
        let before = installed(blobs);
        fault_everywhere(&before, async |store| store.install(&records).await.is_ok());
        fault_everywhere(&before, async |store| store.begin_trial(&bundle, 1000).await.is_ok());
        fault_everywhere(&before, async |store| store.count_start().await.is_ok());
        with_store(&before, async |store| store.begin_trial(&bundle, 1000).await.unwrap());
        for confirm in [true, false] {
            fault_everywhere(&before, async |store| store.end_trial(confirm).await.is_ok());
        }
    }
}
