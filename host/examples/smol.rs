//! Keeps a run from a program whose runtime is smol. Any other will do.
//!
//! `cargo run -p tandem-host --example smol -- DIRECTORY`

use std::error::Error;
use std::path::PathBuf;

use tandem_host::{Request, RunOptions, Tandem};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(|| "state".into(), PathBuf::from);
    smol::block_on(async {
        let tandem = Tandem::open(&directory).await?;
        let run = tandem.open_run(RunOptions::new("nightly", "r1")).await?;
        run.set(r#"{"status": "in_progress"}"#).await?;
        run.schedule(Request::new().manifest().heartbeat().force()).await?;

        // The work.

        run.merge(r#"{"status": "succeeded"}"#).await?;
        run.close().await?;
        println!("kept in {}", directory.display());
        Ok(())
    })
}
