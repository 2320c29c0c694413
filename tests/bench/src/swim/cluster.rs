//! Members of foca on the simulated network.

use std::time::Duration;

use foca::{AccumulatingRuntime, Config, OwnedNotification};
use node_core::sim::net::Event;
use node_core::sim::{Conditions, DeclaredDown, Known, MemberUpdate, Net, Spread};

use super::identity::Identity;
use super::member::{Due, Member, Protocol, config};

/// How long a member that knows nobody waits until it asks again to join.
const JOIN_RETRY: Duration = Duration::from_secs(1);
/// The members start spread over one probe period, so that their probes are not in step.
const START_SPREAD: Duration = Duration::from_secs(1);

/// Members, and the network between them.
pub struct Swim {
    pub net: Net,
    hosts: Vec<Host>,
    config: Config,
    pub declared_down: Vec<DeclaredDown>,
    pub spreads: Vec<Spread>,
    rng: fastrand::Rng,
    /// Messages, timers and notifications of foca.
    outcome: AccumulatingRuntime<Identity>,
}

/// A host: it stays when members come and go.
struct Host {
    member: Option<Member>,
    /// The identity of the member, or of the last one.
    identity: Identity,
    /// The incarnation in which it was last declared down while it ran.
    declared_down: Option<u64>,
}

impl Swim {
    /// Members that start together and join through the first two.
    pub fn together(seed: u64, conditions: Conditions, nodes: usize) -> Self {
        let mut swim = Self::apart(seed, conditions, nodes);
        (0..nodes).for_each(|at| swim.join(at));
        swim
    }

    /// Members that all know each other.
    pub fn whole(seed: u64, conditions: Conditions, nodes: usize) -> Self {
        let mut swim = Self::apart(seed, conditions, nodes);
        let mut order: Vec<usize> = (0..nodes).collect();
        swim.rng.shuffle(&mut order);
        for at in order {
            let others = swim.hosts.iter().map(|host| &host.identity).filter(|other| other.at() != at);
            let others: Vec<_> = others.cloned().map(foca::Member::alive).collect();
            swim.act(at, |foca, outcome| foca.apply_many(others.into_iter(), false, outcome));
            swim.run(START_SPREAD / u32::try_from(nodes).unwrap_or(u32::MAX).max(1));
        }
        swim
    }

    /// Members that run and know nobody else.
    fn apart(seed: u64, conditions: Conditions, nodes: usize) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let config = config(nodes, &conditions);
        let mut swim = Self {
            net: Net::new(rng.u64(..), conditions),
            hosts: Vec::new(),
            config,
            declared_down: Vec::new(),
            spreads: Vec::new(),
            rng,
            outcome: AccumulatingRuntime::new(),
        };
        for _ in 0..nodes {
            let at = swim.add();
            swim.start(at);
        }
        swim
    }

    /// A host without a member.
    pub fn add(&mut self) -> usize {
        let at = self.net.add();
        let identity = Identity::new(at, self.net.now());
        self.hosts.push(Host { member: None, identity, declared_down: None });
        at
    }

    // Getters

    /// The first member from `start` on, in a circle, that does not see exactly the other running members.
    pub fn wrong(&self, start: usize) -> Option<usize> {
        let running = self.hosts.iter().filter(|host| host.member.is_some()).count();
        let mut circle = (start..self.hosts.len()).chain(0..start);
        circle.find(|&at| {
            let foca = self.hosts.get(at).and_then(|host| host.member.as_ref()).map(|member| &member.foca);
            foca.is_some_and(|foca| {
                foca.num_members() + 1 != running || !foca.iter_members().all(|seen| self.is_as_seen(seen))
            })
        })
    }

    fn is_as_seen(&self, seen: &foca::Member<Identity>) -> bool {
        let host = self.hosts.get(seen.id().at());
        seen.state() == foca::State::Alive
            && host.is_some_and(|host| host.member.is_some() && host.identity == *seen.id())
    }

    // Time

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.net.now() + time;
        while let Some((at, event)) = self.net.next(end) {
            match event {
                Event::Timer => self.ring(at),
                Event::Datagram { bytes, .. } => {
                    self.act(at, |foca, outcome| foca.handle_data(&bytes, outcome))
                }
                // There are no links.
                _ => {}
            }
        }
    }

    fn ring(&mut self, at: usize) {
        let now = self.net.now();
        while let Some(due) = self.hosts.get_mut(at).and_then(|host| host.member.as_mut()?.take_due(now)) {
            match due {
                Due::Timer(timer) => self.act(at, |foca, outcome| foca.handle_timer(timer, outcome)),
                Due::Join => self.join(at),
            }
        }
        self.set_timer(at);
    }

    // Events of members

    /// A member starts with the identity of its host.
    pub fn start(&mut self, at: usize) {
        let (seed, config) = (self.rng.u64(..), self.config.clone());
        let Some(host) = self.hosts.get_mut(at) else { return };
        host.member = Some(Member::new(host.identity.clone(), config, seed));
        self.net.start(at);
    }

    /// A member starts again and joins. A member that forgot its incarnation takes one from a clock.
    pub fn start_again(&mut self, at: usize, forget: bool) {
        let now = self.net.now();
        if let Some(host) = self.hosts.get_mut(at) {
            host.identity = if forget { Identity::new(at, now) } else { host.identity.next() };
        }
        self.start(at);
        self.join(at);
    }

    /// Asks the first two to let a member join, unless it knows others already, and asks again later.
    pub fn join(&mut self, at: usize) {
        let now = self.net.now();
        let member = self.hosts.get_mut(at).and_then(|host| host.member.as_mut());
        let Some(member) = member.filter(|member| member.foca.num_members() == 0) else { return };
        member.remind(now + JOIN_RETRY, Due::Join);
        for seed in [0, 1].into_iter().filter(|&seed| seed != at) {
            self.act(at, |foca, outcome| foca.announce(Identity::new(seed, now), outcome));
        }
    }

    /// A member offers another component. Returns the number of the followed change.
    pub fn change(&mut self, at: usize, component: &str) -> usize {
        let incarnation = self.hosts.get(at).map_or(0, |host| host.identity.incarnation) + 1;
        let followed = self.follow(at, Known::Incarnation(incarnation));
        self.act(at, |foca, outcome| foca.change_identity(foca.identity().offering(component), outcome));
        followed
    }

    /// A member announces that it leaves, and ends: foca sends nothing after that.
    pub fn leave(&mut self, at: usize) {
        self.act(at, |foca, outcome| foca.leave_cluster(outcome));
        self.kill(at);
    }

    /// A process ends. No peer is told: there are no links.
    pub fn kill(&mut self, at: usize) {
        self.net.kill(at);
        self.forget(at);
    }

    /// A machine loses its power.
    pub fn vanish(&mut self, at: usize) {
        self.net.vanish(at);
        self.forget(at);
    }

    fn forget(&mut self, at: usize) {
        if let Some(host) = self.hosts.get_mut(at) {
            host.member = None;
        }
    }

    /// Follows how a fact spreads from now on.
    pub fn follow(&mut self, about: usize, known: Known) -> usize {
        self.spreads.push(Spread::new(about, known, self.net.now(), self.hosts.len()));
        self.spreads.len() - 1
    }

    // The part of an application that uses foca

    /// Acts on a host's member, and carries out what it wants.
    fn act(
        &mut self,
        at: usize,
        act: impl FnOnce(&mut Protocol, &mut AccumulatingRuntime<Identity>) -> Result<(), foca::Error>,
    ) {
        let now = self.net.now();
        let Some(host) = self.hosts.get_mut(at) else { return };
        let Some(member) = &mut host.member else { return };
        // foca refuses what is late or meant for an earlier member, and does not change then.
        _ = act(&mut member.foca, &mut self.outcome);
        host.identity.clone_from(member.foca.identity());
        while let Some((to, bytes)) = self.outcome.to_send() {
            self.net.send_datagram(at, to.at(), bytes.into());
        }
        while let Some((after, timer)) = self.outcome.to_schedule() {
            member.remind(now + after, Due::Timer(timer));
        }
        while let Some(notification) = self.outcome.to_notify() {
            self.note(at, &notification);
        }
        self.set_timer(at);
    }

    fn set_timer(&mut self, at: usize) {
        let member = self.hosts.get(at).and_then(|host| host.member.as_ref());
        self.net.set_timer(at, member.and_then(Member::next_due));
    }

    /// Notes what a member learned.
    fn note(&mut self, by: usize, notification: &OwnedNotification<Identity>) {
        let now = self.net.now();
        let (identity, live) = match notification {
            OwnedNotification::MemberUp(identity) | OwnedNotification::Rename(_, identity) => {
                (identity, true)
            }
            OwnedNotification::MemberDown(identity) => (identity, false),
            OwnedNotification::Idle => {
                if let Some(member) = self.hosts.get_mut(by).and_then(|host| host.member.as_mut()) {
                    member.remind(now + JOIN_RETRY, Due::Join);
                }
                return;
            }
            _ => return,
        };
        let (about, incarnation) = (identity.at(), identity.incarnation);
        let update = MemberUpdate { about, incarnation, live };
        self.spreads.iter_mut().for_each(|spread| spread.hear(now, by, update));
        if !live {
            self.note_declared_down(by, identity);
        }
    }

    fn note_declared_down(&mut self, by: usize, identity: &Identity) {
        let about = identity.at();
        let Some(host) = self.hosts.get_mut(about).filter(|host| host.member.is_some()) else { return };
        // A member that started again is not the one that was declared down.
        if host.identity == *identity && host.declared_down != Some(identity.incarnation) {
            host.declared_down = Some(identity.incarnation);
            self.declared_down.push(DeclaredDown::now(&self.net, by, about));
        }
    }
}
