//! Counters of one run.

use std::collections::BTreeMap;

use super::flush::Outcome;
use super::live::Live;
use crate::error::Error;

/// The last one, of 36 minutes, holds what took longer too.
const LATENCY_BUCKETS: usize = 32;

/// Counters of one channel.
#[derive(Debug, Clone, Default)]
pub struct ChannelStats {
    /// Successful writes.
    pub writes: u64,
    /// Bytes of successful writes.
    pub bytes: u64,
    /// Failed writes.
    pub failures: u64,
    /// Writes tried after a failed one.
    pub retries: u64,
    /// Failed writes by `operation: code`.
    pub causes: BTreeMap<String, u64>,
}

/// Counters of a run since it was opened.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Accepted requests.
    pub requests: u64,
    /// Requests that shared the flush of an earlier one.
    pub coalesced: u64,
    /// Flushes that ended.
    pub flushes: u64,
    /// Flushes that failed in whole or in part.
    pub failed_flushes: u64,
    /// Flushes that no request asked for.
    pub automatic_retries: u64,
    /// By channel: manifest, heartbeat.
    pub channels: [ChannelStats; 2],
    /// The error of the last failed flush, until everything that failed is written.
    pub last_error: Option<Error>,
    /// Flushes by the power of two, in microseconds, that bounds their time.
    latency: [u64; LATENCY_BUCKETS],
}

impl Stats {
    /// Counts one channel of a flush. `was_failing`: its write before failed.
    pub fn count_write(&mut self, channel: Live, outcome: &Outcome, bytes: u64, was_failing: bool) {
        let stats = &mut self.channels[channel as usize];
        stats.retries += u64::from(was_failing);
        match outcome {
            Ok(_) => {
                stats.writes += 1;
                stats.bytes += bytes;
            }
            Err(failure) => {
                stats.failures += 1;
                let cause = format!("{}: {}", failure.operation.name(), failure.code);
                *stats.causes.entry(cause).or_default() += 1;
            }
        }
    }

    /// Counts a flush that took `elapsed_ns`, covered `covered` requests, and left the run with
    /// or without something that had failed.
    pub fn count_flush(&mut self, elapsed_ns: u64, covered: usize, error: Option<&Error>) {
        self.flushes += 1;
        self.coalesced += (covered as u64).saturating_sub(1);
        if let Some(error) = error {
            self.failed_flushes += 1;
            self.last_error = Some(error.clone());
        }
        let elapsed_us = elapsed_ns.div_ceil(1_000).max(1);
        let power = elapsed_us.next_power_of_two().trailing_zeros() as usize;
        self.latency[power.min(LATENCY_BUCKETS - 1)] += 1;
    }

    /// The latency histogram: upper bounds in microseconds and counts.
    pub fn latency(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.latency.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(power, &count)| (1 << power, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_goes_into_powers_of_two() {
        let mut stats = Stats::default();
        for elapsed_ns in [0, 1_000, 1_001, 2_000, 4_097_000] {
            stats.count_flush(elapsed_ns, 1, None);
        }
        assert_eq!(stats.latency().collect::<Vec<_>>(), [(1, 2), (2, 2), (8192, 1)]);
    }
}
