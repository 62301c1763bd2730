//! Native Rust with std: what anyone would write first, and the fastest that stays simple.

use std::path::Path;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, try_join_all};

use crate::Result;
use crate::contender::{Contender, Sample, here};
use crate::files::Files;
use crate::work::Work;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All runs and files one after the other, on the calling thread.
    Sequential,
    /// Each replace is one piece of work on another thread.
    Concurrent,
}

pub struct Native {
    runs: Vec<Arc<Files>>,
    work: Work,
    order: Order,
}

impl Native {
    pub fn new(root: &Path, work: &Work, order: Order) -> Result<Self> {
        let directories = work.directories(root)?.into_iter();
        let runs = directories.map(|at| Files::new(at, work.case.is_durable())).collect();
        Ok(Self { runs, work: work.clone(), order })
    }

    /// The pair of one run, on the calling thread.
    pub fn flush_one(&self, run: usize, manifest: &str) -> Result<()> {
        Ok(self.runs[run].replace_both_here(manifest)?)
    }

    pub async fn flush(&self, manifest: &Arc<str>) -> Result<()> {
        match self.order {
            Order::Sequential => {
                for run in 0..self.runs.len() {
                    self.flush_one(run, manifest)?;
                }
            }
            Order::Concurrent => {
                try_join_all(self.runs.iter().map(|run| run.replace_both(manifest))).await?;
            }
        }
        Ok(())
    }
}

impl Contender for Native {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        let manifest = self.work.file(turn);
        async move { here(self.flush(&manifest)).await }.boxed()
    }
}
