//! The rules of an open run, on a disk in memory with virtual time.

mod close;
mod document;
mod drop;
mod durability;
mod fault;
mod flush;
mod mark;
mod now;
mod property;
mod recovery;
mod retry;
mod revision;
mod stats;
mod temp;
mod throttle;
mod together;
mod total;

use std::cell::Cell;

use super::*;
use crate::error::{Code, Operation};
use crate::storage::durable::{Durability, Reached};
use crate::storage::memory::Memory;

const DIR: &str = ".runs/task/cli/run";
const MANIFEST_FILE: &str = ".runs/task/cli/run/manifest.json";
const HEARTBEAT_FILE: &str = ".runs/task/cli/run/.heartbeat";
/// What the paths of a channel's temporary files start with.
const MANIFEST_TEMP: &str = ".runs/task/cli/run/.manifest.json.";
const HEARTBEAT_TEMP: &str = ".runs/task/cli/run/.heartbeat.";

const BOTH: RunChannels = RunChannels { manifest: true, heartbeat: true };
const MANIFEST: RunChannels = RunChannels { manifest: true, heartbeat: false };
const HEARTBEAT: RunChannels = RunChannels { manifest: false, heartbeat: true };
const NONE: RunChannels = RunChannels::NONE;
const IO: Code = Code("io");

/// Where the outcome of a call will be.
type Call = Rc<Cell<Option<Outcome>>>;
type Opened = Result<(Run<Memory>, Recovery), Error>;

/// An open run and what is around it.
struct Place {
    disk: Rc<Memory>,
    registry: Registry,
    run: Rc<Run<Memory>>,
}

impl Place {
    /// A new run whose document is `{"n":0}`.
    fn new() -> Self {
        Place::with(options())
    }

    fn with(options: RunSettings) -> Self {
        let place = Place::open(Memory::new(), options).0;
        place.set(0);
        place.disk.take_calls();
        place
    }

    /// A new run without a document.
    fn empty() -> Self {
        let place = Place::open(Memory::new(), options()).0;
        place.disk.take_calls();
        place
    }

    fn open(disk: Rc<Memory>, options: RunSettings) -> (Self, Recovery) {
        let registry = Registry::default();
        let (run, recovery) = open(&disk, &registry, options).expect("open");
        (Place { disk, registry, run: Rc::new(run) }, recovery)
    }

    /// A run both of whose channels are durable.
    fn durable() -> Self {
        Place::with(RunSettings { heartbeat_durability: Durability::Durable, ..options() })
    }

    /// A run that has just written both files.
    fn written() -> Self {
        let place = Place::new();
        place.force(BOTH).expect("write");
        place.disk.take_calls();
        place
    }

    fn set(&self, n: u32) {
        self.run.set(&format!("{{\"n\":{n}}}")).expect("set");
    }

    /// Starts a request; it runs when time moves or the disk settles.
    fn call(&self, flags: RunChannels, force: bool) -> Call {
        let run = self.run.clone();
        self.disk.start(async move { run.schedule(flags, force).await })
    }

    fn call_close(&self) -> Call {
        let run = self.run.clone();
        self.disk.start(async move { run.close().await })
    }

    /// Runs a forced request to its end.
    fn force(&self, flags: RunChannels) -> Outcome {
        let call = self.call(flags, true);
        self.disk.settle();
        call.take().expect("an outcome")
    }

    fn flush(&self) -> Outcome {
        self.force(NONE)
    }

    fn close(&self) -> Outcome {
        let call = self.call_close();
        self.disk.settle();
        call.take().expect("an outcome")
    }

    fn reopen(&self) -> Opened {
        open(&self.disk, &self.registry, options())
    }

    fn dirty(&self) -> RunChannels {
        let stats = self.run.stats();
        RunChannels { manifest: stats.manifest.dirty, heartbeat: stats.heartbeat.dirty }
    }

    /// The number in the manifest's file.
    fn n(&self) -> u32 {
        let text = self.disk.file(MANIFEST_FILE).expect("a manifest");
        let number = text.strip_prefix("{\n  \"n\": ").and_then(|n| n.strip_suffix("\n}\n"));
        number.and_then(|n| n.parse().ok()).expect(&text)
    }

    fn heartbeat(&self) -> Option<String> {
        self.disk.file(HEARTBEAT_FILE)
    }

    fn temp_files(&self) -> usize {
        self.temp_paths().len()
    }

    fn temp_paths(&self) -> Vec<String> {
        self.disk.paths().into_iter().filter(|path| path.ends_with(".tandem-tmp")).collect()
    }
}

fn options() -> RunSettings {
    RunSettings::with_defaults("task", "run")
}

/// The throttle of both channels.
fn with_interval(interval_ms: u64) -> RunSettings {
    let [manifest_interval_ms, heartbeat_interval_ms] = [interval_ms; 2];
    RunSettings { manifest_interval_ms, heartbeat_interval_ms, ..options() }
}

fn open(disk: &Rc<Memory>, registry: &Registry, options: RunSettings) -> Opened {
    let (storage, registry) = (disk.clone(), registry.clone());
    disk.run(async move { Run::open(storage, &registry, &unlimited(), options).await })
}

/// No limit of all documents.
fn unlimited() -> Rc<Documents> {
    Documents::new(u64::MAX)
}

fn failure(channel: Channel, operation: Operation, code: Code) -> Failure {
    let path = if channel == Channel::Manifest { MANIFEST_FILE } else { HEARTBEAT_FILE };
    Failure { channel: Some(channel), operation, path: path.to_owned(), code }
}

/// How many calls start with `prefix`.
fn count(calls: &[String], prefix: &str) -> usize {
    calls.iter().filter(|call| call.starts_with(prefix)).count()
}

/// The place of the first call that starts with `prefix`.
fn index(calls: &[String], prefix: &str) -> usize {
    calls.iter().position(|call| call.starts_with(prefix)).expect(prefix)
}

/// The channels that a receipt says were written.
fn written(receipt: &Receipt) -> RunChannels {
    RunChannels { manifest: receipt.manifest.is_some(), heartbeat: receipt.heartbeat.is_some() }
}

/// The channels that an outcome says were written.
fn ok(call: &Call) -> RunChannels {
    written(&call.take().expect("an outcome").expect("success"))
}

fn is_waiting(call: &Call) -> bool {
    call.take().is_none()
}

fn is_closed<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Closed { path }) if path == DIR)
}
