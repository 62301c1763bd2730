//! Records a run that is over, in its summary and in its task's history.

use std::path::Path;
use std::time::Duration;

use tandem_host::{Durability, RecordOptions, Recorded, Tandem};

use super::common::MAX_MS;
use super::signal;
use super::signals::Signals;
use crate::plain::message;
use crate::prune;

/// How long recording goes on after a signal. Without a lock to wait for, that is enough.
const SIGNALLED_WAIT: Duration = Duration::from_secs(1);
/// The longest wait for the lock of a cancelled run: who cancelled it waits for the end, and may
/// kill what takes ten seconds.
const CANCELLED_LOCK_WAIT_MS: u64 = 2_000;

/// How a run is recorded.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// Do not record the run in the task's history
    #[arg(long)]
    no_record: bool,

    /// Keep only this run and the last N - 1 others in the task's history [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep_last: Option<u32>,

    /// With --keep-last, remove the directories of the task's runs too that are over, but for the
    /// last N and this one, with all that is in them
    #[arg(long, requires = "keep_last")]
    #[cfg_attr(feature = "postgres", arg(conflicts_with = "store"))]
    prune: bool,

    /// How long to wait for a history that others write, in milliseconds, at most 2000 if the run
    /// was cancelled, and then not for --prune; the lock of a process that died is free after 10000
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(..=MAX_MS))]
    lock_wait: u64,
}

/// A run that is over.
pub struct Over<'a> {
    /// The directory that holds the state of all runs.
    pub root: &'a Path,
    pub task: &'a str,
    pub run: &'a str,
    /// The task and the run, for messages.
    pub name: &'a str,
    pub is_cancelled: bool,
    pub summary: String,
}

/// Records the run, and gives what there is to warn of.
pub async fn record(
    tandem: &Tandem,
    options: &RecordArgs,
    durability: Option<Durability>,
    over: Over<'_>,
    signals: &mut Signals,
) -> Vec<String> {
    if options.no_record {
        return Vec::new();
    }
    let Over { root, task, run, name, is_cancelled, summary } = over;
    let lock_wait_max = if is_cancelled { CANCELLED_LOCK_WAIT_MS } else { u64::MAX };
    let lock_wait = Duration::from_millis(options.lock_wait.min(lock_wait_max));
    let mut record = RecordOptions::new().lock_wait(lock_wait);
    if let Some(keep_last) = options.keep_last {
        record = record.keep_last(keep_last);
    }
    if let Some(durability) = durability {
        record = record.summary_durability(durability).history_durability(durability);
    }
    // Those that came before were meant for the command.
    signals.settle().await;
    let mut asked = None;
    let recorded = tokio::select! {
        biased;
        recorded = tandem.record_run(summary, record) => recorded,
        signal = give_up(signals, &mut asked) => {
            let signal = signal::name(signal);
            return vec![format!(
                "the run may be missing in the history, {signal} ended the wait: {name}"
            )];
        }
    };
    let mut warnings = match recorded {
        Ok(recorded) => remarks(&recorded),
        Err(error) => {
            let beside = error
                .beside()
                .map(|failure| format!("history is not written: {}", failure.message));
            return std::iter::once(message(&error)).chain(beside).collect();
        }
    };
    let Some(keep_last) = options.keep_last.filter(|_| options.prune) else { return warnings };
    let left = |signal| {
        let signal = signal::name(signal);
        format!("earlier runs may be left, {signal} ended their removal: {name}")
    };
    if let Some(signal) = asked {
        warnings.push(left(signal));
        return warnings;
    }
    // Who cancelled the run has waited for one lock already.
    let lock_wait = if is_cancelled { Duration::ZERO } else { lock_wait };
    tokio::select! {
        biased;
        pruned = prune::keep(tandem, root, (task, run), keep_last, lock_wait) => {
            warnings.extend(pruned);
        }
        signal = give_up(signals, &mut asked) => warnings.push(left(signal)),
    }
    warnings
}

fn remarks(recorded: &Recorded) -> Vec<String> {
    let aside =
        recorded.set_aside.iter().map(|path| format!("a corrupt file was set aside: {path}"));
    let is_behind = !recorded.ahead.is_empty();
    let ahead = || {
        let ids = recorded.ahead.join(", ");
        format!("all other runs in the history are later, was a clock ahead? {ids}")
    };
    aside.chain(is_behind.then(ahead)).collect()
}

/// Ends some time after a signal that asks to end, or at the next one; `asked` tells the first one at
/// once.
async fn give_up(signals: &mut Signals, asked: &mut Option<i32>) -> i32 {
    let first = signals.end(false).await;
    *asked = Some(first);
    tokio::time::timeout(SIGNALLED_WAIT, signals.end(false)).await.unwrap_or(first)
}
