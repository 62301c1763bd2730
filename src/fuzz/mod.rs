//! What must hold for whatever comes from outside: documents, patches, summaries, ids, and every
//! file that is found on the disk. Each target takes any bytes and panics if its rules do not hold.
//!
//! The tests run the targets on `tests/corpus/` and on a fixed walk around it; `fuzz/` searches on.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it runs where there are files"
)]

#[cfg(test)]
mod corpus;
mod disk;
mod document;
mod history;
mod ident;
mod lock;
pub mod mutate;
mod patch;
mod pieces;
mod recovery;
mod summary;
mod temp;
mod time;
mod tree;

pub use document::document;
pub use history::history;
pub use ident::ident;
pub use lock::lock;
pub use patch::patch;
pub use recovery::recovery;
pub use summary::summary;
pub use temp::temp;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const CORPORA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

    /// Of this crate, and `feed` of the host's.
    const TARGETS: [&str; 9] =
        ["document", "feed", "history", "ident", "lock", "patch", "recovery", "summary", "temp"];

    /// The sorted names in a directory, of directories or of files without their ends.
    fn names(path: &Path, are_directories: bool) -> Vec<String> {
        let entries = path.read_dir().expect("a directory").map(|entry| entry.expect("an entry"));
        let paths = entries.map(|entry| entry.path());
        let paths = paths.filter(|path| path.is_dir() == are_directories);
        let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut names: Vec<_> = paths.map(|path| name(&path)).collect();
        names.sort();
        names
    }

    #[test]
    fn every_target_has_a_corpus_and_a_program_and_no_other_is_there() {
        assert_eq!(names(Path::new(CORPORA), true), TARGETS);
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        assert_eq!(names(&fuzz.join("targets"), false), TARGETS);
        let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
        let programs = manifest.split("[[bin]]\nname = \"").skip(1);
        let mut programs: Vec<_> = programs.filter_map(|rest| rest.split('"').next()).collect();
        programs.sort_unstable();
        assert_eq!(programs, TARGETS);
    }

    #[test]
    fn a_document_is_taken_whole_or_changes_nothing() {
        corpus::check(CORPORA, "document", 2_000, document);
    }

    #[test]
    fn a_patch_does_what_the_rfc_says_or_changes_nothing() {
        corpus::check(CORPORA, "patch", 2_000, patch);
    }

    #[test]
    fn a_summary_is_in_both_files_or_the_disk_is_untouched() {
        corpus::check(CORPORA, "summary", 2_000, summary);
    }

    #[test]
    fn a_history_is_merged_into_or_set_aside_and_never_stops_a_run() {
        corpus::check(CORPORA, "history", 2_000, history);
    }

    #[test]
    fn a_lock_of_any_content_expires_and_no_run_is_lost() {
        corpus::check(CORPORA, "lock", 1_000, lock);
    }

    #[test]
    fn what_open_finds_is_returned_or_set_aside_as_it_is() {
        corpus::check(CORPORA, "recovery", 2_000, recovery);
    }

    #[test]
    fn an_id_stays_in_its_place_or_is_refused_in_one_line() {
        corpus::check(CORPORA, "ident", 2_000, ident);
    }

    #[test]
    fn a_sweep_takes_temporary_files_and_nothing_else() {
        corpus::check(CORPORA, "temp", 2_000, temp);
    }
}
