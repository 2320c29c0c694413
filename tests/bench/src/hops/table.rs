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
    /// One for each column.
    pub measured: Vec<Measured>,
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

    /// The one with the median of processor time; of an even number, the lower of the two in the middle.
    pub fn median(mut runs: Vec<Self>) -> Self {
        runs.sort_by(|one, other| one.micros.total_cmp(&other.micros));
        runs[(runs.len() - 1) / 2]
    }
}

impl Row {
    /// Our processor time, as a multiple of the least of the others.
    fn ratio(&self, columns: &[&str]) -> Option<f64> {
        let (ours, others): (Vec<_>, Vec<_>) =
            columns.iter().zip(&self.measured).partition(|(name, _)| **name == Kind::Ours.name());
        let least = others.iter().map(|(_, one)| one.micros).min_by(f64::total_cmp)?;
        Some(ours.first()?.1.micros / least)
    }
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
            for one in &row.measured {
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
            for Measured { micros, system_micros, per_second } in &row.measured {
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
