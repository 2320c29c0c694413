//! Two hops, a gateway and a private port, with mutual TLS between them: ours beside nginx and haproxy.
//!
//!     wrk -> gateway -> mutual TLS -> private port -> upstream
//!
//! Both hops run on one core, each with one thread for the traffic; wrk and the upstream, another nginx, run on another.
//! Outside the mutual TLS all speak HTTP/1.1 in the clear. Connections are kept alive everywhere.

mod case;
mod haproxy;
pub mod nginx;
mod ours;
mod process;
mod table;
mod upstream;
mod wrk;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use node_tests::http::Curl;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;

use crate::cores::{Cores, pinned};
use crate::cpu::Precise;
use case::Case;
use process::Process;
use table::{Measured, Row, Table};
use upstream::Upstream;

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Measure only these; may be repeated
    #[arg(long, value_enum)]
    only: Vec<Kind>,
    /// Measure only cases that begin with this, such as 128x16 or 64k; may be repeated
    #[arg(long)]
    case: Vec<String>,
    /// Measure each case so many times with each product in turn, and print the medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// A product.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Two maelstromd
    Ours,
    /// Two nginx, HTTP/1.1 between them
    Nginx,
    /// Two haproxy, HTTP/2 between them
    Haproxy,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Ours, Self::Nginx, Self::Haproxy];

    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy h2",
        }
    }

    fn start(self, keys: &TlsDir, upstream: &Upstream) -> Result<Box<dyn Hops>> {
        match self {
            Self::Ours => ours::start(keys, upstream),
            Self::Nginx => nginx::start(keys, upstream),
            Self::Haproxy => haproxy::start(keys, upstream),
        }
    }
}

/// The two hops of a product, as they run.
pub trait Hops {
    /// The URL under which the gateway passes requests on to the upstream.
    fn url(&self) -> String;
    /// The processes of both hops.
    fn pids(&self) -> Vec<u32>;
}

/// Measures each case with each product, one after the other so that they share the noise of the machine.
///
/// # Errors
///
/// A program is missing or does not start, or a response is not what it should be.
pub fn measure(arguments: &Arguments, time: Duration) -> Result<Table> {
    let Arguments { only, case, rounds } = arguments;
    let cases: Vec<Case> = Case::ALL.into_iter().filter(|one| one.is_wanted(case)).collect();
    ensure!(!cases.is_empty(), "no case begins so; there are: {}", Case::ALL.map(|case| case.id()).join(" "));
    let kinds: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| only.is_empty() || only.contains(kind)).collect();
    let cores = Cores::find()?;
    let keys = TlsDir::generate(Algorithm::P256)?;
    let upstream = pinned(cores.load, Upstream::start)?;
    let start = |kind: &Kind| pinned(cores.measured, || kind.start(&keys, &upstream)).context(kind.name());
    let hops = kinds.iter().map(start).collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for case in cases {
        let mut runs = vec![Vec::new(); kinds.len()];
        for round in 1..=*rounds {
            for ((kind, hops), runs) in kinds.iter().zip(&hops).zip(&mut runs) {
                eprintln!("{}: {}, round {round} of {rounds}", case.name(), kind.name());
                if round == 1 {
                    warm_up(hops.as_ref(), case, cores).context(kind.name())?;
                }
                runs.push(one(hops.as_ref(), case, cores, time).context(kind.name())?);
            }
        }
        rows.push(Row { case, runs });
    }
    Ok(Table { columns: kinds.iter().map(|kind| kind.name()).collect(), rows })
}

/// Waits until the answer is what it should be. Then a second of load lets every buffer find its size.
fn warm_up(hops: &dyn Hops, case: Case, cores: Cores) -> Result<()> {
    let url = format!("{}{}", hops.url(), case.path);
    eventually(|| {
        let answer = Curl::get(&url).send()?;
        ensure!(answer.status == 200, "{url}: {} {}", answer.status, answer.text());
        ensure!(answer.body.len() == case.bytes, "{url}: {} bytes", answer.body.len());
        Ok(())
    })?;
    one(hops, case, cores, Duration::from_secs(1)).map(drop)
}

fn one(hops: &dyn Hops, case: Case, cores: Cores, time: Duration) -> Result<Measured> {
    let url = format!("{}{}", hops.url(), case.path);
    let pids = hops.pids();
    let before = Precise::of(&pids)?;
    let count = pinned(cores.load, || wrk::run(&url, case, time))?;
    Ok(Measured::new(count, time, Precise::of(&pids)? - before))
}
