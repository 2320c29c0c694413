//! The simulated network behaves as its documentation says.

#[cfg(test)]
mod net {
    use core::time::Duration;

    use node_core::sim::net::{Conditions, DATAGRAM_OVERHEAD, Event, Failure, LinkNumber, Net};
    use node_core::sim::{Cluster, Path, Traffic};
    use node_core::time::Instant;

    fn two(conditions: Conditions) -> Net {
        let mut net = Net::new(1, conditions);
        for _ in 0..2 {
            let machine = net.add();
            net.start(machine);
        }
        net
    }

    /// The events until the network is `seconds` old.
    fn events(net: &mut Net, seconds: u64) -> Vec<(Instant, usize, Event)> {
        let end = Instant::START + Duration::from_secs(seconds);
        core::iter::from_fn(|| net.next(end).map(|(machine, event)| (net.now(), machine, event))).collect()
    }

    fn opened(net: &mut Net) -> LinkNumber {
        net.dial(0, 1);
        let opened = events(net, 1).into_iter().find_map(|(_, _, event)| match event {
            Event::Dialled { link, .. } => Some(link),
            _ => None,
        });
        opened.unwrap()
    }

    #[test]
    fn a_dial_takes_two_round_trips_and_the_acceptor_half_of_one_more() {
        let delay = Duration::from_millis(10);
        let mut net = two(Conditions { delay, jitter: Duration::ZERO, ..Conditions::default() });
        net.dial(0, 1);
        let seen: Vec<_> = events(&mut net, 1).into_iter().map(|(at, machine, _)| (at, machine)).collect();
        assert_eq!(seen, [(Instant::START + delay * 4, 0), (Instant::START + delay * 5, 1)]);
    }

    #[test]
    fn messages_of_a_link_keep_their_order_whatever_is_lost() {
        let mut net = two(Conditions::default());
        let link = opened(&mut net);
        net.conditions.loss = 0.3;
        (0..100).for_each(|number| net.send(0, link, vec![number]));
        let arrived = events(&mut net, 1000).into_iter().filter_map(|(_, _, event)| match event {
            Event::Message { bytes, .. } => Some(bytes[0]),
            _ => None,
        });
        assert!(arrived.eq(0..100));
    }

    #[test]
    fn a_slow_link_makes_its_sender_wait() {
        let mut net = two(Conditions { bandwidth: 10_000, buffer: 2000, ..Conditions::default() });
        let link = opened(&mut net);
        assert_eq!(net.room(0, link), 2000);
        net.send(0, link, vec![0; 3000]);
        assert_eq!(net.room(0, link), 0);
        net.notify_when_writable(0, link);
        let happened = events(&mut net, 10);
        assert!(
            happened.iter().any(|(_, machine, event)| *machine == 0 && *event == Event::Writable { link })
        );
        assert_eq!(net.room(0, link), 2000);
    }

    #[test]
    fn a_link_cut_one_way_times_out_at_the_deaf_end_and_then_ends_at_the_other() {
        let mut net = two(Conditions::default());
        let link = opened(&mut net);
        net.cut(|machine| machine, &[Path { from: 0, to: 1 }]);
        let lost = events(&mut net, 60);
        let [(first, 1, Event::Lost { .. }), (second, 0, Event::Lost { .. })] = lost[..] else {
            panic!("{lost:?}");
        };
        assert!(first > Instant::START + Duration::from_secs(10), "{first:?}");
        assert!(second.since(first) < Duration::from_millis(50), "it is told");
        assert_eq!(net.room(0, link), 0);
    }

    #[test]
    fn a_brief_cut_ends_no_link_and_loses_no_message() {
        let mut net = two(Conditions::default());
        let link = opened(&mut net);
        net.partition(|machine| machine);
        net.send(0, link, vec![7]);
        assert_eq!(events(&mut net, 5), []);
        net.heal();
        let happened = events(&mut net, 60);
        assert!(matches!(happened[..], [(_, 1, Event::Message { .. })]), "{happened:?}");
    }

    #[test]
    fn a_dial_fails_with_its_reason() {
        let mut net = two(Conditions::default());
        let failure = |net: &mut Net, to, seconds| {
            net.dial(0, to);
            match events(net, seconds).pop() {
                Some((_, 0, Event::DialFailed { why, .. })) => why,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(failure(&mut net, 0, 10), Failure::Itself);
        net.kill(1);
        assert_eq!(failure(&mut net, 1, 20), Failure::Refused);
        net.vanish(1);
        assert_eq!(failure(&mut net, 1, 30), Failure::TimedOut);
    }

    #[test]
    fn a_datagram_takes_its_way_and_the_time_of_its_bytes() {
        let delay = Duration::from_millis(10);
        let conditions =
            Conditions { delay, jitter: Duration::ZERO, bandwidth: 1000, ..Conditions::default() };
        let mut net = two(conditions);
        net.send_datagram(0, 1, vec![0; 100 - DATAGRAM_OVERHEAD]);
        let seen: Vec<_> = events(&mut net, 1).into_iter().map(|(at, machine, _)| (at, machine)).collect();
        assert_eq!(seen, [(Instant::START + delay + Duration::from_millis(100), 1)]);
        assert_eq!((net.traffic(0).sent, net.traffic(0).bytes, net.traffic(1).received), (1, 100, 1));
    }

    #[test]
    fn a_datagram_is_lost_by_chance_behind_a_cut_and_where_nothing_runs() {
        let mut net = two(Conditions { loss: 0.3, ..Conditions::default() });
        (0..1000).for_each(|_| net.send_datagram(0, 1, vec![0]));
        let arrived = events(&mut net, 1).len();
        assert!((650..750).contains(&arrived), "{arrived}");
        net.conditions.loss = 0.0;
        net.cut(|machine| machine, &[Path { from: 0, to: 1 }]);
        net.send_datagram(0, 1, vec![0]);
        net.send_datagram(1, 0, vec![0]);
        assert!(matches!(events(&mut net, 2)[..], [(_, 0, Event::Datagram { from: 1, .. })]));
        net.heal();
        net.kill(1);
        net.send_datagram(0, 1, vec![0]);
        assert_eq!(events(&mut net, 3), []);
    }

    #[test]
    fn a_resumed_process_handles_the_messages_that_came_in_meanwhile() {
        let mut net = two(Conditions::default());
        let link = opened(&mut net);
        net.pause(1);
        net.send(0, link, vec![1]);
        net.send(0, link, vec![2]);
        assert_eq!(events(&mut net, 5), []);
        net.resume(1);
        let happened = events(&mut net, 6);
        assert!(matches!(happened[..], [(_, 1, Event::Message { .. }), (_, 1, Event::Message { .. })]));
    }

    #[test]
    fn an_idle_link_pings_and_is_not_lost() {
        let mut net = two(Conditions::default());
        opened(&mut net);
        net.clear_traffic();
        assert_eq!(events(&mut net, 100), []);
        assert_eq!((net.traffic(0).pings, net.traffic(0).sent), (19, 0));
    }

    #[test]
    fn the_same_seed_gives_the_same_history() {
        let history = |seed| {
            let mut cluster = Cluster::with(seed, 6, 2);
            cluster.run(Duration::from_secs(30));
            cluster.kill(3);
            cluster.run(Duration::from_secs(30));
            let traffic: Vec<Traffic> = (0..8).map(|at| cluster.net.traffic(at)).collect();
            (cluster.beliefs.clone(), traffic)
        };
        assert_eq!(history(1), history(1));
        assert_ne!(history(1), history(2));
    }
}
