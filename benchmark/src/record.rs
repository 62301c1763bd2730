//! Recording a completed run, with a summary of about 3 KiB, into histories of different lengths.
//!
//! Each round records the same run again, so that the history stays as long as it is. Beside a
//! contender with a long history the same one works with an empty one, in the same rounds: what
//! they differ by is what the length costs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use futures::future::{BoxFuture, FutureExt};
use serde_json::json;
use tandem_host::{RecordOptions, Tandem};
use tokio::fs;

use crate::Result;
use crate::contender::{Contender, Length, Sample, here, stop_all, take_turns};
use crate::figures::Figures;
use crate::kind::BASE;
use crate::report::{Report, Row};
use crate::tokio_fs::{self, sync_directory};

/// How many other runs are in the history.
const ENTRIES: [usize; 4] = [0, 100, 1_000, 10_000];

const TASK: &str = "bench";
const RUN: &str = "run";
/// Later than every other run, as a run is that has just been completed.
const COMPLETED_AT: &str = "2026-12-31T00:00:00.000Z";

const NAMES: [&str; 3] = [BASE.name(), "tandem", "tandem-wasmtime-fs"];

pub async fn run(length: Length, report: &mut Report) -> Result<()> {
    // Beside the other products of the build, so on a real disk.
    let root = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::scratch()?)?;
    for entries in ENTRIES {
        let mut contenders = all(&root.path().join(format!("{entries}-long")), entries).await?;
        let of_case = contenders.len();
        if entries > 0 {
            contenders.extend(all(&root.path().join(format!("{entries}-empty")), 0).await?);
        }
        let bytes = history(entries).len();
        let samples = take_turns(&mut contenders, length).await?;
        stop_all(contenders).await?;
        let figures: Vec<_> = samples.iter().map(|samples| Figures::of(samples, 1)).collect();
        let (long, empty) = figures.split_at(of_case);
        let mut rows = Vec::new();
        for (at, name) in NAMES.into_iter().enumerate() {
            let row = Row {
                entries: Some(entries),
                ratio_to_empty: Some(long[at].ratio(empty.get(at).unwrap_or(&long[at]))),
                ..Row::new("record", bytes, name, long[at], BASE.name())
            };
            rows.push(row.against(BASE.name(), long[at].ratio(&long[0])));
        }
        report.add(rows);
    }
    root.close()?;
    Ok(())
}

/// One contender for each name, with this many other runs in its history.
async fn all(directory: &Path, entries: usize) -> Result<Vec<Box<dyn Contender>>> {
    let mut contenders: Vec<Box<dyn Contender>> =
        vec![Box::new(NativeRecord::new(&directory.join("native"), entries)?)];
    let (own, wasmtime) = (directory.join("own"), directory.join("wasmtime"));
    for directory in [&own, &wasmtime] {
        place_history(directory, entries)?;
    }
    let hosts = [Tandem::builder().dir(own), Tandem::builder().wasmtime_filesystem(wasmtime)];
    for host in hosts {
        let bytes = history(entries).len() as u64;
        contenders.push(Box::new(TandemRecord { host: host.build().await?, bytes }));
    }
    Ok(contenders)
}

/// A summary of about 3 KiB, as its file holds it.
fn summary(run: &str, timestamp: &str) -> String {
    let artifact = |number: usize| {
        let path = format!("artifacts/{number:02}/coverage-report.json");
        json!({"path": path, "description": "What the tests covered, by file"})
    };
    let summary = json!({
        "taskId": TASK,
        "runId": run,
        "timestamp": timestamp,
        "mode": "exec",
        "build": {"subtaskId": "build", "success": true, "artifacts": Vec::from_iter((0..16).map(artifact))},
        "test": {"subtaskId": "test", "success": true, "reports": ["unit", "component", "program"]},
        "review": {"summary": "x".repeat(600), "decision": {"approved": true, "feedback": null}},
    });
    format!("{summary:#}")
}

/// The history's file up to and including the separator before the run that is recorded.
fn history_before(entries: usize) -> String {
    let mut text = format!(
        "{{\n  \"taskId\": \"{TASK}\",\n  \"lastRunAt\": \"{COMPLETED_AT}\",\n  \"runs\": [\n    "
    );
    for number in 0..entries {
        let timestamp = format!(
            "2026-01-{:02}T{:02}:{:02}:00.000Z",
            1 + number / 1_440,
            number / 60 % 24,
            number % 60
        );
        text.push_str(&indented(&summary(&format!("run-{number}"), &timestamp)));
        text.push_str(",\n    ");
    }
    text
}

const AFTER: &str = "\n  ]\n}";

/// The history's file with the run that is recorded.
fn history(entries: usize) -> String {
    history_before(entries) + &indented(&summary(RUN, COMPLETED_AT)) + AFTER
}

/// An entry as the history holds it.
fn indented(summary: &str) -> String {
    summary.replace('\n', "\n    ")
}

fn place_history(directory: &Path, entries: usize) -> io::Result<()> {
    let out = directory.join("out").join(TASK);
    std::fs::create_dir_all(&out)?;
    std::fs::write(out.join("runs.json"), history(entries))
}

/// Through the component.
struct TandemRecord {
    host: Tandem,
    /// The history's size.
    bytes: u64,
}

impl TandemRecord {
    async fn record(&self) -> Result<()> {
        let summary = summary(RUN, COMPLETED_AT);
        let bytes = summary.len() as u64;
        let recorded = self.host.record_run(summary, RecordOptions::new()).await?;
        // A figure for other work than the others do would be worth nothing.
        let written = [recorded.summary.bytes, recorded.history.bytes];
        if written != [bytes, self.bytes] {
            return Err(format!("tandem wrote other files: {written:?}").into());
        }
        Ok(())
    }
}

impl Contender for TandemRecord {
    fn turn(&mut self) -> BoxFuture<'_, Result<Sample>> {
        here(self.record()).boxed()
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        crate::tandem::stop(self.host).boxed()
    }
}

/// Native Rust: both files replaced side by side and synced, as the component does, with tokio. It
/// parses nothing, because it knows where the run stands, and takes no lock.
struct NativeRecord {
    runs: PathBuf,
    run: PathBuf,
    out: PathBuf,
    /// How much of the history stays.
    kept_bytes: usize,
    temporary: AtomicU64,
}

impl NativeRecord {
    fn new(directory: &Path, entries: usize) -> io::Result<Self> {
        place_history(directory, entries)?;
        let runs = directory.join(".runs").join(TASK);
        let run = runs.join(RUN);
        std::fs::create_dir_all(&run)?;
        let out = directory.join("out").join(TASK);
        let kept_bytes = history_before(entries).len();
        Ok(NativeRecord { runs, run, out, kept_bytes, temporary: AtomicU64::new(0) })
    }

    async fn record(&self) -> io::Result<()> {
        let summary = summary(RUN, COMPLETED_AT);
        tokio::try_join!(self.write_summary(&summary), self.merge(&summary))?;
        Ok(())
    }

    async fn write_summary(&self, summary: &str) -> io::Result<()> {
        self.replace(&self.run, "manifest.json", summary.as_bytes()).await?;
        tokio::try_join!(sync_directory(&self.run), sync_directory(&self.runs))?;
        Ok(())
    }

    async fn merge(&self, summary: &str) -> io::Result<()> {
        let mut history = fs::read(self.out.join("runs.json")).await?;
        history.truncate(self.kept_bytes);
        history.extend_from_slice(indented(summary).as_bytes());
        history.extend_from_slice(AFTER.as_bytes());
        self.replace(&self.out, "runs.json", &history).await?;
        sync_directory(&self.out).await
    }

    async fn replace(&self, directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
        tokio_fs::replace(directory, name, content, true, &self.temporary).await
    }
}

impl Contender for NativeRecord {
    fn turn(&mut self) -> BoxFuture<'_, Result<Sample>> {
        here(async { Ok(self.record().await?) }).boxed()
    }
}
