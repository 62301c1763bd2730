//! [`DocumentsDisk`]: the component's files as documents.

mod commit;
mod dir;
mod file;
mod known;
mod moved;
mod path;
mod put;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tandem_disk::{Disk, Entry, ErrorCode, Kind, Mode, Purpose, Stat};

use commit::{Commit, Committed};
pub use dir::DocumentsDir;
pub use file::DocumentsFile;
use file::{Content, Stored, Temporary};
use known::Known;
use standing::Standing;

use crate::probe::probe;
use crate::{Document, Documents, Expect, Level, OpenError, Survives, Trouble};

/// The directory in which the component has the files by which it is about to take a lock over. They
/// are temporary, so nothing of it is ever in the store, and a list of it asks nothing.
const TAKEOVER: &str = ".takeover";

/// How often something is looked at again that others change meanwhile.
const LOOKS: usize = 16;

/// A disk over [`Documents`]: each file is a document, its path the key.
///
/// - A temporary file is in memory. Its rename is one write of the target, which follows the version
///   that was read through the same directory, else the one that this disk has written or read last.
///   If another one stands there, the rename is `NoEntry`: the component takes its temporary file for
///   removed by whoever was faster.
/// - The file of a lock is created by a write that follows its absence, touched by one that follows
///   the last touch, and removed by one that follows the version that was read: exactly that one.
/// - An answer that is lost is looked for, never taken for a failure and never repeated without its
///   condition.
/// - A directory is there as long as a document is below it. To open one asks nothing.
///
/// What a store fails with is an event of `tracing` at `warn`, with the target `tandem_documents`:
/// the component tells its callers the code alone.
pub struct DocumentsDisk<D> {
    shared: Arc<Shared<D>>,
}

struct Shared<D> {
    store: D,
    temporaries: Mutex<BTreeMap<String, DocumentsFile>>,
    known: Mutex<Known>,
    /// What the store promised when it was asked last.
    promised: Mutex<Survives>,
}

impl<D: Documents> DocumentsDisk<D> {
    /// The disk over a store that was tried: it keeps conditions, and what it acknowledges survives a
    /// power loss at least.
    ///
    /// # Errors
    /// The store does not answer, ignores conditions, or promises too little.
    pub async fn open(store: D) -> Result<Self, OpenError> {
        DocumentsDisk::open_at_least(store, Survives::PowerLoss).await
    }

    /// As [`open`](DocumentsDisk::open), for a store whose acknowledgement survives so much at least.
    /// Below [`Survives::PowerLoss`] a durable write fails with `unsupported` all the same: runs must
    /// ask for visible ones.
    ///
    /// # Errors
    /// As [`open`](DocumentsDisk::open).
    pub async fn open_at_least(store: D, least: Survives) -> Result<Self, OpenError> {
        let promise = store.promise().await?;
        if promise.survives < least {
            return Err(OpenError::PromisesTooLittle(promise));
        }
        probe(&store).await?;
        Ok(DocumentsDisk::untried(store, promise.survives))
    }

    /// The disk over a store that was tried before, or that a simulation makes: it asks nothing.
    /// `promised` is what the store promises now.
    pub fn untried(store: D, promised: Survives) -> Self {
        DocumentsDisk {
            shared: Arc::new(Shared {
                store,
                temporaries: Mutex::default(),
                known: Mutex::default(),
                promised: Mutex::new(promised),
            }),
        }
    }

    /// What it stands on.
    pub fn store(&self) -> &D {
        &self.shared.store
    }

    async fn get(&self, key: &str) -> Result<Option<Document>, ErrorCode> {
        self.store().get(key).await.map_err(|trouble| told(key, &trouble))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.shared.known)
    }

    fn temporaries(&self) -> MutexGuard<'_, BTreeMap<String, DocumentsFile>> {
        lock(&self.shared.temporaries)
    }

    /// Whether a document is below a directory, or a temporary file.
    async fn has_entries(&self, directory: &str) -> Result<bool, ErrorCode> {
        let prefix = path::below(directory);
        if self.temporaries().keys().any(|key| key.starts_with(&prefix)) {
            return Ok(true);
        }
        let page = self.store().list(&prefix, None).await;
        Ok(!page.map_err(|trouble| told(directory, &trouble))?.entries.is_empty())
    }

    /// Remembers what whoever reads at a key goes on from. Whoever looks from the directory that it
    /// is in is about to write it; whoever looks from above is not.
    fn has_shown(&self, at: &DocumentsDir, key: &str, standing: Standing) {
        at.show(key, standing);
        if at.holds(key) {
            self.known().claim(key, standing);
        }
    }

    /// Creates the file of a lock.
    async fn create_named(&self, at: &DocumentsDir, key: &str) -> Result<DocumentsFile, ErrorCode> {
        at.look_away();
        // Nobody else creates the same, so that a lost answer can be looked for.
        let body: Arc<[u8]> = format!("{:032x}\n", fastrand::u128(..)).into_bytes().into();
        // This disk has often removed it itself, and knows the mark.
        let mut expect = self.known().mark(key).unwrap_or(Expect::Absent);
        for _ in 0..LOOKS {
            let commit = Commit { key, body: Some(body.clone()), expect, level: Level::Visible };
            match commit.make(self.store()).await.map_err(|trouble| told(key, &trouble))? {
                Committed::Made(version) => {
                    at.show(key, Standing::document(version));
                    let at = Some(at.clone());
                    let stored = Stored { key: key.to_owned(), version, body, at };
                    return Ok(DocumentsFile::new(Content::Stored(stored)));
                }
                Committed::Overtaken => {}
            }
            let found = self.get(key).await?;
            if found.as_ref().is_some_and(|document| document.body.is_some()) {
                return Err(ErrorCode::Exist);
            }
            expect = Expect::of(found.as_ref());
        }
        Err(ErrorCode::Exist)
    }

    /// Writes over a document that this disk has written: the touch of a lock. If another one stands
    /// there, or none, the file has no name any more, and to write it changes nothing else.
    async fn write_stored(
        &self,
        stored: Stored,
        offset: u64,
        bytes: &[u8],
    ) -> Result<Content, ErrorCode> {
        let Stored { key, version, body: before, at } = stored;
        // The first write replaces what the creation wrote.
        let mut content = if offset == 0 { Vec::new() } else { before.to_vec() };
        file::overwrite(&mut content, offset, bytes)?;
        let body: Arc<[u8]> = content.into();
        let mut expect = Expect::Is(version);
        for _ in 0..LOOKS {
            let commit =
                Commit { key: &key, body: Some(body.clone()), expect, level: Level::Visible };
            match commit.make(self.store()).await.map_err(|trouble| told(&key, &trouble))? {
                Committed::Made(version) => {
                    if let Some(at) = &at {
                        at.see(&key, Document::new(Some(body.clone()), version, None));
                    }
                    return Ok(Content::Stored(Stored { key, version, body, at: None }));
                }
                Committed::Overtaken => {}
            }
            let found = self.get(&key).await?;
            let there = found.as_ref().and_then(|document| document.body.as_ref());
            // An earlier write of this file came late. Nobody else writes what it has.
            if !there.is_some_and(|there| *there == before || *there == body) {
                break;
            }
            expect = Expect::of(found.as_ref());
        }
        Ok(Content::Temporary(Temporary::of(body.to_vec())))
    }

    /// Removes a document: the one that was read through the directory, else whichever is there.
    async fn remove_document(&self, at: &DocumentsDir, key: &str) -> Result<(), ErrorCode> {
        at.look_away();
        let shown = at.shown(key);
        for _ in 0..LOOKS {
            let standing = match shown {
                Some(standing) => standing,
                None => Standing::of(self.get(key).await?.as_ref()),
            };
            if !standing.has_body {
                return Err(ErrorCode::NoEntry);
            }
            let expect = standing.is;
            let commit = Commit { key, body: None, expect, level: Level::Visible };
            match commit.make(self.store()).await.map_err(|trouble| told(key, &trouble))? {
                Committed::Made(version) => {
                    at.show(key, Standing::mark(version));
                    self.known().set(key, Standing::mark(version));
                    return Ok(());
                }
                Committed::Overtaken if shown.is_some() => return Err(ErrorCode::NoEntry),
                Committed::Overtaken => {}
            }
        }
        Err(ErrorCode::Busy)
    }

    /// Hands out the keys of all documents below a prefix.
    async fn keys_below(&self, prefix: &str, add: &mut impl FnMut(&str)) -> Result<(), ErrorCode> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store().list(prefix, after.as_deref()).await;
            let page = page.map_err(|trouble| told(prefix, &trouble))?;
            page.entries.iter().for_each(|listed| add(&listed.key));
            match page.entries.into_iter().next_back() {
                Some(last) if page.has_more => after = Some(last.key),
                _ => return Ok(()),
            }
        }
    }

    async fn names(&self, directory: &str) -> Result<BTreeMap<String, Kind>, ErrorCode> {
        let prefix = path::below(directory);
        let mut names = BTreeMap::new();
        let mut add = |key: &str| {
            let below = key.strip_prefix(&prefix).unwrap_or(key);
            match below.split_once('/') {
                Some((name, _)) => names.insert(name.to_owned(), Kind::Directory),
                None => names.insert(below.to_owned(), Kind::File),
            };
        };
        if path::split(directory).1 != TAKEOVER {
            self.keys_below(&prefix, &mut add).await?;
        }
        let temporaries: BTreeSet<String> = self.temporaries().keys().cloned().collect();
        temporaries.iter().filter(|key| key.starts_with(&prefix)).for_each(|key| add(key));
        Ok(names)
    }

    fn note_promise(&self, survives: Survives) {
        *lock(&self.shared.promised) = survives;
    }
}

impl<D: Documents> Disk for DocumentsDisk<D> {
    type Dir = DocumentsDir;
    type File = DocumentsFile;

    fn root(&self) -> DocumentsDir {
        DocumentsDir::new("")
    }

    async fn open_dir(&self, at: &DocumentsDir, path: &str) -> Result<DocumentsDir, ErrorCode> {
        Ok(DocumentsDir::new(&path::join(at.path(), path)?))
    }

    async fn create_dir(&self, at: &DocumentsDir, path: &str) -> Result<(), ErrorCode> {
        path::join(at.path(), path).map(drop)
    }

    async fn create_file(
        &self,
        at: &DocumentsDir,
        path: &str,
        purpose: Purpose,
    ) -> Result<DocumentsFile, ErrorCode> {
        let key = path::join(at.path(), path)?;
        match purpose {
            Purpose::Temporary => {
                let mut temporaries = self.temporaries();
                if temporaries.contains_key(&key) {
                    return Err(ErrorCode::Exist);
                }
                let file = DocumentsFile::temporary();
                temporaries.insert(key, file.clone());
                Ok(file)
            }
            _ => self.create_named(at, &key).await,
        }
    }

    async fn open_file(&self, at: &DocumentsDir, path: &str) -> Result<DocumentsFile, ErrorCode> {
        let key = path::join(at.path(), path)?;
        let temporary = self.temporaries().get(&key).cloned();
        if let Some(temporary) = temporary {
            let body = temporary.read(0, usize::MAX);
            return Ok(DocumentsFile::new(Content::Read(body.into())));
        }
        let found = match at.seen(&key) {
            Some(document) => Some(document),
            None => self.get(&key).await?,
        };
        self.has_shown(at, &key, Standing::of(found.as_ref()));
        let body = found.and_then(|document| document.body).ok_or(ErrorCode::NoEntry)?;
        Ok(DocumentsFile::new(Content::Read(body)))
    }

    async fn read(
        &self,
        file: &DocumentsFile,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        Ok(file.read(offset, bytes_max))
    }

    fn write(
        &self,
        file: &DocumentsFile,
        offset: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<D> {
        let written = file.with_temporary(|temporary| {
            temporary.written = Instant::now();
            file::overwrite(&mut temporary.bytes, offset, bytes)
        });
        let late = written.is_none().then(|| (self.clone(), file.clone(), bytes.to_vec()));
        async move {
            let Some((disk, file, bytes)) = late else { return written.unwrap_or(Ok(())) };
            match file.content() {
                Content::Stored(stored) => {
                    file.set(disk.write_stored(stored, offset, &bytes).await?);
                    Ok(())
                }
                Content::Temporary(_) | Content::Read(_) => Err(ErrorCode::BadDescriptor),
            }
        }
    }

    /// The answer to a write is the sync, so this only remembers what the rename is to survive.
    async fn sync_data(&self, file: &DocumentsFile) -> Result<(), ErrorCode> {
        if *lock(&self.shared.promised) < Survives::PowerLoss {
            // It may promise more by now.
            let promise = self.store().promise().await.map_err(|trouble| told("", &trouble))?;
            self.note_promise(promise.survives);
            if promise.survives < Survives::PowerLoss {
                return Err(ErrorCode::Unsupported);
            }
        }
        file.with_temporary(|temporary| temporary.level = Level::Durable);
        Ok(())
    }

    /// The answer to a write is the sync, so this only says what that was worth.
    async fn sync_dir(&self, dir: &DocumentsDir) -> Result<(), ErrorCode> {
        let promise = self.store().promise().await.map_err(|trouble| told(dir.path(), &trouble))?;
        self.note_promise(promise.survives);
        match promise.survives {
            Survives::Machine => Ok(()),
            Survives::PowerLoss => Err(ErrorCode::Unsupported),
            // When the data was written it was still said to be safe.
            Survives::Kill | Survives::Nothing => Err(ErrorCode::Io),
        }
    }

    async fn rename(
        &self,
        from_dir: &DocumentsDir,
        from: &str,
        to_dir: &DocumentsDir,
        to: &str,
        _mode: Mode<'_>,
    ) -> Result<(), ErrorCode> {
        let (from, to) = (path::join(from_dir.path(), from)?, path::join(to_dir.path(), to)?);
        let temporary = self.temporaries().get(&from).cloned();
        match temporary {
            Some(temporary) => self.put(&from, &temporary, to_dir, &to).await,
            None => {
                self.move_documents(&from, &to).await?;
                if from_dir.holds(&from) && from_dir.shown(&from).is_some() {
                    let left = Standing::of(self.get(&from).await?.as_ref());
                    // It is this disk's own mark, unless somebody has written since.
                    if !left.has_body {
                        self.has_shown(from_dir, &from, left);
                    }
                }
                Ok(())
            }
        }
    }

    async fn remove_file(&self, at: &DocumentsDir, path: &str) -> Result<(), ErrorCode> {
        let key = path::join(at.path(), path)?;
        if self.temporaries().remove(&key).is_some() {
            return Ok(());
        }
        self.remove_document(at, &key).await
    }

    async fn remove_dir(&self, at: &DocumentsDir, path: &str) -> Result<(), ErrorCode> {
        let directory = path::join(at.path(), path)?;
        // Without anything in it there is none.
        match self.has_entries(&directory).await? {
            true => Err(ErrorCode::NotEmpty),
            false => Err(ErrorCode::NoEntry),
        }
    }

    async fn stat(&self, at: &DocumentsDir, path: &str) -> Result<Stat, ErrorCode> {
        let key = path::join(at.path(), path)?;
        let temporary = self.temporaries().get(&key).cloned();
        let described = temporary
            .and_then(|file| file.with_temporary(|it| (it.bytes.len() as u64, it.written)));
        if let Some((size, written)) = described {
            let now = self.store().time().await.map_err(|trouble| told(&key, &trouble))?;
            return Ok(Stat::new(
                Kind::File,
                size,
                now.checked_sub(whole_seconds(written.elapsed())),
            ));
        }
        at.look_away();
        let found = self.get(&key).await?;
        let standing = Standing::of(found.as_ref());
        match found {
            Some(Document { body: Some(body), version, modified }) => {
                at.describe(&key, standing);
                at.see(&key, Document::new(Some(body.clone()), version, modified));
                // Any time will do that differs whenever the version does.
                let modified = modified.or_else(|| {
                    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(version.0))
                });
                Ok(Stat::new(Kind::File, body.len() as u64, modified))
            }
            _ if self.has_entries(&key).await? => Ok(Stat::new(Kind::Directory, 0, None)),
            _ => {
                // Whoever learns that it is not there goes on as if it had read that.
                self.has_shown(at, &key, standing);
                Err(ErrorCode::NoEntry)
            }
        }
    }

    async fn read_dir(&self, dir: &DocumentsDir) -> Result<Vec<Entry>, ErrorCode> {
        dir.look_away();
        let names = self.names(dir.path()).await?;
        Ok(names.into_iter().map(|(name, kind)| Entry::new(name, kind)).collect())
    }
}

impl<D> Clone for DocumentsDisk<D> {
    fn clone(&self) -> Self {
        DocumentsDisk { shared: self.shared.clone() }
    }
}

impl<D> fmt::Debug for DocumentsDisk<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentsDisk").finish_non_exhaustive()
    }
}

/// The code by which the component tells of it.
fn told(key: &str, trouble: &Trouble) -> ErrorCode {
    let source = std::error::Error::source(trouble).map(ToString::to_string);
    tracing::warn!(
        target: "tandem_documents",
        key,
        source,
        is_refused = trouble.is_refused(),
        "the store failed: {trouble}",
    );
    match trouble.code() {
        // They would say something else of the file.
        ErrorCode::NoEntry | ErrorCode::Exist | ErrorCode::Unsupported | ErrorCode::Invalid => {
            ErrorCode::Io
        }
        code => code,
    }
}

/// Ages of temporary files are asked for in minutes; a simulation is the same each time.
fn whole_seconds(age: Duration) -> Duration {
    Duration::from_secs(age.as_secs())
}

/// Nothing here panics with a lock held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
