//! What the system said of the disk calls that failed last. The component is told a code only, so
//! whoever passes its errors on looks here for the rest.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::names::{original_of, temporary_target};
use crate::disk::ErrorCode;
use crate::disk::said::Said;
use crate::limits::failed_call;
use crate::records::Operation;

/// The failures of one component's disk.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    failures: VecDeque<Note>,
    /// What is missing is mostly asked for to learn just that, so it pushes no failure out.
    missing: VecDeque<Note>,
}

#[derive(Debug)]
struct Note {
    /// The file or directory; of a rename, the new name.
    path: String,
    /// Of a rename, the old name.
    moved: Option<String>,
    code: ErrorCode,
    said: Said,
}

/// Of each. An error is passed on soon after it was noted, and few fail at once.
const NOTES_MAX: usize = 64;

impl Notes {
    pub(super) fn add(&self, path: &str, moved: Option<&str>, code: ErrorCode, said: Said) {
        let mut kept = self.kept();
        let notes = match code {
            // A lock that another keeps, or a directory that is there: it is tried to learn just that.
            ErrorCode::Exist => return,
            ErrorCode::NoEntry => &mut kept.missing,
            _ => &mut kept.failures,
        };
        notes.truncate(NOTES_MAX - 1);
        let (path, moved) = (path.to_owned(), moved.map(str::to_owned));
        notes.push_front(Note { path, moved, code, said });
    }

    /// What the system said when this step failed with this code, at this path or, of a directory
    /// that is synced or opened on the way, above it.
    pub(super) fn find(&self, operation: Operation, path: &str, code: &str) -> Option<String> {
        let kept = self.kept();
        let fits = |note: &&Note| note.code.name() == code && serves(note.said.step, operation);
        let notes = || kept.failures.iter().chain(&kept.missing).filter(fits);
        let is_above = |note: &&Note| {
            let rest = path.strip_prefix(note.path.as_str());
            note.path == "." || rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let target = target(path);
        let is_own = |path: &str| self::target(path) == target;
        let own =
            notes().find(|note| is_own(&note.path) || note.moved.as_deref().is_some_and(is_own));
        let note = own.or_else(|| notes().find(is_above))?;
        Some(failed_call(note.said.call, &note.said.error))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call of the system is what such a step does.
fn serves(call: &str, operation: Operation) -> bool {
    match operation {
        Operation::CreateDirectory => call == "mkdir",
        Operation::Open => call == "open",
        Operation::Read => ["open", "read"].contains(&call),
        Operation::Write => call == "write",
        Operation::Sync => call == "fdatasync",
        Operation::Rename => call == "rename",
        Operation::SyncDirectory => call == "fsync",
        Operation::List => ["open", "readdir"].contains(&call),
        Operation::Stat => call == "stat",
        Operation::Remove => {
            ["open", "readdir", "stat", "rename", "unlink", "rmdir"].contains(&call)
        }
        Operation::Lock => true,
    }
}

/// The directory and the name of the file that a path is for, be it a temporary one, whose name keeps
/// no leading dot, or where a corrupt one is set aside.
fn target(path: &str) -> (&str, &str) {
    let (dir, name) = path.rsplit_once('/').unwrap_or((".", path));
    (dir, original_of(temporary_target(name).unwrap_or(name)).trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn said(call: &'static str, error: i32) -> (ErrorCode, Said) {
        let error = io::Error::from_raw_os_error(error);
        (ErrorCode::from(&error), Said { step: call, call, error })
    }

    #[test]
    fn a_failure_gets_what_the_system_said_of_it_and_nothing_else() {
        let notes = Notes::default();
        let random = "0123456789abcdef".repeat(2);
        let temporary = format!(".runs/t/cli/r/.heartbeat.{random}.tandem-tmp");
        let (code, words) = said("open", 24);
        notes.add(&temporary, None, code, words);
        let (code, words) = said("fsync", 5);
        notes.add(".runs/t", None, code, words);
        let find = |operation, path, code| notes.find(operation, path, code);
        let heartbeat = ".runs/t/cli/r/.heartbeat";
        let opened = find(Operation::Open, heartbeat, "io").unwrap();
        assert!(opened.starts_with("open: Too many open files"), "{opened}");
        let synced = find(Operation::SyncDirectory, heartbeat, "io").unwrap();
        assert!(synced.starts_with("fsync: "), "{synced}");
        // Another step, another file, another code, a name that only begins alike.
        assert_eq!(find(Operation::Write, heartbeat, "io"), None);
        assert_eq!(find(Operation::Open, ".runs/t/cli/r/manifest.json", "io"), None);
        assert_eq!(find(Operation::Open, heartbeat, "access"), None);
        assert_eq!(find(Operation::SyncDirectory, ".runs/task", "io"), None);
    }

    #[test]
    fn a_call_on_the_way_is_told_by_its_own_name() {
        let notes = Notes::default();
        let (code, words) = said("open", 24);
        notes.add("a", None, code, Said { step: "fsync", ..words });
        let told = notes.find(Operation::SyncDirectory, "a", "io").unwrap();
        assert!(told.starts_with("open: Too many open files"), "{told}");
    }

    #[test]
    fn what_fails_while_a_corrupt_file_is_set_aside_is_the_file_s() {
        let notes = Notes::default();
        let (code, words) = said("rename", 5);
        notes.add("out/t/runs.json.corrupt-0123456789abcdef", None, code, words);
        let told = notes.find(Operation::Rename, "out/t/runs.json", "io").unwrap();
        assert!(told.starts_with("rename: "), "{told}");
    }

    #[test]
    fn what_cannot_be_moved_away_is_told_by_its_own_name() {
        let notes = Notes::default();
        let random = "0123456789abcdef".repeat(2);
        let (inside, to) =
            (format!("r/.a.{random}.tandem-tmp/mod"), format!("r/.a.{random}.tandem-tmp"));
        let (code, words) = said("rename", 13);
        notes.add(&to, Some(&inside), code, words);
        let told = notes.find(Operation::Remove, &inside, "access").unwrap();
        assert!(told.starts_with("rename: Permission denied"), "{told}");
    }

    #[test]
    fn what_is_asked_for_to_learn_whether_it_is_there_pushes_no_failure_out() {
        let notes = Notes::default();
        let (code, words) = said("open", 24);
        notes.add("a", None, code, words);
        for _ in 0..NOTES_MAX {
            for error in [2, 17] {
                let (code, words) = said("open", error);
                notes.add("b", None, code, words);
            }
        }
        assert!(notes.find(Operation::Open, "a", "io").is_some());
        assert!(notes.find(Operation::Open, "b", "no-entry").is_some());
        assert_eq!(notes.find(Operation::Open, "b", "exist"), None);
    }

    #[test]
    fn the_newest_of_a_few_is_told() {
        let notes = Notes::default();
        for error in [5, 24] {
            let (code, words) = said("open", error);
            notes.add("a", None, code, words);
        }
        let told = notes.find(Operation::Open, "a", "io").unwrap();
        assert!(told.contains("Too many open files"), "{told}");
        for n in 0..NOTES_MAX {
            let (code, words) = said("open", 5);
            notes.add(&n.to_string(), None, code, words);
        }
        assert_eq!(notes.find(Operation::Open, "a", "io"), None);
    }
}
