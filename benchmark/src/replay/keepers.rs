//! Tandem, and what is written without it: a queue for each run, in which every request writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, try_join_all};
use tandem_host::{Request, Run, Tandem};
use tokio::sync::Mutex;

use crate::Result;
use crate::files::{Files, blocking};
use crate::replay::plan::{INTERVAL_MS, Plan, Step};
use crate::replay::player::{Keeper, Played, Replay, play};
use crate::store::{Sqlite, Store};
use crate::tandem;
use crate::work::{Case, HEARTBEAT, MANIFEST, Work, heartbeat, run_name};

pub struct TandemKeeper {
    host: Tandem,
    runs: Vec<Run>,
}

impl TandemKeeper {
    pub async fn new(root: &Path, work: &Work, files: tandem::Files) -> Result<Self> {
        let host = tandem::host(root, files).await?;
        let mut runs = Vec::new();
        for run in 0..work.runs_at_once {
            let options = tandem::options(&run_name(run), work.case)
                .interval(Duration::from_millis(INTERVAL_MS));
            runs.push(host.open_run(options).await?);
        }
        Ok(Self { host, runs })
    }
}

impl Keeper for TandemKeeper {
    fn request<'a>(&'a self, run: usize, step: &'a Step) -> BoxFuture<'a, Result<()>> {
        let run = &self.runs[run];
        let changed = match (&step.manifest, &step.patch) {
            (Some(_), Some(patch)) => run.merge(patch.as_str()),
            (Some(manifest), None) => run.set(&**manifest),
            (None, _) => {
                let answer = run.schedule(Request::new().heartbeat());
                return async { Ok(answer.await.map(drop)?) }.boxed();
            }
        };
        let answer = run.schedule(Request::new().manifest().heartbeat().force());
        async {
            changed.await?;
            answer.await?;
            Ok(())
        }
        .boxed()
    }

    fn pairs_written(&self) -> BoxFuture<'_, Result<usize>> {
        async {
            let stats = try_join_all(self.runs.iter().map(Run::stats)).await?;
            Ok(stats.iter().map(|stats| stats.manifest.writes).sum::<u64>().try_into()?)
        }
        .boxed()
    }
}

impl Replay for TandemKeeper {
    fn replay<'a>(&'a mut self, plan: &'a Plan) -> BoxFuture<'a, Result<Played>> {
        play(self, self.runs.len(), plan).boxed()
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        tandem::stop(self.host).boxed()
    }
}

/// Writes one thing after the other for each run.
pub struct Queues<W> {
    runs: Vec<Mutex<W>>,
    pairs_written: AtomicUsize,
}

/// How one run is written.
pub trait Write: Send + Sync {
    /// The pair, or the heartbeat alone.
    fn write<'a>(&'a self, manifest: Option<&'a Arc<str>>) -> BoxFuture<'a, Result<()>>;
}

impl<W: Write> Queues<W> {
    fn new(runs: impl IntoIterator<Item = W>) -> Self {
        let runs = runs.into_iter().map(Mutex::new).collect();
        Self { runs, pairs_written: AtomicUsize::new(0) }
    }
}

impl Queues<Arc<Files>> {
    pub fn files(root: &Path, work: &Work) -> Result<Self> {
        let directories = work.directories(root)?.into_iter();
        Ok(Self::new(directories.map(|at| Files::new(at, work.case.is_durable()))))
    }
}

impl Queues<Rows> {
    pub fn sqlite(root: &Path, work: &Work) -> Result<Self> {
        let store = Arc::new(Sqlite::open(root)?);
        let rows = |run| Rows { store: store.clone(), run: run_name(run).into() };
        Ok(Self::new((0..work.runs_at_once).map(rows)))
    }
}

impl<W: Write> Keeper for Queues<W> {
    fn request<'a>(&'a self, run: usize, step: &'a Step) -> BoxFuture<'a, Result<()>> {
        async move {
            // In the order in which they came.
            self.runs[run].lock().await.write(step.manifest.as_ref()).await?;
            self.pairs_written.fetch_add(step.manifest.iter().len(), Ordering::Relaxed);
            Ok(())
        }
        .boxed()
    }

    fn pairs_written(&self) -> BoxFuture<'_, Result<usize>> {
        async { Ok(self.pairs_written.load(Ordering::Relaxed)) }.boxed()
    }
}

impl<W: Write> Replay for Queues<W> {
    fn replay<'a>(&'a mut self, plan: &'a Plan) -> BoxFuture<'a, Result<Played>> {
        play(self, self.runs.len(), plan).boxed()
    }
}

impl Write for Arc<Files> {
    fn write<'a>(&'a self, manifest: Option<&'a Arc<str>>) -> BoxFuture<'a, Result<()>> {
        match manifest {
            Some(manifest) => self.replace_both(manifest).boxed(),
            None => self.replace_heartbeat().boxed(),
        }
    }
}

/// The rows of one run.
pub struct Rows {
    store: Arc<Sqlite>,
    run: Arc<str>,
}

impl Write for Rows {
    fn write<'a>(&'a self, manifest: Option<&'a Arc<str>>) -> BoxFuture<'a, Result<()>> {
        let (store, run, manifest) = (self.store.clone(), self.run.clone(), manifest.cloned());
        blocking(move || {
            let heartbeat = heartbeat();
            match manifest {
                Some(manifest) => {
                    store.put(&run, &[(MANIFEST, &manifest), (HEARTBEAT, &heartbeat)])
                }
                None => store.put(&run, &[(HEARTBEAT, &heartbeat)]),
            }
        })
        .boxed()
    }
}

/// Both files are kept like this, where the contender can.
pub const CASE: Case = Case::Durable;
