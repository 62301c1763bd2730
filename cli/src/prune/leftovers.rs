//! What killed processes left in the directories of a task.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, Metadata};

use super::directories::{HISTORIES, is_temporary, names, run_names, subdirectory, task_directory};
use crate::status::scan::CLI;

/// Temporary files that are younger may be in use.
const ABANDONED: Duration = Duration::from_secs(3600);

/// How many files and directories killed processes left in the directories of a task.
#[derive(Default)]
pub struct Leftovers {
    pub of_task: usize,
    /// Those of runs and of their summaries, by the name of the directory.
    pub of_runs: BTreeMap<String, usize>,
}

/// Counts what a sweep by the library removes and counts, if nothing changes until then.
///
/// # Errors
/// A directory cannot be read.
pub fn leftovers(root: &Dir, task: &str) -> Result<Leftovers, String> {
    let now = SystemTime::now();
    let is_old = |metadata: &Metadata| {
        let at = metadata.modified().ok().map(|at| at.into_std());
        at.and_then(|at| now.duration_since(at).ok()).is_some_and(|age| age > ABANDONED)
    };
    let is_old_file = |metadata: &Metadata| metadata.is_file() && is_old(metadata);
    let mut found = Leftovers::default();
    if let Some(histories) = subdirectory(root, HISTORIES)?
        && let Some(dir) = subdirectory(&histories, task)?
    {
        found.of_task += temporary(&dir, HISTORIES)?.filter(is_old_file).count();
    }
    let Some(dir) = task_directory(root, task)? else { return Ok(found) };
    found.of_task += temporary(&dir, task)?.filter(|it| it.is_dir() || is_old_file(it)).count();
    for run in run_names(&dir, task)? {
        let Some(summary) = subdirectory(&dir, &run)? else { continue };
        let files = temporary(&summary, &run)?.filter(is_old_file).count();
        // Beside a summary that never came to be there is nothing else.
        let is_abandoned = match names(&summary, &run)?.len() {
            0 => dir.symlink_metadata(&run).is_ok_and(|metadata| is_old(&metadata)),
            entries => entries == files,
        };
        *found.of_runs.entry(run).or_default() += files + usize::from(is_abandoned);
    }
    let Some(cli) = subdirectory(&dir, CLI)? else { return Ok(found) };
    for run in run_names(&cli, CLI)? {
        let Some(dir) = subdirectory(&cli, &run)? else { continue };
        *found.of_runs.entry(run.clone()).or_default() +=
            temporary(&dir, &run)?.filter(is_old_file).count();
    }
    found.of_runs.retain(|_, count| *count > 0);
    Ok(found)
}

/// What has a temporary name in a directory.
fn temporary(dir: &Dir, shown: &str) -> Result<impl Iterator<Item = Metadata>, String> {
    let names = names(dir, shown)?.into_iter().filter(|it| is_temporary(it));
    // One that is gone is no leftover.
    Ok(names.filter_map(|name| dir.symlink_metadata(name).ok()))
}
