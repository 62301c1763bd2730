//! Taking turns.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use crate::Result;

/// Rounds that are not counted, until files, threads and code are warm.
const WARM_UP_ROUNDS: usize = 20;

/// One way to do the same work.
pub trait Contender {
    /// Its name in the report.
    fn name(&self) -> &'static str;

    /// Do the work once, and end when it is done.
    fn work(&mut self) -> BoxFuture<'_, Result<()>>;
}

/// When to stop: whichever comes first.
#[derive(Clone, Copy)]
pub struct Length {
    pub rounds_max: usize,
    pub time_max: Duration,
}

/// How long each round took, by contender.
pub async fn take_turns(
    contenders: &mut [Box<dyn Contender>],
    length: Length,
) -> Result<Vec<Vec<Duration>>> {
    let begin = Instant::now();
    for _ in 0..WARM_UP_ROUNDS {
        for contender in contenders.iter_mut() {
            contender.work().await?;
        }
        if begin.elapsed() >= length.time_max / 4 {
            break;
        }
    }
    let mut times = vec![Vec::new(); contenders.len()];
    let begin = Instant::now();
    for round in 0..length.rounds_max {
        // Each goes first, and after each of the others, equally often.
        for turn in 0..contenders.len() {
            let forward = (turn + round / 2) % contenders.len();
            let at = if round % 2 == 0 { forward } else { contenders.len() - 1 - forward };
            let start = Instant::now();
            contenders[at].work().await?;
            times[at].push(start.elapsed());
        }
        if begin.elapsed() >= length.time_max {
            break;
        }
    }
    Ok(times)
}
