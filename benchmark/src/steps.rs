//! What each step of a durable pair takes, as its disk sees it, and what is left when all steps are
//! taken off: the component, the way to it, and a copy of what is written, which the layer makes that
//! measures.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tandem_host::Tandem as Host;
use tandem_host::disk::{ErrorCode, OsDisk};
use tandem_host::testing::{Call, DiskExt, DiskOperation, Layer};

use crate::Result;
use crate::contender::{Contender, Length, Sample, WARM_UP_ROUNDS};
use crate::figures::Figures;
use crate::report::{Report, Row};
use crate::tandem::Tandem;
use crate::work::{Case, HEARTBEAT, MANIFEST, Measured, Work};

pub const CASE: &str = "step-durable";
const BYTES: [usize; 3] = [2_048, 32_768, 262_144];
const PAIR: &str = "pair";
const BETWEEN: &str = "no step under way";

/// One step, by what the disk is asked for and for which file.
struct Step {
    name: &'static str,
    operation: DiskOperation,
    /// In the path.
    file: &'static str,
}

const fn step(name: &'static str, operation: DiskOperation, file: &'static str) -> Step {
    Step { name, operation, file }
}

/// In the order in which they are begun.
const STEPS: [Step; 10] = [
    step("open the directory", DiskOperation::OpenDir, ""),
    step("create the manifest", DiskOperation::CreateFile, MANIFEST),
    step("create the heartbeat", DiskOperation::CreateFile, HEARTBEAT),
    step("write the manifest", DiskOperation::Write, MANIFEST),
    step("write the heartbeat", DiskOperation::Write, HEARTBEAT),
    step("sync the manifest", DiskOperation::SyncData, MANIFEST),
    step("sync the heartbeat", DiskOperation::SyncData, HEARTBEAT),
    step("rename the manifest", DiskOperation::Rename, MANIFEST),
    step("rename the heartbeat", DiskOperation::Rename, HEARTBEAT),
    step("sync the directory", DiskOperation::SyncDir, ""),
];

pub async fn run(length: Length, report: &mut Report) -> Result<()> {
    for bytes in BYTES {
        let root = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::scratch()?)?;
        let work = Work::new(Measured::Pair, Case::Durable, bytes, 1)?;
        let watch = Stopwatch::default();
        let disk = OsDisk::open(root.path())?.layered(watch.clone());
        let mut tandem = Tandem::on(Host::builder().disk(disk).build().await?, &work).await?;
        let turns = turns(&mut tandem, &watch, length).await?;
        Box::new(tandem).stop().await?;
        root.close()?;
        report.add(rows(&turns, bytes)?);
    }
    Ok(())
}

/// One pair.
struct Turn {
    pair: Sample,
    calls: Vec<Timed>,
}

async fn turns(tandem: &mut Tandem, watch: &Stopwatch, length: Length) -> Result<Vec<Turn>> {
    let (mut turns, mut begin) = (Vec::new(), Instant::now());
    for number in 0.. {
        let is_long = turns.len() >= length.rounds_max || begin.elapsed() >= length.time_max;
        if is_long && !turns.is_empty() {
            break;
        }
        watch.calls().clear();
        let pair = tandem.turn(number).await?;
        let calls = std::mem::take(&mut *watch.calls());
        if usize::try_from(number)? < WARM_UP_ROUNDS {
            begin = Instant::now();
        } else {
            turns.push(Turn { pair, calls });
        }
    }
    Ok(turns)
}

fn rows(turns: &[Turn], bytes: usize) -> Result<Vec<Row>> {
    let pairs: Vec<_> = turns.iter().map(|turn| turn.pair).collect();
    let pair = Figures::of(&pairs, 1);
    let mut rows = vec![Row::new(CASE, bytes, PAIR, pair, PAIR)];
    let mut add = |name, times: Vec<Duration>| {
        let samples: Vec<_> =
            times.into_iter().map(|time| Sample { time, cpu: Duration::ZERO }).collect();
        let figures = Figures::of(&samples, 1);
        let row = Row::new(CASE, bytes, name, figures, PAIR);
        rows.push(row.against(PAIR, figures.ratio(&pair)));
    };
    for step in STEPS {
        let of_step = |turn: &Turn| {
            let mut calls = turn.calls.iter().filter(|call| call.is(&step));
            calls.next().filter(|_| calls.next().is_none()).map(Timed::took)
        };
        let times: Option<Vec<_>> = turns.iter().map(of_step).collect();
        add(step.name, times.ok_or_else(|| format!("a pair did not {} once", step.name))?);
    }
    // A step that is not known would count as none.
    let unknown = |call: &&Timed| !STEPS.iter().any(|step| call.is(step));
    if let Some(call) = turns.iter().flat_map(|turn| &turn.calls).find(unknown) {
        return Err(format!("a pair has another step: {:?} {}", call.operation, call.path).into());
    }
    add(BETWEEN, turns.iter().map(|turn| turn.pair.time.saturating_sub(under_way(turn))).collect());
    Ok(rows)
}

/// How long any step was under way.
fn under_way(turn: &Turn) -> Duration {
    let mut spans: Vec<_> = turn.calls.iter().map(|call| (call.begin, call.end)).collect();
    spans.sort();
    let (mut total, mut covered) = (Duration::ZERO, None);
    for (begin, end) in spans {
        let from = covered.map_or(begin, |covered| begin.max(covered));
        total += end.saturating_duration_since(from);
        covered = covered.max(Some(end));
    }
    total
}

/// One call of the disk.
struct Timed {
    id: u64,
    operation: DiskOperation,
    path: String,
    begin: Instant,
    end: Instant,
}

impl Timed {
    fn is(&self, step: &Step) -> bool {
        self.operation == step.operation && self.path.contains(step.file)
    }

    fn took(&self) -> Duration {
        self.end.saturating_duration_since(self.begin)
    }
}

/// When each call of a disk began and ended.
#[derive(Clone, Default)]
struct Stopwatch(Arc<Mutex<Vec<Timed>>>);

impl Stopwatch {
    fn calls(&self) -> MutexGuard<'_, Vec<Timed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer for Stopwatch {
    async fn before(&self, call: &Call) -> std::result::Result<(), ErrorCode> {
        let &Call { id, operation, ref path, .. } = call;
        let now = Instant::now();
        self.calls().push(Timed { id, operation, path: path.clone(), begin: now, end: now });
        Ok(())
    }

    async fn after(
        &self,
        call: &Call,
        outcome: std::result::Result<(), ErrorCode>,
    ) -> std::result::Result<(), ErrorCode> {
        let now = Instant::now();
        if let Some(timed) = self.calls().iter_mut().find(|timed| timed.id == call.id) {
            timed.end = now;
        }
        outcome
    }
}
