//! What a flush costs while more and more runs are open in one instance, and what memory an idle
//! run takes.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tandem_host::disk::Threads;
use tandem_host::{Durability, Request, Run, RunOptions, Tandem};

use crate::Result;
use crate::contender::{Sample, here};
use crate::figures::Figures;
use crate::kind::Kind;
use crate::report::{Report, Row};
use crate::say::say;
use crate::usage;
use crate::work::{FIRST_STEP, TASK, manifest, run_name};

const RUNS_OPEN: [usize; 5] = [1, 10, 100, 1_000, 10_000];
/// Of each run's document.
const BYTES: usize = 2_048;
const FLUSHES: usize = 1_000;
const ALONE: &str = "one-open-run";

/// What another process tells of its runs. A process of its own, because memory that was given back
/// may still count.
#[derive(Serialize, Deserialize)]
struct Told {
    open_us: f64,
    flush_ns: Vec<u64>,
    cpu_ns: Vec<u64>,
    /// Beside its document.
    memory_of_run_bytes: Option<f64>,
    memory_peak_bytes: Option<u64>,
}

pub fn run(report: &mut Report) -> Result<()> {
    let mut rows: Vec<Row> = Vec::new();
    let mut alone = None;
    for runs_open in RUNS_OPEN {
        let told = ask(runs_open)?;
        let samples: Vec<_> = told
            .flush_ns
            .iter()
            .zip(&told.cpu_ns)
            .map(|(time, cpu)| Sample {
                time: Duration::from_nanos(*time),
                cpu: Duration::from_nanos(*cpu),
            })
            .collect();
        let figures = Figures::of(&samples, 1);
        let alone = *alone.get_or_insert(figures);
        let row = Row {
            runs_open: Some(runs_open),
            open_us: Some(told.open_us),
            memory_of_run_bytes: told.memory_of_run_bytes,
            memory_peak_bytes: told.memory_peak_bytes,
            ..Row::new("open runs", BYTES, Kind::TandemInline.name(), figures, ALONE)
        };
        rows.push(row.against(ALONE, figures.ratio(&alone)));
    }
    report.add(rows);
    Ok(())
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
    let root = tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let host = Tandem::builder().dir(root.path()).threads(Threads::Inline).build().await?;
    let document = manifest(BYTES, FIRST_STEP)?;
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
        flush_ns: Vec::new(),
        cpu_ns: Vec::new(),
        // Fewer runs fit into pages that were there before.
        memory_of_run_bytes: before
            .zip(after)
            .filter(|_| runs_open >= 1_000)
            .map(|(before, after)| of_run(after.saturating_sub(before) as f64) - BYTES as f64),
        memory_peak_bytes: usage::memory_peak_bytes()?,
    };
    for flush in 0..FLUSHES {
        // One far from the one before.
        let run = &runs[flush * 7_919 % runs_open];
        let Sample { time, cpu } = here(write(run)).await?;
        told.flush_ns.push(u64::try_from(time.as_nanos())?);
        told.cpu_ns.push(u64::try_from(cpu.as_nanos())?);
    }
    host.shutdown().await;
    root.close()?;
    say(&serde_json::to_string(&told)?);
    Ok(())
}

async fn open(host: &Tandem, number: usize, document: &str) -> Result<Run> {
    let options = RunOptions::new(TASK, run_name(number))
        .manifest_durability(Durability::Visible)
        .heartbeat_durability(Durability::Visible);
    let run = host.open_run(options).await?;
    run.set_manifest(document).await?;
    write(&run).await?;
    Ok(run)
}

async fn write(run: &Run) -> Result<()> {
    run.schedule(Request::new().manifest().heartbeat().force()).await?;
    Ok(())
}
