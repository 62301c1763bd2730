//! The library and the host of the blocking component as one, so that a test of what both
//! components promise runs on both. The calls of the blocking one block the test's thread; it has
//! a thread of its own.
//!
//! The library's driver is on another thread than a test. Calls that a test makes in direct sequence
//! reach the component as calls of one turn of an event loop all the same: the driver stands still
//! until the test waits for something.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tandem_host::testing::Pause;
use tandem_host::{
    ClosedRun, Error, HistoryOptions, MonotonicClock, Receipt, RecordOptions, Recorded, Recovery,
    Request, Revised, RunOptions, Stats, TaskHistory, WallClock,
};
use tandem_tests::blocking;

/// An outcome that may have to be waited for. The call is on its way.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A component of either world.
#[derive(Clone, Debug)]
pub enum Tandem {
    Concurrent(tandem_host::Tandem, Turns),
    Blocking(blocking::Tandem),
}

/// A run of either world.
#[derive(Clone, Debug)]
pub enum Run {
    Concurrent(tandem_host::Run, Turns),
    Blocking(blocking::Run),
}

/// The turns of a test's event loop.
#[derive(Clone, Debug)]
pub struct Turns {
    tandem: tandem_host::Tandem,
    pause: Arc<Mutex<Option<Pause>>>,
}

impl Turns {
    /// A call is about to be made: it waits for those that follow in the same turn. Their driver goes
    /// on when the test's runtime does, which is when the test waits.
    fn call(&self) {
        let mut pause = self.pause.lock().unwrap();
        if pause.is_none() {
            *pause = Some(Pause::new(&self.tandem));
            let pause = self.pause.clone();
            tokio::spawn(async move { pause.lock().unwrap().take() });
        }
    }
}

/// What starts a component of either world.
pub enum Starter {
    Concurrent(tandem_host::Builder),
    Blocking(blocking::Builder),
}

impl Starter {
    pub async fn build(self) -> Result<Tandem, Error> {
        match self {
            Starter::Concurrent(builder) => builder.build().await.map(Tandem::concurrent),
            Starter::Blocking(builder) => builder.build().map(Tandem::Blocking),
        }
    }

    pub fn wall_clock(self, clock: impl WallClock) -> Starter {
        match self {
            Starter::Concurrent(builder) => Starter::Concurrent(builder.wall_clock(clock)),
            Starter::Blocking(builder) => Starter::Blocking(builder.wall_clock(clock)),
        }
    }

    pub fn monotonic_clock(self, clock: impl MonotonicClock) -> Starter {
        match self {
            Starter::Concurrent(builder) => Starter::Concurrent(builder.monotonic_clock(clock)),
            Starter::Blocking(builder) => Starter::Blocking(builder.monotonic_clock(clock)),
        }
    }

    /// What only the library has.
    pub fn limits(
        self,
        choose: impl FnOnce(tandem_host::Builder) -> tandem_host::Builder,
    ) -> Starter {
        match self {
            Starter::Concurrent(builder) => Starter::Concurrent(choose(builder)),
            Starter::Blocking(_) => panic!("the host of the blocking component has no limits"),
        }
    }
}

fn done<T: Send + 'static>(result: Result<T, Error>) -> Pending<T> {
    Box::pin(std::future::ready(result))
}

impl Tandem {
    pub fn concurrent(tandem: tandem_host::Tandem) -> Tandem {
        let turns = Turns { tandem: tandem.clone(), pause: Arc::default() };
        Tandem::Concurrent(tandem, turns)
    }

    pub fn open_run(&self, options: RunOptions) -> Pending<Run> {
        match self {
            Tandem::Concurrent(tandem, turns) => {
                turns.call();
                let (opening, turns) = (tandem.open_run(options), turns.clone());
                Box::pin(async move { opening.await.map(|run| Run::Concurrent(run, turns)) })
            }
            Tandem::Blocking(tandem) => done(tandem.open_run(options).map(Run::Blocking)),
        }
    }

    pub fn record_run(
        &self,
        summary: impl Into<String>,
        options: RecordOptions,
    ) -> Pending<Recorded> {
        match self {
            Tandem::Concurrent(tandem, turns) => {
                turns.call();
                Box::pin(tandem.record_run(summary, options))
            }
            Tandem::Blocking(tandem) => done(tandem.record_run(summary, options)),
        }
    }

    pub fn history(&self, options: HistoryOptions) -> Pending<TaskHistory> {
        match self {
            Tandem::Concurrent(tandem, turns) => {
                turns.call();
                Box::pin(tandem.history(options))
            }
            Tandem::Blocking(tandem) => done(tandem.history(options)),
        }
    }

    pub async fn shutdown(self) -> Vec<ClosedRun> {
        match self {
            Tandem::Concurrent(tandem, turns) => {
                drop(turns);
                tandem.shutdown().await
            }
            Tandem::Blocking(_) => panic!("the blocking interface has no shutdown"),
        }
    }
}

impl Run {
    pub fn recovered(&self) -> &Recovery {
        match self {
            Run::Concurrent(run, _) => run.recovered(),
            Run::Blocking(run) => run.recovered(),
        }
    }

    pub fn set(&self, document: impl Into<String>) -> Pending<Revised> {
        match self {
            Run::Concurrent(run, turns) => {
                turns.call();
                Box::pin(run.set(document))
            }
            Run::Blocking(run) => done(run.set(document)),
        }
    }

    pub fn merge(&self, patch: impl Into<String>) -> Pending<Revised> {
        match self {
            Run::Concurrent(run, turns) => {
                turns.call();
                Box::pin(run.merge(patch))
            }
            Run::Blocking(run) => done(run.merge(patch)),
        }
    }

    /// Of the blocking interface, only what was written now.
    pub fn schedule(&self, request: Request) -> Pending<Receipt> {
        match self {
            Run::Concurrent(run, turns) => {
                turns.call();
                Box::pin(run.schedule(request))
            }
            Run::Blocking(run) => done(run.schedule(request).map(|scheduled| scheduled.receipt)),
        }
    }

    pub fn flush(&self) -> Pending<Receipt> {
        match self {
            Run::Concurrent(run, turns) => {
                turns.call();
                Box::pin(run.flush())
            }
            Run::Blocking(run) => done(run.flush()),
        }
    }

    pub fn close(&self) -> Pending<Receipt> {
        match self {
            Run::Concurrent(run, turns) => {
                turns.call();
                Box::pin(run.close())
            }
            Run::Blocking(run) => done(run.close()),
        }
    }

    pub fn stats(&self) -> Pending<Stats> {
        match self {
            Run::Concurrent(run, turns) => {
                turns.call();
                Box::pin(run.stats())
            }
            Run::Blocking(run) => done(run.stats()),
        }
    }
}
