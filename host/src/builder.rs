//! What to run, and on what.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::clock::{Clocks, MonotonicClock, WallClock};
use crate::component::{Precompiled, World};
use crate::disk::{Disk, OsDisk, Threads};
use crate::driver::{Bounds, Driver, Job};
use crate::engine::{Compiled, Limits, TICK_MS};
use crate::error::{Error, Operation};
use crate::glue::bindings::TandemPre;
use crate::glue::linker::{OnDisk, OnWasmtime, linker};
use crate::glue::sync::linker::SyncFilesystem;
use crate::sync::{self, Parts};
use crate::tandem::{Callers, Tandem};

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
/// Histories that the component holds together, unless a single one is larger.
const HISTORIES_BYTES: u64 = 64 * 1024 * 1024;
/// While a history is read, merged and written: the old text, the new one, what is between them.
const COPIES_OF_HISTORY: u64 = 4;
/// Each entry costs a string's header beside its text. The shortest text is a digit and a comma.
const CALL_BYTES_OF_HISTORY: u64 = 16;
/// What 32 bits can address, less one page.
const MEMORY_BYTES_MAX: u64 = (1 << 32) - 65_536;
const WATCHDOG_MS: u64 = 10_000;

/// What to run, and on what. Made by [`Tandem::builder`].
pub struct Builder {
    files: Vec<Files>,
    components: Vec<Source>,
    max_document_bytes: u64,
    max_total_document_bytes: Option<u64>,
    max_history_bytes: u64,
    clocks: Clocks,
    watchdog_ms: u64,
    threads: Threads,
}

enum Files {
    Dir(PathBuf),
    Disk(Box<dyn Launch>),
    Wasmtime(PathBuf),
}

enum Source {
    Path(PathBuf),
    Bytes(Vec<u8>),
    Precompiled(Precompiled),
}

/// Starts a component; erases the type of the disk.
trait Launch: Send {
    fn launch(self: Box<Self>, parts: Parts) -> Result<mpsc::UnboundedSender<Job>, Error>;

    fn launch_sync(self: Box<Self>, parts: Parts) -> Result<sync::Shared, Error>;
}

impl<F: SyncFilesystem> Launch for F {
    fn launch(self: Box<Self>, parts: Parts) -> Result<mpsc::UnboundedSender<Job>, Error> {
        let Parts { compiled, clocks, limits, bounds } = parts;
        let pre = linker::<F>(&compiled.engine)
            .and_then(|linker| linker.instantiate_pre(&compiled.component))
            .and_then(TandemPre::new)
            .map_err(Error::component_unusable)?;
        let ticking = compiled.tick().map_err(|error| Error::component_unusable(error.into()))?;
        let driver =
            Driver { compiled, pre, files: *self, clocks, limits, bounds, _ticking: ticking };
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(driver.run(receiver));
        Ok(sender)
    }

    fn launch_sync(self: Box<Self>, parts: Parts) -> Result<sync::Shared, Error> {
        sync::start(parts, *self)
    }
}

impl Builder {
    pub(crate) fn new() -> Self {
        Builder {
            files: Vec::new(),
            components: Vec::new(),
            max_document_bytes: DOCUMENT_BYTES_MAX,
            max_total_document_bytes: None,
            max_history_bytes: HISTORY_BYTES_MAX,
            clocks: Clocks::default(),
            watchdog_ms: WATCHDOG_MS,
            threads: Threads::default(),
        }
    }

    /// Keep the runs below this directory, which must exist. The component can touch nothing else.
    pub fn dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(Files::Dir(path.into()));
        self
    }

    /// Make the file calls of [`dir`](Builder::dir) on these threads. Default:
    /// [`Threads::Workers`], which never block the runtime. [`Threads::Inline`] is faster, for a
    /// runtime that may wait a few microseconds for a local file system.
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Keep the runs on any disk.
    pub fn disk<D: Disk>(mut self, disk: D) -> Self {
        self.files.push(Files::Disk(Box::new(OnDisk::new(disk))));
        self
    }

    /// Keep the runs below this directory, through wasmtime's own filesystem instead of ours: what
    /// other hosts use. It is slower, and after a component failed, file operations that it had
    /// begun may still take effect while the next one runs.
    pub fn wasmtime_filesystem(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(Files::Wasmtime(path.into()));
        self
    }

    /// Run the component in this file instead of the one that is built in.
    pub fn component_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.components.push(Source::Path(path.into()));
        self
    }

    /// Run this component instead of the one that is built in.
    pub fn component_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.components.push(Source::Bytes(bytes.into()));
        self
    }

    /// Load the component that is built in from this machine code, the result of
    /// [`precompile`](crate::precompile), instead of compiling it. Where it was made by another
    /// version or with other features of wasmtime, or for another processor, the component is
    /// compiled after all. [`build_sync`](Builder::build_sync) has no use for it.
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
    /// largest document if that is more. The component's memory is bounded accordingly.
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

    /// How long the component may compute without a pause before it counts as hung and is given
    /// up, in steps of 100 ms; for the synchronous one, how much processor time a call may take.
    /// Default: 10,000.
    pub fn watchdog_ms(mut self, watchdog_ms: u64) -> Self {
        self.watchdog_ms = watchdog_ms;
        self
    }

    /// Load or compile the component that is built in or was chosen, and start its driver on the current
    /// tokio runtime, which needs its timers enabled.
    ///
    /// # Errors
    /// `invalid-input` (nothing or too much was chosen, a limit that cannot be kept, no runtime),
    /// `storage` (the directory or the component's file cannot be opened), `component-failed`
    /// (it is no component, or not one of this world).
    pub async fn build(self) -> Result<Tandem, Error> {
        if Handle::try_current().is_err() {
            return Err(Error::invalid_input("there is no tokio runtime to run on"));
        }
        let (limits, bounds) = self.limits()?;
        let Builder { files, components, clocks, threads, .. } = self;
        let built =
            tokio::task::spawn_blocking(move || load(files, components, threads, World::Tandem));
        let (launch, compiled) = built
            .await
            .map_err(|error| Error::component_unusable(wasmtime::Error::new(error)))??;
        let jobs = launch.launch(Parts { compiled, clocks, limits, bounds })?;
        Ok(Tandem::new(Callers::new(jobs, bounds)))
    }

    /// Load or compile the synchronous component that is built in or was chosen, and start it in a
    /// thread of its own. It needs no runtime; [`dir`](Builder::dir) makes every call in that thread,
    /// whatever [`threads`](Builder::threads) says, but for large writes. A [`disk`](Builder::disk)
    /// of one's own is polled in a runtime of wasmtime's, while the caller's thread blocks: it must
    /// not wait for tasks of the caller's runtime.
    ///
    /// # Errors
    /// As [`build`](Builder::build).
    pub fn build_sync(self) -> Result<sync::Tandem, Error> {
        let (limits, bounds) = self.limits()?;
        let Builder { files, components, clocks, .. } = self;
        let (launch, compiled) = load(files, components, Threads::Inline, World::TandemSync)?;
        let shared = launch.launch_sync(Parts { compiled, clocks, limits, bounds })?;
        Ok(sync::Tandem::new(shared))
    }

    fn limits(&self) -> Result<(Limits, Bounds), Error> {
        let document_bytes = self.max_document_bytes;
        let total_bytes = self
            .max_total_document_bytes
            .unwrap_or_else(|| TOTAL_DOCUMENT_BYTES_MAX.max(document_bytes.saturating_mul(2)));
        let history_bytes = self.max_history_bytes;
        if document_bytes == 0 || history_bytes == 0 || self.watchdog_ms == 0 {
            return Err(Error::invalid_input("a limit of 0 lets nothing through"));
        }
        if total_bytes < document_bytes {
            return Err(Error::invalid_input(format!(
                "the limit of all documents is below that of one: {total_bytes}, {document_bytes}"
            )));
        }
        let memory_bytes = total_bytes
            .saturating_mul(COPIES_OF_EACH)
            .saturating_add(document_bytes.saturating_mul(COPIES_OF_ONE))
            // Summaries on their way have together what one document may have.
            .saturating_add(document_bytes.saturating_mul(COPIES_OF_EACH))
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
            ticks: u32::try_from(self.watchdog_ms.div_ceil(TICK_MS)).unwrap_or(u32::MAX),
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
            .field("watchdog_ms", &self.watchdog_ms)
            .finish_non_exhaustive()
    }
}

impl Files {
    fn open(self, threads: Threads) -> Result<Box<dyn Launch>, Error> {
        Ok(match self {
            Files::Dir(path) => Box::new(OnDisk::new(open_root(&path)?.threads(threads))),
            Files::Disk(launch) => launch,
            Files::Wasmtime(path) => {
                // wasmtime opens it anew for each component; here it says what is wrong.
                open_root(&path)?;
                Box::new(OnWasmtime::new(path))
            }
        })
    }
}

/// Opens what was granted and loads what was chosen.
fn load(
    files: Vec<Files>,
    components: Vec<Source>,
    threads: Threads,
    world: World,
) -> Result<(Box<dyn Launch>, Arc<Compiled>), Error> {
    let files = only(files, "choose one of dir, disk and wasmtime_filesystem")?
        .ok_or_else(|| Error::invalid_input("no directory was granted"))?;
    let source = only(components, "choose one of component_path, component_bytes and precompiled")?;
    Ok((files.open(threads)?, compile(source, world)?))
}

/// At most one choice.
fn only<T>(mut choices: Vec<T>, rule: &str) -> Result<Option<T>, Error> {
    if choices.len() > 1 {
        return Err(Error::invalid_input(rule));
    }
    Ok(choices.pop())
}

fn open_root(path: &Path) -> Result<OsDisk, Error> {
    OsDisk::open(path).map_err(|error| {
        let shown = path.display();
        let message = match error.kind() {
            io::ErrorKind::NotFound => format!("the root does not exist: {shown}"),
            io::ErrorKind::NotADirectory => format!("the root is not a directory: {shown}"),
            _ => format!("cannot open the root: {shown}"),
        };
        Error::storage(Operation::Open, shown.to_string(), message, error)
    })
}

fn compile(source: Option<Source>, world: World) -> Result<Arc<Compiled>, Error> {
    let compiled = match source {
        None => Compiled::embedded(world, None),
        Some(Source::Precompiled(precompiled)) => match world {
            World::Tandem => Compiled::embedded(world, Some(precompiled)),
            World::TandemSync => Compiled::embedded(world, None),
        },
        Some(Source::Bytes(bytes)) => Compiled::new(&bytes).map(Arc::new),
        Some(Source::Path(path)) => {
            let bytes = std::fs::read(&path).map_err(|error| {
                let shown = path.display();
                let message = format!("cannot read the component: {shown}");
                Error::storage(Operation::Read, shown.to_string(), message, error)
            })?;
            Compiled::new(&bytes).map(Arc::new)
        }
    };
    compiled.map_err(Error::component_unusable)
}
