//! `tandem feed`: runs for a program in any language, through a pipe.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod limits;
mod lines;
mod name;
mod output;
mod records;
mod reply;
mod request;
mod runs;

use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tandem_host::limits::in_words;
use tokio::time::Instant;

use super::access::Access;
use super::inherited::Inherited;
use super::location::Location;
use super::mode::Mode;
use super::plain::{complain, message};
use super::signals::EndSignals;
use limits::Limits;
use lines::Input;
use output::{Output, Written};
use runs::Runs;

/// How long a second signal leaves for what is being written. Without a lock or a disk to wait for,
/// that is enough.
const LAST_WRITES: Duration = Duration::from_secs(1);
/// How long a reader that does not read may delay the end after a signal. Every run is closed by
/// then.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Keep runs for another program: one JSON request a line on stdin, one JSON answer a line on stdout
///
/// Every request has "id" (any JSON, comes back as it is), "op" and "task". With "run", by op:
///
///   open      "manifest_interval_ms": 5000, "heartbeat_interval_ms": 5000, or "interval_ms" for
///             both; "durability": {"manifest": "durable", "heartbeat": "visible"}; all may be left
///             out, these are the defaults
///   set       "manifest": the whole document, an object
///   merge     "patch": a JSON merge patch (RFC 7396), an object. In "ok" of both: "revision" and
///             "bytes" of the document
///   mark      as schedule, and answered at once: a later write that fails shows in the next flush
///   schedule  "manifest", "heartbeat", "force": true or false, false if left out
///   flush, close, stats
///
/// Without "run", and without any open run:
///
///   record    "summary": an object with taskId, runId, timestamp (2026-01-06T00:27:16.820Z) and
///             anything else, written to its own file and into the task's history; "task" may be
///             left out, or must be the summary's;
///             "keep_last": how many runs the history keeps, at least 1, this one among them, all if
///             left out;
///             "lock_wait_ms": 30000, "lease_ms": 10000 (10 to 3600000), "durability": {"summary":
///             "durable", "history": "durable"}; all may be left out, these are the defaults.
///             In "ok": "summary" and "history" (each with what it "reached" and its "bytes"),
///             "runs" (how many the history has), "ahead" (the other runs that were kept, if all of
///             them are later), "set_aside" (corrupt files), "swept" (old temporary files)
///   history   "limit": at most this many runs, all if left out. In "ok": "last_run_at", "total"
///             (how many the history has), "runs" (their summaries, the newest comes first)
///
/// An answer is {"id": ..., "ok": {...}} or {"id": ..., "error": {"kind", "channel", "operation",
/// "path", "code", "retryable", "message"}}, with "beside" for the second failure of one request, and
/// "holder" for who keeps a lock.
/// It is written as soon as its request is done, so answers may overtake each other. Requests of a
/// run take effect in the order of their lines; record and history wait for no other request.
/// A line that is no request is answered with "id": null. After an error of kind locked or history
/// the summary is written, and the run may not be in the history: record the run again.
///
/// A byte order mark before the first line is skipped.
///
/// The end of the input closes every run and waits for what is being recorded, and so does a signal
/// that ends a program by default (SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1 and so on, the
/// real-time ones too), but SIGKILL and faults of the feed itself. The exit code is 0 if everything
/// is on the disk then, whatever was refused before, else 1 (also if the input cannot be read, or an
/// answer cannot be written, unless its reader went away); after a signal 128 and its number. After a signal a history that is not read yet is
/// answered with an error of kind closed. A second signal ends the wait for a history that others
/// lock; one that comes again within a second, or from the same sender within 100 ms, is no second one,
/// nor is any SIGHUP after a SIGHUP. A signal that is ignored at the start stays ignored.
///
/// A line has at most 17 MiB, a document 16 MiB, all documents together 256 MiB, a history 64 MiB,
/// an id 4 KiB. At 4,096 unanswered requests the feed stops reading; requests that wait for the
/// throttle do not count, but above 8,192 they are written at once.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    location: Location,

    #[command(flatten)]
    mode: Mode,
}

/// Serves standard input to its end.
pub async fn run(args: Args, inherited: Inherited) -> ExitCode {
    match serve(args, inherited).await {
        Ok(code) => code,
        Err(message) => {
            complain("feed", &message);
            ExitCode::FAILURE
        }
    }
}

/// Every flush in flight needs a few descriptors, as does every connection, and the usual soft limit is
/// meant for programs with few files. Where it cannot be raised, flushes fail with an error and are retried.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

async fn serve(args: Args, inherited: Inherited) -> Result<ExitCode, String> {
    let mut signals = EndSignals::catch(&inherited)
        .map_err(|error| format!("cannot catch signals: {}", in_words(&error)))?;
    let keeper = args.location.open(Access::Write).await?.keeper().await?;
    let tandem = args.mode.of(keeper).build().await;
    let tandem = tandem.map_err(|error| message(&error))?;
    let no_thread = |error| format!("cannot start a thread: {}", in_words(&error));
    let limits = Limits::new();
    let output = Output::start().map_err(no_thread)?;
    let mut lines = lines::read(limits.clone()).map_err(no_thread)?;
    let mut runs = Runs::new(tandem, limits, output);

    let mut stopped_by = None;
    let mut has_input = true;
    // Requests may have been lost.
    let mut is_broken = false;
    let mut is_flushed = false;
    let mut is_shutting_down = false;
    let mut gives_up_at = None;
    while !(is_shutting_down && runs.is_idle()) {
        let give_up = async {
            match gives_up_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            line = lines.recv(), if has_input => match line {
                Some(Input::Line(line)) => runs.take(request::read(line.text), line.share),
                Some(Input::Broken) => is_broken = true,
                None => has_input = false,
            },
            () = runs.next() => {}
            signal = signals.next() => {
                if stopped_by.is_some() {
                    gives_up_at.get_or_insert_with(|| Instant::now() + LAST_WRITES);
                }
                stopped_by.get_or_insert(signal);
                // What was read already still counts, but nobody may read the answers any more.
                lines.close();
                runs.end_histories();
            }
            () = give_up => {
                complain("feed", "a second signal ended the wait, not every request is answered");
                break;
            }
        }
        if has_input || is_shutting_down || !runs.is_settled() {
            continue;
        }
        if !runs.has_waiting_history() {
            is_shutting_down = true;
            runs.shut_down();
        } else if !is_flushed {
            // The runs must not wait for a reader of histories.
            is_flushed = true;
            runs.flush();
        }
    }

    let (output, unwritten) = runs.finish();
    for run in &unwritten {
        let (task, id) = (&run.name.task, &run.name.run);
        complain("feed", &format!("not everything is on the disk: {task}/{id}: {}", run.why));
    }
    let mut answers = std::pin::pin!(output.finish());
    let mut written = Written::Taken;
    if stopped_by.is_none() {
        tokio::select! {
            all = &mut answers => written = all,
            signal = signals.next() => stopped_by = Some(signal),
        }
    }
    if stopped_by.is_some() {
        let _ = tokio::time::timeout(LAST_ANSWERS, answers).await;
    }
    Ok(match stopped_by.and_then(|signal| u8::try_from(128 + signal).ok()) {
        Some(code) => ExitCode::from(code),
        None if unwritten.is_empty() && !is_broken && written == Written::Taken => {
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    })
}
