//! What `exec` does while the command runs: signals pass, writes go on, and the end is seen.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use tandem_host::{Channel, Error, Request};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::args::Args;
use super::children::Change;
use super::command::Running;
use super::foreground;
use super::job;
use super::keeper::Keeper;
use super::lending::Lending;
use super::manifest::End;
use super::not_started::not_started;
use super::received::{PassedOn, Received};
use super::signal;
use super::signals::{Event, Signals};
use super::status::Status;
use super::stops::Stops;

/// How long the last state waits for output that is slow to be taken.
const DRAIN_GRACE: Duration = Duration::from_millis(100);
/// How long output gathers before the document is set anew: often enough for who looks, and seldom
/// enough for a command that writes all the time.
const GATHER: Duration = Duration::from_millis(250);
/// How long who reads below a command waits for a terminal that others in the pipeline have.
const LOOK: Duration = Duration::from_millis(250);

impl Keeper {
    /// Runs the command, which gets the signals that came before it.
    pub(super) async fn run_command(
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
            Err(error) => {
                // The terminal was lent before it failed.
                let last = signals.settle().await;
                if args.group && last.iter().any(Received::is_for_terminal) {
                    foreground::go_on();
                }
                not_started(&args.command, &error)
            }
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
        let mut passing = Passing::new(args.group);
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                    let is_bad = ended.is_bad();
                    // What its group had is on its way to here at least, or what this one had of a
                    // terminal.
                    let last = if is_bad || args.group { signals.settle().await } else { Vec::new() };
                    if last.iter().any(Received::is_for_terminal) {
                        running.lending().map(Lending::share);
                    }
                    if is_bad {
                        let had = last.iter().filter(|last| last.may_be_had());
                        let had = had.filter(|last| !running.has_sent(last));
                        passing.passed_on.extend(had.map(Received::passed_on));
                        passing.passed_on.extend(running.typed());
                    }
                    passing.passed_on.extend(running.by_keys());
                    signals.ended();
                    if let Some(left_behind) = running.left_behind() {
                        self.warn(&left_behind);
                    }
                    let end = ended.end(&passing.passed_on);
                    // It may have ended before it could stand still, with output that the terminal stops.
                    let is_asked = passing.stops.is_asked() && foreground::can_stand_still();
                    self.drain(&end, &mut running, signals, is_asked).await;
                    return end.with_lost(self.shared.lost.get());
                }
                event = signals.next() => match event {
                    Event::Received(received) => self.pass_on(&received, &running, &mut passing),
                    Event::Command(change) => passing.changed(&running, change),
                    Event::Settled(_) => {}
                },
                _ = looks.tick(), if running.lending().is_some_and(Lending::is_shared) => {
                    passing.look(&running);
                }
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
                    let wait = if result.is_ok() { Duration::ZERO } else { self.heartbeat };
                    beat = self.beat(Instant::now() + wait);
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
        if received.is_for_terminal() && running.lending().is_some_and(Lending::share) {
            if passing.stops.is_to_go_on() {
                running.go_on();
            }
            return;
        }
        // Whoever gets it may end by it.
        let is_request = !running.has_sent(received);
        match running.pass_on(received) {
            Ok(is_had) => {
                passing.passed_on.extend((is_had && is_request).then(|| received.passed_on()));
            }
            Err(error) if passing.refused.insert(received.signal()) => {
                let signal = signal::name(received.signal());
                self.warn(&format!("cannot pass on {signal}: kill: {error}"));
            }
            Err(_) => {}
        }
        if !running.has_own_terminal() && passing.stops.received(running.pid(), received) {
            running.went_on();
        }
    }

    /// Waits until the output of a command that has ended is passed on. If its reader is slow, the
    /// end is on the disk before that. A signal ends the wait.
    async fn drain(
        &mut self,
        end: &End,
        running: &mut Running,
        signals: &mut Signals,
        is_asked: bool,
    ) {
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
        let (since, patience) = (Instant::now(), self.patience);
        let limit = async {
            match end.status {
                Status::Cancelled => tokio::time::sleep(patience).await,
                _ => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            () = running.drained() => return,
            signal = signals.end(is_asked) => format!("{} ended the wait", signal::name(signal)),
            () = limit => "nobody took it in time".to_owned(),
        };
        // What is to be said has what is left of it.
        self.patience = patience.saturating_sub(since.elapsed());
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
}

/// What is known of the signals of a command that runs.
struct Passing {
    passed_on: Vec<PassedOn>,
    /// The signals that may not be sent to the command, as was warned of.
    refused: BTreeSet<i32>,
    stops: Stops,
}

impl Passing {
    fn new(is_apart: bool) -> Self {
        let (passed_on, refused) = Default::default();
        Passing { passed_on, refused, stops: Stops::new(is_apart) }
    }

    /// Somebody below a command may have asked for the terminal that is with others.
    fn look(&self, running: &Running) {
        if !self.stops.is_stopped() && running.lending().is_some_and(Lending::is_wanted) {
            running.lend_terminal();
        }
    }

    /// The command stands still or goes on.
    fn changed(&mut self, running: &Running, change: Change) {
        let Some(pid) = running.pid() else { return };
        if running.has_own_terminal() {
            // Nobody would have that terminal as it was while this program stands still.
            return;
        }
        let is_shared = running.lending().is_some_and(Lending::is_shared);
        if self.stops.wants_terminal(change, is_shared) && running.lend_terminal() {
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
