//! The machine that a run was made on, as far as figures depend on it.

use std::fs::read_to_string;

/// Name and value of each fact.
pub(crate) fn describe() -> Vec<(String, String)> {
    let first = |path: &str, name: &str| {
        let text = read_to_string(path).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        value.map_or_else(|| "unknown".to_owned(), |value| value.trim_matches([':', ' ', '\t']).to_owned())
    };
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    vec![
        fact("processor", format!("{} ({cores} threads for this run)", first("/proc/cpuinfo", "model name"))),
        fact("memory", first("/proc/meminfo", "MemTotal")),
        fact("kernel", read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()),
        fact(
            "load average before the run",
            read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned(),
        ),
    ]
}
