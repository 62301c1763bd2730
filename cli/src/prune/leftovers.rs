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
pub fn leftovers(root: &Dir, task: &str) -> Leftovers {
    let now = SystemTime::now();
    let is_old = |metadata: &Metadata| {
        let at = metadata.modified().ok().map(|at| at.into_std());
        at.and_then(|at| now.duration_since(at).ok()).is_some_and(|age| age > ABANDONED)
    };
    let is_old_file = |metadata: &Metadata| metadata.is_file() && is_old(metadata);
    let mut found = Leftovers::default();
    let history = subdirectory(root, HISTORIES).ok().flatten();
    let history = history.and_then(|dir| subdirectory(&dir, task).ok().flatten());
    found.of_task += history.map_or(0, |dir| temporary(&dir).filter(is_old_file).count());
    let Ok(Some(dir)) = task_directory(root, task) else { return found };
    found.of_task += temporary(&dir).filter(|it| it.is_dir() || is_old_file(it)).count();
    for run in run_names(&dir, task).unwrap_or_default() {
        let Ok(summary) = dir.open_dir(&run) else { continue };
        let files = temporary(&summary).filter(is_old_file).count();
        // Beside a summary that never came to be there is nothing else.
        let is_abandoned = match names(&summary, task).unwrap_or_default().len() {
            0 => dir.symlink_metadata(&run).is_ok_and(|metadata| is_old(&metadata)),
            entries => entries == files,
        };
        *found.of_runs.entry(run).or_default() += files + usize::from(is_abandoned);
    }
    let Ok(Some(cli)) = subdirectory(&dir, CLI) else { return found };
    for run in run_names(&cli, task).unwrap_or_default() {
        let Ok(dir) = cli.open_dir(&run) else { continue };
        *found.of_runs.entry(run).or_default() += temporary(&dir).filter(is_old_file).count();
    }
    found.of_runs.retain(|_, count| *count > 0);
    found
}

/// What has a temporary name in a directory.
fn temporary(dir: &Dir) -> impl Iterator<Item = Metadata> {
    let names = names(dir, "").unwrap_or_default().into_iter().filter(|it| is_temporary(it));
    names.filter_map(|name| dir.symlink_metadata(name).ok())
}
