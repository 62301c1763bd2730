//! The library's two interfaces as one, so that a test of what both promise runs on both. The
//! synchronous one blocks the test's thread; its component has a thread of its own.

use std::future::Future;
use std::pin::Pin;

use tandem_host::{
    Builder, ClosedRun, Error, History, HistoryOptions, Receipt, RecordOptions, Recorded, Recovery,
    Request, RunOptions, Stats, sync,
};

/// An outcome that may have to be waited for. The call is on its way.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A component of either world.
#[derive(Clone, Debug)]
pub enum Tandem {
    Concurrent(tandem_host::Tandem),
    Sync(sync::Tandem),
}

/// A run of either world.
#[derive(Clone, Debug)]
pub enum Run {
    Concurrent(tandem_host::Run),
    Sync(sync::Run),
}

/// What starts a component.
pub struct Starter {
    pub builder: Builder,
    pub is_sync: bool,
}

impl Starter {
    pub async fn build(self) -> Result<Tandem, Error> {
        if self.is_sync {
            self.builder.build_sync().map(Tandem::Sync)
        } else {
            self.builder.build().await.map(Tandem::Concurrent)
        }
    }
}

fn done<T: Send + 'static>(result: Result<T, Error>) -> Pending<T> {
    Box::pin(std::future::ready(result))
}

impl Tandem {
    pub fn open_run(&self, options: RunOptions) -> Pending<Run> {
        match self {
            Tandem::Concurrent(tandem) => {
                let opening = tandem.open_run(options);
                Box::pin(async move { opening.await.map(Run::Concurrent) })
            }
            Tandem::Sync(tandem) => done(tandem.open_run(options).map(Run::Sync)),
        }
    }

    pub fn record_run(
        &self,
        options: RecordOptions,
        summary: impl Into<String>,
    ) -> Pending<Recorded> {
        match self {
            Tandem::Concurrent(tandem) => Box::pin(tandem.record_run(options, summary)),
            Tandem::Sync(tandem) => done(tandem.record_run(options, summary)),
        }
    }

    pub fn history(&self, options: HistoryOptions) -> Pending<History> {
        match self {
            Tandem::Concurrent(tandem) => Box::pin(tandem.history(options)),
            Tandem::Sync(tandem) => done(tandem.history(options)),
        }
    }

    pub async fn shutdown(self) -> Vec<ClosedRun> {
        match self {
            Tandem::Concurrent(tandem) => tandem.shutdown().await,
            Tandem::Sync(_) => panic!("the synchronous interface has no shutdown"),
        }
    }
}

impl Run {
    pub fn recovered(&self) -> &Recovery {
        match self {
            Run::Concurrent(run) => run.recovered(),
            Run::Sync(run) => run.recovered(),
        }
    }

    pub fn set_manifest(&self, document: impl Into<String>) -> Pending<()> {
        match self {
            Run::Concurrent(run) => Box::pin(run.set_manifest(document)),
            Run::Sync(run) => done(run.set_manifest(document)),
        }
    }

    pub fn merge_manifest(&self, patch: impl Into<String>) -> Pending<()> {
        match self {
            Run::Concurrent(run) => Box::pin(run.merge_manifest(patch)),
            Run::Sync(run) => done(run.merge_manifest(patch)),
        }
    }

    /// Of the synchronous interface, only what was written now.
    pub fn schedule(&self, request: Request) -> Pending<Receipt> {
        match self {
            Run::Concurrent(run) => Box::pin(run.schedule(request)),
            Run::Sync(run) => done(run.schedule(request).map(|scheduled| scheduled.receipt)),
        }
    }

    pub fn flush(&self) -> Pending<Receipt> {
        match self {
            Run::Concurrent(run) => Box::pin(run.flush()),
            Run::Sync(run) => done(run.flush()),
        }
    }

    pub fn close(&self) -> Pending<Receipt> {
        match self {
            Run::Concurrent(run) => Box::pin(run.close()),
            Run::Sync(run) => done(run.close()),
        }
    }

    pub fn stats(&self) -> Pending<Stats> {
        match self {
            Run::Concurrent(run) => Box::pin(run.stats()),
            Run::Sync(run) => done(run.stats()),
        }
    }
}
