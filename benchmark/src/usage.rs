//! What this process has used so far.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// Of all its threads together.
pub fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// The most that was in memory at once.
pub fn memory_peak_bytes() -> Result<Option<u64>> {
    told("VmHWM:")
}

/// What is in memory now.
pub fn memory_bytes() -> Result<Option<u64>> {
    told("VmRSS:")
}

/// What Linux says; other systems say nothing here.
fn told(name: &str) -> Result<Option<u64>> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return Ok(None) };
    let Some(told) = status.lines().find_map(|line| line.strip_prefix(name)) else {
        return Ok(None);
    };
    let kib: u64 = told.trim().trim_end_matches("kB").trim_end().parse()?;
    Ok(Some(kib * 1024))
}
