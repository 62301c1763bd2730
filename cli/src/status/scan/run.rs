//! Looks at one run.

use std::ffi::OsStr;
use std::time::SystemTime;

use cap_std::fs::{Dir, MetadataExt};

use super::directory::{Attend, subdirectory};
use super::file::{self, Stamp};
use super::place::Place;
use crate::status::known::{Known, Missing, Signs};
use crate::status::manifest::FoundManifest;
use crate::status::state::State;
use crate::table::time;

pub const MANIFEST: &str = "manifest.json";
pub const HEARTBEAT: &str = ".heartbeat";
/// What the library writes at most by default.
pub const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A heartbeat has 25.
const HEARTBEAT_BYTES_MAX: u64 = 4 * 1024;

/// What is known of a run, and of which files.
#[derive(Clone, Debug)]
pub struct ScannedRun {
    pub known: Known,
    /// Of the manifest that was read, as long as its stamp tells whether it is the same.
    manifest: Option<Stamp>,
    heartbeat: Option<Stamp>,
}

impl ScannedRun {
    /// What stands for a run, or for the runs of a task, that cannot be looked at.
    pub fn unreadable(task: &OsStr, run: &OsStr, why: String) -> Self {
        ScannedRun::without_manifest(task, run, State::Unreadable, why, None)
    }

    fn without_manifest(
        task: &OsStr,
        run: &OsStr,
        state: State,
        why: String,
        written: Option<SystemTime>,
    ) -> Self {
        let signs = Signs { written, ..Signs::default() };
        let manifest = Err(Missing { state, why });
        ScannedRun {
            known: Known::new(task, run, manifest, signs),
            manifest: None,
            heartbeat: None,
        }
    }
}

/// Looks at a run, if its directory is there. What has not changed since is not read again.
pub fn look(
    cli: &Dir,
    task: &OsStr,
    run: &OsStr,
    before: Option<&ScannedRun>,
    attend: Attend<'_>,
) -> Option<ScannedRun> {
    let now = SystemTime::now();
    let place = Place::Run(task.to_owned(), run.to_owned());
    let dir = match subdirectory(cli, run) {
        Ok(Some(dir)) => dir,
        Ok(None) => return None,
        Err(why) => {
            attend(None, &place);
            return Some(ScannedRun::unreadable(task, run, why));
        }
    };
    attend(Some(&dir), &place);
    if task.to_str().is_none() || run.to_str().is_none() {
        let why = "its name is not UTF-8".to_owned();
        return Some(ScannedRun::unreadable(task, run, why));
    }
    let without = |state, why| {
        let metadata = dir.dir_metadata().ok();
        // It is being removed.
        if metadata.as_ref().is_some_and(|dir| dir.nlink() == 0) {
            return None;
        }
        let written = metadata.and_then(|dir| dir.modified().ok()).map(|at| at.into_std());
        Some(ScannedRun::without_manifest(task, run, state, why, written))
    };
    let mut found = match file::find(&dir, MANIFEST) {
        Ok(Some(found)) => found,
        Ok(None) => return without(State::Empty, "no manifest yet".to_owned()),
        Err(why) => {
            attend(None, &place);
            return without(State::Unreadable, why);
        }
    };
    let mut is_read = true;
    let manifest = match before.filter(|before| found.is(before.manifest)) {
        Some(before) => before.known.manifest.clone(),
        None => match file::read(&dir, MANIFEST, MANIFEST_BYTES_MAX) {
            Ok(Some((read, content))) => {
                found = read;
                FoundManifest::read(&content)
                    .map_err(|why| Missing { state: State::Unreadable, why })
            }
            Ok(None) => return without(State::Empty, "no manifest yet".to_owned()),
            Err(why) => {
                is_read = false;
                attend(None, &place);
                Err(Missing { state: State::Unreadable, why })
            }
        },
    };
    let (heartbeat, heartbeat_stamp) = heartbeat(&dir, before, now);
    let signs = Signs { heartbeat, written: found.modified, ..Signs::default() };
    Some(ScannedRun {
        known: Known::new(task, run, manifest, signs),
        manifest: found.settled(now).filter(|_| is_read),
        heartbeat: heartbeat_stamp,
    })
}

/// When the heartbeat was made. One that cannot be read is no sign of life.
fn heartbeat(
    dir: &Dir,
    before: Option<&ScannedRun>,
    now: SystemTime,
) -> (Option<SystemTime>, Option<Stamp>) {
    let Ok(Some(found)) = file::find(dir, HEARTBEAT) else { return (None, None) };
    if let Some(before) = before.filter(|before| found.is(before.heartbeat)) {
        return (before.known.signs.heartbeat, before.heartbeat);
    }
    let Ok(Some((found, content))) = file::read(dir, HEARTBEAT, HEARTBEAT_BYTES_MAX) else {
        return (None, None);
    };
    let text = std::str::from_utf8(&content).unwrap_or_default();
    let told = time(text.trim_start_matches('\u{feff}'));
    (told.or(found.modified), found.settled(now))
}
