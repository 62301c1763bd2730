//! Calls of the component's exports.

use std::future::Future;
use std::pin::Pin;

use wasmtime::component::{Accessor, ResourceAny};

use super::job::{Call, RunId, TaskCall};
use super::registry::{After, Effect, Start, Ticket};
use super::task_calls::Slot;
use crate::error::Error;
use crate::glue::bindings::Tandem;
use crate::glue::linker::{Filesystem, State};
use crate::records::{Receipt, Recovery, Revised, Stats};

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
    start: Start,
) -> Calling<'a> {
    Box::pin(async move {
        let done = match start {
            Start::Open { run, options } => {
                let guest = tandem.tandem_persistence_runs().run();
                guest.call_open(accessor, options.into()).await.map(|result| {
                    let result = result
                        .map(|(resource, recovery)| (resource, recovery.into()))
                        .map_err(Into::into);
                    Done::Opened { run, result }
                })
            }
            Start::Call { ticket, resource, call, after } => {
                let effect = perform(accessor, tandem, resource, call).await;
                effect.map(|effect| Done::Ended { ticket, after, effect })
            }
            Start::TaskCall { slot, call } => {
                let ended = perform_for_task(accessor, tandem, call).await;
                ended.map(|()| Done::TaskCallEnded { slot })
            }
        };
        done.unwrap_or_else(Done::Failed)
    })
}

async fn perform<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    resource: ResourceAny,
    call: Call,
) -> wasmtime::Result<Effect> {
    let guest = tandem.tandem_persistence_runs().run();
    Ok(match call {
        Call::Set { document, reply } => {
            let result = guest.call_set(accessor, resource, document).await?;
            let result = result.map(Revised::from).map_err(Error::from);
            let revision = result.as_ref().ok().map(|revised| revised.revision);
            reply.send(result);
            Effect::Changed { revision, is_whole: true }
        }
        Call::Merge { patch, reply } => {
            let result = guest.call_merge(accessor, resource, patch).await?;
            let result = result.map(Revised::from).map_err(Error::from);
            let revision = result.as_ref().ok().map(|revised| revised.revision);
            reply.send(result);
            Effect::Changed { revision, is_whole: false }
        }
        Call::Mark { request, reply } => {
            let result = guest.call_mark(accessor, resource, request.into()).await?;
            reply.send(result.map_err(Error::from));
            // What earlier marks led to.
            Effect::Wrote { revision: written(accessor, tandem, resource).await? }
        }
        Call::Schedule { request, reply } => {
            let result = guest.call_schedule(accessor, resource, request.into()).await?;
            let result = result.map(Receipt::from).map_err(Error::from);
            let revision = told_or_written(accessor, tandem, resource, &result).await?;
            reply.send(result);
            Effect::Wrote { revision }
        }
        Call::Flush { reply } => {
            let result = guest.call_flush(accessor, resource).await?;
            let result = result.map(Receipt::from).map_err(Error::from);
            let revision = told_or_written(accessor, tandem, resource, &result).await?;
            reply.send(result);
            Effect::Wrote { revision }
        }
        Call::Close { reply } => {
            let result = guest.call_close(accessor, resource).await?;
            let outcome = result.map(Receipt::from).map_err(Error::from);
            let revision = told_or_written(accessor, tandem, resource, &outcome).await?;
            Effect::Closed { outcome, revision, reply }
        }
        Call::Stats { reply } => {
            let stats = Stats::from(guest.call_stats(accessor, resource).await?);
            let revision = stats.written_revision;
            reply.send(Ok(stats));
            Effect::Wrote { revision }
        }
        Call::Unsaved { reply } => {
            Effect::Asked { revision: written(accessor, tandem, resource).await?, reply }
        }
    })
}

/// The revision that a call wrote. One that failed, or had no manifest to write, does not tell what an
/// earlier flush wrote that nobody waited for.
async fn told_or_written<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    resource: ResourceAny,
    result: &Result<Receipt, Error>,
) -> wasmtime::Result<Option<u64>> {
    match result {
        Ok(Receipt { revision: Some(revision), .. }) => Ok(Some(*revision)),
        _ => written(accessor, tandem, resource).await,
    }
}

/// The revision that the run has on the disk, if it has written one.
async fn written<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    resource: ResourceAny,
) -> wasmtime::Result<Option<u64>> {
    let guest = tandem.tandem_persistence_runs().run();
    Ok(guest.call_stats(accessor, resource).await?.written_revision)
}

async fn perform_for_task<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    call: TaskCall,
) -> wasmtime::Result<()> {
    let guest = tandem.tandem_persistence_histories();
    match call {
        TaskCall::Record { summary, options, reply } => {
            let result = guest.call_record_run(accessor, summary, options.into()).await?;
            reply.send(result.map(Into::into).map_err(Into::into));
        }
        TaskCall::History { options, reply } => {
            let result = guest.call_history(accessor, options.into()).await?;
            reply.send(result.map(Into::into).map_err(Into::into));
        }
    }
    Ok(())
}
