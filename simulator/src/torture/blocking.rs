//! One instance of the component for WASI 0.2: its calls come one after the other, and what may not
//! be written yet is asked for again when it may, as the component tells.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;

use wasmtime::Store;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower, ResourceAny,
};

use super::machine::{Calls, Command, Outcome, lock};
use super::world::{COORDINATOR, PERSISTER};
use crate::sim::clock::Timer;
use crate::sim::{SimDisk, SimState};
use tandem_host::testing::blocking_bindings::{coordinator, persister, tandem_types};
use tandem_host::{Error, ErrorKind, Receipt, Request};

/// What instances are made of, and where their exports are.
#[derive(Clone)]
pub(super) struct Exports {
    pre: InstancePre<SimState>,
    open: ComponentExportIndex,
    set_manifest: ComponentExportIndex,
    merge_manifest: ComponentExportIndex,
    schedule: ComponentExportIndex,
    flush: ComponentExportIndex,
    close: ComponentExportIndex,
    stats: ComponentExportIndex,
    record_run: ComponentExportIndex,
    history: ComponentExportIndex,
}

impl Exports {
    /// # Errors
    /// The component lacks one of them.
    pub(super) fn new(pre: InstancePre<SimState>) -> wasmtime::Result<Exports> {
        let find = |interface: &str, name: &str| {
            let component = pre.component();
            component
                .get_export_index(None, interface)
                .and_then(|interface| component.get_export_index(Some(&interface), name))
                .ok_or_else(|| wasmtime::Error::msg(format!("it has no {name} of {interface}")))
        };
        Ok(Exports {
            open: find(PERSISTER, "[static]run.open")?,
            set_manifest: find(PERSISTER, "[method]run.set-manifest")?,
            merge_manifest: find(PERSISTER, "[method]run.merge-manifest")?,
            schedule: find(PERSISTER, "[method]run.schedule")?,
            flush: find(PERSISTER, "[method]run.flush")?,
            close: find(PERSISTER, "[method]run.close")?,
            stats: find(PERSISTER, "[method]run.stats")?,
            record_run: find(COORDINATOR, "record-run")?,
            history: find(COORDINATOR, "history")?,
            pre,
        })
    }
}

/// Makes the calls that the director asks for. It never ends by itself.
pub(super) async fn serve(
    exports: &Exports,
    mut store: Store<SimState>,
    disk: &SimDisk,
    calls: &Mutex<Calls>,
) -> wasmtime::Result<()> {
    let instance = exports.pre.instantiate_async(&mut store).await?;
    let (runs, waiting) = (Vec::new(), Vec::new());
    let mut guest = Guest { exports, instance, store, disk, runs, waiting };
    loop {
        let ended = match next(disk, calls, &guest.waiting).await {
            Work::New(call, command) => guest.perform(call, *command).await?,
            Work::Again(place) => guest.again(place).await?,
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

async fn next(disk: &SimDisk, calls: &Mutex<Calls>, waiting: &[Waiting]) -> Work {
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
struct Waiting {
    call: usize,
    run: usize,
    request: Request,
    /// What was written since it was made.
    receipt: Receipt,
    /// When to ask again.
    when_ns: u64,
}

impl Waiting {
    /// Takes what a later call wrote, too. Tells whether that is all that was asked for.
    fn is_covered_with(&mut self, receipt: Receipt) -> bool {
        self.receipt.manifest = receipt.manifest.or(self.receipt.manifest);
        self.receipt.heartbeat = receipt.heartbeat.or(self.receipt.heartbeat);
        let Request { manifest, heartbeat, .. } = self.request;
        (manifest || heartbeat)
            && (!manifest || self.receipt.manifest.is_some())
            && (!heartbeat || self.receipt.heartbeat.is_some())
    }
}

/// Calls that ended, and how.
type Ended = Vec<(usize, Outcome)>;

struct Guest<'e> {
    exports: &'e Exports,
    instance: Instance,
    store: Store<SimState>,
    disk: &'e SimDisk,
    /// The runs that are open, by their numbers.
    runs: Vec<(usize, ResourceAny)>,
    waiting: Vec<Waiting>,
}

/// What a call came to: a trap outside, the component's own error inside.
type Called<T> = wasmtime::Result<Result<T, tandem_types::Error>>;

impl Guest<'_> {
    async fn call<P, R>(&mut self, export: &ComponentExportIndex, params: P) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: Lift + Send + Sync + 'static,
    {
        let export = self.instance.get_typed_func::<P, (R,)>(&mut self.store, export)?;
        let (result,) = export.call_async(&mut self.store, params).await?;
        Ok(result)
    }

    /// Makes a call. Others can end with it.
    async fn perform(&mut self, call: usize, command: Command) -> wasmtime::Result<Ended> {
        let exports = self.exports;
        let run = match &command {
            Command::Set { run, .. } | Command::Merge { run, .. } => Some(*run),
            Command::Schedule { run, .. } | Command::Flush { run } => Some(*run),
            Command::Close { run } | Command::Stats { run } | Command::Drop { run } => Some(*run),
            Command::Open { .. } | Command::Record { .. } | Command::History { .. } => None,
        };
        let held = run.and_then(|run| self.runs.iter().rev().find(|(of, _)| *of == run).copied());
        let outcome = match (command, held) {
            (Command::Open { run, options }, _) => {
                let params = (persister::Options::from(options),);
                let result: Result<(ResourceAny, persister::Recovery), tandem_types::Error> =
                    self.call(&exports.open, params).await?;
                Outcome::Opened(match result {
                    Ok((resource, recovery)) => {
                        self.runs.push((run, resource));
                        Ok(recovery.into())
                    }
                    Err(error) => Err(error.into()),
                })
            }
            (Command::Record { options, summary }, _) => {
                let params = (summary, coordinator::RecordOptions::from(options));
                let result: Result<coordinator::Recorded, tandem_types::Error> =
                    self.call(&exports.record_run, params).await?;
                Outcome::Recorded(result.map(Into::into).map_err(Into::into))
            }
            (Command::History { options }, _) => {
                let params = (coordinator::HistoryOptions::from(options),);
                let result: Result<coordinator::TaskHistory, tandem_types::Error> =
                    self.call(&exports.history, params).await?;
                Outcome::History(result.map(Into::into).map_err(Into::into))
            }
            (_, None) => Outcome::NoRun,
            (Command::Set { document, .. }, Some((_, resource))) => {
                let result: Result<(), tandem_types::Error> =
                    self.call(&exports.set_manifest, (resource, document)).await?;
                Outcome::Changed(result.map_err(Into::into))
            }
            (Command::Merge { patch, .. }, Some((_, resource))) => {
                let result: Result<(), tandem_types::Error> =
                    self.call(&exports.merge_manifest, (resource, patch)).await?;
                Outcome::Changed(result.map_err(Into::into))
            }
            (Command::Schedule { request, .. }, Some((run, _))) => {
                let (receipt, when_ns) = (Receipt::default(), 0);
                return self.ask(Waiting { call, run, request, receipt, when_ns }, request).await;
            }
            (Command::Flush { .. }, Some((run, resource))) => {
                let result: Result<tandem_types::Receipt, tandem_types::Error> =
                    self.call(&exports.flush, (resource,)).await?;
                return Ok(self.flushed(call, run, result, false));
            }
            (Command::Close { .. }, Some((run, resource))) => {
                let result: Result<tandem_types::Receipt, tandem_types::Error> =
                    self.call(&exports.close, (resource,)).await?;
                return Ok(self.flushed(call, run, result, true));
            }
            (Command::Stats { .. }, Some((_, resource))) => {
                let stats: persister::Stats = self.call(&exports.stats, (resource,)).await?;
                Outcome::Stats(Box::new(stats.into()))
            }
            (Command::Drop { .. }, Some((run, resource))) => {
                self.runs.retain(|(of, _)| *of != run);
                resource.resource_drop_async(&mut self.store).await?;
                Outcome::Dropped
            }
        };
        Ok(vec![(call, outcome)])
    }

    /// Asks again for what a request could not have written before.
    async fn again(&mut self, place: usize) -> wasmtime::Result<Ended> {
        let waiting = self.waiting.remove(place);
        self.ask(waiting, Request::default()).await
    }

    /// Asks for what a request wants, and has it wait for the rest.
    async fn ask(&mut self, mut waiting: Waiting, request: Request) -> wasmtime::Result<Ended> {
        let (call, run) = (waiting.call, waiting.run);
        let Some((_, resource)) = self.runs.iter().rev().find(|(of, _)| *of == run).copied() else {
            return Ok(vec![(call, Outcome::NoRun)]);
        };
        let params = (resource, persister::Request::from(request));
        let result: Called<persister::Scheduled> = self.call(&self.exports.schedule, params).await;
        let scheduled = match result? {
            Ok(scheduled) => scheduled,
            Err(error) => {
                let error = Error::from(error);
                let mut ended = self.share_error(run, &error);
                ended.push((call, Outcome::Flushed(Err(error))));
                return Ok(ended);
            }
        };
        let receipt = Receipt::from(scheduled.receipt);
        let mut ended = self.share(run, receipt, false);
        let is_covered = waiting.is_covered_with(receipt);
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
        result: Result<tandem_types::Receipt, tandem_types::Error>,
        is_close: bool,
    ) -> Ended {
        let result = result.map(Receipt::from).map_err(Error::from);
        let mut ended = match &result {
            Ok(receipt) => self.share(run, *receipt, is_close),
            Err(error) => self.share_error(run, error),
        };
        ended.push((call, Outcome::Flushed(result)));
        ended
    }

    /// Tells those who wait what was written of their run. Behind a close nothing is left.
    fn share(&mut self, run: usize, receipt: Receipt, is_close: bool) -> Ended {
        let is_over = |waiting: &mut Waiting| {
            waiting.run == run && (waiting.is_covered_with(receipt) || is_close)
        };
        let over = self.waiting.extract_if(.., is_over);
        over.map(|waiting| (waiting.call, Outcome::Flushed(Ok(waiting.receipt)))).collect()
    }

    /// Tells those who wait of a flush of their run that failed: it may have written what they asked
    /// for, which no receipt tells.
    fn share_error(&mut self, run: usize, error: &Error) -> Ended {
        let is_over =
            |waiting: &mut Waiting| waiting.run == run && error.kind() == ErrorKind::Storage;
        let over = self.waiting.extract_if(.., is_over);
        over.map(|waiting| (waiting.call, Outcome::Flushed(Err(error.clone())))).collect()
    }
}

const NS_PER_MS: u64 = 1_000_000;
