//! What a flush costs while more and more runs are open in one instance, and what memory an idle
//! run takes. Native Rust flushes as many directories in turn, for what is the file system's cost.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tandem_host::{Durability, Request, Run, RunOptions, Tandem};

use crate::Result;
use crate::contender::{Sample, here};
use crate::figures::Figures;
use crate::kind::Kind;
use crate::native::{Native, Order};
use crate::report::{Report, Row};
use crate::say::say;
use crate::usage;
use crate::work::{Case, Measured, TASK, Work, run_name};

const RUNS_OPEN: [usize; 5] = [1, 10, 100, 1_000, 10_000];
/// Of each run's document.
const BYTES: usize = 2_048;
const FLUSHES: usize = 1_000;
const CASE: &str = "open runs";

/// What another process tells of its runs. A process of its own, because memory that was given back
/// may still count.
#[derive(Serialize, Deserialize)]
struct Told {
    open_us: f64,
    own: Vec<Turn>,
    native: Vec<Turn>,
    /// Beside its document.
    memory_of_run_bytes: Option<f64>,
    memory_peak_bytes: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Turn {
    time_ns: u64,
    cpu_ns: u64,
}

pub fn run(report: &mut Report) -> Result<()> {
    let mut rows: Vec<Row> = Vec::new();
    for runs_open in RUNS_OPEN {
        let told = ask(runs_open)?;
        let (own, native) = (figures(&told.own), figures(&told.native));
        let base = Kind::NativeSequential.name();
        let row = Row {
            runs_open: Some(runs_open),
            open_us: Some(told.open_us),
            memory_of_run_bytes: told.memory_of_run_bytes,
            memory_peak_bytes: told.memory_peak_bytes,
            ..Row::new(CASE, BYTES, Kind::TandemWorkers.name(), own, base)
        };
        rows.push(row.against(base, own.ratio(&native)));
        let row = Row::new(CASE, BYTES, base, native, base);
        rows.push(Row { runs_open: Some(runs_open), ..row });
    }
    report.add(rows);
    Ok(())
}

fn figures(turns: &[Turn]) -> Figures {
    let sample = |turn: &Turn| Sample {
        time: Duration::from_nanos(turn.time_ns),
        cpu: Duration::from_nanos(turn.cpu_ns),
    };
    Figures::of(&turns.iter().map(sample).collect::<Vec<_>>(), 1)
}

fn ask(runs_open: usize) -> Result<Told> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--growth-of", &runs_open.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{runs_open} runs do not stay open: {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Be the other process.
pub async fn tell(runs_open: usize) -> Result<()> {
    // In memory where there is such a place: how many directories a disk likes differs by a factor
    // of ten from one moment to the next.
    let memory = Some(Path::new("/dev/shm")).filter(|memory| memory.is_dir());
    let place = memory.map_or_else(crate::scratch, |memory| Ok(memory.to_owned()))?;
    let root = tempfile::Builder::new().prefix("tandem-bench-").tempdir_in(place)?;
    let host = Tandem::builder().dir(root.path()).build().await?;
    let beside = Work::new(Measured::Flush, Case::Visible, BYTES, runs_open)?;
    let document = beside.file(0);
    let mut runs = vec![open(&host, 0, &document).await?];
    // What one run brings along is no cost of the others.
    let (before, start) = (usage::memory_bytes()?, Instant::now());
    for number in 1..runs_open {
        runs.push(open(&host, number, &document).await?);
    }
    let (after, opening) = (usage::memory_bytes()?, start.elapsed());
    let others = runs_open.saturating_sub(1);
    let of_run = |total: f64| if others == 0 { 0.0 } else { total / others as f64 };

    let mut told = Told {
        open_us: of_run(opening.as_secs_f64() * 1e6),
        own: Vec::new(),
        native: Vec::new(),
        // Fewer runs fit into pages that were there before.
        memory_of_run_bytes: before
            .zip(after)
            .filter(|_| runs_open >= 1_000)
            .map(|(before, after)| of_run(after.saturating_sub(before) as f64) - BYTES as f64),
        memory_peak_bytes: usage::memory_peak_bytes()?,
    };
    let native = Native::new(&root.path().join("native"), &beside, Order::Sequential)?;
    // Those replace files too.
    native.flush(&document).await?;
    for flush in 0..FLUSHES {
        // One far from the one before.
        let at = flush * 7_919 % runs_open;
        told.own.push(turn(here(write(&runs[at])).await?)?);
        told.native.push(turn(here(async { native.flush_one(at, &document) }).await?)?);
    }
    host.shutdown().await;
    root.close()?;
    say(&serde_json::to_string(&told)?);
    Ok(())
}

fn turn(sample: Sample) -> Result<Turn> {
    let Sample { time, cpu } = sample;
    Ok(Turn { time_ns: time.as_nanos().try_into()?, cpu_ns: cpu.as_nanos().try_into()? })
}

async fn open(host: &Tandem, number: usize, document: &str) -> Result<Run> {
    let options = RunOptions::new(TASK, run_name(number))
        .manifest_durability(Durability::Visible)
        .heartbeat_durability(Durability::Visible);
    let run = host.open_run(options).await?;
    run.set(document).await?;
    write(&run).await?;
    Ok(run)
}

async fn write(run: &Run) -> Result<()> {
    run.schedule(Request::new().manifest().heartbeat().force()).await?;
    Ok(())
}
