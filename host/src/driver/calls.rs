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
use crate::report::{Receipt, Recovery};

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
                let guest = tandem.tandem_persistence_persister().run();
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
    let guest = tandem.tandem_persistence_persister().run();
    Ok(match call {
        Call::Set { document, reply } => {
            let result = guest.call_set_manifest(accessor, resource, document).await?;
            let is_ok = result.is_ok();
            reply.send(result.map_err(Into::into));
            Effect::Set { is_ok }
        }
        Call::Merge { patch, reply } => {
            let result = guest.call_merge_manifest(accessor, resource, patch).await?;
            let is_ok = result.is_ok();
            reply.send(result.map_err(Into::into));
            Effect::Merged { is_ok }
        }
        Call::Schedule { request, reply } => {
            let result = guest.call_schedule(accessor, resource, request.into()).await?;
            let result = result.map(Receipt::from).map_err(Error::from);
            // Without either, the receipt may be that of a flush that began before the call, and
            // tell of an older document than the one of now.
            let is_own = request.manifest || request.force;
            let manifest_bytes = manifest_bytes(&result).filter(|_| is_own);
            reply.send(result);
            Effect::Wrote { manifest_bytes }
        }
        Call::Flush { reply } => {
            let result = guest.call_flush(accessor, resource).await?;
            let result = result.map(Receipt::from).map_err(Error::from);
            let manifest_bytes = manifest_bytes(&result);
            reply.send(result);
            Effect::Wrote { manifest_bytes }
        }
        Call::Close { reply } => {
            let result = guest.call_close(accessor, resource).await?;
            let result = result.map(Receipt::from).map_err(Error::from);
            reply.send(result.clone());
            Effect::Closed(result)
        }
        Call::Stats { reply } => {
            let stats = guest.call_stats(accessor, resource).await?;
            reply.send(Ok(stats.into()));
            Effect::Nothing
        }
    })
}

async fn perform_for_task<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    call: TaskCall,
) -> wasmtime::Result<()> {
    let guest = tandem.tandem_persistence_coordinator();
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

fn manifest_bytes(result: &Result<Receipt, Error>) -> Option<u64> {
    result.as_ref().ok().and_then(|receipt| receipt.manifest).map(|written| written.bytes)
}
