//! What Tandem needs of a store: documents with versions, and writes that follow a version.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use crate::Trouble;

/// Names one state of one document. A store never gives one version of a key to two states, also
/// after a removal; versions of one key grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// One document as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// Its content; none for a mark, which is what a removal leaves.
    pub body: Option<Arc<[u8]>>,
    /// Which state of it this is.
    pub version: Version,
    /// When it was written, by the clock of [`Documents::time`], or what its writer [told](Write).
    /// It differs whenever the version does, unless a writer told it. Without it no age can be told:
    /// every run counts as one that gives no sign of life.
    pub modified: Option<SystemTime>,
}

impl Document {
    /// A state of a document.
    pub fn new(body: Option<Arc<[u8]>>, version: Version, modified: Option<SystemTime>) -> Self {
        Document { body, version, modified }
    }
}

/// What a write follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expect {
    /// The key has no document, and no mark.
    Absent,
    /// The document, or the mark, has this version.
    Is(Version),
}

/// What a write is to survive when it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// Others can read it. A store that has nothing cheaper writes it as a durable one.
    Visible,
    /// What the store [promises](Documents::promise).
    Durable,
}

/// One write of several that are made together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: String,
    /// The new content; none leaves a mark.
    pub body: Option<Arc<[u8]>>,
    /// What it follows.
    pub expect: Expect,
    /// The time that its document is to have; none for now. What is moved keeps its time, because
    /// that tells whether a run lives.
    pub modified: Option<SystemTime>,
}

/// One key of a list, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The key.
    pub key: String,
    /// The version of its document.
    pub version: Version,
}

impl Listed {
    /// A key, and the version of its document.
    pub fn new(key: impl Into<String>, version: Version) -> Self {
        Listed { key: key.into(), version }
    }
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Keys with a document, in the order of their bytes; no marks.
    pub entries: Vec<Listed>,
    /// Whether keys may follow the last one of these.
    pub has_more: bool,
}

impl Page {
    /// A part of a list.
    pub fn new(entries: Vec<Listed>, has_more: bool) -> Self {
        Page { entries, has_more }
    }
}

/// Where somebody who follows the changes of a store has come to. Only the store that made it
/// reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(pub String);

/// One document that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// The key.
    pub key: String,
    /// The document as it stands now; a mark if it was removed.
    pub document: Document,
}

impl Changed {
    /// A document that changed.
    pub fn new(key: impl Into<String>, document: Document) -> Self {
        Changed { key: key.into(), document }
    }
}

/// What changed since a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Whether it begins with everything: what was told before counts no more, and what is not told
    /// from here on until [`has_more`](Changes::has_more) is `false` is not there.
    pub is_anew: bool,
    /// The documents, each as it stands now. One may be told again that has not changed.
    pub changed: Vec<Changed>,
    /// Where to go on.
    pub next: Cursor,
    /// Whether more is known already, so that the next call need not wait.
    pub has_more: bool,
}

impl Changes {
    /// What changed, and where to go on.
    pub fn new(changed: Vec<Changed>, next: Cursor, has_more: bool) -> Self {
        Changes { is_anew: false, changed, next, has_more }
    }

    /// It, as the beginning of everything.
    pub fn anew(self) -> Self {
        Changes { is_anew: true, ..self }
    }
}

/// What an acknowledged, durable write outlives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Survives {
    /// Nothing that stops the store's process.
    Nothing,
    /// The store's process, killed; not a power loss.
    Kill,
    /// A power loss of the store's machine; not that machine's loss.
    PowerLoss,
    /// The loss of any one machine of the store. Only this makes a receipt `durable`.
    Machine,
}

/// What a store promises, and why it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Promise {
    /// What an acknowledged, durable write outlives.
    pub survives: Survives,
    /// Where that comes from, for people: settings and members, no credentials.
    pub because: String,
}

impl Promise {
    /// A promise, and where it comes from.
    pub fn new(survives: Survives, because: impl Into<String>) -> Self {
        Promise { survives, because: because.into() }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let survives = match self.survives {
            Survives::Nothing => "nothing",
            Survives::Kill => "a kill of the store, and no power loss",
            Survives::PowerLoss => "a power loss, and not the loss of a machine",
            Survives::Machine => "the loss of a machine",
        };
        write!(f, "what is written survives {survives}: {}", self.because)
    }
}

/// Documents by key, in a store that several hosts share. [`DocumentsDisk`](crate::DocumentsDisk)
/// makes a disk of it, and [`contract`](crate::contract) tries what is promised here.
///
/// # Keys
///
/// Paths as the component has them: text of at most 4,096 bytes, steps with `/` between, neither
/// empty nor `.` nor `..`. They are compared by their bytes.
///
/// # Promises
///
/// - A read is linearizable: it shows the newest write that was answered before the read began. So
///   no replica answers that may be behind.
/// - A write is made if and only if what it expects holds at that moment, and at most once. Of
///   several that expect the same, one is made.
/// - `Ok(None)` says that this write was not made and never will be. An error says that nobody
///   knows: it may be made later, unless [`Trouble::is_refused`] tells otherwise. Whoever gets one
///   looks with [`get`](Documents::get), and never repeats the write blindly.
/// - A future that was polled once and is dropped counts as an error: the write may be made later.
pub trait Documents: Send + Sync + 'static {
    /// The document or the mark at a key.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Document>, Trouble>> + Send;

    /// Writes one document, or with no body a mark, if what is expected holds. Answers its new
    /// version, or none if it did not hold.
    fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        level: Level,
    ) -> impl Future<Output = Result<Option<Version>, Trouble>> + Send;

    /// Writes several documents at once and durably, all or none. Answers whether it did: not, if
    /// one thing that is expected did not hold. Keys are different. It is asked to move what a
    /// removed run has, 64 writes at most.
    fn replace_all(&self, writes: Vec<Write>)
    -> impl Future<Output = Result<bool, Trouble>> + Send;

    /// Documents whose keys begin with a prefix, from behind a key on, in the order of their bytes.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page, Trouble>> + Send;

    /// What changed below a prefix since a cursor, each at least once, with the bodies. It may wait
    /// for a while if nothing has, and answer that nothing has.
    ///
    /// With no cursor it begins with every document that stands there, in parts: so whoever follows
    /// them to the end has a list, and misses nothing that changes from then on. It begins anew also
    /// by itself, where the store no longer knows what changed since.
    fn changes(
        &self,
        prefix: &str,
        since: Option<&Cursor>,
    ) -> impl Future<Output = Result<Changes, Trouble>> + Send;

    /// The time now, by the clock that [`Document::modified`] has, so that ages are told by one clock
    /// and not by two machines'.
    fn time(&self) -> impl Future<Output = Result<SystemTime, Trouble>> + Send;

    /// What an acknowledgement survives now, as far as the store can be asked. It is asked after each
    /// durable write of a run: a store that would have to ask a server each time may answer from what
    /// it learnt at most a second ago.
    fn promise(&self) -> impl Future<Output = Result<Promise, Trouble>> + Send;
}
