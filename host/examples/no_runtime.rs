//! Keeps a run from a program that has no runtime.
//!
//! `cargo run -p tandem-host --example no_runtime -- DIRECTORY`

use std::error::Error;
use std::path::PathBuf;

use tandem_host::blocking::Tandem;
use tandem_host::{Request, RunOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(|| "state".into(), PathBuf::from);
    let tandem = Tandem::open(&directory)?;
    let run = tandem.open_run(RunOptions::new("nightly", "r1"))?;
    run.set(r#"{"status": "in_progress"}"#)?;
    run.schedule(Request::new().manifest().heartbeat().force())?;

    // The work.

    run.merge(r#"{"status": "succeeded"}"#)?;
    // Closing tells whether everything is written; the drop of a handle could not.
    run.close()?;
    println!("kept in {}", directory.display());
    Ok(())
}
