//! [`Storage`] in memory with virtual time, for tests: it records each call, holds calls back,
//! fails them, and moves its clocks only when it is told to.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::executor::{LocalPool, LocalSpawner};
use futures::future::LocalBoxFuture;
use futures::task::LocalSpawnExt;

use super::{Kind, Stat, Storage};
use crate::error::Code;

const MS: u64 = 1_000_000;

/// A file system, its clocks and its tasks. With or without an event loop, as far as the core knows.
pub struct Memory<const HAS_EVENT_LOOP: bool = true> {
    pool: RefCell<LocalPool>,
    spawner: LocalSpawner,
    now_ns: Cell<u64>,
    /// The wall clock, which may jump.
    pub wall_ms: Cell<u64>,
    sleepers: RefCell<Vec<(u64, Waker)>>,
    random: Cell<u64>,
    /// Directories that exist.
    dirs: RefCell<BTreeSet<String>>,
    files: RefCell<BTreeMap<String, Inode>>,
    /// When directories were made, of those that were put there so.
    made: RefCell<BTreeMap<String, Duration>>,
    /// Symbolic links.
    links: RefCell<BTreeSet<String>>,
    /// What no listing shows.
    hidden: RefCell<BTreeSet<String>>,
    /// Calls in the order in which they were issued: `operation path`.
    calls: RefCell<Vec<String>>,
    faults: RefCell<Vec<Fault>>,
    held: RefCell<Vec<String>>,
    holders: RefCell<Vec<Waker>>,
}

/// A file's content and time, whatever name it has.
type Inode = Rc<RefCell<(Vec<u8>, Duration)>>;

/// An open file: it stays the one that was opened when its name becomes another's.
pub struct File {
    /// The path under which it was opened.
    pub path: String,
    inode: Inode,
}

/// A call that fails.
struct Fault {
    /// What the call's text contains.
    pattern: String,
    code: Code,
    is_sticky: bool,
}

impl Fault {
    fn meets(&self, text: &str) -> bool {
        match self.pattern.strip_suffix('$') {
            Some(end) => text.ends_with(end),
            None => text.contains(&self.pattern),
        }
    }
}

impl Memory {
    /// An empty disk at time zero.
    pub fn new() -> Rc<Self> {
        Memory::empty()
    }
}

impl Memory<false> {
    /// An empty disk at time zero, whose tasks end with the call that spawned them.
    pub fn without_event_loop() -> Rc<Self> {
        Memory::empty()
    }
}

impl<const HAS_EVENT_LOOP: bool> Memory<HAS_EVENT_LOOP> {
    fn empty() -> Rc<Self> {
        let pool = LocalPool::new();
        Rc::new(Memory {
            spawner: pool.spawner(),
            pool: RefCell::new(pool),
            now_ns: Cell::new(1_000 * MS),
            wall_ms: Cell::new(1_767_659_236_820),
            sleepers: RefCell::default(),
            random: Cell::new(1),
            dirs: RefCell::new([".".to_owned()].into()),
            files: RefCell::default(),
            made: RefCell::default(),
            links: RefCell::default(),
            hidden: RefCell::default(),
            calls: RefCell::default(),
            faults: RefCell::default(),
            held: RefCell::default(),
            holders: RefCell::default(),
        })
    }

    /// Runs tasks until none can go on.
    pub fn settle(&self) {
        self.pool.borrow_mut().run_until_stalled();
    }

    /// Moves the monotonic clock and runs what that wakes.
    pub fn advance_ms(&self, ms: u64) {
        self.settle();
        let end = self.now_ns.get() + ms * MS;
        loop {
            let next = self.sleepers.borrow().iter().map(|(at, _)| *at).min();
            let Some(at) = next.filter(|&at| at <= end) else { break };
            self.now_ns.set(self.now_ns.get().max(at));
            let due: Vec<_> =
                self.sleepers.borrow_mut().extract_if(.., |(t, _)| *t <= at).collect();
            due.into_iter().for_each(|(_, waker)| waker.wake());
            self.settle();
        }
        self.now_ns.set(end);
        self.settle();
    }

    /// Whether a task waits for a time.
    pub fn has_sleepers(&self) -> bool {
        !self.sleepers.borrow().is_empty()
    }

    /// Milliseconds since the start of the test.
    pub fn now_ms(&self) -> u64 {
        self.now_ns.get() / MS - 1_000
    }

    /// Starts a future as a task and returns where its result will be.
    pub fn start<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> Rc<Cell<Option<T>>> {
        let slot = Rc::new(Cell::new(None));
        let result = slot.clone();
        self.spawn(Box::pin(async move { result.set(Some(future.await)) }));
        slot
    }

    /// Runs a future to its end; time does not move.
    pub fn run<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let slot = self.start(future);
        self.settle();
        slot.take().expect("the future waits for something that does not come")
    }

    /// Fails the next call whose text contains `pattern`, or every one. With a `$` at its end the
    /// pattern stands at the end of the text.
    pub fn fail(&self, pattern: &str, code: Code, is_sticky: bool) {
        let pattern = pattern.to_owned();
        self.faults.borrow_mut().push(Fault { pattern, code, is_sticky });
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.faults.borrow_mut().clear();
    }

    /// Holds back the end of calls whose text contains `pattern`.
    pub fn hold(&self, pattern: &str) {
        self.held.borrow_mut().push(pattern.to_owned());
    }

    /// Lets held calls end.
    pub fn release(&self, pattern: &str) {
        self.held.borrow_mut().retain(|held| held != pattern);
        self.holders.borrow_mut().drain(..).for_each(Waker::wake);
        self.settle();
    }

    /// The calls since the last look.
    pub fn take_calls(&self) -> Vec<String> {
        self.calls.take()
    }

    /// The content of a file, which is a text.
    pub fn file(&self, path: &str) -> Option<String> {
        self.bytes(path).map(|bytes| String::from_utf8(bytes).expect("a text"))
    }

    /// The content of a file.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.files.borrow().get(path).map(|inode| inode.borrow().0.clone())
    }

    /// All files.
    pub fn paths(&self) -> Vec<String> {
        self.files.borrow().keys().cloned().collect()
    }

    /// Puts a file there, `age_ms` old; its directories exist or are created.
    pub fn put(&self, path: &str, content: &[u8], age_ms: u64) {
        for (at, _) in path.match_indices('/') {
            self.dirs.borrow_mut().insert(path[..at].to_owned());
        }
        let modified = self.disk_time().saturating_sub(Duration::from_millis(age_ms));
        let inode = Rc::new(RefCell::new((content.to_vec(), modified)));
        self.files.borrow_mut().insert(path.to_owned(), inode);
    }

    /// All directories but the granted one.
    pub fn directories(&self) -> Vec<String> {
        self.dirs.borrow().iter().filter(|dir| *dir != ".").cloned().collect()
    }

    /// Puts a directory there.
    pub fn put_dir(&self, path: &str) {
        self.dirs.borrow_mut().insert(path.to_owned());
    }

    /// Puts a directory there that has a time, and those above it.
    pub fn put_new_dir(&self, path: &str) {
        for (at, _) in path.match_indices('/') {
            self.put_dir(&path[..at]);
        }
        self.put_dir(path);
        self.made.borrow_mut().insert(path.to_owned(), self.disk_time());
    }

    /// Sets every clock back.
    pub fn go_back_ms(&self, ms: u64) {
        self.now_ns.set(self.now_ns.get() - ms * MS);
    }

    /// Has listings show the name no more, as on a file system that knows it by another spelling.
    pub fn hide(&self, path: &str) {
        self.hidden.borrow_mut().insert(path.to_owned());
    }

    /// Puts a symbolic link there, to the directory of that name if there is one.
    pub fn put_link(&self, path: &str) {
        self.links.borrow_mut().insert(path.to_owned());
    }

    /// Whether a symbolic link is there.
    pub fn is_link(&self, path: &str) -> bool {
        self.links.borrow().contains(path)
    }

    /// Removes a directory and what is in it.
    pub fn lose_dir(&self, path: &str) {
        self.dirs.borrow_mut().retain(|dir| !dir.starts_with(path));
        self.files.borrow_mut().retain(|file, _| !file.starts_with(path));
    }

    /// The disk's clock agrees with no other.
    fn disk_time(&self) -> Duration {
        Duration::from_secs(1_000_000) + Duration::from_nanos(self.now_ns.get())
    }

    async fn call(&self, operation: &str, path: &str) -> Result<(), Code> {
        let text = format!("{operation} {path}");
        self.calls.borrow_mut().push(text.clone());
        poll_fn(|context| {
            if self.held.borrow().iter().any(|held| text.contains(held.as_str())) {
                self.holders.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        self.fault(&text)
    }

    /// The fault of a call, if there is one.
    fn fault(&self, text: &str) -> Result<(), Code> {
        let mut faults = self.faults.borrow_mut();
        let Some(at) = faults.iter().position(|fault| fault.meets(text)) else {
            return Ok(());
        };
        let code = faults[at].code;
        if !faults[at].is_sticky {
            faults.remove(at);
        }
        Err(code)
    }

    /// The names in a directory.
    fn names(&self, dir: &str) -> Vec<String> {
        let prefix = format!("{dir}/");
        let (files, dirs, links) = (self.files.borrow(), self.dirs.borrow(), self.links.borrow());
        let paths = files.keys().chain(dirs.iter()).chain(links.iter());
        let names = paths.filter_map(|path| path.strip_prefix(&prefix));
        names.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    }

    fn check_dir(&self, path: &str) -> Result<(), Code> {
        if self.dirs.borrow().contains(path) { Ok(()) } else { Err(Code::NO_ENTRY) }
    }
}

impl<const HAS_EVENT_LOOP: bool> Storage for Memory<HAS_EVENT_LOOP> {
    const HAS_EVENT_LOOP: bool = HAS_EVENT_LOOP;

    type Dir = String;
    type File = File;

    async fn open_dir(&self, path: &str) -> Result<String, Code> {
        self.call("open-dir", path).await?;
        self.check_dir(path)?;
        Ok(path.to_owned())
    }

    async fn open_subdir(&self, dir: &String, name: &str) -> Result<String, Code> {
        let path = format!("{dir}/{name}");
        self.call("open-subdir", &path).await?;
        self.check_dir(&path)?;
        Ok(path)
    }

    async fn create_dir(&self, path: &str) -> Result<(), Code> {
        self.call("create-dir", path).await?;
        self.check_dir(path.rsplit_once('/').map_or(".", |(parent, _)| parent))?;
        if self.dirs.borrow_mut().insert(path.to_owned()) { Ok(()) } else { Err(Code::EXIST) }
    }

    async fn create_file(&self, dir: &String, name: &str) -> Result<File, Code> {
        let path = format!("{dir}/{name}");
        self.call("create-file", &path).await?;
        self.check_dir(dir)?;
        let is_there = self.files.borrow().contains_key(&path) || self.is_link(&path);
        if is_there || self.dirs.borrow().contains(&path) {
            return Err(Code::EXIST);
        }
        let inode = Rc::new(RefCell::new((Vec::new(), self.disk_time())));
        self.files.borrow_mut().insert(path.clone(), inode.clone());
        Ok(File { path, inode })
    }

    async fn write(&self, file: &File, content: Vec<u8>) -> Result<(), Code> {
        self.call("write", &file.path).await?;
        *file.inode.borrow_mut() = (content, self.disk_time());
        Ok(())
    }

    async fn sync_data(&self, file: &File) -> Result<(), Code> {
        self.call("sync-data", &file.path).await
    }

    async fn sync_dir(&self, dir: &String) -> Result<(), Code> {
        self.call("sync-dir", dir).await
    }

    async fn rename(&self, dir: &String, from: &str, to: &str) -> Result<(), Code> {
        self.call("rename", &format!("{dir}/{from} {dir}/{to}")).await?;
        if self.dirs.borrow().contains(&format!("{dir}/{to}")) {
            return Err(Code::IS_DIRECTORY);
        }
        let mut files = self.files.borrow_mut();
        let file = files.remove(&format!("{dir}/{from}")).ok_or(Code::NO_ENTRY)?;
        files.insert(format!("{dir}/{to}"), file);
        self.links.borrow_mut().remove(&format!("{dir}/{to}"));
        Ok(())
    }

    async fn move_dir(
        &self,
        (from, old): (&String, &str),
        (to, new): (&String, &str),
    ) -> Result<(), Code> {
        let (old, new) = (format!("{from}/{old}"), format!("{to}/{new}"));
        self.call("move-dir", &format!("{old} {new}")).await?;
        self.check_dir(&old)?;
        if self.dirs.borrow().contains(&new) {
            return Err(Code::EXIST);
        }
        let moved = |path: &String| match path.strip_prefix(&old) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{new}{rest}"),
            _ => path.clone(),
        };
        self.dirs.replace_with(|dirs| dirs.iter().map(&moved).collect());
        self.made.replace_with(|made| made.iter().map(|(path, at)| (moved(path), *at)).collect());
        self.links.replace_with(|links| links.iter().map(&moved).collect());
        self.files.replace_with(|files| {
            files.iter().map(|(path, inode)| (moved(path), inode.clone())).collect()
        });
        // As some network's disk does, which tells an error of what it has done.
        self.fault(&format!("moved-dir {old} {new}"))
    }

    async fn remove_dir(&self, dir: &String, name: &str) -> Result<(), Code> {
        let path = format!("{dir}/{name}");
        self.call("remove-dir", &path).await?;
        self.check_dir(&path)?;
        if !self.names(&path).is_empty() {
            return Err(Code::NOT_EMPTY);
        }
        self.dirs.borrow_mut().remove(&path);
        Ok(())
    }

    async fn remove(&self, dir: &String, name: &str) -> Result<(), Code> {
        let path = format!("{dir}/{name}");
        self.call("remove", &path).await?;
        if self.links.borrow_mut().remove(&path) {
            return Ok(());
        }
        self.files.borrow_mut().remove(&path).map(drop).ok_or(Code::NO_ENTRY)
    }

    async fn stat(&self, dir: &String, name: &str) -> Result<Stat, Code> {
        let path = format!("{dir}/{name}");
        self.call("stat", &path).await?;
        if self.is_link(&path) {
            return Ok(Stat { kind: Kind::Other, size: 0, modified: Duration::ZERO });
        }
        if self.dirs.borrow().contains(&path) {
            let modified = self.made.borrow().get(&path).copied().unwrap_or_default();
            return Ok(Stat { kind: Kind::Directory, size: 0, modified });
        }
        let files = self.files.borrow();
        let (content, modified) = &*files.get(&path).ok_or(Code::NO_ENTRY)?.borrow();
        Ok(Stat { kind: Kind::File, size: content.len() as u64, modified: *modified })
    }

    async fn read(&self, dir: &String, name: &str, limit: u64) -> Result<Vec<u8>, Code> {
        let path = format!("{dir}/{name}");
        self.call("read", &path).await?;
        let files = self.files.borrow();
        let (content, _) = &*files.get(&path).ok_or(Code::NO_ENTRY)?.borrow();
        if content.len() as u64 > limit { Err(Code::FILE_TOO_LARGE) } else { Ok(content.clone()) }
    }

    async fn list(&self, dir: &String) -> Result<Vec<String>, Code> {
        self.call("list", dir).await?;
        let hidden = self.hidden.borrow();
        let is_shown = |name: &String| !hidden.contains(&format!("{dir}/{name}"));
        let names: BTreeSet<String> = self.names(dir).into_iter().filter(is_shown).collect();
        Ok(names.into_iter().collect())
    }

    fn monotonic_ns(&self) -> u64 {
        self.now_ns.get()
    }

    async fn sleep_until(&self, at_ns: u64) {
        poll_fn(|context| {
            if self.now_ns.get() >= at_ns {
                return Poll::Ready(());
            }
            self.sleepers.borrow_mut().push((at_ns, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn wall_clock(&self) -> Duration {
        Duration::from_millis(self.wall_ms.get())
    }

    fn random(&self) -> u64 {
        // splitmix64, so that names differ in every digit.
        let seed = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(seed);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    async fn yield_now(&self) {
        let mut has_yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.spawner.spawn_local(task).expect("the pool lives as long as its storage");
    }
}
