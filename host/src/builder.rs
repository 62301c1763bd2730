//! What to run, and on what.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::callers::Callers;
use crate::clock::{Clocks, MonotonicClock, WallClock};
use crate::disk::{Disk, OsDisk, dir_mode};
use crate::driver::{self, Bounds, Driver, Driving, Job, Parts};
use crate::engine::{Compiled, Limits, Precompiled, TICK_MS};
use crate::error::Error;
use crate::events;
use crate::glue::linker::{Filesystem, OnDisk, OnWasmtime};
use crate::records::Operation;
use crate::root;
use crate::tandem::Tandem;

/// 16 MiB.
const DOCUMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// 256 MiB.
const TOTAL_DOCUMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// 64 MiB.
const HISTORY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What the component takes besides documents: code, stacks, thousands of runs and calls.
const BASE_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// A document is held once, copied by the flush that writes it, and replaced by a new one that
/// arrives meanwhile; the allocator loses the rest.
const COPIES_OF_EACH: u64 = 4;
/// While a document is checked, indented or merged.
const COPIES_OF_ONE: u64 = 8;
/// What the component lets all summaries on their way have together, unless one may have more.
const SUMMARIES_BYTES: u64 = 64 * 1024 * 1024;
/// Histories that the component holds together, unless a single one is larger.
const HISTORIES_BYTES: u64 = 64 * 1024 * 1024;
/// While a history is read, merged and written: the old text, the new one, what is between them.
const COPIES_OF_HISTORY: u64 = 4;
/// Each entry costs a string's header beside its text. The shortest text is a digit and a comma.
const CALL_BYTES_OF_HISTORY: u64 = 16;
/// What 32 bits can address, less one page.
const MEMORY_BYTES_MAX: u64 = (1 << 32) - 65_536;
const WATCHDOG: Duration = Duration::from_secs(10);

/// Each has a thread, and an address space of several GiB.
const SHARDS_MAX: usize = 64;

/// What to run, and on what. Made by [`Tandem::builder`].
#[must_use = "nothing is opened before it is built"]
pub struct Builder {
    files: Vec<Grant>,
    components: Vec<Source>,
    max_document_bytes: u64,
    max_total_document_bytes: Option<u64>,
    max_history_bytes: u64,
    file_mode: Option<u32>,
    clocks: Clocks,
    watchdog: Duration,
    shards: usize,
}

enum Grant {
    Dir(PathBuf),
    /// It is created if it is missing.
    NewDir(PathBuf),
    Disk(Box<dyn Launch>),
    Wasmtime(PathBuf),
}

enum Source {
    Bytes(Vec<u8>),
    Precompiled(Precompiled),
}

/// Starts components on some files; erases what answers for them.
trait Launch: Send {
    /// The same files for another component.
    fn another(&self) -> Box<dyn Launch>;

    /// What drives a component until nobody needs it.
    fn launch(
        self: Box<Self>,
        parts: Parts,
        jobs: mpsc::UnboundedReceiver<Job>,
    ) -> Result<Driving, Error>;
}

impl<F: Filesystem> Launch for F {
    fn another(&self) -> Box<dyn Launch> {
        Box::new(Filesystem::another(self))
    }

    fn launch(
        self: Box<Self>,
        parts: Parts,
        jobs: mpsc::UnboundedReceiver<Job>,
    ) -> Result<Driving, Error> {
        Ok(Driver::new(parts, *self)?.driving(jobs))
    }
}

/// What the first driver's thread loaded, for the others.
type Loaded = (Box<dyn Launch>, Parts);

/// A driver's thread that is starting, and what the caller waits for.
struct Starting<T> {
    jobs: mpsc::UnboundedSender<Job>,
    thread: JoinHandle<()>,
    outcome: oneshot::Receiver<Result<T, Error>>,
}

impl Tandem {
    /// Keep runs below this directory, with every default. It is created if it is missing, but not
    /// what it lies in.
    ///
    /// # Errors
    /// `storage` (the directory cannot be created or opened), `component-failed` (this machine
    /// cannot run the component).
    pub async fn open(path: impl AsRef<Path>) -> Result<Tandem, Error> {
        Builder::creating(path.as_ref()).build().await
    }

    /// What to run, and on what.
    pub fn builder() -> Builder {
        Builder {
            files: Vec::new(),
            components: Vec::new(),
            max_document_bytes: DOCUMENT_BYTES_MAX,
            max_total_document_bytes: None,
            max_history_bytes: HISTORY_BYTES_MAX,
            file_mode: None,
            clocks: Clocks::default(),
            watchdog: WATCHDOG,
            shards: 1,
        }
    }
}

impl Builder {
    /// As [`dir`](Builder::dir), of a directory that is created if it is missing.
    pub(crate) fn creating(path: &Path) -> Builder {
        let mut builder = Tandem::builder();
        builder.files.push(Grant::NewDir(path.into()));
        builder
    }

    /// Keep the runs below this directory, which must exist. The component can touch nothing else.
    pub fn dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(Grant::Dir(path.into()));
        self
    }

    /// Keep the runs on any disk. [`Disk`] tells on which thread it is called, and what it may wait
    /// for.
    pub fn disk<D: Disk>(mut self, disk: D) -> Self {
        self.files.push(Grant::Disk(Box::new(OnDisk::new(disk))));
        self
    }

    /// Keep the runs below this directory, through wasmtime's own filesystem instead of ours: what
    /// other hosts use. It is slower, and after a component failed, file operations that it had
    /// begun may still take effect while the next one runs.
    pub fn wasmtime_filesystem(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(Grant::Wasmtime(path.into()));
        self
    }

    /// Run this component, the content of a `.wasm` file, instead of the one that is built in.
    pub fn component(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.components.push(Source::Bytes(bytes.into()));
        self
    }

    /// Load the component that is built in from this machine code, the result of
    /// [`precompile`](crate::precompile), instead of compiling it. Where it was made by another
    /// version or with other features of wasmtime, or for another processor, the component is
    /// compiled after all.
    ///
    /// # Safety
    /// The bytes are what [`precompile`](crate::precompile) returned, unchanged since: they run as
    /// machine code, unchecked. A file that anybody else can write to is no place for them;
    /// `include_bytes!` is.
    #[allow(unsafe_code, reason = "who calls it vouches for the bytes")]
    pub unsafe fn precompiled(mut self, bytes: &'static [u8]) -> Self {
        // SAFETY: the caller promises just that.
        self.components.push(Source::Precompiled(unsafe { Precompiled::new(bytes) }));
        self
    }

    /// The largest document or patch of any run, and the largest summary. Default: 16 MiB.
    pub fn max_document_bytes(mut self, bytes: u64) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// What the documents of all open runs may have together. Default: 256 MiB, or twice the
    /// largest document if that is more. Summaries that are being recorded are counted apart. The
    /// component's memory is bounded accordingly.
    pub fn max_total_document_bytes(mut self, bytes: u64) -> Self {
        self.max_total_document_bytes = Some(bytes);
        self
    }

    /// The largest history of any task. Default: 64 MiB. Above that, the component's memory is
    /// allowed to grow by four times as much.
    pub fn max_history_bytes(mut self, bytes: u64) -> Self {
        self.max_history_bytes = bytes;
        self
    }

    /// Give every file below the directory this mode when it is written, such as 0o600, whatever the
    /// umask is and whichever mode a replaced file has: manifests, heartbeats, summaries, histories
    /// and locks. It must let the owner read and write, and nobody execute. Directories that are
    /// created may also be entered by whom may read, and keep a setgid bit that they inherit; those
    /// that exist are left as they are.
    ///
    /// Default: a replaced file keeps its mode, a new one has 0666 less the umask. A
    /// [`disk`](Builder::disk) of one's own decides for itself, [`OsDisk::mode`] is the same choice,
    /// and [`wasmtime_filesystem`](Builder::wasmtime_filesystem) has none: with either,
    /// [`build`](Builder::build) fails with `invalid-input`.
    pub fn file_mode(mut self, mode: u32) -> Self {
        self.file_mode = Some(mode);
        self
    }

    /// The clock that heartbeats show. Default: the system's.
    pub fn wall_clock(mut self, clock: impl WallClock) -> Self {
        self.clocks.set_wall(clock);
        self
    }

    /// The clock that the throttle and back-off read. Default: the system's. See
    /// [`MonotonicClock`] for whose time sleeping goes by.
    pub fn monotonic_clock(mut self, clock: impl MonotonicClock) -> Self {
        self.clocks.set_monotonic(clock);
        self
    }

    /// How long the component may compute without a pause before it counts as hung and is given up,
    /// in steps of 100 ms. Default: 10 s.
    pub fn watchdog(mut self, patience: Duration) -> Self {
        self.watchdog = patience;
        self
    }

    /// Run so many components side by side, each on a thread of its own, for hosts with many busy
    /// runs. Each run, and each task's history, belongs to one of them. The limits of documents and
    /// of memory hold for each, and a removal knows what another component has open by its signs of
    /// life only. Default: 1.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Load or compile the component that is built in or was chosen, and start it on a thread of its
    /// own. The future needs no particular runtime.
    ///
    /// # Errors
    /// `invalid-input` (nothing or too much was chosen, a limit that cannot be kept), `storage` (the
    /// directory cannot be opened), `component-failed` (it is no component, or not one of this
    /// world, or there are no more threads).
    pub async fn build(self) -> Result<Tandem, Error> {
        Ok(self.start().await?.0)
    }

    /// Starts the drivers. The first one's thread loads everything.
    pub(crate) async fn start(self) -> Result<(Tandem, Vec<JoinHandle<()>>), Error> {
        let (limits, bounds) = self.limits()?;
        let Builder { files, components, file_mode, clocks, shards, .. } = self;
        let first = Starting::new(move |jobs| {
            let (launch, compiled) = load(files, file_mode, components)?;
            let parts = Parts { compiled, clocks, limits, bounds };
            let others: Loaded = (launch.another(), parts.clone());
            Ok((launch.launch(parts, jobs)?, others))
        })?;
        let ((launch, parts), jobs, thread) = first.started().await?;
        let (mut jobs, mut threads) = (vec![jobs], vec![thread]);
        for _ in 1..shards {
            let (launch, parts) = (launch.another(), parts.clone());
            let other = Starting::new(move |jobs| Ok((launch.launch(parts, jobs)?, ())))?;
            let ((), sender, thread) = other.started().await?;
            jobs.push(sender);
            threads.push(thread);
        }
        Ok((Tandem::new(Callers::new(jobs, bounds)), threads))
    }

    fn limits(&self) -> Result<(Limits, Bounds), Error> {
        let document_bytes = self.max_document_bytes;
        let total_bytes = self
            .max_total_document_bytes
            .unwrap_or_else(|| TOTAL_DOCUMENT_BYTES_MAX.max(document_bytes.saturating_mul(2)));
        let history_bytes = self.max_history_bytes;
        if document_bytes == 0 || history_bytes == 0 || self.watchdog.is_zero() {
            return Err(Error::invalid_input("a limit of 0 lets nothing through"));
        }
        if self.shards == 0 || self.shards > SHARDS_MAX {
            return Err(Error::invalid_input(format!(
                "there are 1 to {SHARDS_MAX} shards, not {}",
                self.shards
            )));
        }
        if total_bytes < document_bytes {
            return Err(Error::invalid_input(format!(
                "the limit of all documents is below that of one: {total_bytes}, {document_bytes}"
            )));
        }
        let memory_bytes = total_bytes
            .saturating_mul(COPIES_OF_EACH)
            .saturating_add(document_bytes.saturating_mul(COPIES_OF_ONE))
            .saturating_add(document_bytes.max(SUMMARIES_BYTES).saturating_mul(COPIES_OF_EACH))
            .saturating_add(history_bytes.max(HISTORIES_BYTES).saturating_mul(COPIES_OF_HISTORY))
            .saturating_add(BASE_MEMORY_BYTES);
        if memory_bytes > MEMORY_BYTES_MAX {
            return Err(Error::invalid_input(format!(
                "documents of {total_bytes} bytes and a history of {history_bytes} bytes may need \
                 {memory_bytes} bytes of memory, above the {MEMORY_BYTES_MAX} that a component can \
                 have"
            )));
        }
        // The recovered document, and room for what comes with it; a whole history.
        let call_bytes = document_bytes
            .saturating_mul(4)
            .max(history_bytes.saturating_mul(CALL_BYTES_OF_HISTORY))
            .max(128 << 20);
        let too_large = |_| Error::invalid_input("the memory is above what this host can address");
        let limits = Limits {
            memory_bytes: usize::try_from(memory_bytes).map_err(too_large)?,
            call_bytes: usize::try_from(call_bytes).map_err(too_large)?,
            ticks: u32::try_from(self.watchdog.as_millis().div_ceil(u128::from(TICK_MS)))
                .unwrap_or(u32::MAX),
        };
        Ok((limits, Bounds { document_bytes, total_bytes, history_bytes }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_document_bytes", &self.max_document_bytes)
            .field("max_total_document_bytes", &self.max_total_document_bytes)
            .field("max_history_bytes", &self.max_history_bytes)
            .field("watchdog", &self.watchdog)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Starting<T> {
    /// Has a thread prepare a driver, and run it.
    fn new(
        prepare: impl FnOnce(mpsc::UnboundedReceiver<Job>) -> Result<(Driving, T), Error>
        + Send
        + 'static,
    ) -> Result<Self, Error> {
        let (tell, outcome) = oneshot::channel();
        let (jobs, received) = mpsc::unbounded_channel();
        let thread = driver::spawn(move |runtime| {
            let runtime = runtime.map_err(|error| Error::no_thread(&error));
            let (driving, outcome) = match runtime.and_then(|()| prepare(received)) {
                Ok((driving, told)) => (Some(driving), Ok(told)),
                Err(error) => (None, Err(error)),
            };
            // Whoever waits for it may have gone.
            tell.send(outcome).ok().and(driving)
        });
        Ok(Starting { jobs, thread: thread.map_err(|error| Error::no_thread(&error))?, outcome })
    }

    /// Waits until the driver is prepared.
    async fn started(self) -> Result<(T, mpsc::UnboundedSender<Job>, JoinHandle<()>), Error> {
        // Without an answer the thread has panicked.
        let told = self.outcome.await.unwrap_or_else(|_| Err(Error::panicked()))?;
        Ok((told, self.jobs, self.thread))
    }
}

impl Grant {
    fn open(self, mode: Option<u32>) -> Result<Box<dyn Launch>, Error> {
        let on_disk = |path: &Path| -> Result<Box<dyn Launch>, Error> {
            let disk = open_root(path)?;
            events::root(path, mode);
            Ok(Box::new(OnDisk::new(match mode {
                Some(mode) => disk.mode(mode),
                None => disk,
            })))
        };
        Ok(match self {
            Grant::Dir(path) => on_disk(&path)?,
            Grant::NewDir(path) => {
                create_root(&path, mode)?;
                on_disk(&path)?
            }
            Grant::Disk(_) | Grant::Wasmtime(_) if mode.is_some() => {
                return Err(Error::invalid_input("a file mode is for the files of a directory"));
            }
            Grant::Disk(launch) => launch,
            Grant::Wasmtime(path) => {
                // wasmtime opens it anew for each component; here it says what is wrong.
                open_root(&path)?;
                Box::new(OnWasmtime::new(path))
            }
        })
    }
}

/// Opens what was granted and loads what was chosen.
fn load(
    files: Vec<Grant>,
    file_mode: Option<u32>,
    components: Vec<Source>,
) -> Result<(Box<dyn Launch>, Arc<Compiled>), Error> {
    let files = only(files, "choose one of dir, disk and wasmtime_filesystem")?
        .ok_or_else(|| Error::invalid_input("no directory was granted"))?;
    let source = only(components, "choose one of component and precompiled")?;
    if let Some(mode) = file_mode
        && (mode & 0o600 != 0o600 || mode & !0o666 != 0)
    {
        let rule = "a file mode lets the owner read and write, and nobody execute";
        return Err(Error::invalid_input(format!("{rule}: {mode:o}")));
    }
    Ok((files.open(file_mode)?, compile(source)?))
}

/// At most one choice.
fn only<T>(mut choices: Vec<T>, rule: &str) -> Result<Option<T>, Error> {
    if choices.len() > 1 {
        return Err(Error::invalid_input(rule));
    }
    Ok(choices.pop())
}

fn create_root(path: &Path, file_mode: Option<u32>) -> Result<(), Error> {
    root::create(path, file_mode.map(dir_mode)).map_err(|error| {
        let shown = path.display();
        let message = format!("cannot create the root: {shown}");
        Error::storage(Operation::CreateDirectory, shown.to_string(), message, "mkdir", &error)
    })
}

fn open_root(path: &Path) -> Result<OsDisk, Error> {
    OsDisk::open(path).map_err(|error| {
        let shown = path.display();
        let message = match error.kind() {
            io::ErrorKind::NotFound => format!("the root does not exist: {shown}"),
            io::ErrorKind::NotADirectory => format!("the root is not a directory: {shown}"),
            _ => format!("cannot open the root: {shown}"),
        };
        Error::storage(Operation::Open, shown.to_string(), message, "open", &error)
    })
}

fn compile(source: Option<Source>) -> Result<Arc<Compiled>, Error> {
    let compiled = match source {
        None => Compiled::embedded(None),
        Some(Source::Precompiled(precompiled)) => Compiled::embedded(Some(precompiled)),
        Some(Source::Bytes(bytes)) => Compiled::new(&bytes).map(Arc::new),
    };
    compiled.map_err(Error::component_unusable)
}
