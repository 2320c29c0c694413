//! Honest ends of a link: every byte arrives once and in order, and no exchange is left over.

use super::pipe::{self, LARGE, NARROW, Outcome, Pair, SMALL};
use node_core::link::{GoAway, OpenError, Phase, ResetCode};
use node_core::time::Duration;
use proptest::prelude::*;

mod random {
    use super::*;
    use proptest::prop_oneof;

    /// One step of one end.
    #[derive(Clone, Copy, Debug)]
    pub enum Step {
        Open { len: usize, budget_ms: u32 },
        Send { pick: usize, most: usize },
        Release { pick: usize, most: usize },
        Reset { pick: usize },
        GoAway,
        Ping,
        Carry { most: usize },
        Advance { millis: u64 },
    }

    pub fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..4000usize, prop_oneof![Just(60_000u32), 0..200u32])
                .prop_map(|(len, budget_ms)| Step::Open { len, budget_ms }),
            8 => (any::<usize>(), 0..3000usize).prop_map(|(pick, most)| Step::Send { pick, most }),
            6 => (any::<usize>(), 0..3000usize).prop_map(|(pick, most)| Step::Release { pick, most }),
            1 => any::<usize>().prop_map(|pick| Step::Reset { pick }),
            1 => Just(Step::Ping),
            12 => (1..2500usize).prop_map(|most| Step::Carry { most }),
            3 => (1..60u64).prop_map(|millis| Step::Advance { millis }),
        ]
    }

    pub fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
        let go_away = prop_oneof![3 => Just(None), 1 => (0..200usize, 0..2usize).prop_map(Some)];
        (prop::collection::vec((0..2usize, step()), 1..200), go_away).prop_map(|(mut steps, go_away)| {
            if let Some((at, side)) = go_away {
                steps.insert(at.min(steps.len()), (side, Step::GoAway));
            }
            steps
        })
    }

    /// Takes one step; returns whether an exchange was opened.
    pub fn take(pair: &mut Pair, side: usize, step: Step, serial: u32) -> bool {
        let now = pair.now;
        let end = &mut pair.ends[side];
        let pick = |pick: usize| end.talks.keys().nth(pick % end.talks.len().max(1)).copied();
        match step {
            Step::Open { len, budget_ms } => return end.open(now, serial, len, budget_ms).is_ok(),
            Step::Send { pick: which, most } => {
                if let Some(id) = pick(which) {
                    end.send(id, most);
                }
            }
            Step::Release { pick: which, most } => {
                if let Some(id) = pick(which) {
                    end.release(id, most);
                }
            }
            Step::Reset { pick: which } => {
                if let Some(id) = pick(which) {
                    end.reset(id);
                }
            }
            Step::GoAway => end.link.go_away(GoAway::Rekeyed),
            Step::Ping => end.link.ping(now),
            Step::Carry { most } => pair.carry(side, most),
            Step::Advance { millis } => pair.advance(Duration::from_millis(millis)),
        }
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_exchange_ends_alike_on_both_ends_and_frees_its_slots(
        steps in random::steps(),
        limits in prop_oneof![Just([SMALL, LARGE]), Just([NARROW, LARGE])],
        bound in 1040..4000usize,
    ) {
        let mut pair = Pair::new(limits, bound);
        let said_go_away = steps.iter().any(|(_, step)| matches!(step, random::Step::GoAway));
        let mut opened = 0;
        for (side, step) in steps {
            if random::take(&mut pair, side, step, opened) {
                opened += 1;
            }
        }
        pair.finish();
        for serial in 0..opened {
            let [a, b] = [0, 1].map(|side| pair.ends[side].outcomes.get(&serial).copied());
            let given_up = |outcome| matches!(outcome, Some(Outcome::Reset | Outcome::Expired));
            let ok = match (a, b) {
                (Some(Outcome::Done), Some(Outcome::Done)) => true,
                (Some(Outcome::PeerReset(_)), other) | (other, Some(Outcome::PeerReset(_))) => given_up(other),
                // Both ends gave it up together, or one did while the last bytes were under way.
                (one, other) => given_up(one) || given_up(other),
            };
            prop_assert!(ok, "exchange {} ended as {:?} and {:?}", serial, a, b);
        }
        for end in &pair.ends {
            prop_assert_eq!(end.link.in_flight(), 0);
            prop_assert_eq!(end.link.phase() == Phase::Over, said_go_away);
        }
    }
}

#[test]
fn a_hello_brings_both_ends_up() {
    let pair = Pair::up([SMALL, LARGE], 2000);
    assert_eq!(pair.ends[0].link.peer(), Some((pipe::id(2), LARGE)));
    assert_eq!(pair.ends[1].link.peer(), Some((pipe::id(1), SMALL)));
}

#[test]
fn exchanges_are_refused_before_hello_and_while_draining() {
    let mut pair = Pair::new([SMALL, LARGE], 2000);
    assert_eq!(pair.ends[0].open(pair.now, 0, 5, 1000), Err(OpenError::NotUp));
    pair.exchange_all();
    pair.ends[0].link.go_away(GoAway::Leaving);
    assert_eq!(pair.ends[0].open(pair.now, 0, 5, 1000), Err(OpenError::Draining));
}

#[test]
fn no_more_exchanges_are_opened_than_the_peer_takes() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    let opened = (0..9).take_while(|serial| pair.ends[1].open(pair.now, *serial, 5, 1000).is_ok()).count();
    assert_eq!(opened, usize::from(SMALL.exchanges));
    assert_eq!(pair.ends[1].open(pair.now, 9, 5, 1000), Err(OpenError::Exchanges));
}

#[test]
fn an_exchange_opened_before_a_draining_go_away_arrived_is_finished() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    pair.ends[0].link.go_away(GoAway::Leaving);
    pair.tick();
    pair.ends[1].open(pair.now, 7, 4000, 60_000).unwrap();
    pair.finish();
    assert_eq!(pair.ends.each_ref().map(|end| end.outcomes[&7]), [Outcome::Done; 2]);
    assert_eq!(pair.ends.each_ref().map(|end| end.link.phase()), [Phase::Over; 2]);
    assert_eq!(pair.ends[1].go_away, Some(GoAway::Leaving));
}

#[test]
fn a_draining_go_away_that_is_not_returned_ends_the_link_nevertheless() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    pair.ends[0].link.go_away(GoAway::Leaving);
    pair.tick();
    let wait = pair.ends[0].link.poll_timeout().unwrap();
    pair.advance(wait.since(pair.now));
    assert_eq!(pair.ends[0].link.phase(), Phase::Over);
}

#[test]
fn a_go_away_that_does_not_drain_ends_the_link_immediately() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    pair.ends[1].open(pair.now, 7, 4000, 60_000).unwrap();
    pair.ends[0].link.go_away(GoAway::Untrusted);
    pair.tick();
    pair.carry(0, usize::MAX);
    assert_eq!(pair.ends.each_ref().map(|end| end.link.phase()), [Phase::Over; 2]);
    assert_eq!(pair.ends[1].go_away, Some(GoAway::Untrusted));
}

#[test]
fn a_deadline_resets_both_ends() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    pair.ends[0].open(pair.now, 7, 10, 300).unwrap();
    pair.exchange_all();
    assert_eq!(pair.ends[1].link.in_flight(), 1);
    let due = pair.ends[0].link.poll_timeout().unwrap();
    assert_eq!(due.since(pair.now), Duration::from_millis(300));
    pair.now = due;
    pair.ends[0].tick(due).unwrap();
    pair.carry(0, usize::MAX);
    let [a, b] = pair.ends.each_ref().map(|end| end.outcomes[&7]);
    assert_eq!((a, b), (Outcome::Expired, Outcome::PeerReset(ResetCode::Timeout)));
    assert_eq!(pair.ends.each_ref().map(|end| end.link.in_flight()), [0; 2]);
}

#[test]
fn a_request_without_time_is_over_immediately_and_the_link_stays_up() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    pair.ends[0].open(pair.now, 7, 10, 0).unwrap();
    pair.exchange_all();
    assert_eq!(pair.ends[0].outcomes[&7], Outcome::Expired);
    assert_eq!(pair.ends.each_ref().map(|end| end.link.phase()), [Phase::Up; 2]);
}

#[test]
fn a_slot_that_was_reset_serves_a_new_exchange_while_old_bytes_are_under_way() {
    let one = node_core::link::Limits { exchanges: 1, ..SMALL };
    let mut pair = Pair::up([LARGE, one], 2000);
    pair.ends[0].open(pair.now, 3, 10, 60_000).unwrap();
    pair.exchange_all();
    let theirs = *pair.ends[1].talks.keys().next().unwrap();
    pair.ends[1].send(theirs, 500);
    let ours = *pair.ends[0].talks.keys().next().unwrap();
    pair.ends[0].reset(ours);
    pair.tick();
    pair.ends[0].open(pair.now, 4, 10, 60_000).unwrap();
    pair.finish();
    assert_eq!(pair.ends[0].outcomes[&4], Outcome::Done);
    assert_eq!(pair.ends[1].outcomes[&4], Outcome::Done);
}

#[test]
fn a_ping_comes_back() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    pair.ends[0].link.ping(pair.now);
    pair.tick();
    pair.now = pair.now + Duration::from_millis(30);
    pair.exchange_all();
    assert_eq!(pair.ends[0].link.rtt(), Some(Duration::from_millis(30)));
}

#[test]
fn an_idle_link_stays_up_by_pings() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    for _ in 0..100 {
        let due = pair.ends.iter().filter_map(|end| end.link.poll_timeout()).min().unwrap();
        assert!(due > pair.now, "a link that is due now and does nothing keeps its node busy");
        pair.now = due;
        pair.exchange_all();
    }
    assert!(pair.ends.iter().any(|end| end.pongs > 10));
}

#[test]
fn a_node_that_stalled_pings_before_it_finds_its_peer_unresponsive() {
    let mut pair = Pair::up([SMALL, LARGE], 2000);
    pair.now = pair.now + Duration::from_secs(60);
    pair.ends[0].tick(pair.now).unwrap();
    pair.exchange_all();
    assert_eq!(pair.ends[0].pongs, 1);
}

#[test]
fn a_peer_with_short_frames_is_sent_no_longer_ones() {
    let mut pair = Pair::up([NARROW, LARGE], 16_000);
    pair.ends[1].open(pair.now, 3, 4000, 60_000).unwrap();
    // A longer frame would be a peer error at the other end.
    pair.finish();
    assert_eq!(pair.ends[0].outcomes[&3], Outcome::Done);
}
