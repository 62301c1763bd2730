//! Runs that are kept in files.

use std::collections::BTreeSet;

use cap_std::fs::Dir;

use super::directories::{self, run_names, subdirectory, task_directory};
use super::kept::{Kept, kept};
use super::leftovers::{Leftovers, leftovers};
use super::place::{RunsPlace, TaskPlace};
use super::summary::{FoundSummary, summary};
use crate::status::scan::CLI;

impl RunsPlace for Dir {
    fn tasks(&self, has_history: bool) -> Result<BTreeSet<String>, String> {
        directories::tasks(self, has_history)
    }

    fn check(&self, task: &str) -> Result<(), String> {
        directories::refuse_link(self, task)
    }

    fn task(&self, task: &str) -> Result<Option<Box<dyn TaskPlace>>, String> {
        let Some(dir) = task_directory(self, task)? else { return Ok(None) };
        let cli = subdirectory(&dir, CLI)?;
        Ok(Some(Box::new(TaskDirectory { task: task.to_owned(), dir, cli })))
    }

    fn leftovers(&self, task: &str) -> Result<Leftovers, String> {
        Ok(leftovers(self, task))
    }
}

/// The directory of a task.
struct TaskDirectory {
    task: String,
    dir: Dir,
    cli: Option<Dir>,
}

impl TaskPlace for TaskDirectory {
    fn runs(&self) -> Result<Vec<String>, String> {
        self.cli.as_ref().map_or(Ok(Vec::new()), |cli| run_names(cli, CLI))
    }

    fn summaries(&self) -> Result<Vec<String>, String> {
        run_names(&self.dir, &self.task)
    }

    fn kept(&self, run: &str) -> Kept {
        self.cli.as_ref().map_or(Kept::Gone, |cli| kept(cli, &self.task, run))
    }

    fn summary(&self, run: &str) -> Option<FoundSummary> {
        summary(&self.dir, &self.task, run)
    }
}
