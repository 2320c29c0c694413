//! The machine that this node runs on, as the kernel describes it in `/proc`. A figure that cannot be read is zero.

use procfs::{Current, LoadAverage, Meminfo};
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
        let memory = Meminfo::current().ok();
        let available = memory.as_ref().and_then(|memory| memory.mem_available);
        let load = LoadAverage::current().ok();
        Self {
            total_memory_mib: mebibytes(memory.map(|memory| memory.mem_total)),
            free_memory_mib: mebibytes(available),
            num_cpus: std::thread::available_parallelism().map_or(0, usize::from),
            load_avg_1m: hundredths(load.as_ref().map(|load| load.one)),
            load_avg_5m: hundredths(load.as_ref().map(|load| load.five)),
            load_avg_15m: hundredths(load.map(|load| load.fifteen)),
        }
    }
}

fn mebibytes(bytes: Option<u64>) -> u64 {
    bytes.unwrap_or_default() >> 20
}

/// The kernel writes two digits after the point. A conversion from `f32` alone adds digits that the kernel did not write.
fn hundredths(average: Option<f32>) -> f64 {
    (f64::from(average.unwrap_or_default()) * 100.0).round() / 100.0
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

    #[test]
    fn a_load_average_is_shown_as_the_kernel_writes_it() {
        for (kernel, shown) in [("0.00", "0.0"), ("0.52", "0.52"), ("12.07", "12.07"), ("1029.31", "1029.31")]
        {
            assert_eq!(serde_json::to_string(&hundredths(kernel.parse().ok())).unwrap(), shown);
        }
    }
}
