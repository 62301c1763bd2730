//! The directories of tasks and runs, and which names are the layout's own.

use std::collections::BTreeSet;

use cap_std::fs::Dir;

use crate::status::scan::{self, CLI, RUNS, can_be_run, can_be_task};

/// Where histories are.
pub const HISTORIES: &str = "out";
/// Names that the layout, or another orchestrator, has beside the summaries.
const RESERVED: [&str; 3] = [CLI, "mcp", "local-mcp"];

/// The tasks that have runs or, if asked for, a history.
///
/// # Errors
/// They cannot be listed.
pub fn tasks(root: &Dir, has_history: bool) -> Result<BTreeSet<String>, String> {
    let mut tasks = BTreeSet::new();
    let histories = if has_history { subdirectory(root, HISTORIES)? } else { None };
    for (dir, above) in [(scan::runs(root)?, RUNS), (histories, HISTORIES)] {
        let Some(dir) = dir else { continue };
        let is_task = |name: &String| can_be_task(name.as_ref()) && is_directory(&dir, name);
        tasks.extend(names(&dir, above)?.into_iter().filter(is_task));
    }
    tasks.retain(|task| refuse_link(root, task).is_ok());
    Ok(tasks)
}

/// Refuses a task whose directory is a symbolic link: what is behind it is not of the layout.
///
/// # Errors
/// One sentence that says so.
pub fn refuse_link(root: &Dir, task: &str) -> Result<(), String> {
    let path = format!("{RUNS}/{task}");
    match root.symlink_metadata(&path) {
        Ok(metadata) if metadata.is_symlink() => {
            Err(format!("{path} is a symbolic link, and prune follows none"))
        }
        _ => Ok(()),
    }
}

pub fn task_directory(root: &Dir, task: &str) -> Result<Option<Dir>, String> {
    match scan::runs(root)? {
        Some(runs) => subdirectory(&runs, task),
        None => Ok(None),
    }
}

/// The names of directories that can be those of runs; a link to one is none.
pub fn run_names(dir: &Dir, shown: &str) -> Result<Vec<String>, String> {
    let mut names = names(dir, shown)?;
    names.retain(|name| {
        can_be_run(name.as_ref()) && can_be_summary(name) && is_directory(dir, name)
    });
    Ok(names)
}

/// Whether the layout has no other use for the name beside summaries.
pub fn can_be_summary(name: &str) -> bool {
    !RESERVED.iter().any(|it| it.eq_ignore_ascii_case(name))
}

fn is_directory(dir: &Dir, name: &str) -> bool {
    dir.symlink_metadata(name).is_ok_and(|metadata| metadata.is_dir())
}

/// As the component names its temporary files, and directories that are to be removed.
pub fn is_temporary(name: &str) -> bool {
    let stem = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tandem-tmp"));
    stem.and_then(|stem| stem.rsplit_once('.')).is_some_and(|(_, random)| {
        random.len() == 32 && random.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    })
}

pub fn subdirectory(dir: &Dir, name: &str) -> Result<Option<Dir>, String> {
    scan::subdirectory(dir, name.as_ref())
}

/// All names in a directory. One that is not UTF-8 is none of Tandem's.
pub fn names(dir: &Dir, shown: &str) -> Result<Vec<String>, String> {
    let (names, problem) = scan::names(dir, shown);
    match problem {
        Some(why) => Err(why),
        None => Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect()),
    }
}
