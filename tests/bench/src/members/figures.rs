//! The figures, beside their aims.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Both programs' figures.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Members {
    /// Members of each cluster.
    pub nodes: u8,
    /// Ours, over mutual TLS.
    pub maelstromd: Figures,
    /// serf's, where it is there.
    pub serf: Option<Figures>,
}

/// The figures of one program.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// From the start of all but the first until each knew all.
    pub joined: Spread,
    /// From SIGKILL until all others hold it down.
    pub down: Spread,
    /// Processor time of each node for each second, in milliseconds.
    pub idle_cpu_millis: f64,
    /// Bytes that each node sent each second, with the headers of TCP, UDP, IP and Ethernet.
    pub idle_bytes: f64,
}

/// Times of several tries, in seconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The longest.
    pub most: f64,
}

impl Spread {
    /// The spread of these times.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |place: usize| times.get(place).map_or(f64::NAN, Duration::as_secs_f64);
        Self { median: at(times.len() / 2), most: at(times.len().saturating_sub(1)) }
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("{} members on loopback", self.nodes);
        writeln!(f, "{title:<52}{:>12}{:>16}{:>12}", "aim", "maelstromd", "serf")?;
        let mut line = |what, aim, unit: &str, figure: fn(&Figures) -> f64| {
            let digits = if unit == "s" { 2 } else { 1 };
            let text = |value: f64| format!("{value:.digits$} {unit}");
            let serf = self.serf.as_ref().map_or("not here".into(), |serf| text(figure(serf)));
            writeln!(f, "{what:<52}{aim:>12}{:>16}{serf:>12}", text(figure(&self.maelstromd)))
        };
        line("all joined through one: each knows all, median", "0.3 s", "s", |figures| {
            figures.joined.median
        })?;
        line("the longest", "", "s", |figures| figures.joined.most)?;
        line("kill -9: all others hold it down, median", "1 s", "s", |figures| figures.down.median)?;
        line("the longest", "", "s", |figures| figures.down.most)?;
        line("idle, CPU of a node each second", "", "ms", |figures| figures.idle_cpu_millis)?;
        line("idle, bytes that a node sends each second", "", "B", |figures| figures.idle_bytes)
    }
}
