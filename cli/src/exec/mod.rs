//! `tandem exec`: runs a command, keeps its manifest and heartbeat, and records its end.

mod children;
mod command;
mod common;
mod foreground;
mod fresh;
mod groups;
mod handler;
mod job;
mod manifest;
mod omit;
mod outputs;
mod processes;
mod progress;
mod pty;
mod pump;
mod raw_terminal;
mod record;
mod same_place;
mod script;
mod shown;
mod signals;
mod status;
mod steps;
mod stops;
mod summary;
mod tail;
mod undecided;
#[cfg(target_os = "linux")]
mod witness;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tandem_host::limits::in_words;
use tandem_host::{Channel, Durability, Error, ErrorKind, Request, Run, RunOptions, Tandem};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::inherited::{Inherited, STDOUT};
use super::mode::Mode;
use super::plain::{complain, message};
use super::root::Root;
use super::tandem;
use children::Change;
pub use command::EXIT_NO_STATE;
use command::{PassedOn, Running, cancelled_before_start, new_run_id, not_started, without_state};
use common::{COMMAND, MAX_MS};
use fresh::Fresh;
use manifest::{End, Manifest};
use outputs::{OutputOptions, Outputs};
use progress::Progress;
use pump::Shared;
use shown::Shown;
use signals::{Event, Received, Signals};
use status::Status;
use stops::Stops;
use tail::Tail;

/// How long the last state waits for output that is slow to be taken.
const DRAIN_GRACE: Duration = Duration::from_millis(100);
/// How long output that nobody takes holds the program after a signal that ended the command.
const CANCELLED_DRAIN: Duration = Duration::from_secs(1);

/// How long output gathers before the document is set anew: often enough for who looks, and seldom
/// enough for a command that writes all the time.
const GATHER: Duration = Duration::from_millis(250);

/// Run a command, keep its manifest and heartbeat, and record it in its task's history.
///
/// The state is kept below DIR in .runs/TASK/cli/RUN: manifest.json tells the command, its status,
/// times, exit code, the last 8 KiB of its output and how many bytes it wrote; .heartbeat tells
/// when the command was last seen alive. Output, signals and the exit code pass through. Of a
/// command line above 32 KiB only the beginning is kept.
///
/// If both outputs go to one place (a pipe, a terminal, a socket, or a file that is open once or for
/// appending), their order is kept; stdout_bytes then counts both, and stderr_bytes is left out.
///
/// When the command is over, its summary goes to .runs/TASK/RUN/manifest.json and into the task's
/// history, out/TASK/runs.json. If that fails, exec warns and the exit code stays. A signal ends
/// the wait for a history that others write; a run that a signal cancelled waits at most 2 seconds.
///
/// Exit codes: the command's own; 1 if its output could not be written and it ended with 0 anyway;
/// 128 + n if signal n killed it; 127 if it, or its interpreter, is not found; 126 if it is not
/// executable; 125 if the state cannot be kept, or a call of exec itself fails before the command
/// starts (it is not started); 2 if this command line is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    root: Root,

    /// The task that the run belongs to
    #[arg(long, value_name = "ID", default_value = "exec")]
    task: String,

    /// The run [default: the time and eight random digits]
    #[arg(long, value_name = "ID")]
    run: Option<String>,

    /// The least time between two writes of the manifest while the command runs, in milliseconds; one
    /// that is due within a tenth of it goes along with a heartbeat
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=MAX_MS))]
    interval: u64,

    /// The time between two heartbeats, in milliseconds; one that is due within a tenth of it goes
    /// along with the manifest
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=MAX_MS))]
    heartbeat: u64,

    /// What all files survive: a power loss (durable) or a crash of the process (visible)
    /// [default: visible for the heartbeat, durable for the others]
    #[arg(long, value_name = "WHAT")]
    durability: Option<DurabilityArg>,

    #[command(flatten)]
    record: record::Options,

    #[command(flatten)]
    omit: omit::Omitting,

    #[command(flatten)]
    mode: Mode,

    /// Show no progress line on a terminal
    #[arg(long)]
    no_progress: bool,

    /// Run the command in a process group of its own, pass signals on to all of the group, and end what
    /// the command leaves behind when it has ended, on Linux also what has left the group
    #[arg(long)]
    group: bool,

    /// With --group: how long after SIGTERM what the command leaves behind is killed, in milliseconds
    #[arg(long, value_name = "MS", requires = "group", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(..=MAX_MS))]
    kill_after: u64,
    #[command(flatten)]
    outputs: OutputOptions,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// How long the end waits for what is on its way to the disk.
const LAST_WRITES: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DurabilityArg {
    Durable,
    Visible,
}

/// Catches the signals of a run. Comes before the first thread.
pub fn catch(args: &Args, inherited: &Inherited) -> io::Result<Signals> {
    Signals::catch(inherited, args.group)
}

/// Runs the command; the exit code is the program's.
pub async fn run(args: Args, inherited: Inherited, signals: io::Result<Signals>) -> ExitCode {
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => return refuse(&format!("cannot catch signals: {}", in_words(&error))),
    };
    let run_id = args.run.clone().unwrap_or_else(new_run_id);
    let fresh = Fresh::find(&args.root.path, &args.task, &run_id);
    let mut keeper = match Keeper::open(&args, run_id, inherited).await {
        Ok(keeper) => keeper,
        Err(error) => {
            fresh.discard();
            return refuse(&message(&error));
        }
    };
    // No command is started whose state cannot be kept.
    if let Err(error) = keeper.write(true).await {
        keeper.complain(&message(&error));
        keeper.give_up(&args, &mut signals).await;
        fresh.discard();
        return EXIT_NO_STATE.into();
    }
    let early = signals.settle().await;
    let end = match early.iter().find(|early| signals::END.contains(&early.signal())) {
        Some(early) => cancelled_before_start(early.signal()),
        None => keeper.run_command(&args, &mut signals, early).await,
    };
    keeper.finish(&args, &end, &mut signals).await;
    end.exit_code.into()
}

fn refuse(why: &str) -> ExitCode {
    complain(COMMAND, why);
    EXIT_NO_STATE.into()
}

/// Keeps the state of one run on the disk.
struct Keeper {
    tandem: Tandem,
    run: Run,
    manifest: Manifest,
    outputs: Outputs,
    shared: Arc<Shared>,
    name: String,
    durability: Option<Durability>,
    inherited: Inherited,
    failing: Failing,
}

/// The files whose last write failed, as was warned of.
#[derive(Default)]
struct Failing {
    manifest: bool,
    heartbeat: bool,
}

impl Keeper {
    /// Opens the run.
    async fn open(args: &Args, run_id: String, inherited: Inherited) -> Result<Self, Error> {
        let tandem = args.mode.of(tandem::builder(&args.root.path)).build().await?;
        let heartbeat = Duration::from_millis(args.heartbeat);
        let mut options = RunOptions::new(&args.task, &run_id)
            .manifest_interval(Duration::from_millis(args.interval))
            .heartbeat_interval(heartbeat);
        let durability = args.durability.map(|durability| match durability {
            DurabilityArg::Durable => Durability::Durable,
            DurabilityArg::Visible => Durability::Visible,
        });
        if let Some(durability) = durability {
            options = options.manifest_durability(durability).heartbeat_durability(durability);
        }
        let run = tandem.open_run(options).await?;
        for path in &run.recovered().set_aside {
            complain(COMMAND, &format!("warning: a corrupt file was set aside: {path}"));
        }
        let outputs = Outputs::choose(&args.outputs, &inherited);
        let tail = Tail::new(outputs);
        let command = Shown::new(&args.command);
        let mut manifest = Manifest::new(&args.task, &run_id, command, heartbeat, &tail)
            .omitting(args.omit.chosen());
        manifest.set_artifact_root(&run.recovered().directory);
        let name = format!("{}/{run_id}", args.task);
        let has_progress = !args.no_progress && outputs.have_room_for_progress();
        let progress = Progress::start(name.clone(), has_progress);
        let shared = Arc::new(Shared {
            tail: Mutex::new(tail),
            lost: OnceLock::new(),
            has_grown: Notify::new(),
            has_no_stdout: inherited.was_closed(STDOUT),
            progress,
        });
        let failing = Failing::default();
        Ok(Keeper { tandem, run, manifest, outputs, shared, name, durability, inherited, failing })
    }

    /// Runs the command, which gets the signals that came before it.
    async fn run_command(
        &mut self,
        args: &Args,
        signals: &mut Signals,
        early: Vec<Received>,
    ) -> End {
        let job = args.group.then(|| job::Options::new(Duration::from_millis(args.kill_after)));
        let started =
            Running::start(&args.command, &self.inherited, self.outputs, &self.shared, job);
        let end = match started {
            Ok(running) => {
                self.manifest.start();
                if let Some(pid) = running.pid() {
                    signals.started(pid);
                }
                self.watch(args, running, signals, early).await
            }
            Err(error) => not_started(&args.command, &error),
        };
        self.manifest.set_output(&self.shared.tail());
        end
    }

    /// Keeps the state until the command has ended and its output is passed on. Nothing here waits
    /// for the disk: signals pass and the command's end is seen while a write is slow.
    async fn watch(
        &mut self,
        args: &Args,
        mut running: Running,
        signals: &mut Signals,
        early: Vec<Received>,
    ) -> End {
        let shared = self.shared.clone();
        let mut passing = Passing::default();
        for early in early {
            self.pass_on(&early, &running, &mut passing);
        }
        // That the command runs is told at once: who resumes the run must not start it twice.
        let mut state = Writing::Some(Box::pin(self.write(false)));
        let mut beat = self.beat(Instant::now());
        let mut gathered_at = None;
        // The document was set anew since the write that goes on was asked for.
        let mut has_changed = false;
        loop {
            tokio::select! {
                ended = running.ended() => {
                    if ended.is_bad() {
                        // What its group had is on its way to here at least.
                        let last = signals.settle().await;
                        let had = last.iter().filter(|last| last.may_be_had());
                        passing.passed_on.extend(had.map(Received::passed_on));
                        passing.passed_on.extend(running.typed());
                    }
                    passing.passed_on.extend(running.by_keys());
                    signals.ended();
                    if let Some(left_behind) = running.left_behind() {
                        self.warn(&left_behind);
                    }
                    let end = ended.end(&passing.passed_on);
                    self.drain(&end, &mut running, signals).await;
                    return end.with_lost(self.shared.lost.get());
                }
                event = signals.next() => match event {
                    Event::Received(received) => self.pass_on(&received, &running, &mut passing),
                    Event::Command(change) => passing.changed(&running, change),
                    Event::Settled(_) => {}
                },
                result = state.result() => {
                    state = Writing::None;
                    if std::mem::take(&mut has_changed) {
                        let run = self.run.clone();
                        state = Writing::Some(Box::pin(async move {
                            run.schedule(Request::new().manifest()).await.map(drop)
                        }));
                    }
                    self.tell(&[Channel::Manifest], result);
                }
                result = beat.result() => {
                    // The component tries again by itself.
                    let wait_ms = if result.is_ok() { 0 } else { args.heartbeat };
                    beat = self.beat(Instant::now() + Duration::from_millis(wait_ms));
                    self.tell(&[Channel::Heartbeat], result);
                }
                () = shared.has_grown.notified(), if gathered_at.is_none() => {
                    let gather = GATHER.min(Duration::from_millis(args.interval));
                    gathered_at = Some(Instant::now() + gather);
                }
                () = sleep_until(gathered_at.unwrap_or_else(Instant::now)), if gathered_at.is_some() => {
                    gathered_at = None;
                    self.manifest.set_output(&shared.tail());
                    let set = self.run.set(self.document());
                    has_changed = !state.is_none();
                    if !has_changed {
                        let run = self.run.clone();
                        state = Writing::Some(Box::pin(async move {
                            set.await?;
                            run.schedule(Request::new().manifest()).await.map(drop)
                        }));
                    }
                }
            }
        }
    }

    /// Passes a signal on, and warns once of each that may not be sent.
    fn pass_on(&self, received: &Received, running: &Running, passing: &mut Passing) {
        if !passing.stops.counts(received) {
            return;
        }
        match running.pass_on(received) {
            Ok(is_had) => passing.passed_on.extend(is_had.then(|| received.passed_on())),
            Err(error) if passing.refused.insert(received.signal()) => {
                let signal = signals::name(received.signal());
                self.warn(&format!("cannot pass on {signal}: kill: {error}"));
            }
            Err(_) => {}
        }
        if !running.has_own_terminal() {
            passing.stops.received(received);
        }
        running.went_on();
    }

    /// Waits until the output of a command that has ended is passed on. If its reader is slow, the
    /// end is on the disk before that. A signal ends the wait.
    async fn drain(&mut self, end: &End, running: &mut Running, signals: &mut Signals) {
        let is_drained = tokio::time::timeout(DRAIN_GRACE, running.drained()).await.is_ok();
        // Whoever waits for the rest can interrupt that.
        running.give_back_terminal();
        if is_drained {
            return;
        }
        self.manifest.set_output(&self.shared.tail());
        self.manifest.finish(end);
        let result = self.write(true).await;
        self.tell(&[Channel::Manifest, Channel::Heartbeat], result);
        let limit = async {
            match end.status {
                Status::Cancelled => tokio::time::sleep(CANCELLED_DRAIN).await,
                _ => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            () = running.drained() => return,
            signal = signals.end() => format!("{} ended the wait", signals::name(signal)),
            () = limit => "nobody took it in time".to_owned(),
        };
        // An error of a write is told before that.
        let _ = self.shared.lost.set(format!("the output is not written whole: {why}"));
    }

    /// The next heartbeat, asked for at a time and written when the throttle allows.
    fn beat(&self, at: Instant) -> Writing {
        let run = self.run.clone();
        Writing::Some(Box::pin(async move {
            sleep_until(at).await;
            run.schedule(Request::new().heartbeat()).await.map(drop)
        }))
    }

    fn document(&self) -> String {
        // Strings and numbers always have a JSON text.
        serde_json::to_string(&self.manifest).unwrap_or_default()
    }

    /// Writes the manifest at once, and the heartbeat with it.
    fn write(&self, heartbeat: bool) -> impl Future<Output = Result<(), Error>> + use<> {
        let run = self.run.clone();
        let document = self.document();
        async move {
            run.set(document).await?;
            let request = Request::new().manifest().force();
            run.schedule(if heartbeat { request.heartbeat() } else { request }).await?;
            Ok(())
        }
    }

    /// Warns of a write of these files that failed. Writes that fail one after the other are one
    /// trouble, and so is a heartbeat that fails beside the manifest.
    fn tell(&mut self, channels: &[Channel], result: Result<(), Error>) {
        let Err(error) = result else {
            self.failing.manifest &= !channels.contains(&Channel::Manifest);
            self.failing.heartbeat &= !channels.contains(&Channel::Heartbeat);
            return;
        };
        let is_heartbeat = error.channel() == Some(Channel::Heartbeat);
        let is_known = self.failing.manifest || is_heartbeat && self.failing.heartbeat;
        if !is_known {
            self.warn(&message(&error));
            if let Some(beside) = error.beside() {
                self.warn(&beside.message);
            }
        }
        self.failing.manifest |= !is_heartbeat;
        self.failing.heartbeat |= is_heartbeat || error.beside().is_some();
    }

    fn warn(&self, what: &str) {
        self.complain(&format!("warning: {what}"));
    }

    fn complain(&self, what: &str) {
        self.shared.progress.tell(|| complain(COMMAND, what));
    }

    /// Ends a run whose first state is not on the disk as a whole. A part of it may be, and must
    /// not look like a run that goes on.
    async fn give_up(mut self, args: &Args, signals: &mut Signals) {
        self.manifest.finish(&without_state());
        // A heartbeat that failed is tried again and fails again.
        let is_written = match self.write(false).await {
            Ok(()) => true,
            Err(error) => error.channel() == Some(Channel::Heartbeat),
        };
        // Why it cannot be written is told already.
        let _ = self.run.close().await;
        if is_written {
            self.record(args, false, signals).await;
        }
        self.end().await;
    }

    /// Writes the last state, closes the run, which tries once more what failed, and records it.
    async fn finish(mut self, args: &Args, end: &End, signals: &mut Signals) {
        self.manifest.finish(end);
        if self.write(true).await.is_err_and(|error| error.kind() == ErrorKind::ComponentFailed) {
            // There is a new one, which knows nothing of it.
            let _ = self.write(true).await;
        }
        // It reports what stays unwritten.
        let closed = self.run.close().await.map(drop);
        let is_closed = closed.is_ok();
        self.tell(&[], closed);
        if is_closed && self.run.unsaved().await.is_ok_and(|unsaved| unsaved.is_lost) {
            self.warn("the last state is not on the disk: the component failed");
        }
        if !end.was_started
            && let Some(detail) = &end.detail
        {
            self.complain(detail);
        }
        self.record(args, matches!(end.status, Status::Cancelled), signals).await;
        self.end().await;
    }

    /// Lets what is on its way to the disk end, so that no temporary file stays. It does not wait for
    /// a record that a signal gave up.
    async fn end(self) {
        let Keeper { tandem, run, shared, .. } = self;
        drop(run);
        // What was not written is told already.
        let _ = tokio::time::timeout(LAST_WRITES, tandem.shutdown()).await;
        shared.progress.end();
    }

    /// Records the run. Its last state is on the disk before that: recording may have to wait.
    async fn record(&self, args: &Args, is_cancelled: bool, signals: &mut Signals) {
        self.shared.progress.rename(format!("recording {}", self.name));
        // Strings and numbers always have a JSON text.
        let summary = serde_json::to_string(&self.manifest.summary()).unwrap_or_default();
        let run = self.name.rsplit('/').next().unwrap_or_default();
        let (root, task) = (&*args.root.path, &*args.task);
        let over = record::Over { root, task, run, name: &self.name, is_cancelled, summary };
        let warnings =
            record::record(&self.tandem, &args.record, self.durability, over, signals).await;
        warnings.iter().for_each(|warning| self.warn(warning));
    }
}

/// What is known of the signals of a command that runs.
#[derive(Default)]
struct Passing {
    passed_on: Vec<PassedOn>,
    /// The signals that may not be sent to the command, as was warned of.
    refused: BTreeSet<i32>,
    stops: Stops,
}

impl Passing {
    /// The command stands still or goes on.
    fn changed(&mut self, running: &Running, change: Change) {
        let Some(pid) = running.pid() else { return };
        if running.has_own_terminal() {
            // Nobody would have that terminal as it was while this program stands still.
            return;
        }
        if self.stops.changed(pid, change) {
            running.went_on();
        } else if change == Change::Stopped(libc::SIGTSTP) {
            // A group beside this one stops where this one would not: nobody would have it go on.
            running.go_on();
        }
    }
}

/// A write that goes on beside everything else.
enum Writing {
    None,
    Some(Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>),
}

impl Writing {
    fn is_none(&self) -> bool {
        matches!(self, Writing::None)
    }

    /// Its result; never, if there is none.
    async fn result(&mut self) -> Result<(), Error> {
        match self {
            Writing::None => std::future::pending().await,
            Writing::Some(write) => write.await,
        }
    }
}
