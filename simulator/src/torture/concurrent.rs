//! One instance of the component for WASI 0.3: its calls are under way side by side.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::Poll;

use futures::FutureExt;
use wasmtime::Store;
use wasmtime::component::{Accessor, ResourceAny};

use super::machine::{Calls, Command, Outcome, lock};
use crate::sim::SimState;
use tandem_host::disk::Disk;
use tandem_host::testing::bindings::{Tandem, TandemPre};

/// Makes the calls that the director asks for. It never ends by itself.
pub(super) async fn serve<D: Disk>(
    pre: &TandemPre<SimState<D>>,
    mut store: Store<SimState<D>>,
    calls: &Mutex<Calls>,
) -> wasmtime::Result<()> {
    let tandem = pre.instantiate_async(&mut store).await?;
    store.run_concurrent(async |accessor| make_calls(accessor, &tandem, calls).await).await?
}

type Calling<'a> = Pin<Box<dyn Future<Output = wasmtime::Result<EndedCall>> + Send + 'a>>;

struct EndedCall {
    call: usize,
    outcome: Outcome,
    opened: Option<(usize, ResourceAny)>,
}

async fn make_calls<D: Disk>(
    accessor: &Accessor<SimState<D>>,
    tandem: &Tandem,
    calls: &Mutex<Calls>,
) -> wasmtime::Result<()> {
    let mut runs: Vec<(usize, ResourceAny)> = Vec::new();
    let mut under_way: Vec<(usize, Calling<'_>)> = Vec::new();
    poll_fn(|cx| {
        loop {
            let mut is_idle = true;
            let (new, abandoned) = {
                let mut calls = lock(calls);
                (std::mem::take(&mut calls.new), std::mem::take(&mut calls.abandoned))
            };
            under_way.retain(|(call, _)| !abandoned.contains(call));
            for (call, command) in new {
                is_idle = false;
                under_way.push((call, start(accessor, tandem, &mut runs, call, command)));
            }
            let mut at = 0;
            while at < under_way.len() {
                let Poll::Ready(ended) = under_way[at].1.as_mut().poll(cx) else {
                    at += 1;
                    continue;
                };
                is_idle = false;
                drop(under_way.remove(at));
                match ended {
                    Ok(EndedCall { call, outcome, opened }) => {
                        runs.extend(opened);
                        let mut calls = lock(calls);
                        calls.outcomes[call] = Some(outcome);
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            if is_idle {
                return Poll::Pending;
            }
        }
    })
    .await
}

fn start<'a, D: Disk>(
    accessor: &'a Accessor<SimState<D>>,
    tandem: &'a Tandem,
    runs: &mut Vec<(usize, ResourceAny)>,
    call: usize,
    command: Command,
) -> Calling<'a> {
    let find = |run: usize| runs.iter().rev().find(|(of, _)| *of == run).map(|(_, r)| *r);
    let ended = move |outcome| Ok(EndedCall { call, outcome, opened: None });
    let guest = tandem.tandem_persistence_runs().run();
    let histories = tandem.tandem_persistence_histories();
    macro_rules! on {
        ($run:expr, $resource:ident => $work:expr) => {
            match find($run) {
                Some($resource) => Box::pin($work),
                None => Box::pin(async move { ended(Outcome::NoRun) }),
            }
        };
    }
    match command {
        Command::Open { run, options } => Box::pin(async move {
            let result = guest.call_open(accessor, options.into()).await?;
            let (opened, result) = match result {
                Ok((resource, recovery)) => (Some((run, resource)), Ok(recovery.into())),
                Err(error) => (None, Err(error.into())),
            };
            Ok(EndedCall { call, outcome: Outcome::Opened(result), opened })
        }),
        Command::Set { run, document } => on!(run, resource => async move {
            let result = guest.call_set(accessor, resource, document).await?;
            ended(Outcome::Changed(result.map(drop).map_err(Into::into)))
        }),
        Command::Merge { run, patch } => on!(run, resource => async move {
            let result = guest.call_merge(accessor, resource, patch).await?;
            ended(Outcome::Changed(result.map(drop).map_err(Into::into)))
        }),
        Command::Mark { run, request } => on!(run, resource => async move {
            let result = guest.call_mark(accessor, resource, request.into()).await?;
            ended(Outcome::Marked(result.map_err(Into::into)))
        }),
        Command::Schedule { run, request } => on!(run, resource => async move {
            let result = guest.call_schedule(accessor, resource, request.into()).await?;
            ended(Outcome::Flushed(result.map(Into::into).map_err(Into::into)))
        }),
        Command::Flush { run } => on!(run, resource => async move {
            let result = guest.call_flush(accessor, resource).await?;
            ended(Outcome::Flushed(result.map(Into::into).map_err(Into::into)))
        }),
        Command::Close { run } => on!(run, resource => async move {
            let result = guest.call_close(accessor, resource).await?;
            ended(Outcome::Flushed(result.map(Into::into).map_err(Into::into)))
        }),
        Command::Stats { run } => on!(run, resource => async move {
            let stats = guest.call_stats(accessor, resource).await?;
            ended(Outcome::Stats(Box::new(stats.into())))
        }),
        Command::Record { options, summary } => Box::pin(async move {
            let result = histories.call_record_run(accessor, summary, options.into()).await?;
            ended(Outcome::Recorded(result.map(Into::into).map_err(Into::into)))
        }),
        Command::Remove { runs, options } => Box::pin(async move {
            let result = histories.call_remove_runs(accessor, runs, options.into()).await?;
            ended(Outcome::Removed(result.map(Into::into).map_err(Into::into)))
        }),
        Command::History { options } => Box::pin(async move {
            let result = histories.call_history(accessor, options.into()).await?;
            ended(Outcome::History(result.map(Into::into).map_err(Into::into)))
        }),
        Command::Drop { run } => {
            let resource = find(run);
            runs.retain(|(of, _)| *of != run);
            Box::pin(async move {
                let Some(resource) = resource else { return ended(Outcome::NoRun) };
                let dropped = accessor
                    .with(|store| resource.resource_drop_async(store).now_or_never())
                    .unwrap_or_else(|| {
                        Err(wasmtime::Error::msg("dropping a run did not end at once"))
                    });
                dropped?;
                ended(Outcome::Dropped)
            })
        }
    }
}
