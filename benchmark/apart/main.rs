//! The crate atomic-write-file as a contender of the benchmark, in a process of its own. It reads a
//! line of JSON for each thing to do, and answers each with one. What it answers was measured here,
//! so the pipe costs nothing.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use atomic_write_file::AtomicWriteFile;
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

#[path = "../src/usage.rs"]
mod usage;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "camelCase")]
enum Task {
    SetUp(Work),
    Round { digits: String },
    Memory,
}

#[derive(Deserialize)]
struct Work {
    /// A turn's text is these, joined with the digits of its number.
    manifest: Vec<String>,
    directories: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let mut work = None;
    for line in io::stdin().lock().lines() {
        let answer = match (serde_json::from_str(&line?)?, &work) {
            (Task::SetUp(told), _) => {
                work = Some(told);
                json!({"version": version()})
            }
            (Task::Round { digits }, Some(work)) => runtime.block_on(round(work, &digits))?,
            (Task::Round { .. }, None) => return Err("there is nothing to write yet".into()),
            (Task::Memory, _) => json!({"memory_peak_bytes": usage::memory_peak_bytes()?}),
        };
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

async fn round(work: &Work, digits: &str) -> Result<Value> {
    let manifest = Arc::from(work.manifest.join(digits));
    let (cpu, start) = (usage::cpu_time(), Instant::now());
    try_join_all(work.directories.iter().map(|at| replace_both(at, &manifest))).await?;
    let (time, cpu) = (start.elapsed(), usage::cpu_time().saturating_sub(cpu));
    Ok(json!({"time_us": time.as_secs_f64() * 1e6, "cpu_us": cpu.as_secs_f64() * 1e6}))
}

/// Both at once, each on a thread for work that blocks.
async fn replace_both(directory: &Path, manifest: &Arc<str>) -> Result<()> {
    let (path, content) = (directory.join("manifest.json"), manifest.clone());
    let manifest = spawn_blocking(move || replace(&path, content.as_bytes()));
    let path = directory.join(".heartbeat");
    let heartbeat = spawn_blocking(move || {
        let heartbeat = format!("{}\n", humantime::format_rfc3339_millis(SystemTime::now()));
        replace(&path, heartbeat.as_bytes())
    });
    let (manifest, heartbeat) = tokio::try_join!(manifest, heartbeat)?;
    manifest?;
    Ok(heartbeat?)
}

/// It syncs the file, and its directory, each time.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = AtomicWriteFile::open(path)?;
    file.write_all(content)?;
    file.commit()
}

/// Of the crate, as the lock file names it.
fn version() -> Option<&'static str> {
    let (_, after) = include_str!("Cargo.lock").split_once("name = \"atomic-write-file\"\n")?;
    let (line, _) = after.split_once('\n')?;
    Some(line.strip_prefix("version = ")?.trim_matches('"'))
}
