//! The machine that this node runs on, as the kernel tells in `/proc`. What cannot be read counts as zero.

use std::fs;

use serde::{Deserialize, Serialize};

/// Memory, processors and load, under Maelstrom's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Memory in MiB.
    #[serde(rename = "totalMemoryMiB")]
    pub total_memory_mib: u64,
    /// Memory in MiB that programs can still get, caches given up.
    #[serde(rename = "freeMemoryMiB")]
    pub free_memory_mib: u64,
    /// Processors that this process may use.
    #[serde(rename = "numCPUs")]
    pub num_cpus: usize,
    /// Runnable tasks, averaged over a minute.
    #[serde(rename = "loadAvg1m")]
    pub load_avg_1m: f64,
    /// The same over five minutes.
    #[serde(rename = "loadAvg5m")]
    pub load_avg_5m: f64,
    /// The same over fifteen minutes.
    #[serde(rename = "loadAvg15m")]
    pub load_avg_15m: f64,
}

impl Machine {
    /// The machine as it is now.
    pub fn read() -> Self {
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let mut load = load.split_ascii_whitespace().map(|average| average.parse().unwrap_or_default());
        let mut average = || load.next().unwrap_or_default();
        Self {
            total_memory_mib: mebibytes(&memory, "MemTotal:"),
            free_memory_mib: mebibytes(&memory, "MemAvailable:"),
            num_cpus: std::thread::available_parallelism().map_or(0, usize::from),
            load_avg_1m: average(),
            load_avg_5m: average(),
            load_avg_15m: average(),
        }
    }
}

/// A line of `/proc/meminfo`, which counts in kibibytes.
fn mebibytes(memory: &str, line: &str) -> u64 {
    let rest = memory.lines().find_map(|text| text.strip_prefix(line));
    let kibibytes = rest.and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory_and_a_processor() {
        let machine = Machine::read();
        assert!(machine.total_memory_mib > 0 && machine.free_memory_mib <= machine.total_memory_mib);
        assert!(machine.num_cpus > 0);
        let json = serde_json::to_value(machine).unwrap();
        assert!(json["totalMemoryMiB"].is_u64() && json["loadAvg15m"].is_f64());
    }
}
