//! The component for WASI 0.2, whose calls block, in wasmtime.

use std::collections::HashMap;
use std::path::Path;

use serde_json::json;
use tandem_host::Error;
use tandem_tests::blocking::{Builder, Limits, Run, Scheduled, Tandem};

use crate::call::{Call, Outcome};
use crate::host::{Host, InFlight, Kind, Started};
use crate::outcome::outcome;

pub const RUST_BLOCKING: Kind = Kind { name: "rust-blocking", start };

struct Blocking {
    tandem: Tandem,
    runs: HashMap<String, Run>,
}

fn start(granted: &Path, limits: Limits) -> Started {
    let told = |error: Error| format!("cannot start the component: {error}");
    let tandem = Builder::dir(granted).build().map_err(told)?;
    tandem.set_limits(limits).map_err(told)?;
    Ok(Box::new(Blocking { tandem, runs: HashMap::new() }))
}

impl Blocking {
    fn try_call(&mut self, call: &Call) -> Result<Outcome, String> {
        let run =
            |name: &String| self.runs.get(name).ok_or_else(|| format!("no run `{name}` is open"));
        Ok(match call {
            Call::Open { run, options } => match self.tandem.open_run(options.clone()) {
                Ok(opened) => {
                    let outcome = outcome(&Ok(opened.recovered()));
                    self.runs.insert(run.clone(), opened);
                    outcome
                }
                Err(error) => outcome::<()>(&Err(error)),
            },
            Call::Drop { run: name } => {
                run(name)?;
                self.runs.remove(name);
                outcome(&Ok(()))
            }
            Call::Set { run: name, document } => outcome(&run(name)?.set(&*document.0)),
            Call::Merge { run: name, patch } => outcome(&run(name)?.merge(&*patch.0)),
            Call::Mark { run: name, request } => outcome(&run(name)?.mark(*request)),
            Call::Schedule { run: name, request } => scheduled(run(name)?.schedule(*request)),
            Call::Flush { run: name } => outcome(&run(name)?.flush()),
            Call::Close { run: name } => outcome(&run(name)?.close()),
            Call::Stats { run: name } => outcome(&run(name)?.stats()),
            Call::RecordRun { summary, options } => {
                outcome(&self.tandem.record_run(&*summary.0, options.clone()))
            }
            Call::RemoveRuns { runs, options } => {
                outcome(&self.tandem.remove_runs(runs.clone(), options.clone()))
            }
            Call::History { options } => outcome(&self.tandem.history(options.clone())),
        })
    }
}

impl Host for Blocking {
    fn call(&mut self, call: &Call) -> Outcome {
        self.try_call(call).unwrap_or_else(Outcome::Broken)
    }

    fn in_flight(&mut self) -> Option<&mut dyn InFlight> {
        None
    }
}

fn scheduled(result: Result<Scheduled, Error>) -> Outcome {
    match result {
        Ok(Scheduled { receipt, call_again_in_ms: Some(ms) }) => {
            Outcome::Again(json!({"in-ms": ms, "receipt": receipt}))
        }
        result => outcome(&result.map(|scheduled| scheduled.receipt)),
    }
}
