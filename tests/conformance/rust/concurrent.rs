//! The Rust library with the component for WASI 0.3, whose calls wait.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use tandem_host::testing::Pause;
use tandem_host::{Pending, Run, Tandem};
use tandem_tests::blocking::Limits;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::call::{Call, Outcome};
use crate::host::{Host, InFlight, Kind, Started};
use crate::outcome::outcome;

pub const RUST: Kind = Kind { name: "rust", start };

/// What the component is given to do what it should not do.
const CHANCE: Duration = Duration::from_millis(50);
/// Between two looks at what it is to do.
const MOMENT: Duration = Duration::from_millis(1);

struct Concurrent {
    runtime: Runtime,
    tandem: Tandem,
    runs: HashMap<String, Run>,
    started: HashMap<String, JoinHandle<Answer>>,
    /// While calls are started in direct sequence, which makes them calls of one tick.
    pause: Option<Pause>,
}

/// An outcome, and the run that was opened.
type Answer = (Outcome, Option<(String, Run)>);

fn start(granted: &Path, limits: Limits) -> Started {
    let told = |error: &dyn std::error::Error| format!("cannot start the component: {error}");
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| told(&e))?;
    let mut builder = Tandem::builder().dir(granted);
    if let Some(bytes) = limits.max_document_bytes {
        builder = builder.max_document_bytes(bytes);
    }
    if let Some(bytes) = limits.max_total_document_bytes {
        builder = builder.max_total_document_bytes(bytes);
    }
    if let Some(bytes) = limits.max_history_bytes {
        builder = builder.max_history_bytes(bytes);
    }
    let built = runtime.block_on(builder.build());
    let tandem = built.map_err(|error| told(&error))?;
    Ok(Box::new(Concurrent {
        runtime,
        tandem,
        runs: HashMap::new(),
        started: HashMap::new(),
        pause: None,
    }))
}

impl Concurrent {
    /// Makes a call.
    fn begin(&mut self, call: &Call) -> BoxFuture<'static, Answer> {
        let run = |name: &String| {
            self.runs.get(name).ok_or_else(|| Outcome::Broken(format!("no run `{name}` is open")))
        };
        let begun = match call {
            Call::Open { run, options } => {
                let name = run.clone();
                let opening = self.tandem.open_run(options.clone());
                return Box::pin(async move {
                    match opening.await {
                        Ok(run) => (outcome(&Ok(run.recovered())), Some((name, run))),
                        Err(error) => (outcome::<()>(&Err(error)), None),
                    }
                });
            }
            Call::Drop { run } => {
                let dropped = self.runs.remove(run);
                let missing = || Outcome::Broken(format!("no run `{run}` is open"));
                let outcome = dropped.map_or_else(missing, |_| Outcome::Ok(Value::Null));
                return Box::pin(async { (outcome, None) });
            }
            Call::Set { run: name, document } => run(name).map(|run| answer(run.set(&*document.0))),
            Call::Merge { run: name, patch } => run(name).map(|run| answer(run.merge(&*patch.0))),
            Call::Mark { run: name, request } => run(name).map(|run| answer(run.mark(*request))),
            Call::Schedule { run: name, request } => {
                run(name).map(|run| answer(run.schedule(*request)))
            }
            Call::Flush { run: name } => run(name).map(|run| answer(run.flush())),
            Call::Close { run: name } => run(name).map(|run| answer(run.close())),
            Call::Stats { run: name } => run(name).map(|run| answer(run.stats())),
            Call::RecordRun { summary, options } => {
                Ok(answer(self.tandem.record_run(&*summary.0, options.clone())))
            }
            Call::RemoveRuns { runs, options } => {
                Ok(answer(self.tandem.remove_runs(runs, options.clone())))
            }
            Call::History { options } => Ok(answer(self.tandem.history(options.clone()))),
        };
        begun.unwrap_or_else(|broken| Box::pin(async { (broken, None) }))
    }

    fn keep(&mut self, (outcome, opened): Answer) -> Outcome {
        self.runs.extend(opened);
        outcome
    }
}

impl Host for Concurrent {
    fn call(&mut self, call: &Call) -> Outcome {
        self.pause = None;
        let begun = self.begin(call);
        let answer = self.runtime.block_on(begun);
        self.keep(answer)
    }

    fn in_flight(&mut self) -> Option<&mut dyn InFlight> {
        Some(self)
    }
}

impl InFlight for Concurrent {
    fn start(&mut self, name: &str, call: &Call) -> Result<(), String> {
        self.pause.get_or_insert_with(|| Pause::new(&self.tandem));
        let begun = self.begin(call);
        let started = self.runtime.spawn(begun);
        match self.started.insert(name.to_owned(), started) {
            None => Ok(()),
            Some(_) => Err(format!("`{name}` was started already")),
        }
    }

    fn is_waiting(&mut self, name: &str) -> Result<bool, String> {
        self.pause = None;
        let call = self.started.get(name).ok_or_else(|| format!("no `{name}` was started"))?;
        self.runtime.block_on(async { tokio::time::sleep(CHANCE).await });
        Ok(!call.is_finished())
    }

    fn go_on(&mut self) {
        self.pause = None;
        self.runtime.block_on(async { tokio::time::sleep(MOMENT).await });
    }

    fn wait(&mut self, name: &str) -> Result<Outcome, String> {
        self.pause = None;
        let call = self.started.remove(name).ok_or_else(|| format!("no `{name}` was started"))?;
        let ended = self.runtime.block_on(call);
        Ok(self.keep(ended.map_err(|error| format!("`{name}`: {error}"))?))
    }
}

fn answer<T: Serialize + Send + 'static>(pending: Pending<T>) -> BoxFuture<'static, Answer> {
    Box::pin(async { (outcome(&pending.await), None) })
}
