//! Keeps several runs from the tasks of a tokio runtime.
//!
//! `cargo run -p tandem-host --example tokio -- DIRECTORY`

use std::error::Error;
use std::path::PathBuf;

use futures::future::try_join_all;
use tandem_host::{Request, RunOptions, Tandem};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(|| "state".into(), PathBuf::from);
    let tandem = Tandem::open(&directory).await?;
    let jobs = ["r1", "r2", "r3"].map(|run| job(tandem.clone(), run));
    try_join_all(jobs.map(tokio::spawn)).await?.into_iter().collect::<Result<(), _>>()?;

    for run in tandem.shutdown().await {
        run.outcome?;
    }
    println!("kept in {}", directory.display());
    Ok(())
}

async fn job(tandem: Tandem, run: &'static str) -> Result<(), tandem_host::Error> {
    let run = tandem.open_run(RunOptions::new("nightly", run)).await?;
    run.set(r#"{"status": "in_progress"}"#).await?;
    run.schedule(Request::new().manifest().heartbeat().force()).await?;

    // The work.

    run.merge(r#"{"status": "succeeded"}"#).await?;
    run.close().await?;
    Ok(())
}
