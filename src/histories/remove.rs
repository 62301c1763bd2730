//! Removes runs: takes their directories away under the lock of their task, and empties them after
//! it.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;

use super::leftovers::CLI;
use super::lock::{Held, LockPath, Waiter};
use super::settings::RemoveSettings;
use super::shared::Shared;
use super::snapshot::Subtraction;
use super::source::HistoryFile;
use super::{Histories, leftovers, snapshot, tree};
use crate::error::{Code, Error, Failure, Operation};
use crate::ident;
use crate::records::{LeftReason, LeftRun, Removed};
use crate::registry::{Registration, Registry};
use crate::storage::durable::sync_directories;
use crate::storage::{Kind, Opened, Storage, temp};

/// How far the time of a file may be ahead of the file system's clock and still tell something.
const AHEAD_MAX: Duration = Duration::from_secs(5);

impl<S: Storage> Histories<S> {
    /// Removes runs of a task, but for those that `registry` has.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::NotRemoved`], [`Error::Storage`], [`Error::Corrupt`].
    pub async fn remove_runs(
        &self,
        registry: &Registry,
        run_ids: Vec<String>,
        settings: RemoveSettings,
    ) -> Result<Removed, Error> {
        run_ids.iter().try_for_each(|run_id| ident::check("run id", run_id))?;
        let path = settings.task_directory();
        let removal = Removal {
            shared: self.0.clone(),
            registry: registry.clone(),
            history: HistoryFile::of(&settings.layout, &settings.task_id),
            path: path.clone(),
            settings,
        };
        let (sender, receiver) = oneshot::channel();
        // A task of its own, so that a caller that goes away leaves nothing half done.
        self.0.storage.spawn(Box::pin(async move {
            let _ = sender.send(removal.remove(run_ids).await);
        }));
        receiver.await.unwrap_or(Err(Error::Closed { path }))
    }
}

/// What one call removes.
struct Removal<S: Storage> {
    shared: Rc<Shared<S>>,
    registry: Registry,
    settings: RemoveSettings,
    history: HistoryFile,
    /// The directory of the task's runs and summaries.
    path: String,
}

/// The directories that a call works in, as far as they are there.
struct Places<S: Storage> {
    task: Option<S::Dir>,
    history: Option<Opened<S::Dir>>,
}

/// A run that may go.
struct Candidate {
    run_id: String,
    /// Whether it has a directory of its own.
    has_run: bool,
    /// Whether its summary has one.
    has_summary: bool,
    /// Nobody opens it meanwhile.
    _registration: Registration,
}

/// How far a call is, which may need the lock several times.
struct Progress {
    /// The runs that are still to be looked at.
    waiting: Vec<String>,
    removed: Removed,
    /// The runs whose entries are out of the history.
    in_history: BTreeSet<String>,
    /// The names of the directories that it has renamed.
    renamed: BTreeSet<String>,
    /// Whether directories were renamed, or may have been, those too that are back.
    has_renamed: bool,
    /// The names of directories that could not be put back. This call does not empty them.
    kept: BTreeSet<String>,
    /// The names of directories that are to be emptied, those of earlier calls too.
    emptying: Vec<String>,
}

impl<S: Storage> Removal<S> {
    async fn remove(self, run_ids: Vec<String>) -> Result<Removed, Error> {
        let storage = &*self.shared.storage;
        let mut seen = BTreeSet::new();
        let run_ids = run_ids.into_iter().filter(|run_id| seen.insert(run_id.clone())).collect();
        let places = Places {
            task: self.open(&self.path).await?,
            history: match self.settings.from_history || self.settings.sweep {
                true => self.open(&self.history.directory).await?.map(|dir| Opened {
                    dir,
                    is_new: false,
                    was_missing: false,
                    has_new_parent: false,
                }),
                false => None,
            },
        };
        if places.task.is_none() && places.history.is_none() {
            return Ok(Removed { absent: run_ids, ..nothing() });
        }
        let mut progress = Progress {
            waiting: run_ids,
            removed: nothing(),
            in_history: BTreeSet::new(),
            renamed: BTreeSet::new(),
            has_renamed: false,
            kept: BTreeSet::new(),
            emptying: Vec::new(),
        };
        self.under_lock(&places, &mut progress).await?;
        let Progress { mut removed, in_history, renamed, emptying, .. } = progress;
        removed.entries = count(in_history.len());
        let Some(task) = &places.task else { return Ok(removed) };
        for name in &emptying {
            match tree::remove(storage, task, &self.path, name).await {
                Ok(()) if renamed.contains(name) => {}
                Ok(()) => removed.swept += 1,
                Err(failure) => removed.remaining.push(failure.into()),
            }
        }
        if self.settings.sweep {
            let swept = leftovers::sweep(storage, task, &self.path, &self.settings, &self.registry);
            removed.swept += swept.await;
        }
        Ok(removed)
    }

    /// Opens a directory, if it is there.
    async fn open(&self, path: &str) -> Result<Option<S::Dir>, Failure> {
        match self.shared.storage.open_dir(path).await {
            Ok(dir) => Ok(Some(dir)),
            Err(Code::NO_ENTRY) => Ok(None),
            Err(code) => Err(failure(Operation::Open, path.to_owned(), code)),
        }
    }

    async fn under_lock(&self, places: &Places<S>, progress: &mut Progress) -> Result<(), Error> {
        let (shared, storage) = (&*self.shared, &*self.shared.storage);
        let RemoveSettings { runs_root, task_id, lock_wait_ms, lease_ms, .. } = &self.settings;
        let lock = LockPath { root: runs_root.clone(), task_id: task_id.clone() };
        let wait_ns = lock_wait_ms.saturating_mul(1_000_000);
        let deadline_ns = storage.monotonic_ns().saturating_add(wait_ns);
        let mut waiter = Waiter::new(shared.recall(&lock));
        waiter.lease_ms = *lease_ms;
        let taken = loop {
            if let Some(held) = waiter.acquire(storage, &lock).await? {
                let is_taken = held.keep(storage, self.take(places, &held, progress)).await;
                held.release(storage).await;
                if is_taken? {
                    waiter.is_served();
                    break Ok(());
                }
            }
            if storage.monotonic_ns() >= deadline_ns {
                let failure = failure(Operation::Lock, lock.full(), Code::LOCKED);
                break Err(match progress.in_history.is_empty() && progress.renamed.is_empty() {
                    true => Error::NotRemoved { failure, holder: waiter.holder() },
                    // The lock was lost on the way.
                    false => failure.into(),
                });
            }
            storage.sleep_until(waiter.pause_until(storage, deadline_ns)).await;
        };
        shared.remember(&lock, waiter);
        taken
    }

    /// Takes runs away. It is `false` if the lock turns out to be lost: what is taken by then is out
    /// of `progress.waiting`.
    ///
    /// The entries of the history go first: a run that still has its directories is found again.
    async fn take(
        &self,
        places: &Places<S>,
        held: &Held<S>,
        progress: &mut Progress,
    ) -> Result<bool, Error> {
        let storage = &*self.shared.storage;
        let now = match &places.task {
            Some(task) if !progress.waiting.is_empty() => {
                temp::disk_time(storage, task, &self.path).await?
            }
            _ => Duration::ZERO,
        };
        // What is written while this goes on is not ahead.
        let since_ns = storage.monotonic_ns();
        let now = || {
            let passed_ns = storage.monotonic_ns().saturating_sub(since_ns);
            now.saturating_add(Duration::from_nanos(passed_ns))
        };
        let mut candidates = VecDeque::new();
        for run_id in std::mem::take(&mut progress.waiting) {
            match self.look(places, &run_id, now()).await {
                Ok(candidate) => candidates.push_back(candidate),
                Err(left) => progress.removed.left.push(left),
            }
        }
        let swept = &mut progress.removed.swept;
        let in_history = self.take_entries(places, held, &candidates, swept).await?;
        let mut is_held = in_history.is_some();
        progress.in_history.extend(in_history.into_iter().flatten());
        while is_held {
            // Whoever took the lock over may have these runs in hand, or be about to put back what
            // it has renamed.
            is_held = self.is_held(held).await?;
            let Some(candidate) = is_held.then(|| candidates.pop_front()).flatten() else { break };
            progress.has_renamed |= candidate.has_run || candidate.has_summary;
            match self.rename(places, &candidate, now(), &mut progress.kept).await {
                Ok(names) => {
                    let run_id = candidate.run_id;
                    let is_there = !names.is_empty() || progress.in_history.contains(&run_id);
                    let removed = &mut progress.removed;
                    let list = if is_there { &mut removed.runs } else { &mut removed.absent };
                    list.push(run_id);
                    progress.renamed.extend(names);
                }
                Err(left) => progress.removed.left.push(left),
            }
        }
        progress.waiting = candidates.into_iter().map(|candidate| candidate.run_id).collect();
        if !is_held {
            return Ok(false);
        }
        let Some(task) = &places.task else { return Ok(true) };
        progress.emptying = leftovers::renamed(storage, task, &self.path).await?;
        if progress.has_renamed || !progress.emptying.is_empty() {
            // A directory whose rename a power loss undoes must be whole, and one that was put back
            // must stay there.
            self.sync(task).await?;
        }
        progress.emptying.retain(|name| !progress.kept.contains(name));
        Ok(true)
    }

    async fn is_held(&self, held: &Held<S>) -> Result<bool, Failure> {
        let RemoveSettings { runs_root, task_id, .. } = &self.settings;
        held.is_held(&*self.shared.storage).await.map_err(|code| {
            let lock = LockPath { root: runs_root.clone(), task_id: task_id.clone() };
            failure(Operation::Lock, lock.full(), code)
        })
    }

    /// Whether a run may go.
    async fn look(
        &self,
        places: &Places<S>,
        run_id: &str,
        now: Duration,
    ) -> Result<Candidate, LeftRun> {
        let run = format!("{CLI}/{run_id}");
        let registration = Registration::new(&self.registry, format!("{}/{run}", self.path))
            .map_err(|_| left(run_id, LeftReason::Open))?;
        let mut candidate = Candidate {
            run_id: run_id.to_owned(),
            has_run: false,
            has_summary: false,
            _registration: registration,
        };
        let Some(task) = &places.task else { return Ok(candidate) };
        let run_made =
            self.directory(task, &run).await.map_err(|why| self.left(run_id, &run, why))?;
        let summary = self.directory(task, run_id).await;
        let summary_made = summary.map_err(|why| self.left(run_id, run_id, why))?;
        if let Some(made) = run_made {
            let alive = self.is_alive(task, &run, run_id, Some(made), now).await;
            if alive.map_err(|code| self.left(run_id, &run, NotTaken::Stat(code)))? {
                return Err(left(run_id, LeftReason::Alive));
            }
        }
        (candidate.has_run, candidate.has_summary) = (run_made.is_some(), summary_made.is_some());
        Ok(candidate)
    }

    /// When a directory was changed, if there is one.
    async fn directory(&self, task: &S::Dir, name: &str) -> Result<Option<Duration>, NotTaken> {
        match self.shared.storage.stat(task, name).await {
            Ok(stat) if stat.kind == Kind::Directory => Ok(Some(stat.modified)),
            Ok(_) => Err(NotTaken::NoDirectory),
            Err(Code::NO_ENTRY | Code::NOT_DIRECTORY) => Ok(None),
            Err(code) => Err(NotTaken::Stat(code)),
        }
    }

    /// Whether the run whose directory has the name `run` has shown a sign of life lately, and was
    /// not recorded since. If it has no file yet, the last change of its directory counts: `made`, or
    /// else what the disk tells by now.
    async fn is_alive(
        &self,
        task: &S::Dir,
        run: &str,
        run_id: &str,
        made: Option<Duration>,
        now: Duration,
    ) -> Result<bool, Code> {
        let RemoveSettings { manifest_name, heartbeat_name, summary_name, alive_for, .. } =
            &self.settings;
        let manifest = self.written(task, &format!("{run}/{manifest_name}")).await?;
        let heartbeat = self.written(task, &format!("{run}/{heartbeat_name}")).await?;
        let signs = match (manifest, heartbeat, made) {
            (None, None, None) => [self.changed(task, run).await?, None],
            (None, None, made) => [made, None],
            (manifest, heartbeat, _) => [manifest, heartbeat],
        };
        let tells = |sign: &Duration| {
            *sign <= now.saturating_add(AHEAD_MAX) && now.saturating_sub(*sign) < *alive_for
        };
        let Some(sign) = signs.into_iter().flatten().filter(tells).max() else { return Ok(false) };
        let recorded = self.written(task, &format!("{run_id}/{summary_name}")).await?;
        Ok(recorded.is_none_or(|recorded| recorded < sign))
    }

    /// When a directory was changed, if it is there; to move it is no change of it.
    async fn changed(&self, task: &S::Dir, name: &str) -> Result<Option<Duration>, Code> {
        match self.shared.storage.stat(task, name).await {
            Ok(stat) => Ok(Some(stat.modified)),
            Err(Code::NO_ENTRY | Code::NOT_DIRECTORY) => Ok(None),
            Err(code) => Err(code),
        }
    }

    /// When a file was written, if there is one.
    async fn written(&self, task: &S::Dir, name: &str) -> Result<Option<Duration>, Code> {
        match self.shared.storage.stat(task, name).await {
            Ok(stat) => Ok((stat.kind == Kind::File).then_some(stat.modified)),
            Err(Code::NO_ENTRY | Code::NOT_DIRECTORY) => Ok(None),
            Err(code) => Err(code),
        }
    }

    /// Takes the entries of runs out of the history, and tells whose were there.
    async fn take_entries(
        &self,
        places: &Places<S>,
        held: &Held<S>,
        candidates: &VecDeque<Candidate>,
        swept: &mut u32,
    ) -> Result<Option<BTreeSet<String>>, Error> {
        let Some(opened) = &places.history else { return Ok(Some(BTreeSet::new())) };
        let run_ids = match self.settings.from_history {
            true => candidates.iter().map(|candidate| candidate.run_id.as_str()).collect(),
            // What dead holders left goes all the same.
            false => BTreeSet::new(),
        };
        let RemoveSettings { max_history_bytes: max_bytes, sweep_after, .. } = self.settings;
        let subtraction = Subtraction { run_ids, max_bytes, sweep_after };
        snapshot::remove(&self.shared, &self.history, opened, held, &subtraction, swept).await
    }

    /// Renames the directories of a run, and tells their new names.
    async fn rename(
        &self,
        places: &Places<S>,
        candidate: &Candidate,
        now: Duration,
        kept: &mut BTreeSet<String>,
    ) -> Result<Vec<String>, LeftRun> {
        let Candidate { run_id, .. } = candidate;
        let Some(task) = &places.task else { return Ok(Vec::new()) };
        let run = format!("{CLI}/{run_id}");
        let moved = match candidate.has_run {
            true => self.move_away(task, &run, run_id, kept).await?,
            false => None,
        };
        if let Some(moved) = &moved {
            // Whoever opens the run from here on makes a new directory. What was written before
            // tells that somebody lives.
            match self.is_alive(task, moved, run_id, None, now).await {
                Ok(false) => {}
                Ok(true) => {
                    self.move_back(task, moved, &run, run_id, kept).await?;
                    return Err(left(run_id, LeftReason::Alive));
                }
                Err(code) => {
                    self.move_back(task, moved, &run, run_id, kept).await?;
                    return Err(self.left(run_id, &run, NotTaken::Stat(code)));
                }
            }
        }
        let summary = match candidate.has_summary {
            true => self.move_away(task, run_id, run_id, kept).await,
            false => Ok(None),
        };
        match (summary, &moved) {
            (Err(left), Some(moved)) => {
                self.move_back(task, moved, &run, run_id, kept).await?;
                Err(left)
            }
            (summary, _) => Ok(moved.into_iter().chain(summary?).collect()),
        }
    }

    async fn move_away(
        &self,
        task: &S::Dir,
        name: &str,
        run_id: &str,
        kept: &mut BTreeSet<String>,
    ) -> Result<Option<String>, LeftRun> {
        let storage = &*self.shared.storage;
        let temp = temp::name(storage, run_id);
        match storage.move_dir((task, name), (task, &temp)).await {
            Ok(()) => Ok(Some(temp)),
            Err(Code::NO_ENTRY) => Ok(None),
            Err(code) => {
                // It may have been renamed all the same.
                self.move_back(task, &temp, name, run_id, kept).await?;
                Err(self.left(run_id, name, NotTaken::Rename(code)))
            }
        }
    }

    /// Puts a directory back where it was, if it was moved. If somebody has made a new one there,
    /// the old one goes.
    ///
    /// # Errors
    /// It is where it was moved, and among those that are `kept`.
    async fn move_back(
        &self,
        task: &S::Dir,
        moved: &str,
        name: &str,
        run_id: &str,
        kept: &mut BTreeSet<String>,
    ) -> Result<(), LeftRun> {
        match self.shared.storage.move_dir((task, moved), (task, name)).await {
            Ok(()) | Err(Code::NO_ENTRY | Code::EXIST | Code::NOT_EMPTY) => Ok(()),
            Err(code) => {
                kept.insert(moved.to_owned());
                Err(self.left(run_id, name, NotTaken::Rename(code)))
            }
        }
    }

    /// Makes the renames durable.
    async fn sync(&self, task: &S::Dir) -> Result<(), Failure> {
        let storage = &*self.shared.storage;
        let cli = format!("{}/{CLI}", self.path);
        let cli_dir = self.open(&cli).await?;
        for (path, dir) in [(&self.path, Some(task)), (&cli, cli_dir.as_ref())] {
            let Some(dir) = dir else { continue };
            sync_directories(storage, dir, path, usize::MAX)
                .await
                .map_err(|(operation, code)| failure(operation, path.clone(), code))?;
        }
        Ok(())
    }

    /// A run that is left, and why.
    fn left(&self, run_id: &str, name: &str, why: NotTaken) -> LeftRun {
        let path = format!("{}/{name}", self.path);
        let failure = match why {
            NotTaken::NoDirectory => return left(run_id, LeftReason::NoDirectory),
            NotTaken::Stat(code) => failure(Operation::Stat, path, code),
            NotTaken::Rename(code) => failure(Operation::Remove, path, code),
        };
        LeftRun { failure: Some(failure.into()), ..left(run_id, LeftReason::Failed) }
    }
}

/// Why a directory is not taken away.
enum NotTaken {
    NoDirectory,
    Stat(Code),
    Rename(Code),
}

fn left(run_id: &str, reason: LeftReason) -> LeftRun {
    LeftRun { run_id: run_id.to_owned(), reason, failure: None }
}

fn failure(operation: Operation, path: String, code: Code) -> Failure {
    Failure { channel: None, operation, path, code }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

fn nothing() -> Removed {
    Removed {
        runs: Vec::new(),
        absent: Vec::new(),
        left: Vec::new(),
        entries: 0,
        swept: 0,
        remaining: Vec::new(),
    }
}
