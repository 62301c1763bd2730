//! Taking turns.

use std::future::Future;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use crate::Result;
use crate::usage::{self, cpu_time};

/// Rounds that are not counted, until files, threads and code are warm.
pub const WARM_UP_ROUNDS: usize = 20;

/// One way to do the same work.
pub trait Contender: Send {
    /// Do the work of the turn with this number once, and tell what it took. The same number is the
    /// same work for all. What has to be made for it first does not count.
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>>;

    /// What it found out of its version.
    fn version(&self) -> Option<String> {
        None
    }

    /// The most memory that the process which does the work had so far.
    fn memory_peak_bytes(&mut self) -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(async { usage::memory_peak_bytes() })
    }

    /// Leave nothing behind that still works.
    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// What one turn took.
#[derive(Clone, Copy)]
pub struct Sample {
    pub time: Duration,
    /// Of all threads of the process that did the work.
    pub cpu: Duration,
}

/// When to stop: whichever comes first.
#[derive(Clone, Copy)]
pub struct Length {
    pub rounds_max: usize,
    pub time_max: Duration,
}

/// What came of taking turns.
pub struct Taken {
    /// What each counted round took, by contender.
    pub samples: Vec<Vec<Sample>>,
    /// The number of the last turn.
    pub last: u32,
}

/// Let all of them stop.
pub async fn stop_all(contenders: Vec<Box<dyn Contender>>) -> Result<()> {
    for contender in contenders {
        contender.stop().await?;
    }
    Ok(())
}

/// Who takes the next turn. What one leaves to do for the disk delays whoever comes next, so each
/// comes after each of the others about equally often.
pub struct Order {
    all: Vec<usize>,
    random: fastrand::Rng,
}

impl Order {
    pub fn of(count: usize) -> Self {
        Self { all: (0..count).collect(), random: fastrand::Rng::with_seed(0) }
    }

    pub fn next_round(&mut self) -> &[usize] {
        self.random.shuffle(&mut self.all);
        &self.all
    }
}

/// Do the work in this process.
pub async fn here(work: impl Future<Output = Result<()>>) -> Result<Sample> {
    let (cpu, start) = (cpu_time(), Instant::now());
    work.await?;
    let time = start.elapsed();
    Ok(Sample { time, cpu: cpu_time().saturating_sub(cpu) })
}

/// All contenders together, round by round. Turns have the numbers from `first` on, and as many
/// rounds are counted as have all kinds of turns equally often, of which there are `kinds`.
pub async fn take_turns(
    contenders: &mut [Box<dyn Contender>],
    length: Length,
    first: u32,
    kinds: usize,
) -> Result<Taken> {
    let mut turns = first..;
    let mut last = first;
    let begin = Instant::now();
    for turn in turns.by_ref().take(WARM_UP_ROUNDS) {
        for contender in contenders.iter_mut() {
            contender.turn(turn).await?;
        }
        last = turn;
        if begin.elapsed() >= length.time_max / 4 {
            break;
        }
    }
    let mut samples = vec![Vec::new(); contenders.len()];
    let mut order = Order::of(contenders.len());
    let begin = Instant::now();
    for (round, turn) in (1..=length.rounds_max).zip(turns) {
        for at in order.next_round() {
            samples[*at].push(contenders[*at].turn(turn).await?);
        }
        last = turn;
        if round % kinds == 0 && begin.elapsed() >= length.time_max {
            break;
        }
    }
    Ok(Taken { samples, last })
}
