//! Tries the component in a file: keeps a run on real files, and reads back what it wrote.
//!
//! `cargo run --package tandem-tests --example trial -- [--blocking] FILE`

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;

use tandem_host::{HistoryOptions, RecordOptions, Request, RunOptions, Tandem};
use tandem_tests::blocking;

const MANIFEST: &str = "{\n  \"status\": \"done\"\n}\n";
const SUMMARY: &str =
    r#"{"taskId": "trial", "runId": "r1", "timestamp": "2026-11-21T05:04:31.120Z"}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let state = tempfile::tempdir()?;
    let runs = match arguments.as_slice() {
        [flag, file] if flag == "--blocking" => blocking(state.path(), file.as_ref())?,
        [file] => concurrent(state.path(), file.as_ref()).await?,
        _ => return Err("usage: trial [--blocking] FILE".into()),
    };
    let manifest = std::fs::read_to_string(state.path().join(".runs/trial/cli/r1/manifest.json"))?;
    if manifest != MANIFEST || runs != 1 {
        return Err(format!("{runs} runs in the history, and the manifest is {manifest:?}").into());
    }
    println!("the component keeps a run and its history");
    Ok(())
}

/// With the component for WASI 0.3. The answer is how many runs the history has.
async fn concurrent(state: &Path, file: &Path) -> Result<usize, Box<dyn Error>> {
    let tandem = Tandem::builder().dir(state).component(std::fs::read(file)?).build().await?;
    let run = tandem.open_run(RunOptions::new("trial", "r1")).await?;
    run.set(MANIFEST).await?;
    run.schedule(Request::new().manifest().heartbeat().force()).await?;
    run.close().await?;
    tandem.record_run(SUMMARY, RecordOptions::new()).await?;
    Ok(tandem.history(HistoryOptions::new("trial")).await?.runs.len())
}

/// With the component for WASI 0.2.
fn blocking(state: &Path, file: &Path) -> Result<usize, Box<dyn Error>> {
    let tandem = blocking::Builder::dir(state).component(std::fs::read(file)?).build()?;
    let run = tandem.open_run(RunOptions::new("trial", "r1"))?;
    run.set(MANIFEST)?;
    run.schedule(Request::new().manifest().heartbeat().force())?;
    run.close()?;
    tandem.record_run(SUMMARY, RecordOptions::new())?;
    Ok(tandem.history(HistoryOptions::new("trial"))?.runs.len())
}
