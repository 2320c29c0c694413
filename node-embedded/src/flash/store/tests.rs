//! Power failures at every word of a write to flash.

use std::vec;
use std::vec::Vec;

use embassy_futures::block_on;

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
    block_on(work(&mut Store::new(flash.clone(), RANGE, &mut buffer).unwrap()))
}

/// The flash of a board that has received `changes` new keyrings.
fn used(changes: u8) -> Flash {
    let flash = Flash::new();
    with_store(&flash, async |store| {
        store.set_identity(&SECRET).await.unwrap();
        store.count_start().await.unwrap();
        for edition in 0..=changes {
            store.set_keyring(&bundle(edition)).await.unwrap();
        }
    });
    flash
}

/// The records that a start finds.
fn contents(flash: &Flash) -> (Option<Vec<u8>>, Option<[u8; 32]>) {
    with_store(flash, async |store| {
        let keyring = store.keyring().await.unwrap().map(<[u8]>::to_vec);
        let mut secret = [0; 32];
        (keyring, store.identity(&mut secret).await.unwrap().then_some(secret))
    })
}

/// Cuts the power after 0, 1, 2 ... words that `change` writes or erases, until it completes, and shows `judge` the
/// flash of each next start.
fn cut_everywhere(
    before: &Flash,
    change: impl AsyncFn(&mut Store<'_, Flash>) -> bool,
    judge: impl Fn(&Flash, bool),
) {
    for words in 0.. {
        let flash = before.copy();
        flash.fail_after(words);
        let done = with_store(&flash, &change);
        judge(&flash.copy(), done);
        if done {
            assert!(words > 2, "it wrote nothing");
            return;
        }
    }
}

#[test]
fn a_power_cut_leaves_the_old_keyring_or_the_new_one() {
    // Enough changes to go once round the pages, so that they are erased and records move.
    for changes in 0..8 {
        let (old, new) = (bundle(changes), bundle(200));
        cut_everywhere(
            &used(changes),
            async |store| store.set_keyring(&new).await.is_ok(),
            |flash, done| {
                let (keyring, secret) = contents(flash);
                let keyring = keyring.expect("a keyring was lost");
                assert!(keyring == new || (keyring == old && !done), "after {changes} changes");
                assert_eq!(secret, Some(SECRET));
                with_store(flash, async |store| store.set_keyring(b"another").await.unwrap());
                assert_eq!(
                    contents(flash),
                    (Some(b"another".to_vec()), Some(SECRET)),
                    "it can be written again"
                );
            },
        );
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
        async |store| {
            store.set_keyring(&bundle(1)).await.is_ok() && store.set_identity(&SECRET).await.is_ok()
        },
        |flash, done| {
            let (keyring, secret) = contents(flash);
            assert!(keyring == Some(bundle(1)) || (keyring.is_none() && !done));
            assert!(secret == Some(SECRET) || (secret.is_none() && !done));
        },
    );
}

#[test]
fn a_keyring_that_does_not_fit_is_refused_and_the_old_one_kept() {
    let flash = used(0);
    for long in [ITEM, 5000] {
        let refused = with_store(&flash, async |store| store.set_keyring(&vec![1; long]).await.is_err());
        assert!(refused, "{long}");
    }
    assert_eq!(contents(&flash), (Some(bundle(0)), Some(SECRET)));
}

#[test]
fn the_longest_keyrings_replace_each_other_for_ever() {
    let flash = used(0);
    for edition in 0..20 {
        let longest = vec![edition; BUNDLE];
        with_store(&flash, async |store| {
            store.set_keyring(&longest).await.unwrap();
            assert_eq!(store.count_start().await.unwrap(), u32::from(edition) + 2);
        });
        assert_eq!(contents(&flash), (Some(longest), Some(SECRET)));
    }
}

#[test]
fn no_copy_of_the_identity_key_is_left_in_the_buffer() {
    let (flash, mut buffer) = (Flash::new(), [0; ITEM]);
    with_store(&flash, async |store| store.set_keyring(&bundle(0)).await.unwrap());
    for step in 0..16 {
        let mut store = Store::new(flash.clone(), RANGE, &mut buffer).unwrap();
        block_on(async {
            match step {
                0 => store.set_identity(&SECRET).await.unwrap(),
                1 => assert!(store.identity(&mut [0; 32]).await.unwrap()),
                2 => assert_eq!(store.retired_id().await.unwrap(), None),
                3 => assert_eq!(store.count_start().await.unwrap(), 1),
                4 => assert!(store.keyring().await.unwrap().is_some()),
                // The records move when their page is erased.
                _ => store.set_keyring(&bundle(step)).await.unwrap(),
            }
        });
        drop(store);
        assert!(!buffer.windows(8).any(|part| SECRET.starts_with(part)), "step {step}");
    }
}

#[test]
fn an_identity_of_another_length_is_an_error_and_no_new_identity() {
    let flash = Flash::new();
    for length in [0, 31, 33] {
        with_store(&flash, async |store| {
            store.store(IDENTITY, &vec![1; length]).await.unwrap();
            assert!(matches!(store.identity(&mut [0; 32]).await, Err(StoreError::Identity)), "{length}");
        });
    }
}

#[test]
fn a_range_that_is_too_short_or_not_whole_pages_is_refused() {
    for range in [0..4096, 0..3 * 4096, 0..20_000, 100..16_384 + 100] {
        assert!(matches!(Store::new(Flash::new(), range, &mut [0; ITEM]), Err(StoreError::Range)));
    }
}
