//! A replay of a realistic run, in which throttling and coalescing count.

mod keepers;
mod plan;
mod player;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;
use crate::child::Child;
use crate::contender::{Length, Order, Sample};
use crate::figures::Figures;
use crate::kind::{BASE, CONTROL, Kind};
use crate::node;
use crate::noise::Noise;
use crate::pair::Choice;
use crate::report::{Report, Row};
use crate::work::{HEARTBEAT, HEARTBEAT_BYTES, MANIFEST, Measured, Work, directory, run_name};

use keepers::{CASE, Queues, TandemKeeper};
pub use plan::{IDLE_GAPS_SHORTER_TIMES, Plan, Step};
pub use player::{Played, Replay};

const RUNS_AT_ONCE: [usize; 3] = [1, 8, 64];

pub async fn run(choice: &Choice, length: Length, report: &mut Report) -> Result<()> {
    let plan = Plan::new()?;
    for runs_at_once in choice.runs_at_once.as_deref().unwrap_or(&RUNS_AT_ONCE) {
        run_case(&plan, *runs_at_once, choice, length, report).await?;
    }
    Ok(())
}

/// Whom a replay is told of.
pub fn takes_part(kind: Kind) -> bool {
    [Kind::Tandem, Kind::TandemWorkers, BASE, CONTROL, Kind::Sqlite].contains(&kind)
        || is_against(kind)
}

/// Those in Node, which Tandem's rows are also set against.
fn is_against(kind: Kind) -> bool {
    [Kind::NodeRename, Kind::WriteFileAtomic].contains(&kind)
}

async fn run_case(
    plan: &Plan,
    runs_at_once: usize,
    choice: &Choice,
    length: Length,
    report: &mut Report,
) -> Result<()> {
    // Beside the other products of the build, so on a real disk.
    let root = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::scratch()?)?;
    // The manifests come with the requests.
    let work = Work::new(Measured::Pair, CASE, plan.bytes(), runs_at_once)?;
    let kinds = choice.kinds(takes_part);
    let mut contenders = Vec::new();
    for kind in &kinds {
        contenders.push(set_up(*kind, &root.path().join(kind.name()), &work).await?);
    }
    let mut played: Vec<Vec<Played>> = kinds.iter().map(|_| Vec::new()).collect();
    let begin = Instant::now();
    let mut order = Order::of(kinds.len());
    for _ in 0..length.rounds_max {
        for at in order.next_round() {
            played[*at].push(contenders[*at].replay(plan).await?);
        }
        if begin.elapsed() >= length.time_max {
            break;
        }
    }
    let versions: Vec<_> = contenders.iter().map(|contender| contender.version()).collect();
    for contender in contenders {
        contender.stop().await?;
    }
    for kind in kinds.iter().filter(|kind| kind.keeps_files()) {
        check_files(&root.path().join(kind.name()), plan, runs_at_once)
            .map_err(|error| format!("{} left other files: {error}", kind.name()))?;
    }
    root.close()?;

    let played_by = |kind: Kind| {
        let at = kinds.iter().position(|of| *of == kind);
        at.and_then(|at| played.get(at)).map_or(&[][..], Vec::as_slice)
    };
    let noise = Noise::between(&latencies(played_by(BASE)), &latencies(played_by(CONTROL)));
    let mut rows = Vec::new();
    for (kind, version) in kinds.iter().zip(versions) {
        let figures = figures(played_by(*kind));
        let pairs: usize = played_by(*kind).iter().map(|played| played.pairs_written).sum();
        let row = Row {
            runs_at_once: Some(runs_at_once),
            version: version.or_else(|| kind.version()),
            pairs_requested: Some(plan.pairs() * runs_at_once),
            pairs_written: Some(pairs / played_by(*kind).len().max(1)),
            noise: noise.warning(),
            noise_percent: Some(noise.percent),
            ..Row::new("replay", plan.bytes(), kind.name(), figures, BASE.name())
        };
        let against =
            |to: Kind| row.against(to.name(), figures.ratio(&self::figures(played_by(to))));
        rows.push(against(BASE));
        if kind.is_tandem() {
            rows.extend(kinds.iter().copied().filter(|kind| is_against(*kind)).map(against));
        }
    }
    report.add(rows);
    Ok(())
}

async fn set_up(kind: Kind, root: &Path, work: &Work) -> Result<Box<dyn Replay>> {
    let tandem = |files| TandemKeeper::new(root, work, files);
    Ok(match kind {
        Kind::Tandem => Box::new(tandem(crate::tandem::Files::InPlace).await?),
        Kind::TandemWorkers => Box::new(tandem(crate::tandem::Files::Workers).await?),
        Kind::Sqlite => Box::new(Queues::sqlite(root, work)?),
        kind if kind.is_in_node() => {
            Box::new(Child::start(kind.name(), node::command(), root, work).await?)
        }
        _ => Box::new(Queues::files(root, work)?),
    })
}

/// Of the requests; CPU time of a whole replay.
fn figures(played: &[Played]) -> Figures {
    let mut cpu: Vec<_> = played.iter().map(|played| played.cpu).collect();
    cpu.sort();
    let pairs: usize = played.iter().map(|played| played.pairs_written).sum();
    let time: Duration = played.iter().map(|played| played.time).sum();
    Figures {
        rounds: played.len(),
        pairs_per_s: crate::figures::round(pairs as f64 / time.as_secs_f64()),
        cpu_us: crate::figures::percentile_us(&cpu, 50),
        ..Figures::of(&latencies(played), 1)
    }
}

fn latencies(played: &[Played]) -> Vec<Sample> {
    let latencies = played.iter().flat_map(|played| &played.latencies);
    latencies.map(|time| Sample { time: *time, cpu: Duration::ZERO }).collect()
}

/// A figure for other work than the others do would be worth nothing.
fn check_files(root: &Path, plan: &Plan, runs_at_once: usize) -> Result<()> {
    for run in 0..runs_at_once {
        let directory = directory(root, &run_name(run));
        if Some(&*std::fs::read_to_string(directory.join(MANIFEST))?) != plan.last_manifest() {
            return Err("the manifest is not the last one".into());
        }
        if std::fs::read(directory.join(HEARTBEAT))?.len() != HEARTBEAT_BYTES {
            return Err("the heartbeat is no time".into());
        }
    }
    Ok(())
}
