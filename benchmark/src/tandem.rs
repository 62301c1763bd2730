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
    /// The same, behind a component for each processor.
    Shards,
    /// The library's own, with every call on a worker.
    Workers,
    Wasmtime,
}

/// Open runs, whose documents are set if that is no part of a turn.
pub struct Tandem {
    host: Host,
    runs: Vec<Run>,
    work: Work,
}

impl Tandem {
    pub async fn new(root: &Path, work: &Work, files: Files) -> Result<Self> {
        Self::on(host(root, files).await?, work).await
    }

    /// On a host of one's own.
    pub async fn on(host: Host, work: &Work) -> Result<Self> {
        let mut runs = Vec::new();
        for run in 0..work.runs_at_once {
            let run = host.open_run(options(&run_name(run), work.case)).await?;
            if !work.is_set_each_turn() {
                run.set(work.document(0)).await?;
            }
            runs.push(run);
        }
        Ok(Self { host, runs, work: work.clone() })
    }

    async fn pairs(&self, mut documents: Vec<String>) -> Result<()> {
        try_join_all(self.runs.iter().map(|run| self.pair(run, documents.pop()))).await?;
        Ok(())
    }

    async fn pair(&self, run: &Run, document: Option<String>) -> Result<()> {
        // A call is made before it is awaited, so both go to the component at once.
        let set = document.map(|document| run.set(document));
        let receipt = run.schedule(Request::new().manifest().heartbeat().force()).await?;
        if let Some(set) = set {
            set.await?;
        }
        check(receipt, self.work.bytes)
    }
}

/// A figure for other work than the others do would be worth nothing.
pub fn check(receipt: Receipt, bytes: usize) -> Result<()> {
    let written = [receipt.manifest, receipt.heartbeat].map(|file| file.map(|file| file.bytes));
    if written != [bytes, HEARTBEAT_BYTES].map(|bytes| Some(bytes as u64)) {
        return Err(format!("tandem wrote other files: {written:?}").into());
    }
    Ok(())
}

impl Contender for Tandem {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        let documents = self.work.documents(turn);
        async move { here(self.pairs(documents)).await }.boxed()
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
        Files::Shards => {
            // No host has more.
            let shards = std::thread::available_parallelism()?.get().min(64);
            Host::builder().dir(root).shards(shards)
        }
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
