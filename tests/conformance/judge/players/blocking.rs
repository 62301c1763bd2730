//! The component for WASI 0.2 in the tests' own host, whose calls block.

use std::collections::HashMap;
use std::io::{BufRead, PipeWriter};
use std::path::Path;

use serde_json::json;
use tandem_tests::blocking::{self, Builder, Run, Tandem};

use super::Lines;
use super::lines::{Asked, Call, Start, Told};

/// On the library's own disk.
pub fn on_directory(lines: Lines, to: PipeWriter) {
    play(|directory| Builder::dir(directory), lines, to);
}

/// On wasmtime's own filesystem.
pub fn on_wasmtime(lines: Lines, to: PipeWriter) {
    play(|directory| Builder::wasmtime_filesystem(directory), lines, to);
}

fn play(files: fn(&Path) -> Builder, lines: Lines, to: PipeWriter) {
    let mut lines = lines.lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let Start { directory, limits } = serde_json::from_str(&first).expect("a first line");
    let tandem = files(&directory).build().expect("the component starts");
    let limits = blocking::Limits {
        max_document_bytes: limits.max_document_bytes,
        max_total_document_bytes: limits.max_total_document_bytes,
        max_history_bytes: limits.max_history_bytes,
    };
    tandem.set_limits(limits).expect("limits");
    let mut player = Player { tandem, runs: HashMap::new(), told: Told::new(to) };
    player.told.ready();
    for line in lines {
        let calls: Vec<Asked> = serde_json::from_str(&line).expect("a line of calls");
        for Asked { id, call } in calls {
            if player.make(id, call).is_none() {
                player.told.broken(id, "no such run is open");
            }
        }
    }
}

struct Player {
    tandem: Tandem,
    runs: HashMap<String, Run>,
    told: Told,
}

impl Player {
    /// Makes a call and tells its outcome, if the run that it names is there.
    fn make(&mut self, id: u64, call: Call) -> Option<()> {
        let told = &self.told;
        let run = |name: &str| self.runs.get(name);
        match call {
            Call::Open { run, options } => {
                let opened = self.tandem.open_run(options);
                told.outcome(id, &opened.as_ref().map(Run::recovered).map_err(Clone::clone));
                self.runs.extend(opened.ok().map(|opened| (run, opened)));
            }
            Call::Drop { run } => {
                drop(self.runs.remove(&run)?);
                told.outcome(id, &Ok(()));
            }
            Call::Set { run: name, document } => told.outcome(id, &run(&name)?.set(document)),
            Call::Merge { run: name, patch } => told.outcome(id, &run(&name)?.merge(patch)),
            Call::Mark { run: name, request } => told.outcome(id, &run(&name)?.mark(request)),
            Call::Schedule { run: name, request } => {
                let scheduled = run(&name)?.schedule(request).map(|scheduled| {
                    json!({
                        "receipt": scheduled.receipt,
                        "call_again_in_ms": scheduled.call_again_in_ms,
                    })
                });
                told.outcome(id, &scheduled);
            }
            Call::Flush { run: name } => told.outcome(id, &run(&name)?.flush()),
            Call::Close { run: name } => told.outcome(id, &run(&name)?.close()),
            Call::Stats { run: name } => told.outcome(id, &run(&name)?.stats()),
            Call::RecordRun { summary, options } => {
                told.outcome(id, &self.tandem.record_run(summary, options));
            }
            Call::RemoveRuns { runs, options } => {
                told.outcome(id, &self.tandem.remove_runs(runs, options));
            }
            Call::History { options } => told.outcome(id, &self.tandem.history(options)),
            Call::Look { .. } => told.broken(id, "a call blocks here, and nothing waits"),
        }
        Some(())
    }
}
