//! What `exec` keeps of one run on the disk: its manifest, its heartbeat, and its record at the end.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tandem_host::{Channel, Durability, Error, ErrorKind, Request, Run, RunOptions, Tandem};
use tokio::sync::Notify;

use super::args::{Args, DurabilityArg};
use super::common::CANCELLED_DRAIN;
use super::manifest::{End, Manifest};
use super::messages::Messages;
use super::not_started::without_state;
use super::outputs::Outputs;
use super::progress::Progress;
use super::pump::Shared;
use super::record;
use super::shown::Shown;
use super::signals::Signals;
use super::status::Status;
use crate::inherited::{Inherited, STDOUT, was_closed};
use crate::location::Keeping;
use crate::plain::message;

/// The time between two heartbeats of which nobody tells another.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long the end waits for what is on its way to the disk.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// Keeps the state of one run on the disk.
pub(super) struct Keeper {
    tandem: Tandem,
    pub(super) run: Run,
    pub(super) manifest: Manifest,
    /// The time between two heartbeats.
    pub(super) heartbeat: Duration,
    pub(super) outputs: Outputs,
    pub(super) shared: Arc<Shared>,
    name: String,
    durability: Option<Durability>,
    pub(super) inherited: Inherited,
    failing: Failing,
    /// How long what nobody takes still holds a run that a signal ended.
    pub(super) patience: Duration,
}

/// The files whose last write failed, as was warned of.
#[derive(Default)]
struct Failing {
    manifest: bool,
    heartbeat: bool,
}

impl Keeper {
    /// Opens the run.
    pub(super) async fn open(
        args: &Args,
        run_id: String,
        inherited: Inherited,
    ) -> Result<Self, String> {
        let Keeping { builder, heartbeat_interval } = args.location.kept().await?;
        let tandem = args.mode.of(builder).build().await.map_err(|error| message(&error))?;
        let heartbeat = args.heartbeat.map(Duration::from_millis).or(heartbeat_interval);
        let heartbeat = heartbeat.unwrap_or(HEARTBEAT);
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
        let run = tandem.open_run(options).await.map_err(|error| message(&error))?;
        let outputs = Outputs::choose(&args.outputs);
        let tail = outputs.tail();
        let command = Shown::new(&args.command);
        let mut manifest = Manifest::new(&args.task, &run_id, command, heartbeat, &tail)
            .omitting(args.omit.chosen());
        manifest.set_artifact_root(&run.recovered().directory);
        let name = format!("{}/{run_id}", args.task);
        let has_progress = !args.no_progress && outputs.have_room_for_progress();
        let progress = Arc::new(Progress::start(name.clone(), has_progress));
        let shared = Arc::new(Shared {
            tail: Mutex::new(tail),
            lost: OnceLock::new(),
            has_grown: Notify::new(),
            has_no_stdout: was_closed(STDOUT),
            // A command in another group would not stand still with this one.
            waits_for_terminal: !args.group
                && outputs != Outputs::Terminal
                && !inherited.ignores(libc::SIGTTOU),
            messages: Messages::new(progress.clone()),
            progress,
            are_together: outputs == Outputs::Together,
        });
        let keeper = Keeper {
            tandem,
            run,
            manifest,
            heartbeat,
            outputs,
            shared,
            name,
            durability,
            inherited,
            failing: Failing::default(),
            patience: CANCELLED_DRAIN,
        };
        for path in &keeper.run.recovered().set_aside {
            keeper.warn(&format!("a corrupt file was set aside: {path}"));
        }
        Ok(keeper)
    }

    pub(super) fn document(&self) -> String {
        // Strings and numbers always have a JSON text.
        serde_json::to_string(&self.manifest).unwrap_or_default()
    }

    /// Writes the manifest at once, and the heartbeat with it.
    pub(super) fn write(&self, heartbeat: bool) -> impl Future<Output = Result<(), Error>> + use<> {
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
    pub(super) fn tell(&mut self, channels: &[Channel], result: Result<(), Error>) {
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

    pub(super) fn warn(&self, what: &str) {
        self.complain(format!("warning: {what}"));
    }

    pub(super) fn complain(&self, what: String) {
        self.shared.messages.say(what);
    }

    /// Ends a run whose first state is not on the disk as a whole. A part of it may be, and must
    /// not look like a run that goes on.
    pub(super) async fn give_up(mut self, args: &Args, signals: &mut Signals) {
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
        self.end(false, signals).await;
    }

    /// Writes the last state, closes the run, which tries once more what failed, and records it.
    pub(super) async fn finish(mut self, args: &Args, end: &End, signals: &mut Signals) {
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
            self.complain(detail.clone());
        }
        let is_cancelled = matches!(end.status, Status::Cancelled);
        self.record(args, is_cancelled, signals).await;
        self.end(is_cancelled, signals).await;
    }

    /// Lets what is on its way to the disk end, so that no temporary file stays. It does not wait for
    /// a record that a signal gave up. Then all is kept, and what is still to be said is waited for.
    async fn end(self, is_cancelled: bool, signals: &mut Signals) {
        let Keeper { tandem, run, shared, patience, .. } = self;
        drop(run);
        // What was not written is told already.
        let _ = tokio::time::timeout(LAST_WRITES, tandem.shutdown()).await;
        shared.messages.end(is_cancelled, patience, signals).await;
    }

    /// Records the run. Its last state is on the disk before that: recording may have to wait.
    async fn record(&self, args: &Args, is_cancelled: bool, signals: &mut Signals) {
        self.shared.progress.rename(format!("recording {}", self.name));
        // Strings and numbers always have a JSON text.
        let summary = serde_json::to_string(&self.manifest.summary()).unwrap_or_default();
        let run = self.name.rsplit('/').next().unwrap_or_default();
        let (root, task) = (&*args.location.root.path, &*args.task);
        let over = record::Over { root, task, run, name: &self.name, is_cancelled, summary };
        let warnings =
            record::record(&self.tandem, &args.record, self.durability, over, signals).await;
        warnings.iter().for_each(|warning| self.warn(warning));
    }
}
