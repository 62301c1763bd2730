//! What a subscriber of `tracing` is told: every event of this library. Here it can be seen that no
//! text of a document, a summary or a history is among their fields; nor is the message of an error,
//! which may quote one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::{Level, debug, enabled, error, field, info, trace, warn};

use crate::disk::ErrorCode;
use crate::error::{Cause, Error};
use crate::records::{
    Receipt, Recorded, Recovery, Removed, Revised, RunOptions, Stats, TaskHistory,
};

/// The target of all events, wherever they are made.
const TARGET: &str = "tandem_host";

/// When something began, if somebody wants to know how long it took.
#[derive(Clone, Copy)]
struct Began(Option<Instant>);

impl Began {
    fn took_us(self) -> Option<u64> {
        self.0.map(|began| u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// Whether anybody wants to know of calls, for what costs something to tell.
pub(crate) fn are_wanted() -> bool {
    enabled!(target: TARGET, Level::WARN)
}

/// A directory is opened.
pub(crate) fn root(path: &Path, file_mode: Option<u32>) {
    let file_mode = file_mode.map(|mode| format!("{mode:o}"));
    info!(target: TARGET, ?path, file_mode, "directory opened");
}

/// The component is there, from machine code or by being compiled.
pub(crate) fn component_loaded(is_precompiled: bool, took: Duration) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    debug!(target: TARGET, is_precompiled, took_ms, "component loaded");
}

/// A component is made.
pub(crate) fn component_started() {
    debug!(target: TARGET, "component started");
}

/// A component is lost. The next call makes another, in which runs are opened again.
pub(crate) fn component_failed(cause: &Cause) {
    error!(target: TARGET, cause = cause.to_string(), "component failed");
}

/// A call was made in place that took long.
pub(crate) fn slow(took: Duration) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    debug!(target: TARGET, took_ms, "disk is slow, its calls go to workers");
}

/// Where corrupt files were moved.
fn set_aside(paths: &[String]) {
    for path in paths {
        warn!(target: TARGET, path, "corrupt file set aside");
    }
}

/// How many failures and retries of a run's flushes were reported. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportedFailures(Arc<AtomicU64>);

impl ReportedFailures {
    /// Whether there are more now, which are reported from then on.
    fn rises(&self, stats: &Stats) -> bool {
        let count = stats.failed_flushes.saturating_add(stats.automatic_retries);
        self.0.fetch_max(count, Ordering::Relaxed) < count
    }
}

/// A call of a run or of a task, on its way.
pub(crate) struct Called<'a> {
    call: &'static str,
    task: Option<&'a str>,
    run: Option<&'a str>,
    began: Began,
    /// Of an open run.
    reported: Option<&'a ReportedFailures>,
}

impl<'a> Called<'a> {
    pub(crate) fn new(call: &'static str, task: Option<&'a str>, run: Option<&'a str>) -> Self {
        Called { call, task, run, began: Began(are_wanted().then(Instant::now)), reported: None }
    }

    pub(crate) fn of_run(call: &'static str, run: &'a RunOptions) -> Self {
        Called::new(call, Some(&run.task_id), Some(&run.run_id))
    }

    /// The same, of a run that is open.
    pub(crate) fn counting(self, reported: &'a ReportedFailures) -> Self {
        Called { reported: Some(reported), ..self }
    }

    /// How it ended.
    pub(crate) fn ended<T: Outcome>(&self, result: &Result<T, Error>) {
        if self.began.0.is_none() {
            return;
        }
        match result {
            Ok(outcome) => outcome.tell(self),
            Err(error) => self.failed(error),
        }
    }

    /// What a run counted, if another flush of it has failed or was retried.
    pub(crate) fn counted(&self, stats: &Stats) {
        if self.reported.is_none_or(|reported| !reported.rises(stats)) {
            return;
        }
        let Called { task, run, .. } = *self;
        let Stats { failed_flushes, automatic_retries, manifest, heartbeat, .. } = stats;
        debug!(
            target: TARGET, task, run, failed_flushes, automatic_retries,
            manifest_failures = manifest.failures, manifest_retries = manifest.retries,
            manifest_dirty = manifest.dirty,
            heartbeat_failures = heartbeat.failures, heartbeat_retries = heartbeat.retries,
            heartbeat_dirty = heartbeat.dirty,
            "flushes have failed"
        );
    }

    fn failed(&self, error: &Error) {
        let Called { call, task, run, began, .. } = *self;
        let beside = error.beside();
        warn!(
            target: TARGET, call, task, run,
            kind = ?error.kind(), channel = error.channel().map(field::debug),
            operation = error.operation().map(field::debug),
            path = error.path(), code = error.code(), retryable = error.retryable(),
            lock_acquired_at = error.holder().and_then(|holder| holder.acquired_at.as_deref()),
            beside_path = beside.map(|failure| &*failure.path),
            beside_code = beside.map(|failure| &*failure.code),
            took_us = began.took_us(), "call failed"
        );
    }
}

/// What a call answers, as far as it is told.
pub(crate) trait Outcome {
    fn tell(&self, called: &Called<'_>);
}

impl Outcome for () {
    fn tell(&self, Called { call, task, run, began, .. }: &Called<'_>) {
        debug!(target: TARGET, call, task, run, took_us = began.took_us(), "call ended");
    }
}

impl Outcome for Revised {
    fn tell(&self, Called { call, task, run, began, .. }: &Called<'_>) {
        let Revised { revision, bytes } = self;
        debug!(target: TARGET, call, task, run, revision, bytes, took_us = began.took_us(), "call ended");
    }
}

impl Outcome for Receipt {
    fn tell(&self, Called { call, task, run, began, .. }: &Called<'_>) {
        debug!(
            target: TARGET, call, task, run, revision = self.revision,
            manifest_bytes = self.manifest.map(|written| written.bytes),
            manifest = self.manifest.map(|written| field::debug(written.reached)),
            heartbeat = self.heartbeat.map(|written| field::debug(written.reached)),
            took_us = began.took_us(), "call ended"
        );
    }
}

impl<T> Outcome for (T, Recovery) {
    fn tell(&self, Called { call, task, run, began, .. }: &Called<'_>) {
        let (_, recovery) = self;
        set_aside(&recovery.set_aside);
        let heartbeat_age =
            recovery.heartbeat_age.and_then(|age| u64::try_from(age.as_millis()).ok());
        info!(
            target: TARGET, call, task, run,
            document_bytes = recovery.document.as_ref().map(|text| text.len()),
            heartbeat_age_ms = heartbeat_age,
            swept = recovery.swept, took_us = began.took_us(), "run opened"
        );
    }
}

impl Outcome for Recorded {
    fn tell(&self, Called { call, task, run, began, .. }: &Called<'_>) {
        set_aside(&self.set_aside);
        let Recorded { summary, history, runs, ahead, swept, .. } = self;
        info!(
            target: TARGET, call, task, run,
            summary = ?summary.reached, summary_bytes = summary.bytes,
            history = ?history.reached, history_bytes = history.bytes,
            runs, ahead = ahead.len(), swept, took_us = began.took_us(), "run recorded"
        );
    }
}

impl Outcome for TaskHistory {
    fn tell(&self, Called { call, task, run, began, .. }: &Called<'_>) {
        let (total, runs) = (self.total, self.runs.len());
        debug!(target: TARGET, call, task, run, total, runs, took_us = began.took_us(), "call ended");
    }
}

impl Outcome for Removed {
    fn tell(&self, Called { call, task, run, began, .. }: &Called<'_>) {
        let Removed { runs, absent, left, entries, swept, remaining } = self;
        info!(
            target: TARGET, call, task, run, runs = runs.len(), absent = absent.len(),
            left = left.len(), entries, swept, remaining = remaining.len(),
            took_us = began.took_us(), "runs removed"
        );
    }
}

/// A call of a disk, on its way.
pub(crate) struct DiskCall {
    call: &'static str,
    /// Below the root.
    path: Arc<str>,
    to: Option<Arc<str>>,
    bytes: Option<usize>,
    began: Began,
}

impl DiskCall {
    pub(crate) fn new(call: &'static str, path: Arc<str>) -> Self {
        let is_wanted = enabled!(target: TARGET, Level::INFO);
        let began = Began(is_wanted.then(Instant::now));
        DiskCall { call, path, to: None, bytes: None, began }
    }

    pub(crate) fn to(self, path: Arc<str>) -> Self {
        DiskCall { to: Some(path), ..self }
    }

    pub(crate) fn of_bytes(self, bytes: usize) -> Self {
        DiskCall { bytes: Some(bytes), ..self }
    }

    /// What it is about: of a rename, what it makes.
    pub(crate) fn place(&self) -> &str {
        self.to.as_ref().unwrap_or(&self.path)
    }

    /// Of a rename, the name that it takes away.
    pub(crate) fn moved(&self) -> Option<&str> {
        self.to.as_ref().map(|_| &*self.path)
    }

    /// How it ended.
    pub(crate) fn ended<T>(&self, result: &Result<T, ErrorCode>) {
        if self.began.0.is_none() {
            return;
        }
        self.tell_lock(result.as_ref().err().copied());
        let took_us = self.began.took_us();
        let DiskCall { call, bytes, .. } = *self;
        let (path, to) = (&*self.path, self.to.as_deref());
        match result {
            Ok(_) => trace!(target: TARGET, call, path, to, bytes, took_us, "disk call ended"),
            // It is asked to learn just that.
            Err(code @ (ErrorCode::NoEntry | ErrorCode::Exist)) => {
                trace!(target: TARGET, call, path, to, code = code.name(), took_us, "disk call ended");
            }
            Err(code) => {
                let code = code.name();
                debug!(target: TARGET, call, path, to, bytes, code, took_us, "disk call failed");
            }
        }
    }

    /// Locks are taken and given back by the names of their files.
    fn tell_lock(&self, error: Option<ErrorCode>) {
        let lock = self.place();
        if !lock.ends_with(".lock") {
            return;
        }
        match (self.call, error) {
            ("create-file", None) => debug!(target: TARGET, lock, "lock acquired"),
            ("create-file", Some(ErrorCode::Exist)) => {
                debug!(target: TARGET, lock, "lock is kept by another");
            }
            ("rename", None) => info!(target: TARGET, lock, "expired lock taken over"),
            ("remove-file", None) => debug!(target: TARGET, lock, "lock released"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_flushes_are_told_once() {
        let reported = ReportedFailures::default();
        let rises = |failed_flushes, automatic_retries| {
            reported.clone().rises(&Stats { failed_flushes, automatic_retries, ..Stats::default() })
        };
        assert!(!rises(0, 0));
        assert!(rises(1, 0) && !rises(1, 0));
        assert!(rises(1, 1) && !rises(1, 1));
        assert!(rises(2, 1) && !rises(2, 1));
    }
}
