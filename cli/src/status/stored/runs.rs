//! What is known of the runs in a store, from the documents that were told.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tandem_documents::{Changed, Version};

use super::key::{RunPart, parsed};
use crate::status::known::{Known, Missing, Signs};
use crate::status::manifest::FoundManifest;
use crate::status::scan::MANIFEST_BYTES_MAX;
use crate::status::select::Selection;
use crate::status::source::{Tell, Word};
use crate::status::state::State;

/// A document of a run, without what nobody shows.
pub struct Told {
    task: String,
    run: String,
    part: RunPart,
    /// None if the document is no more.
    manifest: Option<Result<FoundManifest, Missing>>,
    version: Version,
    /// When it was written, by the watcher's clock; none if nobody can tell.
    at: Option<SystemTime>,
}

/// Runs by task and name.
#[derive(Default)]
pub struct StoredRuns {
    runs: HashMap<(String, String), StoredRun>,
}

/// One run. It is there as long as one of its documents is.
struct StoredRun {
    known: Known,
    manifest: Option<Version>,
    heartbeat: Option<Version>,
}

impl Told {
    /// What a document tells, if it is one of a run that may be selected.
    pub fn read(changed: &Changed, at: Option<SystemTime>, selection: &Selection) -> Option<Self> {
        let (task, run, part) = parsed(&changed.key)?;
        let is_selected = selection.has_task(task.as_ref()) && selection.has_run(run.as_ref());
        let document = &changed.document;
        is_selected.then(|| Told {
            task: task.to_owned(),
            run: run.to_owned(),
            part,
            manifest: match part {
                RunPart::Manifest => document.body.as_ref().map(manifest),
                // What it says is by the clock of who wrote it.
                RunPart::Heartbeat => document.body.as_ref().map(|_| Err(no_manifest())),
            },
            version: document.version,
            at,
        })
    }
}

impl StoredRuns {
    /// Takes what is told, and tells of the run that it is of.
    pub fn take(&mut self, told: Told, tell: Tell<'_>) {
        let Told { task, run, part, manifest, version, at } = told;
        let mut entry = match self.runs.entry((task, run)) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(_) if manifest.is_none() => return,
            Entry::Vacant(entry) => {
                let run = StoredRun::new(&entry.key().0, &entry.key().1);
                entry.insert_entry(run)
            }
        };
        let stored = entry.get_mut();
        let known_version = match part {
            RunPart::Manifest => &mut stored.manifest,
            RunPart::Heartbeat => &mut stored.heartbeat,
        };
        // It is told again, which is no sign of life.
        if manifest.is_some() && *known_version == Some(version) {
            return;
        }
        *known_version = manifest.is_some().then_some(version);
        let at = at.filter(|_| manifest.is_some());
        let known = &mut stored.known;
        // A heartbeat, where there is one, is what tells that the run lives.
        if part == RunPart::Heartbeat || stored.heartbeat.is_none() {
            known.signs.unseen = Duration::ZERO;
        }
        match part {
            RunPart::Manifest => {
                known.manifest = manifest.unwrap_or_else(|| Err(no_manifest()));
                known.signs.written = at;
            }
            RunPart::Heartbeat => known.signs.heartbeat = at,
        }
        if (stored.manifest, stored.heartbeat) == (None, None) {
            tell(Word::Gone(&entry.remove().known));
        } else {
            tell(Word::Is(&stored.known));
        }
    }

    /// Takes everything anew, at a time by the watcher's clock. What is as it was keeps the time at which
    /// it was seen; what has changed was seen now.
    pub fn begin_anew(&mut self, told: Vec<Told>, at: SystemTime, tell: Tell<'_>) {
        let mut now = StoredRuns::default();
        for told in told {
            now.take(told, &mut |_| {});
        }
        for (name, before) in std::mem::take(&mut self.runs) {
            match now.runs.get_mut(&name) {
                Some(stored) => {
                    let (signs, seen) = (&mut stored.known.signs, before.known.signs);
                    signs.written = match stored.manifest == before.manifest {
                        true => seen.written,
                        false => signs.written.map(|_| at),
                    };
                    if stored.heartbeat == before.heartbeat {
                        signs.heartbeat = seen.heartbeat;
                        signs.unseen = seen.unseen;
                    } else {
                        signs.heartbeat = signs.heartbeat.map(|_| at);
                    }
                }
                None => tell(Word::Gone(&before.known)),
            }
        }
        self.runs = now.runs;
        self.known().for_each(|known| tell(Word::Is(known)));
    }

    /// For so long no run could be seen to live.
    pub fn was_away(&mut self, time: Duration) {
        for run in self.runs.values_mut() {
            run.known.signs.unseen += time;
        }
    }

    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.runs.values().map(|run| &run.known)
    }
}

impl StoredRun {
    fn new(task: &str, run: &str) -> Self {
        let known = Known::new(task.as_ref(), run.as_ref(), Err(no_manifest()), Signs::default());
        StoredRun { known, manifest: None, heartbeat: None }
    }
}

fn manifest(body: &Arc<[u8]>) -> Result<FoundManifest, Missing> {
    let unreadable = |why| Missing { state: State::Unreadable, why };
    if body.len() as u64 > MANIFEST_BYTES_MAX {
        let why = format!("the manifest is above the limit of {MANIFEST_BYTES_MAX} bytes");
        return Err(unreadable(why));
    }
    // What it says of its heartbeat is by the clock of who wrote it.
    let heartless = |manifest| FoundManifest { heartbeat_at: None, ..manifest };
    FoundManifest::read(body).map(heartless).map_err(unreadable)
}

fn no_manifest() -> Missing {
    Missing { state: State::Empty, why: "no manifest yet".to_owned() }
}

#[cfg(test)]
mod tests {
    use tandem_documents::Document;

    use super::*;
    use crate::status::row::Row;

    const LIVE: &str = r#"{"status":"in_progress"}"#;

    fn second(s: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(s)
    }

    fn told(name: &str, body: Option<&str>, version: u64, at_s: u64) -> Told {
        let body = body.map(|body| Arc::from(body.as_bytes()));
        let document = Document::new(body, Version(version), None);
        let key = format!(".runs/t/cli/{name}");
        let at = Some(second(at_s));
        Told::read(&Changed::new(key, document), at, &Selection::default()).unwrap()
    }

    fn states(runs: &StoredRuns, now_s: u64) -> Vec<(String, State)> {
        let rows = runs.known().map(|known| Row::new(known.clone(), second(now_s)));
        let mut states: Vec<_> = rows.map(|row| (row.run, row.state)).collect();
        states.sort();
        states
    }

    #[test]
    fn a_run_is_there_as_long_as_one_of_its_documents_is() {
        let mut runs = StoredRuns::default();
        let mut words = Vec::new();
        let changes = [
            told("r/.heartbeat", Some("x"), 1, 100),
            told("r/manifest.json", Some(LIVE), 2, 100),
            told("r/manifest.json", None, 3, 101),
            told("r/.heartbeat", None, 4, 101),
            told("r/.heartbeat", None, 4, 101),
        ];
        for change in changes {
            runs.take(change, &mut |word| {
                words.push(match word {
                    Word::Is(known) => Row::new(known.clone(), second(101)).state.word(),
                    Word::Gone(_) => "gone",
                });
            });
        }
        assert_eq!(words, ["empty", "live", "empty", "gone"]);
        assert_eq!(runs.known().count(), 0);
    }

    #[test]
    fn what_is_told_again_is_no_sign_of_life() {
        let mut runs = StoredRuns::default();
        for change in [
            told("r/manifest.json", Some(LIVE), 1, 100),
            told("r/.heartbeat", Some("x"), 2, 100),
            told("r/.heartbeat", Some("x"), 2, 140),
        ] {
            runs.take(change, &mut |_| {});
        }
        assert_eq!(states(&runs, 130), [("r".to_owned(), State::Live)]);
        assert_eq!(states(&runs, 131), [("r".to_owned(), State::Stale)]);
        runs.begin_anew(
            vec![
                told("r/.heartbeat", Some("x"), 2, 140),
                told("r/manifest.json", Some(LIVE), 1, 140),
            ],
            second(140),
            &mut |_| {},
        );
        assert_eq!(states(&runs, 131), [("r".to_owned(), State::Stale)]);
        runs.take(told("r/.heartbeat", Some("x"), 3, 140), &mut |_| {});
        assert_eq!(states(&runs, 170), [("r".to_owned(), State::Live)]);
    }

    #[test]
    fn what_is_not_told_when_all_is_told_anew_is_gone() {
        let mut runs = StoredRuns::default();
        runs.take(told("a/manifest.json", Some(LIVE), 1, 100), &mut |_| {});
        runs.take(told("b/manifest.json", Some(LIVE), 1, 100), &mut |_| {});
        let mut gone = Vec::new();
        let all = vec![told("b/manifest.json", Some(LIVE), 1, 100)];
        runs.begin_anew(all, second(100), &mut |word| {
            if let Word::Gone(known) = word {
                gone.push(known.run.clone());
            }
        });
        assert_eq!(gone, ["a"]);
        assert_eq!(states(&runs, 100), [("b".to_owned(), State::Live)]);
    }

    #[test]
    fn time_in_which_the_store_was_away_makes_no_run_stale() {
        let mut runs = StoredRuns::default();
        runs.take(told("r/manifest.json", Some(LIVE), 1, 100), &mut |_| {});
        runs.take(told("r/.heartbeat", Some("x"), 1, 110), &mut |_| {});
        runs.was_away(Duration::from_secs(60));
        assert_eq!(states(&runs, 200), [("r".to_owned(), State::Live)]);
        assert_eq!(states(&runs, 201), [("r".to_owned(), State::Stale)]);
        // From the next sign on it counts no more.
        runs.take(told("r/.heartbeat", Some("x"), 2, 205), &mut |_| {});
        assert_eq!(states(&runs, 236), [("r".to_owned(), State::Stale)]);
    }

    #[test]
    fn what_is_told_anew_after_an_outage_and_has_changed_was_seen_then() {
        let mut runs = StoredRuns::default();
        runs.take(told("r/manifest.json", Some(LIVE), 1, 100), &mut |_| {});
        runs.take(told("r/.heartbeat", Some("x"), 1, 110), &mut |_| {});
        runs.was_away(Duration::from_secs(60));
        // A heartbeat that nobody had seen before the store went away, or that it took back.
        let all = vec![
            told("r/.heartbeat", Some("x"), 2, 112),
            told("r/manifest.json", Some(LIVE), 1, 100),
        ];
        runs.begin_anew(all, second(170), &mut |_| {});
        assert_eq!(states(&runs, 200), [("r".to_owned(), State::Live)]);
        assert_eq!(states(&runs, 201), [("r".to_owned(), State::Stale)]);
    }

    #[test]
    fn the_clock_of_who_keeps_a_run_tells_nothing_of_its_age() {
        let mut runs = StoredRuns::default();
        let ahead = r#"{"status":"in_progress","heartbeat_at":"2100-01-01T00:00:00Z"}"#;
        runs.take(told("r/manifest.json", Some(ahead), 1, 100), &mut |_| {});
        assert_eq!(states(&runs, 130), [("r".to_owned(), State::Live)]);
        assert_eq!(states(&runs, 131), [("r".to_owned(), State::Stale)]);
    }

    #[test]
    fn a_manifest_that_cannot_be_read_hides_no_other_run() {
        let mut runs = StoredRuns::default();
        runs.take(told("a/manifest.json", Some("{"), 1, 100), &mut |_| {});
        runs.take(told("b/manifest.json", Some(LIVE), 1, 100), &mut |_| {});
        let expected = [("a".to_owned(), State::Unreadable), ("b".to_owned(), State::Live)];
        assert_eq!(states(&runs, 100), expected);
    }
}
