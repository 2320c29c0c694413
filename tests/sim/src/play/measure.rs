//! Measures a play that is over.

use super::{Idle, Play};
use crate::figures::{Figure, Figures};
use crate::scenario::Measure;
use crate::subject::Subject;

impl<S: Subject> Play<'_, S> {
    /// The figures of a play that is over.
    pub(super) fn figures(&mut self) -> Figures {
        let mut figures = Figures::default();
        let (sum, now) = (self.cluster.traffic(), self.now());
        let Idle { traffic: idle, end: idle_end } = self.idle.unwrap_or(Idle { traffic: sum, end: now });
        let nodes = self.hosts().len() as f64;
        let idle_time = idle_end.since(self.start).as_secs_f64().max(1e-6);
        for measure in &self.scenario.measure {
            match measure {
                Measure::Spread => self.spread(&mut figures),
                Measure::Cost => {
                    let time = now.since(idle_end).as_secs_f64();
                    let each = |all: u64, idle: u64| {
                        let extra = (all - idle) as f64 - idle as f64 / idle_time * time;
                        extra / nodes / f64::from(self.changes.max(1))
                    };
                    figures.add("msgs/change", Figure::Count(each(sum.sent, idle.sent)));
                    figures.add("B/change", Figure::Whole(each(sum.bytes, idle.bytes)));
                }
                Measure::Idle => {
                    figures.add("msgs/s", Figure::Count(idle.sent as f64 / nodes / idle_time));
                    figures.add("B/s", Figure::Whole(idle.bytes as f64 / nodes / idle_time));
                }
                Measure::DeclaredDown => {
                    let declared_down = self.cluster.declared_down();
                    let silent = declared_down.iter().filter(|declared| declared.while_silent).count();
                    figures.add("false downs", Figure::Whole((declared_down.len() - silent) as f64));
                    figures.add("while silent", Figure::Whole(silent as f64));
                }
                Measure::Heal => {
                    let time = self.whole.map(|whole| whole.since(self.calm).as_secs_f64());
                    figures.add("whole s", Figure::Seconds(time));
                }
                Measure::Dials => {
                    let dialled = self.lie.map_or(0, |lie| self.cluster.net_mut().traffic(lie.at).dialled);
                    let hubs = self.hosts().filter(|&at| self.cluster.is_hub(at)).count();
                    figures.add("dials", Figure::Whole(dialled as f64));
                    figures.add("dials/hub", Figure::Count(dialled as f64 / hubs.max(1) as f64));
                }
                Measure::Handshakes | Measure::Links | Measure::Memory => {}
            }
            self.cluster.add_figures(*measure, &mut figures);
        }
        figures
    }

    fn spread(&self, figures: &mut Figures) {
        let round = self.scenario.conditions().round().as_secs_f64().max(1e-6);
        let counts = |at: usize| self.cluster.is_hub(at) && self.cluster.net().is_running(at);
        let time = |share: f64| {
            let spreads = self.followed.iter().filter_map(|&number| self.cluster.spread(number));
            let times: Option<Vec<f64>> =
                spreads.map(|spread| Some(spread.time(share, counts)?.as_secs_f64())).collect();
            let times = times.filter(|times| !times.is_empty())?;
            Some(times.iter().sum::<f64>() / times.len() as f64)
        };
        let [half, most, all] = [0.5, 0.99, 1.0].map(time);
        for (name, time) in [("50% s", half), ("99% s", most), ("100% s", all)] {
            figures.add(name, Figure::Seconds(time));
        }
        for (name, time) in [("50% rds", half), ("99% rds", most), ("100% rds", all)] {
            figures.add(name, Figure::Rounds(time.map(|time| time / round)));
        }
    }
}
