//! Counters of one run.

use std::collections::BTreeMap;

use super::channel::RunChannel;
use super::flush::FileOutcome;
use super::schedule::RunChannels;
use crate::error::Error;
use crate::records::{Bucket, ChannelStats, FailureCount, Stats};

/// The last one, of 36 minutes, holds what took longer too.
const LATENCY_BUCKETS: usize = 32;

/// Counters of one channel.
#[derive(Debug, Clone, Default)]
pub struct ChannelCounters {
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
pub struct Counters {
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
    pub channels: [ChannelCounters; 2],
    /// The error of the last failed flush, until everything that failed is written.
    pub last_error: Option<Error>,
    /// Flushes by the power of two, in microseconds, that bounds their time.
    latency: [u64; LATENCY_BUCKETS],
}

impl Counters {
    /// Counts one channel of a flush. `was_failing`: its write before failed.
    pub fn count_write(
        &mut self,
        channel: RunChannel,
        outcome: &FileOutcome,
        bytes: u64,
        was_failing: bool,
    ) {
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

    /// What a caller is told of them, of the dirty channels, and of the revisions of the document and
    /// of its file.
    pub(super) fn report(
        &self,
        dirty: RunChannels,
        revision: u64,
        written_revision: Option<u64>,
    ) -> Stats {
        let [manifest, heartbeat] = RunChannel::ALL
            .map(|channel| self.channels[channel as usize].report(dirty.has(channel)));
        Stats {
            revision,
            written_revision,
            requests: self.requests,
            coalesced: self.coalesced,
            flushes: self.flushes,
            failed_flushes: self.failed_flushes,
            automatic_retries: self.automatic_retries,
            manifest,
            heartbeat,
            last_error: self.last_error.clone().map(Into::into),
            latency: self.latency().collect(),
        }
    }

    /// The latency histogram, without what is empty.
    fn latency(&self) -> impl Iterator<Item = Bucket> {
        let counts = self.latency.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(power, &count)| Bucket { up_to_us: 1 << power, count })
    }
}

impl ChannelCounters {
    fn report(&self, dirty: bool) -> ChannelStats {
        let causes = self.causes.iter();
        ChannelStats {
            dirty,
            writes: self.writes,
            bytes: self.bytes,
            failures: self.failures,
            retries: self.retries,
            causes: causes
                .map(|(name, &count)| FailureCount { name: name.clone(), count })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_goes_into_powers_of_two() {
        let mut stats = Counters::default();
        for elapsed_ns in [0, 1_000, 1_001, 2_000, 4_097_000] {
            stats.count_flush(elapsed_ns, 1, None);
        }
        let latency = stats.latency().map(|bucket| (bucket.up_to_us, bucket.count));
        assert_eq!(latency.collect::<Vec<_>>(), [(1, 2), (2, 2), (8192, 1)]);
    }
}
