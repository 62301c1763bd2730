//! The same through the component, on each kind of files that can stand behind it.

use std::path::Path;

use futures::future::{BoxFuture, FutureExt, try_join_all};
use tandem_host::disk::{OsDisk, Threads};
use tandem_host::{Durability, Receipt, Request, Run, RunOptions, Tandem as Host};

use crate::Result;
use crate::contender::{Contender, Sample, here};
use crate::work::{Case, HEARTBEAT_BYTES, TASK, Work, run_name};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// The library's own, as it is by default.
    InPlace,
    /// The library's own, with every call on a worker.
    Workers,
    Wasmtime,
}

/// Open runs whose documents are set.
pub struct Tandem {
    host: Host,
    runs: Vec<Run>,
    bytes: u64,
}

impl Tandem {
    pub async fn new(root: &Path, work: &Work, files: Files) -> Result<Self> {
        let host = host(root, files).await?;
        let mut runs = Vec::new();
        for run in 0..work.runs_at_once {
            let run = host.open_run(options(&run_name(run), work.case)).await?;
            run.set(&*work.manifest).await?;
            runs.push(run);
        }
        Ok(Self { host, runs, bytes: work.bytes as u64 })
    }

    async fn flush(&self) -> Result<()> {
        try_join_all(self.runs.iter().map(|run| self.flush_one(run))).await?;
        Ok(())
    }

    async fn flush_one(&self, run: &Run) -> Result<()> {
        let receipt = run.schedule(Request::new().manifest().heartbeat().force()).await?;
        check(receipt, self.bytes)
    }
}

/// A figure for other work than the others do would be worth nothing.
pub fn check(receipt: Receipt, bytes: u64) -> Result<()> {
    let written = [receipt.manifest, receipt.heartbeat].map(|file| file.map(|file| file.bytes));
    if written != [Some(bytes), Some(HEARTBEAT_BYTES as u64)] {
        return Err(format!("tandem wrote other files: {written:?}").into());
    }
    Ok(())
}

impl Contender for Tandem {
    fn turn(&mut self) -> BoxFuture<'_, Result<Sample>> {
        here(self.flush()).boxed()
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        stop(self.host).boxed()
    }
}

/// Close every run.
pub async fn stop(host: Host) -> Result<()> {
    for run in host.shutdown().await {
        run.outcome?;
    }
    Ok(())
}

pub async fn host(root: &Path, files: Files) -> Result<Host> {
    std::fs::create_dir_all(root)?;
    let builder = match files {
        Files::InPlace => Host::builder().dir(root),
        Files::Workers => Host::builder().disk(OsDisk::open(root)?.threads(Threads::Workers)),
        Files::Wasmtime => Host::builder().wasmtime_filesystem(root),
    };
    Ok(builder.build().await?)
}

/// Both files are kept alike.
pub fn options(run: &str, case: Case) -> RunOptions {
    let durability = if case.is_durable() { Durability::Durable } else { Durability::Visible };
    RunOptions::new(TASK, run).manifest_durability(durability).heartbeat_durability(durability)
}
