//! Calls of the component's exports.

use std::future::Future;
use std::pin::Pin;

use wasmtime::component::{Accessor, ResourceAny};

use super::job::{RunCall, RunId, TaskCall};
use super::registry::{After, Effect, Start, Ticket};
use super::task_calls::Slot;
use crate::error::Error;
use crate::events::{self, Called};
use crate::glue::bindings::Tandem;
use crate::glue::linker::{Filesystem, State};
use crate::layout::Names;
use crate::records::{
    Receipt, Recorded, Recovery, Removed, Revised, RunOptions, Stats, TaskHistory,
};

/// How a call ended.
pub(super) enum Done {
    Opened {
        run: RunId,
        result: Result<(ResourceAny, Recovery), Error>,
    },
    Ended {
        ticket: Ticket,
        after: After,
        effect: Effect,
    },
    TaskCallEnded {
        slot: Slot,
    },
    /// The component cannot be used any more.
    Failed(wasmtime::Error),
}

/// A call on its way. The guest cannot be cancelled, so whoever starts one keeps it to its end.
pub(super) type Calling<'a> = Pin<Box<dyn Future<Output = Done> + Send + 'a>>;

/// Starts a call. Nothing happens until the future is polled; futures polled in the order of their
/// starts reach the component in that order.
pub(super) fn start<'a, F: Filesystem>(
    accessor: &'a Accessor<State<F>>,
    tandem: &'a Tandem,
    files: &'a F,
    start: Start,
) -> Calling<'a> {
    Box::pin(async move {
        let done = match start {
            Start::Open { run, options } => {
                let called = Called::of_run("open", &options);
                let guest = tandem.tandem_persistence_runs().run();
                let opened = guest.call_open(accessor, RunOptions::clone(&options).into()).await;
                opened.map(|result| {
                    let result: Result<(ResourceAny, Recovery), Error> = result
                        .map(|(resource, recovery)| (resource, recovery.into()))
                        .map_err(|error| with_cause(files, error));
                    called.ended(&result);
                    Done::Opened { run, result }
                })
            }
            Start::Call { ticket, resource, options, reported, call, after } => {
                let called = Called::of_run(call.name(), &options).counting(&reported);
                let effect = perform(accessor, tandem, files, resource, call, &called).await;
                effect.map(|effect| Done::Ended { ticket, after, effect })
            }
            Start::TaskCall { slot, call } => {
                let ended = perform_for_task(accessor, tandem, files, call).await;
                ended.map(|()| Done::TaskCallEnded { slot })
            }
        };
        done.unwrap_or_else(Done::Failed)
    })
}

/// An error of the component, with what the system said.
fn with_cause<F: Filesystem>(files: &F, error: impl Into<Error>) -> Error {
    error.into().with_said(|operation, path, code| files.said(operation, path, code))
}

async fn perform<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    files: &F,
    resource: ResourceAny,
    call: RunCall,
    called: &Called<'_>,
) -> wasmtime::Result<Effect> {
    let guest = tandem.tandem_persistence_runs().run();
    Ok(match call {
        RunCall::Set { document, reply } => {
            let result = guest.call_set(accessor, resource, document).await?;
            let result = result.map(Revised::from).map_err(|error| with_cause(files, error));
            called.ended(&result);
            let revision = result.as_ref().ok().map(|revised| revised.revision);
            reply.send(result);
            Effect::Changed { revision, is_whole: true }
        }
        RunCall::Merge { patch, reply } => {
            let result = guest.call_merge(accessor, resource, patch).await?;
            let result = result.map(Revised::from).map_err(|error| with_cause(files, error));
            called.ended(&result);
            let revision = result.as_ref().ok().map(|revised| revised.revision);
            reply.send(result);
            Effect::Changed { revision, is_whole: false }
        }
        RunCall::Mark { request, reply } => {
            let result = guest.call_mark(accessor, resource, request.into()).await?;
            let result = result.map_err(|error| with_cause(files, error));
            called.ended(&result);
            reply.send(result);
            // What earlier marks led to.
            Effect::Wrote { revision: written(accessor, tandem, resource, called).await? }
        }
        RunCall::Schedule { request, reply } => {
            let result = guest.call_schedule(accessor, resource, request.into()).await?;
            let result = result.map(Receipt::from).map_err(|error| with_cause(files, error));
            called.ended(&result);
            let revision = told_or_written(accessor, tandem, resource, called, &result).await?;
            reply.send(result);
            Effect::Wrote { revision }
        }
        RunCall::Flush { reply } => {
            let result = guest.call_flush(accessor, resource).await?;
            let result = result.map(Receipt::from).map_err(|error| with_cause(files, error));
            called.ended(&result);
            let revision = told_or_written(accessor, tandem, resource, called, &result).await?;
            reply.send(result);
            Effect::Wrote { revision }
        }
        RunCall::Close { reply } => {
            let result = guest.call_close(accessor, resource).await?;
            let outcome = result.map(Receipt::from).map_err(|error| with_cause(files, error));
            called.ended(&outcome);
            let revision = told_or_written(accessor, tandem, resource, called, &outcome).await?;
            Effect::Closed { outcome, revision, reply }
        }
        RunCall::Stats { reply } => {
            let stats = Stats::from(guest.call_stats(accessor, resource).await?);
            let last_error = stats.last_error.map(|error| with_cause(files, error));
            let stats = Stats { last_error, ..stats };
            let revision = stats.written_revision;
            reply.send(Ok(stats));
            Effect::Wrote { revision }
        }
        RunCall::Unsaved { reply } => {
            Effect::Asked { revision: written(accessor, tandem, resource, called).await?, reply }
        }
    })
}

/// The revision that a call wrote. One that failed, or had no manifest to write, does not tell what an
/// earlier flush wrote that nobody waited for.
async fn told_or_written<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    resource: ResourceAny,
    called: &Called<'_>,
    result: &Result<Receipt, Error>,
) -> wasmtime::Result<Option<u64>> {
    match result {
        Ok(Receipt { revision: Some(revision), .. }) => Ok(Some(*revision)),
        _ => written(accessor, tandem, resource, called).await,
    }
}

/// The revision that the run has on the disk, if it has written one.
async fn written<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    resource: ResourceAny,
    called: &Called<'_>,
) -> wasmtime::Result<Option<u64>> {
    let guest = tandem.tandem_persistence_runs().run();
    let stats = Stats::from(guest.call_stats(accessor, resource).await?);
    called.counted(&stats);
    Ok(stats.written_revision)
}

async fn perform_for_task<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    files: &F,
    call: TaskCall,
) -> wasmtime::Result<()> {
    let guest = tandem.tandem_persistence_histories();
    match call {
        TaskCall::Record { summary, options, reply } => {
            let names = events::are_wanted().then(|| Names::read(&summary)).flatten();
            let of = names.as_ref();
            let task = of.and_then(|of| of.task_id.as_deref());
            let called = Called::new("record-run", task, of.and_then(|of| of.run_id.as_deref()));
            let result = guest.call_record_run(accessor, summary, options.into()).await?;
            let result: Result<Recorded, Error> =
                result.map(Into::into).map_err(|error| with_cause(files, error));
            called.ended(&result);
            reply.send(result);
        }
        TaskCall::Remove { runs, options, reply } => {
            let task_id = options.task_id.clone();
            let called = Called::new("remove-runs", Some(&task_id), None);
            let result = guest.call_remove_runs(accessor, runs, options.into()).await?;
            let result: Result<Removed, Error> =
                result.map(Removed::from).map_err(|error| with_cause(files, error));
            let said = |operation, path: &str, code: &str| files.said(operation, path, code);
            let result = result.map(|removed| removed.with_said(said));
            called.ended(&result);
            reply.send(result);
        }
        TaskCall::History { options, reply } => {
            let task_id = options.task_id.clone();
            let called = Called::new("history", Some(&task_id), None);
            let result = guest.call_history(accessor, options.into()).await?;
            let result: Result<TaskHistory, Error> =
                result.map(Into::into).map_err(|error| with_cause(files, error));
            called.ended(&result);
            reply.send(result);
        }
    }
    Ok(())
}
