//! What is in the place of a run's summary.

use std::time::SystemTime;

use cap_std::fs::Dir;

use super::directories::subdirectory;
use crate::json::Members;
use crate::status::row::is_ahead;
use crate::status::scan::{MANIFEST, MANIFEST_BYTES_MAX, file};
use crate::table::time;

/// What is in the place of a run's summary.
#[derive(Clone, Copy, Debug)]
pub enum FoundSummary {
    /// It names the run, and tells when that was over.
    Own(SystemTime),
    /// It cannot be read, as one that a power loss has torn.
    Broken(SystemTime),
    /// It is another file of that name, as web apps have one.
    Others(SystemTime),
}

/// What is in the place of a run's summary, if anything is.
pub fn summary(dir: &Dir, task: &str, run: &str) -> Option<FoundSummary> {
    let dir = subdirectory(dir, run).ok()??;
    let modified = match file::find(&dir, MANIFEST) {
        Ok(found) => found?.modified.unwrap_or(SystemTime::UNIX_EPOCH),
        // Tandem puts a file there, and nothing else.
        Err(_) => return Some(FoundSummary::Others(SystemTime::UNIX_EPOCH)),
    };
    let content = file::read(&dir, MANIFEST, MANIFEST_BYTES_MAX).ok().flatten();
    let content = content.map(|(_, content)| content).unwrap_or_default();
    Some(FoundSummary::read(&content, modified, task, run))
}

impl FoundSummary {
    /// What a file in the place of a run's summary is.
    pub fn read(content: &[u8], modified: SystemTime, task: &str, run: &str) -> Self {
        let text = str::from_utf8(content).unwrap_or_default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Ok(members) = Members::named(text, &["taskId", "runId", "timestamp"]) else {
            return FoundSummary::Broken(modified);
        };
        let is = |name, id| members.field::<String>(name).is_some_and(|told| told == id);
        if !(is("taskId", task) && is("runId", run)) {
            return FoundSummary::Others(modified);
        }
        let told = members.field::<String>("timestamp").as_deref().and_then(time);
        let told = told.filter(|at| !is_ahead(*at, SystemTime::now()));
        FoundSummary::Own(told.unwrap_or(modified))
    }
}
