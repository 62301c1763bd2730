//! The same by calls that wait: one run after the other.

use std::path::Path;

use futures::future::{BoxFuture, FutureExt};
use tandem_host::Request;
use tandem_host::blocking::{Run, Tandem};

use crate::Result;
use crate::contender::{Contender, Sample, here};
use crate::tandem::{check, options};
use crate::work::{Work, run_name};

/// Open runs, whose documents are set if that is no part of a turn.
pub struct TandemBlocking {
    runs: Vec<Run>,
    work: Work,
}

impl TandemBlocking {
    pub fn new(root: &Path, work: &Work) -> Result<Self> {
        let host = host(root)?;
        let mut runs = Vec::new();
        for run in 0..work.runs_at_once {
            let run = host.open_run(options(&run_name(run), work.case))?;
            if !work.is_set_each_turn() {
                run.set(work.document(0))?;
            }
            runs.push(run);
        }
        Ok(Self { runs, work: work.clone() })
    }

    fn pairs(&self, mut documents: Vec<String>) -> Result<()> {
        for run in &self.runs {
            if let Some(document) = documents.pop() {
                run.set(document)?;
            }
            let receipt = run.schedule(Request::new().manifest().heartbeat().force())?;
            check(receipt, self.work.bytes)?;
        }
        Ok(())
    }
}

impl Contender for TandemBlocking {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        let documents = self.work.documents(turn);
        here(async { self.pairs(documents) }).boxed()
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async move {
            for run in &self.runs {
                run.close()?;
            }
            Ok(())
        }
        .boxed()
    }
}

pub fn host(root: &Path) -> Result<Tandem> {
    std::fs::create_dir_all(root)?;
    Ok(Tandem::open(root)?)
}
