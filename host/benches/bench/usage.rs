//! What this process has used so far.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// Of all its threads together.
pub fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// What Linux says; other systems say nothing here.
pub fn memory_peak_bytes() -> Result<Option<u64>> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return Ok(None) };
    let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else {
        return Ok(None);
    };
    let kib: u64 = peak.trim().trim_end_matches("kB").trim_end().parse()?;
    Ok(Some(kib * 1024))
}
