//! The component for WASI 0.2, whose calls block, in wasmtime.

use std::collections::HashMap;
use std::path::Path;

use serde_json::json;
use tandem_host::Error;
use tandem_tests::blocking::{Builder, Run, Scheduled, Tandem};

use crate::call::{Call, Outcome};
use crate::host::{Host, InFlight, Kind};
use crate::told::told;

pub const RUST_SYNC: Kind = Kind { name: "rust-sync", start };

struct Blocking {
    tandem: Tandem,
    runs: HashMap<String, Run>,
}

fn start(granted: &Path) -> Result<Box<dyn Host>, String> {
    let tandem = Builder::dir(granted)
        .build()
        .map_err(|error| format!("cannot start the component: {error}"))?;
    Ok(Box::new(Blocking { tandem, runs: HashMap::new() }))
}

impl Blocking {
    fn try_call(&mut self, call: &Call) -> Result<Outcome, String> {
        let run =
            |name: &String| self.runs.get(name).ok_or_else(|| format!("no run `{name}` is open"));
        Ok(match call {
            Call::Open { run, options } => match self.tandem.open_run(options.clone()) {
                Ok(opened) => {
                    let outcome = told(&Ok(opened.recovered()));
                    self.runs.insert(run.clone(), opened);
                    outcome
                }
                Err(error) => told::<()>(&Err(error)),
            },
            Call::Drop { run: name } => {
                run(name)?;
                self.runs.remove(name);
                told(&Ok(()))
            }
            Call::SetManifest { run: name, document } => told(&run(name)?.set(&*document.0)),
            Call::MergeManifest { run: name, patch } => told(&run(name)?.merge(&*patch.0)),
            Call::Schedule { run: name, request } => scheduled(run(name)?.schedule(*request)),
            Call::Flush { run: name } => told(&run(name)?.flush()),
            Call::Close { run: name } => told(&run(name)?.close()),
            Call::Stats { run: name } => told(&run(name)?.stats()),
            Call::RecordRun { summary, options } => {
                told(&self.tandem.record_run(&*summary.0, options.clone()))
            }
            Call::History { options } => told(&self.tandem.history(options.clone())),
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
        result => told(&result.map(|scheduled| scheduled.receipt)),
    }
}
