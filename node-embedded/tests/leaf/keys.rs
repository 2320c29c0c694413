//! Keyrings that an operator sends to a board: sealed, newer than all before, on trial until a link forms.

use core::pin::pin;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use node_core::crypto::PublicKey;
use node_core::link::Service;
use node_core::rpc::{Code, Method, Response};
use node_core::trust::Fingerprint;
use node_embedded::Leaf;
use rand_core::OsRng;

use crate::board::{board, settings, try_board};
use crate::clock::run;
use crate::flash::Flash;
use crate::hub::{Ask, identity};
use crate::identity::{Identity, bundle, named_bundle};
use crate::operator::{Pushed, seal};
use crate::task::Task;
use crate::world::{World, with_board, world};

/// Runs `test` beside a board, which loses its power at the end.
async fn beside<T>(task: Task, test: impl Future<Output = T>) -> T {
    match select(test, task).await {
        Either::First(result) => result,
        Either::Second(()) => unreachable!("a board runs for ever"),
    }
}

/// Starts a board with this flash, and runs `test` when it is linked.
async fn boot<T>(world: &World, flash: &Flash, test: impl AsyncFnOnce(Leaf<'static>) -> T) -> T {
    // The hub notices that the board of before lost its power.
    while world.hub.links() > 0 {
        Timer::after_millis(100).await;
    }
    let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
    let test = async {
        leaf.linked().await;
        Timer::after_millis(100).await;
        test(leaf).await
    };
    beside(task, test).await
}

fn refusal(pushed: Pushed) -> String {
    let (code, message) = pushed.unwrap_err();
    assert_eq!(code, Code::Refused, "{message}");
    message
}

#[test]
fn a_keyring_is_confirmed_by_a_link_and_stays() {
    let (world, tasks) = world();
    let flash = Flash::new();
    let next = Identity::new();
    world.trusted.lock().unwrap().push(next.certificate.clone());
    run(tasks, async {
        let new = bundle(&[&next], &[&world.hub_identity]);
        boot(&world, &flash, async |leaf| {
            world.push(leaf, &new).await.unwrap();
            Timer::after_secs(100).await;
            assert_eq!((leaf.active_key(), leaf.links()), (next.fingerprint(), 1));
        })
        .await;
        // Now no hub trusts the first keyring.
        world.trusted.lock().unwrap().remove(0);
        boot(&world, &flash, async |leaf| assert_eq!(leaf.active_key(), next.fingerprint())).await;
    });
}

#[test]
fn a_keyring_with_the_same_active_certificate_is_confirmed_too() {
    let (world, tasks) = world();
    let flash = Flash::new();
    let added = Identity::new();
    run(tasks, async {
        let new = bundle(&[&world.board_identity], &[&world.hub_identity, &added]);
        boot(&world, &flash, async |leaf| {
            world.push(leaf, &new).await.unwrap();
            Timer::after_secs(100).await;
            assert_eq!((leaf.links(), world.hub.shown().len()), (1, 2), "one link with each keyring");
        })
        .await;
        world.hub.configure(&added, world.trusted.clone());
        boot(&world, &flash, async |_| ()).await;
    });
}

#[test]
fn a_keyring_that_no_hub_trusts_is_dropped_after_a_minute() {
    with_board(async |world, leaf| {
        let (first, next) = (leaf.active_key(), Identity::new());
        world.push(leaf, &bundle(&[&next], &[&world.hub_identity])).await.unwrap();
        Timer::after_secs(55).await;
        assert_eq!(leaf.active_key(), next.fingerprint());
        Timer::after_secs(10).await;
        assert_eq!(leaf.active_key(), first);
        world.hub.switch(false);
        Timer::after_secs(1).await;
        world.hub.switch(true);
        leaf.linked().await;
        // It takes the next one.
        world.trusted.lock().unwrap().push(next.certificate.clone());
        world.push(leaf, &bundle(&[&next], &[&world.hub_identity])).await.unwrap();
        Timer::after_secs(100).await;
        assert_eq!((leaf.active_key(), leaf.links()), (next.fingerprint(), 1));
    });
}

#[test]
fn a_keyring_without_the_hub_ends_the_link_and_the_board_comes_back() {
    for with_hub_as in [None, Some("hub.leaf")] {
        with_board(async |world, leaf| {
            let hub = with_hub_as.map(|name| (name, &world.hub_identity));
            let other = Identity::new();
            let trusted: Vec<_> = hub.into_iter().chain([("other", &other)]).collect();
            let without = named_bundle(&[("a0", &world.board_identity)], &trusted);
            world.push(leaf, &without).await.unwrap();
            let pushed = Instant::now();
            Timer::after_secs(3).await;
            assert_eq!((leaf.links(), world.hub.links()), (0, 0));
            leaf.linked().await;
            let apart = pushed.elapsed();
            assert!(apart >= Duration::from_secs(60) && apart < Duration::from_secs(120), "{apart:?}");
            Timer::after_secs(100).await;
            assert_eq!((leaf.links(), world.hub.links()), (1, 1));
        });
    }
}

#[test]
fn a_hub_that_gets_its_keys_a_little_later_confirms_the_keyring() {
    with_board(async |world, leaf| {
        let next = Identity::new();
        world.push(leaf, &bundle(&[&next], &[&world.hub_identity])).await.unwrap();
        Timer::after_secs(20).await;
        world.trusted.lock().unwrap().push(next.certificate.clone());
        Timer::after_secs(60).await;
        assert_eq!((leaf.active_key(), leaf.links()), (next.fingerprint(), 1));
        assert_eq!(world.hub.shown().last(), Some(&next.certificate));
    });
}

#[test]
fn while_a_keyring_is_on_trial_another_one_is_refused() {
    with_board(async |world, leaf| {
        let [next, other] = [Identity::new(), Identity::new()];
        world.push(leaf, &bundle(&[&next], &[&world.hub_identity])).await.unwrap();
        Timer::after_secs(1).await;
        let said = refusal(world.push(leaf, &bundle(&[&other], &[&world.hub_identity])).await);
        assert!(said.contains("still on trial"), "{said}");
        assert_eq!(leaf.active_key(), next.fingerprint());
    });
}

/// A board that lost its power just after a keyring arrived with which nobody links. Returns its flash and the keyring's active
/// certificate.
async fn cut_in_a_trial(world: &World) -> (Flash, Fingerprint) {
    let (flash, next) = (Flash::new(), Identity::new());
    let new = bundle(&[&next], &[&world.hub_identity]);
    boot(world, &flash, async |leaf| world.push(leaf, &new).await.unwrap()).await;
    (flash, next.fingerprint())
}

#[test]
fn a_start_in_the_middle_of_a_trial_tries_again_for_a_minute_and_then_goes_back() {
    let (world, tasks) = world();
    run(tasks, async {
        let (flash, next) = cut_in_a_trial(&world).await;
        let (leaf, task) = board(&world.network, flash.clone(), &[]).await;
        let goes_back = async {
            Timer::after_secs(55).await;
            assert_eq!((leaf.active_key(), leaf.links()), (next, 0));
            leaf.linked().await;
            assert_eq!(leaf.active_key(), world.board_identity.fingerprint());
        };
        beside(task, goes_back).await;
        // For good.
        boot(&world, &flash, async |leaf| assert_eq!(leaf.active_key(), world.board_identity.fingerprint()))
            .await;
    });
}

#[test]
fn a_board_that_restarts_again_and_again_goes_back_at_the_second_start() {
    let (world, tasks) = world();
    run(tasks, async {
        let (flash, next) = cut_in_a_trial(&world).await;
        let first = world.board_identity.fingerprint();
        for active in [next, first, first] {
            let (leaf, task) = board(&world.network, flash.clone(), &[]).await;
            assert_eq!(leaf.active_key(), active);
            beside(task, Timer::after_secs(1)).await;
        }
        // The next keyring has its own two starts.
        let new = bundle(&[&Identity::new()], &[&world.hub_identity]);
        boot(&world, &flash, async |leaf| world.push(leaf, &new).await.unwrap()).await;
        let (leaf, _) = board(&world.network, flash.clone(), &[]).await;
        assert_ne!(leaf.active_key(), first);
    });
}

#[test]
fn a_start_in_the_middle_of_a_trial_confirms_a_good_keyring() {
    let (world, tasks) = world();
    let (flash, next) = (Flash::new(), Identity::new());
    run(tasks, async {
        let new = bundle(&[&next], &[&world.hub_identity]);
        boot(&world, &flash, async |leaf| world.push(leaf, &new).await.unwrap()).await;
        *world.trusted.lock().unwrap() = vec![next.certificate.clone()];
        for _ in 0..2 {
            let (leaf, task) = board(&world.network, flash.clone(), &[]).await;
            let stays = async {
                leaf.linked().await;
                Timer::after_secs(100).await;
            };
            beside(task, stays).await;
            assert_eq!((leaf.active_key(), leaf.links()), (next.fingerprint(), 1));
        }
    });
}

/// The keyring with one more certificate, sealed with this epoch.
fn more(world: &World, board: PublicKey, epoch: u64) -> Vec<u8> {
    let keyring = bundle(&[&world.board_identity], &[&world.hub_identity, &Identity::new()]);
    seal(&world.board_identity, board, epoch, &keyring)
}

#[test]
fn no_keyring_comes_back() {
    let (world, tasks) = world();
    let flash = Flash::new();
    run(tasks, async {
        let (old, sealed) = boot(&world, &flash, async |leaf| {
            let board = world.identity_of(leaf);
            let (old, sealed) = (more(&world, board, 6), more(&world, board, 7));
            world.send_keys(leaf, &sealed).await.unwrap();
            Timer::after_secs(2).await;
            for replayed in [&old, &sealed] {
                let said = refusal(world.send_keys(leaf, replayed).await);
                assert!(said.contains("had epoch 7"), "{said}");
            }
            (old, sealed)
        })
        .await;
        boot(&world, &flash, async |leaf| {
            for replayed in [&old, &sealed] {
                let said = refusal(world.send_keys(leaf, replayed).await);
                assert!(said.contains("had epoch 7"), "{said}");
            }
            // One that was dropped does not come back either.
            let other = bundle(&[&Identity::new()], &[&world.hub_identity]);
            let dropped = seal(&world.board_identity, world.identity_of(leaf), 8, &other);
            world.send_keys(leaf, &dropped).await.unwrap();
            Timer::after_secs(100).await;
            let said = refusal(world.send_keys(leaf, &dropped).await);
            assert!(said.contains("had epoch 8"), "{said}");
            let next = more(&world, world.identity_of(leaf), 9);
            world.send_keys(leaf, &next).await.unwrap();
        })
        .await;
    });
}

#[test]
fn a_keyring_for_another_board_a_forged_one_and_one_in_the_clear_are_refused() {
    with_board(async |world, leaf| {
        let (first, board) = (leaf.active_key(), world.identity_of(leaf));
        let said = refusal(world.send_keys(leaf, &more(world, identity().key, 5)).await);
        assert!(said.contains("not for this one"), "{said}");
        let keyring = world.keyring();
        // Said to be signed by the board's first key, and signed by another one.
        let other = Identity { certificate: world.board_identity.certificate.clone(), ..Identity::new() };
        let said = refusal(world.send_keys(leaf, &seal(&other, board, 5, &keyring)).await);
        assert!(said.contains("forged"), "{said}");
        let mut changed = more(world, board, 5);
        changed[200] ^= 1;
        let said = refusal(world.send_keys(leaf, &changed).await);
        assert!(said.contains("forged"), "{said}");
        let (code, said) = world.send_keys(leaf, &keyring).await.unwrap_err();
        assert_eq!(code, Code::BadRequest);
        assert!(said.contains("version 1"), "{said}");
        // Sealed well, and no keyring.
        let sealed = seal(&world.board_identity, board, 5, b"not a keyring");
        assert_eq!(world.send_keys(leaf, &sealed).await.unwrap_err().0, Code::BadRequest);
        Timer::after_secs(3).await;
        assert_eq!((leaf.active_key(), leaf.links(), world.hub.shown().len()), (first, 1, 1));
        // None of them used up an epoch.
        world.send_keys(leaf, &more(world, board, 5)).await.unwrap();
    });
}

#[test]
fn only_an_operator_can_replace_the_keys() {
    let (world, tasks) = world();
    run(tasks, async {
        let [operator, second, stranger] = [Identity::new(), Identity::new(), Identity::new()];
        let keyring = named_bundle(
            &[("a.leaf", &world.board_identity), ("second", &second)],
            &[("a.hub", &world.hub_identity), ("ops.operator", &operator)],
        );
        for (signer, may) in [
            (&world.board_identity, false),
            (&world.hub_identity, false),
            (&stranger, false),
            (&operator, true),
            (&second, true),
        ] {
            let (leaf, task) = board(&world.network, Flash::new(), &keyring).await;
            let test = async {
                leaf.linked().await;
                Timer::after_millis(100).await;
                let sealed = seal(signer, world.identity_of(leaf), 5, &keyring);
                let pushed = world.send_keys(leaf, &sealed).await;
                assert_eq!(pushed.is_ok(), may, "{pushed:?}");
                if !may {
                    let said = refusal(pushed);
                    assert!(said.contains("no operator of this board"), "{said}");
                }
            };
            beside(task, test).await;
        }
    });
}

#[test]
fn only_a_certificate_with_the_role_hub_is_taken_for_a_hub() {
    for (name, may) in [("a.hub", true), ("hub", false), ("a.leaf", false), ("a.operator", false)] {
        let (world, tasks) = world();
        run(tasks, async {
            let keyring = named_bundle(&[("a", &world.board_identity)], &[(name, &world.hub_identity)]);
            let (leaf, task) = board(&world.network, Flash::new(), &keyring).await;
            beside(task, Timer::after_secs(20)).await;
            assert_eq!((leaf.links() == 1, world.hub.shown().len() == 1), (may, may), "{name}");
            assert!(world.hub.visits().0 > 0, "it was dialled");
        });
    }
}

#[test]
fn a_device_that_cannot_decrypt_takes_no_keyring() {
    let (world, tasks) = world();
    run(tasks, async {
        let signer: &'static _ = Box::leak(Box::new(crate::identity::signer()));
        for may in [true, false] {
            let unseal = may.then_some(signer as _);
            let device = node_embedded::IdentitySigner { key: signer.public_key(), signer, unseal };
            let settings = node_embedded::Settings { identity: Some(device), ..settings(&world.keyring()) };
            let (leaf, task) = try_board(&world.network, Flash::new(), OsRng, settings).await.unwrap();
            let test = async {
                leaf.linked().await;
                Timer::after_millis(100).await;
                let pushed = world.push(leaf, &world.keyring()).await;
                assert_eq!(pushed.is_ok(), may, "{pushed:?}");
                assert!(may || refusal(pushed).contains("cannot decrypt"));
                leaf.leave().await;
            };
            beside(task, test).await;
        }
    });
}

/// A keyring for a board that may take an hour.
fn replace_keys(body: &[u8], end: bool) -> Ask<'_> {
    Ask { service: Service::Rpc(Method::KeysReplace.number()), body, end, budget_ms: 3_600_000 }
}

#[test]
fn a_keyring_that_arrives_slowly_does_not_keep_others_out() {
    with_board(async |world, leaf| {
        let next = Identity::new();
        world.trusted.lock().unwrap().push(next.certificate.clone());
        let began = Instant::now();
        let answer = world.hub.ask(leaf.id(), replace_keys(&[2; 100], false)).await.unwrap();
        let error = postcard::from_bytes::<Response<'_, [u8; 32]>>(&answer).unwrap().unwrap_err();
        assert!(error.message.contains("did not arrive within 10 s"), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(12));
        world.push(leaf, &bundle(&[&next], &[&world.hub_identity])).await.unwrap();
        Timer::after_secs(100).await;
        assert_eq!((leaf.active_key(), leaf.links()), (next.fingerprint(), 1));
    });
}

#[test]
fn a_keyring_is_used_and_judged_even_when_nobody_reads_the_answer() {
    let (world, tasks) = world();
    world.hub.give_no_credit();
    run(tasks, async {
        let next = Identity::new();
        let new = bundle(&[&next], &[&world.hub_identity]);
        boot(&world, &Flash::new(), async |leaf| {
            let first = leaf.active_key();
            let sealed = seal(&world.board_identity, world.identity_of(leaf), 5, &new);
            let mut pushing = pin!(world.hub.ask(leaf.id(), replace_keys(&sealed, true)));
            let answer = with_timeout(Duration::from_secs(20), &mut pushing).await;
            assert!(!matches!(answer, Ok(Ok(_))), "{answer:?}");
            assert_eq!(leaf.active_key(), next.fingerprint());
            Timer::after_secs(60).await;
            leaf.linked().await;
            assert_eq!(leaf.active_key(), first);
        })
        .await;
    });
}

/// Cuts the power after so many words of flash since the arrival of a keyring. Returns whether there was power to the end.
fn cut_after(words: usize) -> bool {
    let (world, tasks) = world();
    let next = Identity::new();
    world.trusted.lock().unwrap().push(next.certificate.clone());
    run(tasks, async {
        let flash = Flash::new();
        // The operator remains one.
        let new = bundle(&[&next, &world.board_identity], &[&world.hub_identity]);
        let (sealed, answer) = boot(&world, &flash, async |leaf| {
            let sealed = seal(&world.board_identity, world.identity_of(leaf), 5, &new);
            flash.fail_after(words);
            let mut pushing = pin!(world.send_keys(leaf, &sealed));
            let answer = with_timeout(Duration::from_secs(5), &mut pushing).await;
            Timer::after_secs(2).await;
            (sealed.clone(), answer.is_ok_and(|answer| answer.is_ok()))
        })
        .await;
        let had_power = flash.has_power();
        let flash = flash.copy();
        boot(&world, &flash, async |leaf| {
            let expected = if answer { &next } else { &world.board_identity };
            assert_eq!(leaf.active_key(), expected.fingerprint(), "after {words} words");
            Timer::after_secs(2).await;
            let replayed = world.send_keys(leaf, &sealed).await;
            assert_eq!(replayed.is_ok(), !answer, "it was taken twice, after {words} words: {replayed:?}");
            assert!(!answer || refusal(replayed).contains("had epoch"));
        })
        .await;
        had_power
    })
}

#[test]
fn a_power_cut_at_any_write_leaves_a_board_that_links_and_takes_no_keyring_twice() {
    let mut words = 0;
    while !cut_after(words) {
        // In the middle of the keyring all words are alike.
        words += if (20..200).contains(&words) { 31 } else { 1 };
    }
    assert!(words > 200, "it wrote nothing");
}
