//! What a process costs, from the kernel's own books; nothing where there is no such file system.

use std::fs;
use std::time::Duration;

/// CPU time and memory of a process at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) rss_kib: u64,
}

/// Usage of a process, `self` for this one. Threads that have ended meanwhile are not counted.
pub(crate) fn usage(process: &str) -> Option<Usage> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let nanos = tasks.filter_map(Result::ok).filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    let cpu = Duration::from_nanos(nanos.sum());
    Some(Usage { cpu, rss_kib: status(process, "VmRSS:")? })
}

/// How many files this process may have open.
pub(crate) fn open_files_max() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    text.lines()
        .find_map(|l| l.strip_prefix("Max open files"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

fn status(process: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A process observed over a stretch of time.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    process: String,
    start: Option<Usage>,
}

impl Meter {
    pub(crate) fn start(process: &str) -> Self {
        Self { process: process.to_owned(), start: usage(process) }
    }

    /// CPU time used since the start.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        usage(&self.process)?.cpu.checked_sub(self.start?.cpu)
    }

    /// Memory gained since the start, in KiB; 0 if it shrank.
    pub(crate) fn rss_gained_kib(&self) -> Option<u64> {
        Some(usage(&self.process)?.rss_kib.saturating_sub(self.start?.rss_kib))
    }
}
