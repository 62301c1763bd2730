//! Plays a plan on instances of the component, one decision at a time, and learns from the
//! outcomes.

use super::acknowledged::{Acknowledged, AcknowledgedRecord};
use super::crash::renamed;
use super::machine::{CallId, Command, Next, Outcome, Stage};
use super::plan::{self, Act, Plan, Removal};
use super::removal::{self, RunSeen, Seen, Traffic};
use crate::sim::Model;
use crate::sim::world::{Fault, InFlight};
use tandem_host::{Durability, Request};
use tandem_host::{Error, ErrorKind, LeftReason};
use tandem_host::{Reached, Receipt, Recorded, Removed, Written};

/// In which order calls in flight are completed.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// As they were issued.
    Issued,
    /// Any, and the next act may come, or time pass, while calls are in flight.
    Random(Dice),
    /// By the choices given, then as issued. What could have been chosen is noted.
    Chosen { choices: Vec<usize>, widths: Vec<usize> },
    /// Whatever is in flight is completed before anything newer. One such batch, counted from 0, is
    /// completed in the permutation with this number, the others as issued. The size of each batch
    /// is noted.
    Batch { round: usize, order: usize, left: Vec<u64>, widths: Vec<usize> },
}

/// Chance, and what it lets wait.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    random: fastrand::Rng,
    /// What is slower than all others, and for how many decisions.
    stalled: Option<(Stall, u32)>,
}

/// What stands still.
#[derive(Clone, Copy, Debug)]
enum Stall {
    /// One call.
    Call(u64),
    /// All calls of an instance.
    Instance(usize),
}

impl Stall {
    fn holds(self, call: HeldCall) -> bool {
        match self {
            Stall::Call(id) => call.id == id,
            Stall::Instance(instance) => call.instance == instance,
        }
    }
}

/// A disk call that can be completed.
#[derive(Clone, Copy, Debug)]
struct HeldCall {
    id: u64,
    instance: usize,
    /// Whether nobody waits for it any longer, and it comes when it comes.
    is_late: bool,
}

/// A fault to inject: the call with this number fails so, counted from 0 over the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedFault {
    pub nth: usize,
    pub fault: Fault,
    pub is_sticky: bool,
}

/// A call under way.
#[derive(Clone, Debug)]
struct UnderWay {
    id: CallId,
    act: Act,
    /// Its place in the plan.
    place: usize,
    /// How many disk calls were completed when it was made.
    begun_at: usize,
    /// What the run's acknowledged held when the call was made.
    versions: usize,
    /// The last mark of the heartbeat that had ended by then.
    marked_ms: Option<u64>,
    issued_ms: u64,
    record: Option<usize>,
    seen: Seen,
}

/// A call that ended, as the reference model wants to know it.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub act: Act,
    pub outcome: Outcome,
    /// Where in the disk's log it began and ended.
    pub log: std::ops::Range<usize>,
}

/// The state of a play.
pub(super) struct Player<'p> {
    plan: &'p Plan,
    model: Model,
    pub order: Order,
    pub faults: Vec<PlannedFault>,
    /// Abandon the call of the act at this place after so many disk calls since it was made.
    pub abandon: Option<(usize, usize)>,
    pub acknowledged: Acknowledged,
    pub ended: Vec<Ended>,
    pub steps: Vec<String>,
    /// Disk calls completed so far.
    pub completed: usize,
    /// How many of them were when the disk began to work.
    pub healed_at: Option<usize>,
    /// How many faults were injected.
    pub injected: usize,
    pub has_abandoned: bool,
    /// The first thing that was wrong by itself.
    pub wrong: Option<String>,
    traffic: Traffic,
    /// How many removals ended well that found all that a killed one may have left, and whether one
    /// did not end well.
    removed: usize,
    has_failed_removal: bool,
    /// Whether a removal of each run was asked for since it was opened.
    is_removal_asked: Vec<bool>,
    /// When the heartbeat of each run was marked last.
    marked_ms: Vec<Option<u64>>,
    next_act: usize,
    under_way: Vec<UnderWay>,
    begun_at: Vec<(CallId, usize)>,
    killed: Vec<bool>,
    /// The place in the plan where a process was killed last that removed runs.
    killed_at: usize,
    turns: usize,
}

/// More turns than any workload takes.
const TURNS_MAX: usize = 100_000;

impl<'p> Player<'p> {
    pub(super) fn new(plan: &'p Plan, model: Model, order: Order) -> Self {
        Player {
            plan,
            model,
            order,
            faults: Vec::new(),
            abandon: None,
            acknowledged: Acknowledged::new(plan),
            ended: Vec::new(),
            steps: Vec::new(),
            completed: 0,
            healed_at: None,
            injected: 0,
            has_abandoned: false,
            wrong: None,
            traffic: Traffic::new(plan),
            removed: 0,
            has_failed_removal: false,
            is_removal_asked: vec![false; plan.runs.len()],
            marked_ms: vec![None; plan.runs.len()],
            next_act: 0,
            under_way: Vec::new(),
            begun_at: Vec::new(),
            killed: vec![false; plan.instances],
            killed_at: 0,
            turns: 0,
        }
    }

    pub(super) fn instances(&self) -> usize {
        self.plan.instances
    }

    /// Whether an instance was killed.
    pub(super) fn has_killed(&self) -> bool {
        self.killed.contains(&true)
    }

    /// Whether nothing can be left of what was renamed to be removed.
    pub(super) fn are_removals_done(&self) -> bool {
        self.removed > 0 && !self.has_failed_removal && self.injected == 0 && !self.has_abandoned
    }

    /// Whether a call may fail: something did, and may do so again.
    fn may_fail(&self) -> bool {
        self.injected > 0 && self.healed_at.is_none()
    }

    /// What comes next, after [`Player::collect`].
    pub(super) fn next(&mut self, stage: &Stage) -> Next {
        if self.wrong.is_some() {
            return Next::Stop;
        }
        self.turns += 1;
        if self.turns > TURNS_MAX {
            self.never_ends();
            return Next::Stop;
        }
        self.abandon(stage);
        let waiting: Vec<HeldCall> = {
            let world = stage.disk.world();
            let waiting = |held: &InFlight| HeldCall {
                id: held.call.id,
                instance: held.owner,
                is_late: held.is_late(),
            };
            world.waiting().map(waiting).collect()
        };
        let is_free = self.under_way.is_empty();
        let is_eager = match &mut self.order {
            Order::Random(dice) => dice.random.usize(..4) == 0,
            Order::Issued | Order::Chosen { .. } | Order::Batch { .. } => false,
        };
        let is_due = is_free || is_eager || self.is_burst();
        if self.next_act < self.plan.acts.len() && is_due && self.is_ready() {
            self.act(stage);
            return Next::Go;
        }
        if !waiting.is_empty() {
            match self.order.choose(&waiting) {
                Some(chosen) => self.complete(stage, chosen),
                // Nothing but time passes, if something waits for it.
                None => {
                    stage.disk.world().advance();
                }
            }
            return Next::Go;
        }
        if is_free && self.next_act == self.plan.acts.len() {
            return Next::Stop;
        }
        if stage.disk.world().advance() {
            return Next::Go;
        }
        self.never_ends();
        Next::Stop
    }

    fn never_ends(&mut self) {
        let names: Vec<String> = self.under_way.iter().map(|call| call.act.to_string()).collect();
        self.wrong = Some(format!("a call never ends: {}", names.join(", ")));
    }

    /// Whether the next act is to come with the one before it.
    fn is_burst(&self) -> bool {
        let acts = self.plan.acts.get(self.next_act.saturating_sub(1)..=self.next_act);
        self.plan.is_burst
            && matches!(
                acts,
                Some(
                    [Act::Schedule(..), Act::Schedule(..) | Act::Flush(_)]
                        | [Act::Record(..) | Act::Remove(_), Act::Record(..) | Act::Remove(_)]
                        | [Act::Close(_), Act::Close(_)]
                )
            )
    }

    /// A call on a run waits until the run is open.
    fn is_ready(&self) -> bool {
        let Some(act) = self.plan.acts.get(self.next_act) else { return false };
        if matches!(act, Act::Wait(_)) {
            return self.under_way.is_empty();
        }
        let is_on_run = !matches!(
            act,
            Act::Open(_) | Act::Record(..) | Act::Remove(_) | Act::History | Act::Kill(_)
        );
        let opens = |call: &UnderWay| call.act == Act::Open(act.run().unwrap_or(usize::MAX));
        let closes =
            |call: &UnderWay| matches!(call.act, Act::Close(run) if act.run() == Some(run));
        let is_open = matches!(act, Act::Open(_));
        // A handle is dropped when no call holds it.
        let holds = |call: &UnderWay| call.act.run() == act.run();
        if matches!(act, Act::Drop(_)) && self.under_way.iter().any(holds) {
            return false;
        }
        !self
            .under_way
            .iter()
            .any(|call| (is_on_run && (opens(call) || closes(call))) || (is_open && closes(call)))
    }

    fn complete(&mut self, stage: &Stage, id: u64) {
        let mut world = stage.disk.world();
        let mut fault = None;
        for planned in &self.faults {
            let is_due = planned.nth == self.completed
                || (planned.is_sticky && planned.nth < self.completed);
            let Some(held) = world.waiting().find(|held| held.call.id == id) else { continue };
            if is_due && planned.fault.fits(held.call.operation) {
                fault = Some(planned.fault);
            }
        }
        self.injected += usize::from(world.complete(id, fault));
        self.completed += 1;
        if let Some(step) = world.log.as_ref().and_then(|log| log.last()) {
            self.steps.push(step.to_string());
        }
    }

    fn abandon(&mut self, stage: &Stage) {
        let Some((place, after)) = self.abandon else { return };
        let is_due =
            |call: &UnderWay| call.place == place && self.completed >= call.begun_at + after;
        if let Some(at) = self.under_way.iter().position(is_due) {
            let call = self.under_way.remove(at);
            stage.abandon(call.id);
            self.has_abandoned = true;
            self.steps.push(format!("the caller of {} goes away", call.act));
            self.abandon = None;
        }
    }

    fn act(&mut self, stage: &Stage) {
        let place = self.next_act;
        let act = self.plan.acts[place];
        self.next_act += 1;
        let instance = self.plan.instance(&act);
        self.steps.push(format!("call: {act}"));
        stage.disk.world().note(self.next_act);
        if act == Act::Heal {
            self.healed_at = Some(self.completed);
            return self.faults.clear();
        }
        if matches!(act, Act::Ensure(run) if self.traffic.is_open(run)) {
            return;
        }
        if let Act::Kill(instance) = act {
            stage.kill(instance);
            self.killed[instance] = true;
            let removes = |call: &UnderWay| {
                call.id.instance == instance && matches!(call.act, Act::Remove(_))
            };
            if self.under_way.iter().any(removes) {
                (self.removed, self.killed_at) = (0, place);
            }
            for call in self.under_way.extract_if(.., |call| call.id.instance == instance) {
                self.traffic.end(&call.act);
            }
            let runs = 0..self.plan.runs.len();
            for run in runs.filter(|run| self.plan.instance_of(*run) == instance) {
                self.traffic.killed(run);
            }
            return;
        }
        if let Act::Wait(ms) = act {
            return stage.disk.world().pass(ms * 1_000_000);
        }
        if self.killed[instance] {
            return;
        }
        let mut record = None;
        let command = match act {
            Act::Open(run) | Act::Ensure(run) => {
                Command::Open { run, options: self.plan.run_options(run) }
            }
            Act::Set(run, filling) => {
                let version = self.acknowledged.runs[run].versions.len();
                let (document, file) = plan::document(run, version, filling);
                self.acknowledged.runs[run].versions.push(file);
                Command::Set { run, document }
            }
            Act::Merge(run) => {
                let versions = &mut self.acknowledged.runs[run].versions;
                let Some(last) = versions.last() else {
                    return self.steps.push("nothing to merge into".to_owned());
                };
                let (patch, file) = plan::patched(last, versions.len() - 1, versions.len());
                versions.push(file);
                Command::Merge { run, patch }
            }
            Act::Mark(run, request) => Command::Mark { run, request },
            Act::Schedule(run, request) => Command::Schedule { run, request },
            Act::Flush(run) => Command::Flush { run },
            Act::Close(run) => Command::Close { run },
            Act::Drop(run) => {
                self.traffic.dropped(run);
                self.marked_ms[run] = None;
                Command::Drop { run }
            }
            Act::Record(run, filling) => {
                let version =
                    self.acknowledged.records.iter().filter(|record| record.run == run).count();
                let (summary, file) = plan::summary(run, version, filling);
                record = Some(self.acknowledged.records.len());
                self.acknowledged.records.push(AcknowledgedRecord::new(run, file));
                Command::Record { options: self.plan.record_options(), summary }
            }
            Act::Remove(removal) => Command::Remove {
                runs: removal.runs().map(plan::run_id).collect(),
                options: self.plan.remove_options(removal),
            },
            Act::History => {
                Command::History { options: tandem_host::HistoryOptions::new(plan::TASK) }
            }
            Act::Stats(run) => Command::Stats { run },
            Act::Heal | Act::Kill(_) | Act::Wait(_) => return,
        };
        self.acknowledged.changes += 1;
        let versions = act.run().map_or(0, |run| self.acknowledged.runs[run].versions.len());
        let marked_ms = act.run().and_then(|run| self.marked_ms[run]);
        let id = stage.call(instance, command);
        let world = stage.disk.world();
        let seen = {
            let known = |run: usize| {
                let known = &self.acknowledged.runs[run];
                (known.may_be_gone, known.is_anew)
            };
            let is_late = |held: &&InFlight| {
                held.is_store_write() && self.killed.get(held.owner) == Some(&true)
            };
            let late = world.waiting().filter(is_late);
            let late: Vec<String> = late.map(|held| held.call.path.clone()).collect();
            self.traffic.begin(&act, &world.live, world.wall_ns(), known, &late)
        };
        match act {
            Act::Remove(Removal { from_history, .. }) => {
                for of in seen.runs() {
                    self.is_removal_asked[of.run] = true;
                    self.acknowledged.ask_removal(of.run, from_history, of.is_quiet());
                }
            }
            Act::Open(run) | Act::Ensure(run) => self.acknowledged.runs[run].ask_directory(),
            Act::Record(run, _) => self.acknowledged.runs[run].ask_summary(),
            _ => {}
        }
        let issued_ms = world.wall_ns() / 1_000_000;
        self.begun_at.push((id, world.log.as_ref().map_or(0, Vec::len)));
        let begun_at = self.completed;
        self.under_way.push(UnderWay {
            id,
            act,
            place,
            begun_at,
            versions,
            marked_ms,
            issued_ms,
            record,
            seen,
        });
    }

    /// Takes the outcomes of calls that ended.
    pub(super) fn collect(&mut self, stage: &Stage) {
        let mut at = 0;
        while at < self.under_way.len() {
            let Some(outcome) = stage.outcome(self.under_way[at].id) else {
                at += 1;
                continue;
            };
            let call = self.under_way.remove(at);
            stage.disk.world().note(format!("{outcome:?}"));
            self.steps.push(format!("ended: {}: {}", call.act, summary(&outcome)));
            if let Err(sentence) = self.learn(stage, &call, &outcome) {
                self.wrong.get_or_insert(format!("{}: {sentence}", call.act));
            }
            self.traffic.end(&call.act);
            let begun =
                self.begun_at.iter().find(|(id, _)| *id == call.id).map_or(0, |(_, at)| *at);
            let end = stage.disk.world().log.as_ref().map_or(0, Vec::len);
            self.ended.push(Ended { act: call.act, outcome, log: begun..end });
        }
    }

    /// What an outcome promises, and whether it may be.
    fn learn(&mut self, stage: &Stage, call: &UnderWay, outcome: &Outcome) -> Result<(), String> {
        // What is removed under a call's hands is no fault of its disk.
        let is_apart = matches!(call.act, Act::Remove(_)) || self.traffic.is_apart(&call.seen);
        // Whoever has a run open whose documents were moved away finds that out when it writes.
        let is_moved = |error: &Error| {
            let is_asked = call.act.run().is_some_and(|run| self.is_removal_asked[run]);
            self.model == Model::STORE
                && is_asked
                && matches!(outcome, Outcome::Flushed(_))
                && error.kind() == ErrorKind::Conflict
        };
        let failed = |error: &Error| match is_apart && !is_moved(error) {
            true => Err(format!("it failed on a disk that works: {error}")),
            false => Ok(()),
        };
        let is_unset =
            |error: &Error| call.versions == 0 && error.kind() == ErrorKind::InvalidInput;
        match outcome {
            Outcome::Opened(Ok(_)) => {
                let run = call.act.run().unwrap_or_default();
                self.is_removal_asked[run] &= !is_apart;
                self.traffic.opened(run);
                Ok(())
            }
            // It promises nothing until a barrier ends.
            Outcome::Marked(Ok(())) => {
                if let Act::Mark(run, Request { heartbeat: true, .. }) = call.act {
                    self.marked_ms[run] = self.marked_ms[run].max(Some(call.issued_ms));
                }
                Ok(())
            }
            // It waits for no disk.
            Outcome::Marked(Err(error)) => {
                if is_unset(error) {
                    Ok(())
                } else {
                    failed(error)
                }
            }
            Outcome::Flushed(Ok(receipt)) => {
                if let Act::Close(run) = call.act {
                    self.traffic.closed(run);
                }
                self.flushed(call, receipt)
            }
            Outcome::Recorded(Ok(recorded)) => self.recorded(call, recorded),
            Outcome::Removed(result) => self.removed(stage, call, result),
            Outcome::Recorded(Err(error)) => {
                let record = &mut self.acknowledged.records[call.record.unwrap_or_default()];
                if matches!(error.kind(), ErrorKind::Locked | ErrorKind::History) {
                    record.summary_visible = true;
                    record.summary_durable =
                        self.plan.summary == Durability::Durable && self.model.syncs_directories();
                    self.acknowledged.changes += 1;
                }
                // Time may pass until nobody waits for the lock any longer.
                let is_late =
                    matches!(self.order, Order::Random(_)) && error.kind() == ErrorKind::Locked;
                if self.may_fail() || is_late { Ok(()) } else { failed(error) }
            }
            Outcome::Changed(Err(error)) if !self.may_fail() => failed(error),
            Outcome::Opened(Err(error)) | Outcome::Flushed(Err(error)) if !self.may_fail() => {
                if is_unset(error) {
                    Ok(())
                } else {
                    failed(error)
                }
            }
            Outcome::History(Err(error)) if !self.may_fail() => {
                // A crash left it torn, and nobody has recorded a run since.
                let is_torn = self.acknowledged.known_bad.contains_key(&plan::history_path());
                if is_torn { Ok(()) } else { failed(error) }
            }
            _ => Ok(()),
        }
    }

    fn flushed(&mut self, call: &UnderWay, receipt: &Receipt) -> Result<(), String> {
        let run = call.act.run().unwrap_or_default();
        let plan = self.plan.runs[run];
        let is_barrier = matches!(call.act, Act::Flush(_) | Act::Close(_));
        let is_apart = self.traffic.is_apart(&call.seen);
        let request = match call.act {
            Act::Schedule(_, request) => request,
            _ => Request::default(),
        };
        self.reached(receipt.manifest, plan.manifest)?;
        self.reached(receipt.heartbeat, plan.heartbeat)?;
        if request.manifest && call.versions > 0 && receipt.manifest.is_none() {
            return Err("its receipt does not tell of the manifest that it asked for".to_owned());
        }
        if request.heartbeat && receipt.heartbeat.is_none() {
            return Err("its receipt does not tell of the heartbeat that it asked for".to_owned());
        }
        if is_barrier || request.manifest {
            let reached = self.most(plan.manifest);
            if receipt.manifest.is_some() && is_apart {
                self.acknowledged.runs[run].manifest_is_back();
            }
            self.acknowledged.acknowledge_manifest(run, call.versions, reached);
        }
        let beat_ms = match call.act {
            Act::Schedule(..) => request.heartbeat.then_some(call.issued_ms),
            _ => call.marked_ms,
        };
        if let Some(beat_ms) = beat_ms {
            let reached = self.most(plan.heartbeat);
            if receipt.heartbeat.is_some() && is_apart {
                self.acknowledged.runs[run].heartbeat_is_back();
            }
            self.acknowledged.acknowledge_heartbeat(run, beat_ms, reached);
        }
        Ok(())
    }

    fn recorded(&mut self, call: &UnderWay, recorded: &Recorded) -> Result<(), String> {
        self.reached(Some(recorded.summary), self.plan.summary)?;
        self.reached(Some(recorded.history), self.plan.history)?;
        let (summary, history) = (self.most(self.plan.summary), self.most(self.plan.history));
        if self.traffic.is_apart(&call.seen) {
            self.acknowledged.record_is_back(call.act.run().unwrap_or_default());
        }
        let record = &mut self.acknowledged.records[call.record.unwrap_or_default()];
        record.summary_visible = true;
        record.history_visible = true;
        record.summary_durable = summary == Reached::Durable;
        record.history_durable = history == Reached::Durable;
        self.acknowledged.changes += 1;
        Ok(())
    }

    /// What the answer of a call promises that removes runs, and whether it may be.
    fn removed(
        &mut self,
        stage: &Stage,
        call: &UnderWay,
        result: &Result<Removed, Error>,
    ) -> Result<(), String> {
        let Act::Remove(removal) = call.act else { return Ok(()) };
        self.acknowledged.changes += 1;
        let removed = match result {
            Ok(removed) => removed,
            Err(error) => {
                self.has_failed_removal = true;
                return self.not_removed(call, removal, error);
            }
        };
        self.removed += usize::from(call.place >= self.killed_at && !call.seen.has_late);
        self.has_failed_removal |= !removed.remaining.is_empty();
        let (end_ns, left) = {
            let world = stage.disk.world();
            (world.wall_ns(), renamed(&world.live).pop())
        };
        let may_fail = self.may_fail();
        let trouble = removal::Trouble { may_fail, has_late: self.model == Model::STORE };
        removal::check(self.plan, &self.traffic, removal, &call.seen, removed, end_ns, trouble)?;
        let is_only = self.traffic.is_only_removal(&call.seen) && !call.seen.has_late;
        if let Some(left) = left.filter(|_| !may_fail && is_only) {
            return Err(format!("it leaves what was renamed to be removed: {left}"));
        }
        let reached = self.most(Durability::Durable);
        for of in call.seen.runs() {
            let id = plan::run_id(of.run);
            let reason = removed.left.iter().find(|left| left.run_id == id).map(|left| left.reason);
            let is_alone = self.traffic.is_alone(of);
            match reason {
                None if is_alone => {
                    self.acknowledged.acknowledge_removal(of.run, removal.from_history, reached);
                }
                None => {}
                // Nothing of it was touched.
                Some(LeftReason::Open) => self.restore(of),
                Some(reason) if is_alone => {
                    let known = &mut self.acknowledged.runs[of.run];
                    let has_failed = reason == LeftReason::Failed;
                    let has_lost_entry = has_failed && removal.from_history;
                    // It was put back, which a power loss undoes where no directory can be synced. In
                    // a store a move whose answer was lost may come late.
                    let is_put_back = self.model.syncs_directories() && self.model != Model::STORE;
                    if !has_failed || is_put_back {
                        (known.may_be_gone, known.is_anew) = (of.may_be_gone, of.is_anew);
                    }
                    known.may_be_gone.entry |= has_lost_entry;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What an error promises of runs that were to be removed, and whether it may be.
    fn not_removed(
        &mut self,
        call: &UnderWay,
        removal: Removal,
        error: &Error,
    ) -> Result<(), String> {
        if error.kind() != ErrorKind::Storage {
            // Nothing is removed.
            call.seen.runs().iter().for_each(|of| self.restore(of));
        }
        // A crash left it torn, and nobody has recorded a run since.
        let is_torn = removal.from_history
            && error.kind() == ErrorKind::History
            && self.acknowledged.known_bad.contains_key(&plan::history_path());
        // Time may pass until nobody waits for the lock any longer.
        let is_late = matches!(self.order, Order::Random(_)) && error.code() == Some("locked");
        match self.may_fail() || is_torn || is_late {
            true => Ok(()),
            false => Err(format!("it failed on a disk that works: {error}")),
        }
    }

    /// What was promised of a run before a removal is promised again, unless there was another one.
    fn restore(&mut self, of: &RunSeen) {
        if self.traffic.is_run_apart(of) {
            let made = self.traffic.made_since(of);
            self.acknowledged.runs[of.run].restore(of.may_be_gone, of.is_anew, made);
        }
    }

    /// What a write with a durability reaches on a disk of this model.
    fn most(&self, durability: Durability) -> Reached {
        if durability == Durability::Visible {
            Reached::Visible
        } else if self.model.syncs_directories() {
            Reached::Durable
        } else {
            Reached::DataSynced
        }
    }

    fn reached(&self, written: Option<Written>, durability: Durability) -> Result<(), String> {
        let most = self.most(durability);
        match written {
            Some(written) if written.reached != most => {
                Err(format!("its receipt says {:?} where it should say {most:?}", written.reached))
            }
            _ => Ok(()),
        }
    }
}

impl Dice {
    /// One of the calls, or none: then time passes.
    fn choose(&mut self, waiting: &[HeldCall]) -> Option<u64> {
        let random = &mut self.random;
        self.stalled = match self.stalled {
            Some((stall, left)) if left > 0 && waiting.iter().any(|call| stall.holds(*call)) => {
                Some((stall, left - 1))
            }
            Some(_) => None,
            None if random.usize(..STALL_ONE_OF) == 0 => {
                let HeldCall { id, instance, .. } = waiting[random.usize(..waiting.len())];
                let is_call = random.bool();
                let stall = if is_call { Stall::Call(id) } else { Stall::Instance(instance) };
                Some((stall, random.u32(..STALL_MAX)))
            }
            None => None,
        };
        let is_free = |call: &&HeldCall| self.stalled.is_none_or(|(stall, _)| !stall.holds(**call));
        let others: Vec<u64> = waiting.iter().filter(is_free).map(|call| call.id).collect();
        random.choice(others)
    }
}

/// Of so many decisions, one lets a call wait.
const STALL_ONE_OF: usize = 24;

/// How many decisions it waits at most: long enough for a lease to end.
const STALL_MAX: u32 = 40;

impl Order {
    pub(super) fn random(random: fastrand::Rng) -> Order {
        Order::Random(Dice { random, stalled: None })
    }

    /// Which call is completed next; if none, time passes.
    fn choose(&mut self, waiting: &[HeldCall]) -> Option<u64> {
        let ids: Vec<u64> = waiting.iter().map(|call| call.id).collect();
        Some(match self {
            // What is late comes after whatever is asked for because of it.
            Order::Issued => {
                waiting.iter().find(|call| !call.is_late).map_or(ids[0], |call| call.id)
            }
            Order::Random(dice) => return dice.choose(waiting),
            Order::Chosen { choices, widths } => {
                let choice = choices.get(widths.len()).copied().unwrap_or(0);
                widths.push(waiting.len());
                ids[choice.min(ids.len() - 1)]
            }
            Order::Batch { round, order, left, widths } => {
                left.retain(|id| ids.contains(id));
                if left.is_empty() {
                    left.extend(ids);
                    widths.push(waiting.len());
                    if widths.len() == *round + 1 {
                        permute(left, *order);
                    }
                }
                left.remove(0)
            }
        })
    }
}

/// The permutation with this number, in the order of a dictionary.
fn permute(ids: &mut [u64], number: usize) {
    let mut number = number;
    for at in 0..ids.len() {
        let rest = (1..ids.len() - at).fold(1_usize, |all, next| all.saturating_mul(next));
        let chosen = at + (number / rest).min(ids.len() - 1 - at);
        number %= rest;
        ids[at..=chosen].rotate_right(1);
    }
}

/// An outcome without the text of documents.
fn summary(outcome: &Outcome) -> String {
    let error = |error: &Error| match error.beside() {
        None => format!("error: {error}"),
        Some(beside) => format!("error: {error}; beside it: {}", beside.message),
    };
    match outcome {
        Outcome::Opened(Ok(recovery)) => format!(
            "ok, document {}, {} swept, {} set aside",
            recovery
                .document
                .as_ref()
                .map_or("absent".to_owned(), |d| format!("{} bytes", d.len())),
            recovery.swept,
            recovery.set_aside.len()
        ),
        Outcome::Flushed(Ok(receipt)) => {
            let told = |written: Option<Written>| {
                written
                    .map_or("nothing".to_owned(), |w| format!("{:?} {} bytes", w.reached, w.bytes))
            };
            format!(
                "ok, manifest {}, heartbeat {}",
                told(receipt.manifest),
                told(receipt.heartbeat)
            )
        }
        Outcome::Recorded(Ok(recorded)) => format!("ok, {} runs in the history", recorded.runs),
        Outcome::Removed(Ok(removed)) => {
            let Removed { runs, absent, left, entries, swept, remaining, .. } = removed;
            let left: Vec<_> = left.iter().map(|left| left.reason).collect();
            format!(
                "ok, {} removed, {} absent, {left:?} left, {entries} entries, {swept} swept, {} \
                 remain",
                runs.len(),
                absent.len(),
                remaining.len()
            )
        }
        Outcome::History(Ok(history)) => format!("ok, {} runs", history.total),
        Outcome::Opened(Err(e)) | Outcome::Flushed(Err(e)) | Outcome::Changed(Err(e)) => error(e),
        Outcome::Marked(Err(e)) | Outcome::Recorded(Err(e)) | Outcome::History(Err(e)) => error(e),
        Outcome::Removed(Err(e)) => error(e),
        Outcome::Changed(Ok(())) | Outcome::Marked(Ok(())) => "ok".to_owned(),
        Outcome::Dropped | Outcome::Stats(_) => "ok".to_owned(),
        Outcome::NoRun => "the run is not open".to_owned(),
    }
}
