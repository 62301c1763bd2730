//! The same by calls that wait: one run after the other.

use std::path::Path;

use futures::future::{BoxFuture, FutureExt};
use tandem_host::Request;
use tandem_host::blocking::{Run, Tandem};

use crate::Result;
use crate::contender::{Contender, Sample, here};
use crate::tandem::{check, options};
use crate::work::{Work, run_name};

/// Open runs whose documents are set.
pub struct TandemBlocking {
    runs: Vec<Run>,
    bytes: u64,
}

impl TandemBlocking {
    pub fn new(root: &Path, work: &Work) -> Result<Self> {
        let host = host(root)?;
        let mut runs = Vec::new();
        for run in 0..work.runs_at_once {
            let run = host.open_run(options(&run_name(run), work.case))?;
            run.set(&*work.manifest)?;
            runs.push(run);
        }
        Ok(Self { runs, bytes: work.bytes as u64 })
    }

    fn flush(&self) -> Result<()> {
        for run in &self.runs {
            check(run.schedule(Request::new().manifest().heartbeat().force())?, self.bytes)?;
        }
        Ok(())
    }
}

impl Contender for TandemBlocking {
    fn turn(&mut self) -> BoxFuture<'_, Result<Sample>> {
        here(async { self.flush() }).boxed()
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
