//! The Rust library with the component for WASI 0.3, whose calls wait.

use std::collections::HashMap;
use std::io::{BufRead, PipeWriter};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;
use tandem_documents::{Documents, DocumentsDisk};
use tandem_host::testing::Pause;
use tandem_host::{Builder, Run, Tandem};
use tokio::sync::mpsc;

use super::Lines;
use super::lines::{Asked, Call, Limits, Start, Told};
use crate::store::Store;

/// On the library's own disk.
pub fn on_directory(lines: Lines, to: PipeWriter) {
    play(|builder, directory| builder.dir(directory), lines, to);
}

/// Over the store that stands for the directory.
pub fn on_store(lines: Lines, to: PipeWriter) {
    let files = |builder: Builder, directory: &Path| match Store::of(directory) {
        Some(Store::Memory(store)) => builder.disk(over(store)),
        Some(Store::Postgres(store)) => builder.disk(over(store)),
        Some(Store::Etcd(store)) => builder.disk(over(store)),
        None => panic!("no store stands for {}", directory.display()),
    };
    play(files, lines, to);
}

fn over<D: Documents>(store: D) -> DocumentsDisk<D> {
    futures::executor::block_on(DocumentsDisk::open(store)).expect("the store can be used")
}

/// On wasmtime's own filesystem.
pub fn on_wasmtime(lines: Lines, to: PipeWriter) {
    play(|builder, directory| builder.wasmtime_filesystem(directory), lines, to);
}

fn play(files: fn(Builder, &Path) -> Builder, lines: Lines, to: PipeWriter) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        // Calls go on while the next line is waited for.
        let (sender, mut lines_came) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            lines.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let Some(first) = lines_came.recv().await else { return };
        let Start { directory, limits } = serde_json::from_str(&first).expect("a first line");
        let builder = limited(files(Tandem::builder(), &directory), &limits);
        let tandem = builder.build().await.expect("the component starts");
        let player = Player { tandem, runs: Arc::default(), told: Told::new(to) };
        player.told.ready();
        while let Some(line) = lines_came.recv().await {
            let calls: Vec<Asked> = serde_json::from_str(&line).expect("a line of calls");
            // What the calls of a line have in common is the tick.
            let _pause = (calls.len() > 1).then(|| Pause::new(&player.tandem));
            for Asked { id, call } in calls {
                tokio::spawn(player.make(id, call));
            }
        }
    });
}

fn limited(mut builder: Builder, limits: &Limits) -> Builder {
    if let Some(bytes) = limits.max_document_bytes {
        builder = builder.max_document_bytes(bytes);
    }
    if let Some(bytes) = limits.max_total_document_bytes {
        builder = builder.max_total_document_bytes(bytes);
    }
    if let Some(bytes) = limits.max_history_bytes {
        builder = builder.max_history_bytes(bytes);
    }
    builder
}

struct Player {
    tandem: Tandem,
    runs: Arc<Mutex<HashMap<String, Run>>>,
    told: Told,
}

impl Player {
    /// Makes a call. What comes back tells its outcome.
    fn make(&self, id: u64, call: Call) -> BoxFuture<'static, ()> {
        let told = self.told.clone();
        let run = |name: &str| self.runs.lock().expect("nobody panics with it").get(name).cloned();
        let made = match call {
            Call::Open { run, options } => {
                let (opening, runs) = (self.tandem.open_run(options), self.runs.clone());
                return Box::pin(async move {
                    let opened = opening.await;
                    if let Ok(opened) = &opened {
                        let opened = opened.clone();
                        runs.lock().expect("nobody panics with it").insert(run, opened);
                    }
                    told.outcome(id, &opened.as_ref().map(Run::recovered).map_err(Clone::clone));
                });
            }
            Call::Drop { run } => {
                let dropped = self.runs.lock().expect("nobody panics with it").remove(&run);
                dropped.map(|_| self.tell(id, async { Ok(()) }))
            }
            Call::Look { ms } => Some(self.tell(id, async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(())
            })),
            Call::Set { run: name, document } => {
                run(&name).map(|run| self.tell(id, run.set(document)))
            }
            Call::Merge { run: name, patch } => {
                run(&name).map(|run| self.tell(id, run.merge(patch)))
            }
            Call::Mark { run: name, request } => {
                run(&name).map(|run| self.tell(id, run.mark(request)))
            }
            Call::Schedule { run: name, request } => {
                run(&name).map(|run| self.tell(id, run.schedule(request)))
            }
            Call::Flush { run: name } => run(&name).map(|run| self.tell(id, run.flush())),
            Call::Close { run: name } => run(&name).map(|run| self.tell(id, run.close())),
            Call::Stats { run: name } => run(&name).map(|run| self.tell(id, run.stats())),
            Call::RecordRun { summary, options } => {
                Some(self.tell(id, self.tandem.record_run(summary, options)))
            }
            Call::RemoveRuns { runs, options } => {
                Some(self.tell(id, self.tandem.remove_runs(runs, options)))
            }
            Call::History { options } => Some(self.tell(id, self.tandem.history(options))),
        };
        made.unwrap_or_else(|| Box::pin(async move { told.broken(id, "no such run is open") }))
    }

    fn tell<T: Serialize>(
        &self,
        id: u64,
        pending: impl Future<Output = Result<T, tandem_host::Error>> + Send + 'static,
    ) -> BoxFuture<'static, ()> {
        let told = self.told.clone();
        Box::pin(async move { told.outcome(id, &pending.await) })
    }
}
