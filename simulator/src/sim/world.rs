//! The state behind a [`SimDisk`](super::SimDisk): files, virtual time, randomness, and the calls
//! in flight.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, UNIX_EPOCH};

use super::effect::{Change, Persistent};
use super::model::Model;
use super::store::{StoreAnswer, StoreOp, Versions};
use super::tree::{Ino, Inode, Name, Tree};
use tandem_host::disk::{Entry, ErrorCode, Kind, Stat};
use tandem_host::testing::{Call, DiskOperation};

/// What each call takes by the virtual clock.
const CALL_NS: u64 = 20_000;

/// Where the virtual wall clock starts: 2026-01-06T00:27:16.820Z.
pub(crate) const EPOCH_NS: u64 = 1_767_659_236_820_000_000;

/// Whose calls nobody waits for.
const NOBODY: usize = usize::MAX;

const SECOND_NS: u64 = 1_000_000_000;

/// What a call is to do.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    OpenDir {
        at: Ino,
        path: String,
    },
    CreateDir {
        at: Ino,
        path: String,
    },
    CreateFile {
        at: Ino,
        path: String,
    },
    OpenFile {
        at: Ino,
        path: String,
    },
    Read {
        ino: Ino,
        offset: u64,
        bytes_max: usize,
    },
    Write {
        ino: Ino,
        offset: u64,
        bytes: Vec<u8>,
    },
    SyncData {
        ino: Ino,
    },
    SyncDir {
        ino: Ino,
    },
    Rename {
        from_at: Ino,
        from: String,
        to_at: Ino,
        to: String,
    },
    RemoveFile {
        at: Ino,
        path: String,
    },
    RemoveDir {
        at: Ino,
        path: String,
    },
    Stat {
        at: Ino,
        path: String,
    },
    ReadDir {
        ino: Ino,
    },
    /// Of a store in the place of files.
    Store(StoreOp),
}

/// What a call answers.
#[derive(Clone, Debug)]
pub(crate) enum OpAnswer {
    Done,
    Node(Ino),
    Bytes(Vec<u8>),
    Stat(Stat),
    Entries(Vec<Entry>),
    Store(StoreAnswer),
}

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It fails and has no effect.
    Before(ErrorCode),
    /// It has its effect, and fails.
    After(ErrorCode),
    /// Half of a write is written, and it fails.
    Half(ErrorCode),
    /// A sync fails, and what it should have written counts as clean from then on.
    MarksClean(ErrorCode),
    /// A write of a store fails, and is made later, if what it follows is still there then.
    Late(ErrorCode),
}

impl Fault {
    /// Whether this can happen to such a call.
    pub fn fits(&self, operation: DiskOperation) -> bool {
        match self {
            Fault::Before(_) | Fault::After(_) => true,
            Fault::Half(_) => operation == DiskOperation::Write,
            Fault::MarksClean(_) => {
                matches!(operation, DiskOperation::SyncData | DiskOperation::SyncDir)
            }
            Fault::Late(_) => {
                matches!(operation, DiskOperation::Rename | DiskOperation::RemoveFile)
            }
        }
    }
}

/// A call that was issued and has not been answered.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The process that made it.
    pub owner: usize,
    pub call: Call,
    pub op: Op,
    answer: Option<Result<OpAnswer, ErrorCode>>,
    waker: Option<Waker>,
    /// Whether its caller was told that it failed, or is gone: nobody waits for its answer.
    is_late: bool,
}

impl InFlight {
    /// Whether nobody waits for its answer any longer.
    pub(crate) fn is_late(&self) -> bool {
        self.is_late
    }

    /// Whether it is a write of a store.
    pub(crate) fn is_store_write(&self) -> bool {
        matches!(&self.op, Op::Store(op) if op.writes())
    }
}

/// Files, time, randomness, calls in flight.
#[derive(Debug)]
pub(crate) struct World {
    pub model: Model,
    /// What a reader sees now.
    pub live: Tree,
    pub persistent: Persistent,
    /// Of the documents, if it is a store.
    versions: Versions,
    /// Counts the calls that changed something or made it durable.
    pub changes: u64,
    next_ino: Ino,
    /// Whether calls wait until somebody completes them, in any order.
    pub is_held: bool,
    pub in_flight: Vec<InFlight>,
    next_call: u64,
    pub now_ns: u64,
    /// Timers of the component: when, and whom to wake.
    pub timers: BTreeMap<u64, (u64, Waker)>,
    last_timer: u64,
    pub random: fastrand::Rng,
    trace: DefaultHasher,
    /// Every call that was completed, if they are kept.
    pub log: Option<Vec<Step>>,
}

/// A call that was completed.
#[derive(Clone, Debug)]
pub struct Step {
    /// The call.
    pub call: Call,
    /// The fault that happened to it.
    pub fault: Option<Fault>,
    /// How it ended.
    pub outcome: Result<(), ErrorCode>,
    /// How many other calls were in flight.
    pub beside: usize,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "disk: {}", self.call)?;
        if self.call.operation == DiskOperation::Write {
            write!(f, " ({} bytes)", self.call.bytes)?;
        }
        match &self.outcome {
            Ok(()) => write!(f, ": ok")?,
            Err(code) => write!(f, ": {code:?}")?,
        }
        match &self.fault {
            Some(fault) => write!(f, " (injected: {fault:?})"),
            None => Ok(()),
        }
    }
}

impl World {
    /// A disk on which `tree` is durable.
    pub(crate) fn new(tree: Tree, model: Model, seed: u64) -> Self {
        let next_ino = tree.last_ino() + 1;
        // What the tree holds was written before.
        let now_ns = tree.newest_ns().saturating_sub(EPOCH_NS) + SECOND_NS;
        World {
            model,
            persistent: Persistent::new(tree.clone()),
            live: tree,
            versions: Versions::new(),
            changes: 0,
            next_ino,
            is_held: false,
            in_flight: Vec::new(),
            next_call: 1,
            now_ns,
            timers: BTreeMap::new(),
            last_timer: 0,
            random: fastrand::Rng::with_seed(seed),
            trace: DefaultHasher::new(),
            log: None,
        }
    }

    /// The wall clock, since the epoch. It goes with the monotonic one.
    pub(crate) fn wall_ns(&self) -> u64 {
        EPOCH_NS + self.now_ns
    }

    /// Notes something in the trace.
    pub(crate) fn note(&mut self, what: impl Hash) {
        what.hash(&mut self.trace);
    }

    /// The hash of everything noted so far, and of every call with its outcome.
    pub(crate) fn trace_hash(&self) -> u64 {
        self.trace.finish()
    }

    /// Takes a call: answers it, or holds it and tells its number.
    pub(crate) fn issue(
        &mut self,
        owner: usize,
        call: Call,
        op: Op,
    ) -> Result<Result<OpAnswer, ErrorCode>, u64> {
        let id = self.next_call;
        self.next_call += 1;
        let call = Call { id, ..call };
        if !self.is_held {
            return Ok(self.perform(call, op, None).0);
        }
        let (answer, waker, is_late) = (None, None, false);
        self.in_flight.push(InFlight { owner, call, op, answer, waker, is_late });
        Err(id)
    }

    /// The answer to a held call, once.
    pub(crate) fn poll(&mut self, id: u64, waker: &Waker) -> Option<Result<OpAnswer, ErrorCode>> {
        let at = self.in_flight.iter().position(|held| held.call.id == id)?;
        if self.in_flight[at].answer.is_some() {
            return self.in_flight.remove(at).answer;
        }
        self.in_flight[at].waker = Some(waker.clone());
        None
    }

    /// Nobody waits for this call any more. What was not performed is now, or never is: a disk may
    /// go on with what a process began before it ended.
    pub(crate) fn forget(&mut self, id: u64) {
        let Some(at) = self.in_flight.iter().position(|held| held.call.id == id) else { return };
        let held = self.in_flight.remove(at);
        if held.answer.is_none() && self.random.bool() {
            if matches!(held.op, Op::Store(_)) && self.random.bool() {
                return self.in_flight.push(InFlight { waker: None, is_late: true, ..held });
            }
            // Nobody is left to be answered.
            let _ = self.perform(held.call, held.op, None);
        }
    }

    /// Forgets every call in flight, and performs none of them.
    pub(crate) fn drop_all(&mut self) {
        self.in_flight.clear();
    }

    /// The calls that can be completed, in the order in which they were issued.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &InFlight> {
        self.in_flight.iter().filter(|held| held.answer.is_none())
    }

    /// Completes a held call, with a fault or without, and wakes who waits for it. Tells whether the
    /// fault happened.
    pub(crate) fn complete(&mut self, id: u64, fault: Option<Fault>) -> bool {
        let Some(at) = self.in_flight.iter().position(|held| held.call.id == id) else {
            return false;
        };
        let (call, op) = (self.in_flight[at].call.clone(), self.in_flight[at].op.clone());
        if self.in_flight[at].is_late {
            self.in_flight.remove(at);
            let _ = self.perform(call, op, None);
            return false;
        }
        let (answer, is_faulty) = self.perform(call, op, fault);
        let held = &mut self.in_flight[at];
        held.answer = Some(answer);
        if let Some(waker) = held.waker.take() {
            waker.wake();
        }
        is_faulty
    }

    /// Moves the clock to the next timer. False if there is none.
    pub(crate) fn advance(&mut self) -> bool {
        let next_ns = self.timers.values().map(|(at_ns, _)| *at_ns).min();
        let Some(next_ns) = next_ns else { return false };
        self.now_ns = self.now_ns.max(next_ns);
        self.wake();
        true
    }

    /// Lets so much time pass, and wakes whoever waited for a part of it.
    pub(crate) fn pass(&mut self, ns: u64) {
        self.now_ns = self.now_ns.saturating_add(ns);
        self.wake();
    }

    fn wake(&mut self) {
        self.note(self.now_ns);
        for (at_ns, waker) in self.timers.values() {
            if *at_ns <= self.now_ns {
                waker.wake_by_ref();
            }
        }
    }

    pub(crate) fn next_timer(&mut self) -> u64 {
        self.last_timer += 1;
        self.last_timer
    }

    /// The files as they are when half of a write in flight was made; of a store, when it was made
    /// and its caller died before it was answered.
    pub(crate) fn torn(&self, held: &InFlight) -> Tree {
        let mut tree = self.live.clone();
        if let Op::Store(op) = &held.op {
            self.versions.clone().apply(op, &mut tree, self.wall_ns());
        }
        if let Op::Write { ino, offset, bytes } = &held.op {
            let half = &bytes[..bytes.len() / 2];
            let offset = usize::try_from(*offset).unwrap_or(0);
            let size = tree.file(*ino).map_or(0, |(data, _)| data.len());
            tree.resize(*ino, size.max(offset + half.len()));
            tree.write(*ino, offset, half);
        }
        tree
    }

    fn perform(
        &mut self,
        call: Call,
        op: Op,
        fault: Option<Fault>,
    ) -> (Result<OpAnswer, ErrorCode>, bool) {
        self.now_ns += CALL_NS;
        let mut fault = fault;
        let answer = match fault {
            None => self.apply(&op, false),
            Some(Fault::Before(code)) => Err(code),
            Some(Fault::After(code) | Fault::Half(code)) => {
                let is_half = matches!(fault, Some(Fault::Half(_)));
                match self.apply(&op, is_half) {
                    Ok(_) => Err(code),
                    // It has no effect after which it could fail.
                    Err(own) => {
                        fault = None;
                        Err(own)
                    }
                }
            }
            Some(Fault::MarksClean(code)) => {
                if let Op::SyncData { ino } | Op::SyncDir { ino } = op {
                    self.persistent.lose(ino);
                }
                Err(code)
            }
            Some(Fault::Late(code)) => {
                let id = self.next_call;
                self.next_call += 1;
                let call = Call { id, ..call.clone() };
                let (owner, op) = (NOBODY, op.clone());
                let (answer, waker, is_late) = (None, None, true);
                self.in_flight.push(InFlight { owner, call, op, answer, waker, is_late });
                Err(code)
            }
        };
        let outcome = answer.as_ref().map(|_| ()).map_err(|code| *code);
        self.changes += u64::from(call.operation.changes());
        self.note((call.operation, &call.path, &call.to, call.bytes, outcome, self.now_ns));
        let beside = self.waiting().filter(|held| held.call.id != call.id).count();
        if let Some(log) = &mut self.log {
            log.push(Step { call, fault, outcome, beside });
        }
        (answer, fault.is_some())
    }

    fn apply(&mut self, op: &Op, is_half: bool) -> Result<OpAnswer, ErrorCode> {
        match op {
            Op::OpenDir { at, path } => {
                let ino = self.live.lookup(*at, path)?;
                self.live.entries(ino)?;
                Ok(OpAnswer::Node(ino))
            }
            Op::CreateDir { at, path } => {
                let ino = self.create(*at, path, Inode::dir(self.wall_ns()))?;
                Ok(OpAnswer::Node(ino))
            }
            Op::CreateFile { at, path } => {
                let modified_ns = self.wall_ns();
                let data = Arc::default();
                let ino = self.create(*at, path, Inode::File { data, modified_ns })?;
                Ok(OpAnswer::Node(ino))
            }
            Op::OpenFile { at, path } => {
                let ino = self.live.lookup(*at, path)?;
                self.live.file(ino)?;
                Ok(OpAnswer::Node(ino))
            }
            Op::Read { ino, offset, bytes_max } => {
                let (data, _) = self.live.file(*ino)?;
                let start = usize::try_from(*offset).unwrap_or(usize::MAX).min(data.len());
                let end = data.len().min(start.saturating_add(*bytes_max));
                Ok(OpAnswer::Bytes(data[start..end].to_vec()))
            }
            Op::Write { ino, offset, bytes } => {
                let (data, _) = self.live.file(*ino)?;
                let bytes = if is_half { &bytes[..bytes.len() / 2] } else { &bytes[..] };
                let offset = usize::try_from(*offset).map_err(|_| ErrorCode::FileTooLarge)?;
                let end = offset.checked_add(bytes.len()).ok_or(ErrorCode::FileTooLarge)?;
                let size = data.len().max(end);
                let (ino, now_ns) = (*ino, self.wall_ns());
                if size != data.len() {
                    self.live.resize(ino, size);
                    self.persistent.push(Change::Size { ino, size });
                }
                self.live.write(ino, offset, bytes);
                self.live.touch(ino, now_ns);
                self.persistent.durable.touch(ino, now_ns);
                let bytes = Arc::new(bytes.to_vec());
                self.persistent.push(Change::Data { ino, offset, bytes });
                Ok(OpAnswer::Done)
            }
            Op::SyncData { ino } => {
                self.persistent.sync_file(&self.model, *ino);
                Ok(OpAnswer::Done)
            }
            Op::SyncDir { ino } => {
                if !self.model.syncs_directories() {
                    return Err(ErrorCode::Unsupported);
                }
                self.persistent.sync_dir(&self.model, *ino);
                Ok(OpAnswer::Done)
            }
            Op::Rename { from_at, from, to_at, to } => {
                let (from_dir, from) = self.live.resolve(*from_at, from)?;
                let (to_dir, to) = self.live.resolve(*to_at, to)?;
                let ino = *self.live.entries(from_dir)?.get(from).ok_or(ErrorCode::NoEntry)?;
                let replaced = self.live.entries(to_dir)?.get(to).copied();
                let is_dir = self.live.kind(ino) == Kind::Directory;
                match replaced.map(|ino| self.live.entries(ino)) {
                    Some(Ok(_)) if !is_dir => return Err(ErrorCode::IsDirectory),
                    Some(Ok(entries)) if !entries.is_empty() => return Err(ErrorCode::NotEmpty),
                    Some(Err(_)) if is_dir => return Err(ErrorCode::NotDirectory),
                    _ if self.live.holds(ino, to_dir) => return Err(ErrorCode::Invalid),
                    _ => {}
                }
                let flushes =
                    (replaced.is_some() && self.model.replace_flushes_data).then_some(ino);
                // A file may have two names, a directory has one.
                let pair = is_dir.then(|| self.persistent.next_pair());
                let half = |to, flushes, is_tied| Half { to, flushes, is_tied, pair };
                self.bind(to_dir, to.into(), half(Some(ino), flushes, true));
                self.bind(from_dir, from.into(), half(None, None, false));
                Ok(OpAnswer::Done)
            }
            Op::RemoveFile { at, path } => {
                let (dir, name) = self.live.resolve(*at, path)?;
                let ino = *self.live.entries(dir)?.get(name).ok_or(ErrorCode::NoEntry)?;
                if self.live.kind(ino) == Kind::Directory {
                    return Err(ErrorCode::IsDirectory);
                }
                self.bind(dir, name.into(), Half::alone(None));
                Ok(OpAnswer::Done)
            }
            Op::RemoveDir { at, path } => {
                let (dir, name) = self.live.resolve(*at, path)?;
                let ino = *self.live.entries(dir)?.get(name).ok_or(ErrorCode::NoEntry)?;
                if !self.live.entries(ino)?.is_empty() {
                    return Err(ErrorCode::NotEmpty);
                }
                self.bind(dir, name.into(), Half::alone(None));
                Ok(OpAnswer::Done)
            }
            Op::Stat { at, path } => {
                let ino = self.live.lookup(*at, path)?;
                self.stat(ino).map(OpAnswer::Stat)
            }
            Op::ReadDir { ino } => {
                let entries = self.live.entries(*ino)?.iter();
                let entry =
                    |(name, ino): (&Name, &Ino)| Entry::new(name.to_string(), self.live.kind(*ino));
                Ok(OpAnswer::Entries(entries.map(entry).collect()))
            }
            Op::Store(op) => {
                let wall_ns = self.wall_ns();
                let answer = self.versions.apply(op, &mut self.live, wall_ns);
                if op.writes() {
                    // What is answered survives.
                    self.persistent = Persistent::new(self.live.clone());
                }
                Ok(OpAnswer::Store(answer))
            }
        }
    }

    fn stat(&self, ino: Ino) -> Result<Stat, ErrorCode> {
        let kind = self.live.kind(ino);
        let (size, modified) = match self.live.file(ino) {
            Ok((data, modified_ns)) => {
                (data.len() as u64, UNIX_EPOCH.checked_add(Duration::from_nanos(modified_ns)))
            }
            Err(ErrorCode::IsDirectory) => {
                (0, UNIX_EPOCH.checked_add(Duration::from_nanos(self.live.changed_ns(ino))))
            }
            Err(code) => return Err(code),
        };
        Ok(Stat::new(kind, size, modified))
    }

    fn create(&mut self, at: Ino, path: &str, inode: Inode) -> Result<Ino, ErrorCode> {
        let (dir, name) = self.live.resolve(at, path)?;
        if matches!(name, "" | "." | "..") || self.live.entries(dir)?.contains_key(name) {
            return Err(ErrorCode::Exist);
        }
        let ino = self.next_ino;
        self.next_ino += 1;
        self.live.insert(ino, inode.clone());
        self.persistent.create(ino, inode);
        self.bind(dir, name.into(), Half::alone(Some(ino)));
        Ok(ino)
    }

    fn bind(&mut self, dir: Ino, name: Name, half: Half) {
        let Half { to, flushes, is_tied, pair } = half;
        let now_ns = self.wall_ns();
        self.live.bind(dir, &name, to);
        self.live.touch(dir, now_ns);
        self.persistent.durable.touch(dir, now_ns);
        self.persistent.push(Change::Name { dir, name, to, flushes, is_tied, pair });
    }
}

/// What a name is bound to, and what goes with it: see [`Change::Name`].
struct Half {
    to: Option<Ino>,
    flushes: Option<Ino>,
    is_tied: bool,
    pair: Option<u32>,
}

impl Half {
    /// No half of a rename.
    fn alone(to: Option<Ino>) -> Self {
        Half { to, flushes: None, is_tied: false, pair: None }
    }
}

/// What a call of `op` is called in traces; its path is that of what it works on.
pub(crate) fn operation(op: &Op) -> DiskOperation {
    match op {
        Op::OpenDir { .. } => DiskOperation::OpenDir,
        Op::CreateDir { .. } => DiskOperation::CreateDir,
        Op::CreateFile { .. } => DiskOperation::CreateFile,
        Op::OpenFile { .. } => DiskOperation::OpenFile,
        Op::Read { .. } => DiskOperation::Read,
        Op::Write { .. } => DiskOperation::Write,
        Op::SyncData { .. } => DiskOperation::SyncData,
        Op::SyncDir { .. } => DiskOperation::SyncDir,
        Op::Rename { .. } => DiskOperation::Rename,
        Op::RemoveFile { .. } => DiskOperation::RemoveFile,
        Op::RemoveDir { .. } => DiskOperation::RemoveDir,
        Op::Stat { .. } => DiskOperation::Stat,
        Op::ReadDir { .. } => DiskOperation::ReadDir,
        Op::Store(op) => op.operation(),
    }
}
