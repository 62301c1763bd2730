//! One instance of the component for WASI 0.2: its calls come one after the other, and what may not
//! be written yet is asked for again when it may, as the component tells.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::machine::{Calls, Command, Outcome, lock};
use crate::guest::{Exports, Guest};
use crate::sim::clock::Timer;
use crate::sim::{SimDisk, SimState};
use tandem_host::{Error, ErrorKind, Receipt, RecordOptions, Request};

/// Makes the calls that the director asks for. It never ends by itself.
pub(super) async fn serve(
    exports: &Exports<SimState>,
    store: Store<SimState>,
    disk: &SimDisk,
    calls: &Mutex<Calls>,
) -> wasmtime::Result<()> {
    let guest = Guest::start(exports.clone(), store).await?;
    let mut server = Server { guest, disk, calls, runs: Vec::new(), waiting: Vec::new() };
    loop {
        let ended = match next(disk, calls, &server.waiting).await {
            Work::New(call, command) => server.perform(call, *command).await?,
            Work::Again(place) => server.again(place).await?,
        };
        let mut calls = lock(calls);
        for (call, outcome) in ended {
            calls.outcomes[call] = Some(outcome);
        }
    }
}

/// What an instance does next.
enum Work {
    New(usize, Box<Command>),
    /// The time has come for the request at this place among those that wait.
    Again(usize),
}

/// Calls that record runs with the same options and wait together: hosts make one call of them.
struct RecordList {
    options: RecordOptions,
    calls: Vec<usize>,
    summaries: Vec<String>,
}

impl RecordList {
    /// Takes what waits behind a first call.
    fn gather(call: usize, options: RecordOptions, summary: String, calls: &mut Calls) -> Self {
        let mut list = RecordList { options, calls: vec![call], summaries: vec![summary] };
        while let Some((_, Command::Record { options, .. })) = calls.new.front()
            && *options == list.options
            && let Some((call, Command::Record { summary, .. })) = calls.new.pop_front()
        {
            list.calls.push(call);
            list.summaries.push(summary);
        }
        list
    }
}

async fn next(disk: &SimDisk, calls: &Mutex<Calls>, waiting: &[WaitingRequest]) -> Work {
    let first = (0..waiting.len()).min_by_key(|place| waiting[*place].when_ns);
    let timer = Timer::new(disk);
    poll_fn(|cx| {
        if let Some(place) = first
            && timer.poll(waiting[place].when_ns, cx).is_ready()
        {
            return Poll::Ready(Work::Again(place));
        }
        match lock(calls).new.pop_front() {
            Some((call, command)) => Poll::Ready(Work::New(call, Box::new(command))),
            None => Poll::Pending,
        }
    })
    .await
}

/// A request of which something may not be written yet.
struct WaitingRequest {
    call: usize,
    run: usize,
    request: Request,
    /// What was written since it was made.
    receipt: Receipt,
    /// When to ask again.
    when_ns: u64,
}

impl WaitingRequest {
    /// Takes what a later call wrote, too. Tells whether that is all that was asked for.
    fn is_covered_with(&mut self, receipt: Receipt) -> bool {
        self.receipt.manifest = receipt.manifest.or(self.receipt.manifest);
        self.receipt.heartbeat = receipt.heartbeat.or(self.receipt.heartbeat);
        self.receipt.revision = receipt.revision.or(self.receipt.revision);
        let Request { manifest, heartbeat, .. } = self.request;
        (manifest || heartbeat)
            && (!manifest || self.receipt.manifest.is_some())
            && (!heartbeat || self.receipt.heartbeat.is_some())
    }
}

/// Calls that ended, and how.
type EndedCalls = Vec<(usize, Outcome)>;

struct Server<'d> {
    guest: Guest<SimState>,
    disk: &'d SimDisk,
    calls: &'d Mutex<Calls>,
    /// The runs that are open, by their numbers.
    runs: Vec<(usize, ResourceAny)>,
    waiting: Vec<WaitingRequest>,
}

impl Server<'_> {
    /// Makes a call. Others can end with it.
    async fn perform(&mut self, call: usize, command: Command) -> wasmtime::Result<EndedCalls> {
        let run = match &command {
            Command::Set { run, .. } | Command::Merge { run, .. } => Some(*run),
            Command::Mark { run, .. } | Command::Schedule { run, .. } => Some(*run),
            Command::Flush { run } => Some(*run),
            Command::Close { run } | Command::Stats { run } | Command::Drop { run } => Some(*run),
            Command::Open { .. } | Command::Record { .. } => None,
            Command::Remove { .. } | Command::History { .. } => None,
        };
        let held = run.and_then(|run| self.runs.iter().rev().find(|(of, _)| *of == run).copied());
        let guest = &mut self.guest;
        let outcome = match (command, held) {
            (Command::Open { run, options }, _) => {
                let opened = guest.open(options).await?;
                Outcome::Opened(opened.map(|(resource, recovery)| {
                    self.runs.push((run, resource));
                    recovery
                }))
            }
            (Command::Record { options, summary }, _) => {
                let list = RecordList::gather(call, options, summary, &mut lock(self.calls));
                return self.record(list).await;
            }
            (Command::Remove { runs, options }, _) => {
                Outcome::Removed(guest.remove_runs(runs, options).await?)
            }
            (Command::History { options }, _) => Outcome::History(guest.history(options).await?),
            (_, None) => Outcome::NoRun,
            (Command::Set { document, .. }, Some((_, resource))) => {
                Outcome::Changed(guest.set(resource, document).await?.map(drop))
            }
            (Command::Merge { patch, .. }, Some((_, resource))) => {
                Outcome::Changed(guest.merge(resource, patch).await?.map(drop))
            }
            (Command::Mark { request, .. }, Some((_, resource))) => {
                Outcome::Marked(guest.mark(resource, request).await?)
            }
            (Command::Schedule { request, .. }, Some((run, _))) => {
                let (receipt, when_ns) = (Receipt::default(), 0);
                return self
                    .ask(WaitingRequest { call, run, request, receipt, when_ns }, request)
                    .await;
            }
            (Command::Flush { .. }, Some((run, resource))) => {
                let result = guest.flush(resource).await?;
                return Ok(self.flushed(call, run, result, false));
            }
            (Command::Close { .. }, Some((run, resource))) => {
                let result = guest.close(resource).await?;
                return Ok(self.flushed(call, run, result, true));
            }
            (Command::Stats { .. }, Some((_, resource))) => {
                Outcome::Stats(Box::new(guest.stats(resource).await?))
            }
            (Command::Drop { .. }, Some((run, resource))) => {
                self.runs.retain(|(of, _)| *of != run);
                guest.drop_run(resource).await?;
                Outcome::Dropped
            }
        };
        Ok(vec![(call, outcome)])
    }

    /// Records one run by a call of its own, and more as a list.
    async fn record(&mut self, list: RecordList) -> wasmtime::Result<EndedCalls> {
        let RecordList { options, calls, mut summaries } = list;
        let recorded = match summaries.pop() {
            Some(summary) if summaries.is_empty() => {
                vec![self.guest.record_run(summary, options).await?]
            }
            last => {
                summaries.extend(last);
                self.guest.record_runs(summaries, options).await?
            }
        };
        if recorded.len() != calls.len() {
            return Err(wasmtime::Error::msg("record-runs answers another number of runs"));
        }
        Ok(calls.into_iter().zip(recorded.into_iter().map(Outcome::Recorded)).collect())
    }

    /// Asks again for what a request could not have written before.
    async fn again(&mut self, place: usize) -> wasmtime::Result<EndedCalls> {
        let waiting = self.waiting.remove(place);
        self.ask(waiting, Request::default()).await
    }

    /// Asks for what a request wants, and has it wait for the rest.
    async fn ask(
        &mut self,
        mut waiting: WaitingRequest,
        request: Request,
    ) -> wasmtime::Result<EndedCalls> {
        let (call, run) = (waiting.call, waiting.run);
        let Some((_, resource)) = self.runs.iter().rev().find(|(of, _)| *of == run).copied() else {
            return Ok(vec![(call, Outcome::NoRun)]);
        };
        let scheduled = match self.guest.schedule(resource, request).await? {
            Ok(scheduled) => scheduled,
            Err(error) => {
                let mut ended = self.share_error(run, &error);
                ended.push((call, Outcome::Flushed(Err(error))));
                return Ok(ended);
            }
        };
        let mut ended = self.share(run, scheduled.receipt, false);
        let is_covered = waiting.is_covered_with(scheduled.receipt);
        match scheduled.call_again_in_ms {
            Some(ms) if !is_covered => {
                waiting.when_ns = self.disk.now_ns().saturating_add(ms.saturating_mul(NS_PER_MS));
                self.waiting.push(waiting);
            }
            _ => ended.push((call, Outcome::Flushed(Ok(waiting.receipt)))),
        }
        Ok(ended)
    }

    /// What a flush of a run came to, for its caller and for those who wait.
    fn flushed(
        &mut self,
        call: usize,
        run: usize,
        result: Result<Receipt, Error>,
        is_close: bool,
    ) -> EndedCalls {
        let mut ended = match &result {
            Ok(receipt) => self.share(run, *receipt, is_close),
            Err(error) => self.share_error(run, error),
        };
        ended.push((call, Outcome::Flushed(result)));
        ended
    }

    /// Tells those who wait what was written of their run. Behind a close nothing is left.
    fn share(&mut self, run: usize, receipt: Receipt, is_close: bool) -> EndedCalls {
        let is_over = |waiting: &mut WaitingRequest| {
            waiting.run == run && (waiting.is_covered_with(receipt) || is_close)
        };
        let over = self.waiting.extract_if(.., is_over);
        over.map(|waiting| (waiting.call, Outcome::Flushed(Ok(waiting.receipt)))).collect()
    }

    /// Tells those who wait of a flush of their run that failed: it may have written what they asked
    /// for, which no receipt tells.
    fn share_error(&mut self, run: usize, error: &Error) -> EndedCalls {
        let is_over =
            |waiting: &mut WaitingRequest| waiting.run == run && error.kind() == ErrorKind::Storage;
        let over = self.waiting.extract_if(.., is_over);
        over.map(|waiting| (waiting.call, Outcome::Flushed(Err(error.clone())))).collect()
    }
}

const NS_PER_MS: u64 = 1_000_000;
