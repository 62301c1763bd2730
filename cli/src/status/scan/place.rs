//! The directories that are looked into.

use std::ffi::{OsStr, OsString};

pub const RUNS: &str = ".runs";
/// Between a task and its runs.
pub const CLI: &str = "cli";
/// How the lock of a task's history ends.
const LOCK: &str = ".lock";

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Root,
    Runs,
    Task(OsString),
    Cli(OsString),
    Run(OsString, OsString),
}

/// Whether the rules of ids allow a task of this name. Locks and what serves them have others.
pub fn can_be_task(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    let end = bytes.len().checked_sub(LOCK.len()).and_then(|at| bytes.get(at..));
    can_be_run(name) && !end.is_some_and(|end| end.eq_ignore_ascii_case(LOCK.as_bytes()))
}

/// Whether the rules of ids allow a run of this name; what is hidden serves Tandem itself.
pub fn can_be_run(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !bytes.is_empty() && !bytes.starts_with(b".") && !bytes.contains(&b'/')
}
