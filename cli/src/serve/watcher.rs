//! One thread looks at the runs, for all who view them, and only while somebody does.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::watch;

use super::board::{Board, NewsPiece, RunName};
use super::bounds::{GAP, LINGER, LOOK, PIECE_BYTES, VIEWERS_MAX};
use super::line::line;
use crate::location::OpenedLocation;
use crate::status;
use crate::status::known::Known;
use crate::status::locked::lock;
use crate::status::select::Selection;
use crate::status::source;

/// What the thread and the viewers share.
pub struct Watcher {
    /// In the marks of this process: after another start, the numbers mean something else.
    epoch: String,
    /// What the page calls where the runs are.
    place: String,
    seen: Mutex<Sighted>,
    viewed: Condvar,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Sighted {
    board: Board,
    store: Store,
    viewers: usize,
    /// Whether somebody has looked since the first of those who view came.
    is_fresh: bool,
}

/// How it is with where the runs are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    /// Why it cannot be reached. What is on the board is of before then.
    pub away: Option<String>,
    /// Why changes are looked for each second.
    pub note: Option<String>,
}

/// What there is to tell a viewer.
pub enum News {
    Nothing,
    Runs(NewsPiece),
    Store(Store),
    /// What changed since is no longer known: all has to be told.
    Forgotten,
}

/// What changed of a run: how it stands, or that it is no more.
type RunChange = (RunName, Option<String>);

impl Watcher {
    /// # Errors
    /// The system's.
    pub fn start(place: OpenedLocation, is_polled: bool) -> io::Result<Arc<Self>> {
        let watcher = Arc::new(Watcher::new(place.title())?);
        let watching = watcher.clone();
        thread::Builder::new().name("watcher".to_owned()).spawn(move || {
            loop {
                watching.wait_for_viewer();
                let followed = status::source_of(&place, is_polled)
                    .and_then(|source| source.follow(Selection::default()));
                if let Err(why) = followed.and_then(|followed| watching.follow(followed)) {
                    // It begins anew: what could not be listed may be another store by then.
                    watching.lose(why);
                    thread::sleep(LOOK);
                }
            }
        })?;
        Ok(watcher)
    }

    fn new(place: String) -> io::Result<Self> {
        let epoch = getrandom::u64()?;
        Ok(Watcher {
            epoch: format!("{epoch:016x}"),
            place,
            seen: Mutex::default(),
            viewed: Condvar::new(),
            changed: watch::Sender::new(()),
        })
    }

    /// Lets somebody view the runs, if there is room for one more.
    pub fn view(self: &Arc<Self>) -> Option<Viewer> {
        let mut seen = lock(&self.seen);
        if seen.viewers >= VIEWERS_MAX {
            return None;
        }
        seen.viewers += 1;
        self.viewed.notify_all();
        Some(Viewer { watcher: self.clone(), changed: self.changed.subscribe() })
    }

    fn wait_for_viewer(&self) {
        let mut seen = lock(&self.seen);
        while seen.viewers == 0 {
            // What was seen before is not what is there when somebody comes.
            seen.is_fresh = false;
            seen = self.viewed.wait(seen).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts on the board what a source tells, as long as somebody views it.
    ///
    /// # Errors
    /// Why no run can be listed any more.
    fn follow(&self, mut followed: Box<dyn source::Follow>) -> Result<(), String> {
        let mut changes: Option<Vec<RunChange>> = None;
        let mut judged = Instant::now();
        let mut viewed = Instant::now();
        loop {
            if let Some(changes) = &mut changes
                && judged.elapsed() >= LOOK
            {
                judged = Instant::now();
                changes.extend(in_progress(&*followed));
            }
            // Of what is told while the store is away nothing counts.
            changes = self.look(&*followed, changes).then(Vec::new);
            if lock(&self.seen).viewers > 0 {
                viewed = Instant::now();
            }
            if viewed.elapsed() > LINGER && self.leave() {
                return Ok(());
            }
            thread::sleep(GAP);
            wait(&*followed, LOOK.saturating_sub(GAP));
            let now = followed.judged_at();
            followed.update(&mut |word| {
                let Some(changes) = &mut changes else { return };
                changes.push(match word {
                    source::Word::Is(known) => (name(known), Some(line(known, now))),
                    source::Word::Gone(known) => (name(known), None),
                });
            })?;
        }
    }

    /// Puts on the board what changed; without that, at first and when the store is back, whatever is
    /// different. Tells whether the store can be reached.
    fn look(&self, followed: &dyn source::Follow, changes: Option<Vec<RunChange>>) -> bool {
        if let Some(why) = followed.away() {
            self.lose(why);
            return false;
        }
        let changes = changes.unwrap_or_else(|| self.compared(followed));
        self.take(changes, followed.note());
        true
    }

    /// All that is known, and what is on the board and no longer known.
    fn compared(&self, followed: &dyn source::Follow) -> Vec<RunChange> {
        let now = followed.judged_at();
        let known: Vec<RunChange> =
            followed.known().map(|known| (name(known), Some(line(known, now)))).collect();
        let names: HashSet<&RunName> = known.iter().map(|(name, _)| name).collect();
        let seen = lock(&self.seen);
        let gone = seen.board.names().filter(|name| !names.contains(&***name));
        let gone: Vec<RunChange> = gone.map(|name| ((**name).clone(), None)).collect();
        gone.into_iter().chain(known).collect()
    }

    /// Puts changes on the board.
    fn take(&self, changes: Vec<RunChange>, note: Option<String>) {
        let store = Store { away: None, note };
        let mut seen = lock(&self.seen);
        let mut is_news = !seen.is_fresh || seen.store != store;
        (seen.is_fresh, seen.store) = (true, store);
        for (name, line) in changes {
            is_news |= match line {
                Some(line) => seen.board.put(name, line),
                None => seen.board.remove(&name),
            };
        }
        drop(seen);
        if is_news {
            self.changed.send_replace(());
        }
    }

    /// Notes that the store cannot be reached. The runs stay as they were: nobody knows.
    fn lose(&self, why: String) {
        let store = Store { away: Some(why), note: None };
        let mut seen = lock(&self.seen);
        let is_news = !seen.is_fresh || seen.store != store;
        (seen.is_fresh, seen.store) = (true, store);
        drop(seen);
        if is_news {
            self.changed.send_replace(());
        }
    }

    /// Whether nobody views the runs, so that nobody looks at them from now on.
    fn leave(&self) -> bool {
        let mut seen = lock(&self.seen);
        let is_left = seen.viewers == 0;
        seen.is_fresh &= !is_left;
        is_left
    }
}

/// Those that may turn stale without a change.
fn in_progress(followed: &dyn source::Follow) -> Vec<RunChange> {
    let now = followed.judged_at();
    let is_in_progress = |known: &&Known| known.is_in_progress();
    let runs = followed.known().filter(is_in_progress);
    runs.map(|known| (name(known), Some(line(known, now)))).collect()
}

fn name(known: &Known) -> RunName {
    (known.task.clone(), known.run.clone())
}

/// Waits until the store tells of a change, but no longer than this.
fn wait(followed: &dyn source::Follow, time: Duration) {
    let Some(notices) = followed.notices() else { return thread::sleep(time) };
    let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
    // A wait that the system cannot make, or interrupts, is a short one.
    let _ = poll(&mut [PollFd::from_borrowed_fd(notices, PollFlags::IN)], Some(&time));
}

/// Somebody who views the runs.
pub struct Viewer {
    watcher: Arc<Watcher>,
    changed: watch::Receiver<()>,
}

impl Viewer {
    /// What there is to tell after the change of this number, to one who was told this of the store.
    pub fn news(&mut self, last: u64, store: Option<&Store>) -> News {
        // What changes from here on is waited for.
        self.changed.borrow_and_update();
        let seen = lock(&self.watcher.seen);
        if !seen.is_fresh {
            return News::Nothing;
        }
        if last > 0 && !seen.board.reaches_back_to(last) {
            return News::Forgotten;
        }
        let piece = seen.board.after(last, PIECE_BYTES);
        if piece.last > last {
            return News::Runs(piece);
        }
        if store != Some(&seen.store) { News::Store(seen.store.clone()) } else { News::Nothing }
    }

    /// Waits until there may be more.
    pub async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What a viewer can be told to name a change by.
    pub fn mark(&self, number: u64) -> String {
        format!("{}.{number}", self.watcher.epoch)
    }

    /// What the page calls the store.
    pub fn place(&self) -> &str {
        &self.watcher.place
    }

    /// The number of a change, if all that came after it is known.
    pub fn number(&self, mark: &str) -> Option<u64> {
        let number = mark.strip_prefix(&self.watcher.epoch)?.strip_prefix('.')?.parse().ok()?;
        lock(&self.watcher.seen).board.reaches_back_to(number).then_some(number)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        lock(&self.watcher.seen).viewers -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::os::fd::BorrowedFd;
    use std::time::SystemTime;

    use super::*;
    use crate::status::known::Signs;
    use crate::status::manifest::FoundManifest;
    use crate::status::source::Follow as _;

    const AT: Duration = Duration::from_secs(1_000_000_000);

    /// A store whose word is what a test says.
    #[derive(Default)]
    struct Told {
        runs: HashMap<String, Known>,
        away: Option<String>,
        seconds: u64,
    }

    impl Told {
        fn put(&mut self, run: &str, status: &str) {
            let manifest = FoundManifest::read(format!(r#"{{"status":"{status}"}}"#).as_bytes());
            let manifest = Ok(manifest.unwrap());
            let signs = Signs { heartbeat: Some(self.judged_at()), ..Signs::default() };
            let known = Known::new("t".as_ref(), run.as_ref(), manifest, signs);
            self.runs.insert(run.to_owned(), known);
        }
    }

    impl source::Follow for Told {
        fn update(&mut self, _tell: source::Tell<'_>) -> Result<(), String> {
            Ok(())
        }

        fn known(&self) -> Box<dyn Iterator<Item = &Known> + '_> {
            Box::new(self.runs.values())
        }

        fn away(&self) -> Option<String> {
            self.away.clone()
        }

        fn judged_at(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + AT + Duration::from_secs(self.seconds)
        }

        fn note(&self) -> Option<String> {
            None
        }

        fn notices(&self) -> Option<BorrowedFd<'_>> {
            None
        }
    }

    /// The runs with their states after a look, and whether the store was away.
    fn look(watcher: &Arc<Watcher>, told: &Told) -> (Vec<String>, bool) {
        watcher.look(told, None);
        let mut viewer = watcher.view().unwrap();
        let News::Runs(piece) = viewer.news(0, None) else { panic!("no run is told") };
        let runs: Vec<serde_json::Value> =
            serde_json::from_str(&format!("[{}]", piece.runs)).unwrap();
        let word = |run: &serde_json::Value| format!("{} {}", run["run"], run["state"]);
        let mut words: Vec<_> = runs.iter().map(|run| word(run).replace('"', "")).collect();
        words.sort();
        let is_away = match viewer.news(piece.last, None) {
            News::Store(store) => store.away.is_some(),
            _ => panic!("nothing is told of the store"),
        };
        (words, is_away)
    }

    #[test]
    fn a_store_that_is_away_turns_no_run_stale_and_is_compared_when_it_is_back() {
        let watcher = Arc::new(Watcher::new("place".to_owned()).unwrap());
        let mut told = Told::default();
        told.put("a", "in_progress");
        told.put("b", "in_progress");
        assert_eq!(look(&watcher, &told), (vec!["a live".into(), "b live".into()], false));
        // It says nothing, and time goes by.
        told.away = Some("gone".to_owned());
        told.seconds = 3600;
        let runs = std::mem::take(&mut told.runs);
        assert_eq!(look(&watcher, &told), (vec!["a live".into(), "b live".into()], true));
        told.away = None;
        told.runs = runs;
        told.put("b", "succeeded");
        told.put("c", "queued");
        told.runs.remove("a");
        assert_eq!(look(&watcher, &told), (vec!["b done".into(), "c queued".into()], false));
        // What was not away turns stale.
        told.put("d", "in_progress");
        told.seconds += 31;
        let (words, _) = look(&watcher, &told);
        assert_eq!(words, ["b done", "c queued", "d stale"]);
    }
}
