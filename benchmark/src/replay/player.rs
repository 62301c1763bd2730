//! Makes the requests of all runs at their times, without waiting for earlier ones.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

use crate::Result;
use crate::replay::plan::{Plan, Step};
use crate::usage::cpu_time;

/// What one replay took.
pub struct Played {
    /// Of each request that forced a pair, from when it was made until it was answered.
    pub latencies: Vec<Duration>,
    pub time: Duration,
    pub cpu: Duration,
    /// How often a manifest was written.
    pub pairs_written: usize,
}

/// One way to keep the runs.
pub trait Replay: Send {
    fn replay<'a>(&'a mut self, plan: &'a Plan) -> BoxFuture<'a, Result<Played>>;

    /// What it found out of its version.
    fn version(&self) -> Option<String> {
        None
    }

    /// Leave nothing behind that still works.
    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// Answers requests in this process.
pub trait Keeper {
    /// The request is made when this is called.
    fn request<'a>(&'a self, run: usize, step: &'a Step) -> BoxFuture<'a, Result<()>>;

    /// How often a manifest was written so far.
    fn pairs_written(&self) -> BoxFuture<'_, Result<usize>>;
}

pub async fn play(keeper: &impl Keeper, runs_at_once: usize, plan: &Plan) -> Result<Played> {
    let written_before = keeper.pairs_written().await?;
    let (cpu, start) = (cpu_time(), Instant::now());
    let mut pending = FuturesUnordered::new();
    let mut latencies = Vec::new();
    for step in &plan.steps {
        let at = tokio::time::sleep_until((start + Duration::from_millis(step.at_ms)).into());
        tokio::pin!(at);
        loop {
            tokio::select! {
                () = &mut at => break,
                Some(latency) = pending.next(), if !pending.is_empty() => latencies.push(latency),
            }
        }
        for run in 0..runs_at_once {
            let made = Instant::now();
            let answer = keeper.request(run, step);
            pending.push(async move {
                answer.await?;
                Ok(step.manifest.is_some().then(|| made.elapsed()))
            });
        }
    }
    latencies.extend(pending.collect::<Vec<Result<_>>>().await);
    let (time, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
    let latencies = latencies.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Played {
        latencies: latencies.into_iter().flatten().collect(),
        time,
        cpu,
        pairs_written: keeper.pairs_written().await? - written_before,
    })
}
