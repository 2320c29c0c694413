//! The figures, as tables in Markdown and as JSON.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Case, Kind};
use crate::cpu::Precise;

/// All figures.
#[derive(Serialize)]
pub struct Table {
    /// The products, in the order of each row.
    pub columns: Vec<&'static str>,
    /// The cases.
    pub rows: Vec<Row>,
}

/// A case.
#[derive(Serialize)]
pub struct Row {
    #[serde(serialize_with = "id")]
    pub case: Case,
    /// The runs of each column, in the order in which they were made.
    pub runs: Vec<Vec<Measured>>,
}

/// A product in a case.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Processor time of both hops for each request, in microseconds.
    pub micros: f64,
    /// The part of it that is spent in the system.
    pub system_micros: f64,
    /// Requests each second.
    pub per_second: f64,
}

impl Measured {
    /// Of `count` requests in `time`, for which the hops used `cpu`.
    pub fn new(count: u64, time: Duration, cpu: Precise) -> Self {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        Self {
            micros: each(cpu.total),
            system_micros: each(cpu.system),
            per_second: count as f64 / time.as_secs_f64(),
        }
    }
}

impl Row {
    /// The run of each column that has the median of processor time.
    fn medians(&self) -> Vec<Measured> {
        let median = |runs: &Vec<Measured>| median(runs.clone(), |run| run.micros);
        self.runs.iter().filter_map(median).collect()
    }

    /// Our processor time as a multiple of that of the best of the others: the median over pairs of runs that were made one
    /// after the other, for a machine that others use is slower at one time than at another.
    fn ratio(&self, columns: &[&str]) -> Option<f64> {
        let medians = self.medians();
        let ours = columns.iter().position(|name| *name == Kind::Ours.name())?;
        let others = (0..columns.len()).filter(|column| *column != ours);
        let best = others.min_by(|a, b| medians[*a].micros.total_cmp(&medians[*b].micros))?;
        let pairs = self.runs[ours].iter().zip(&self.runs[best]);
        median(pairs.map(|(ours, best)| ours.micros / best.micros).collect(), |ratio| *ratio)
    }
}

/// Of an even number, the lower of the two in the middle.
fn median<T: Copy>(mut of: Vec<T>, by: impl Fn(&T) -> f64) -> Option<T> {
    of.sort_by(|a, b| by(a).total_cmp(&by(b)));
    of.get(of.len().saturating_sub(1) / 2).copied()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { columns, rows } = self;
        writeln!(f, "CPU microseconds of both hops for each request:\n")?;
        writeln!(
            f,
            "| | {} | ours / best |\n|---{}|---|",
            columns.join(" | "),
            "|---".repeat(columns.len())
        )?;
        for row in rows {
            write!(f, "| {} |", row.case.name())?;
            for one in row.medians() {
                write!(f, " {:.*} |", if one.micros < 100.0 { 1 } else { 0 }, one.micros)?;
            }
            match row.ratio(columns) {
                Some(ratio) => writeln!(f, " {ratio:.2} |")?,
                None => writeln!(f, " |")?,
            }
        }
        writeln!(f, "\nUser + system microseconds, and requests each second:\n")?;
        writeln!(f, "| | {} |\n|---{}|", columns.join(" | "), "|---".repeat(columns.len()))?;
        for row in rows {
            write!(f, "| {} |", row.case.name())?;
            for Measured { micros, system_micros, per_second } in row.medians() {
                let user = (micros - system_micros).max(0.0);
                write!(f, " {user:.1} + {system_micros:.1}, {per_second:.0}/s |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn id<S: Serializer>(case: &Case, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&case.id())
}
