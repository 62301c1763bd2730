//! A small model of what a run must do, in words of its disk calls: which channels a call writes,
//! what it answers, and what is dirty after it. It knows nothing of the component's code.

use super::machine::Outcome;
use super::plan::{self, Act, Plan};
use super::player::Ended;
use super::world::WasiWorld;
use crate::sim::world::{Fault, Step};
use tandem_host::testing::{DiskOperation, is_temporary};
use tandem_host::{Channel, Request};
use tandem_host::{Error, ErrorKind, Operation};

/// What is known of one run. Its calls come one after the other.
#[derive(Debug)]
struct ReferenceState {
    world: WasiWorld,
    is_open: bool,
    has_document: bool,
    manifest_dirty: bool,
    heartbeat_dirty: bool,
}

/// How a channel's write must have ended: the steps and codes that it may name.
type Failures = Vec<(Operation, &'static str)>;

/// Compares every call of a sequential workload of one run with the model.
///
/// # Errors
/// The first difference.
pub(super) fn check(
    world: WasiWorld,
    plan: &Plan,
    ended: &[Ended],
    log: &[Step],
) -> Result<(), String> {
    let mut state = ReferenceState::new(world);
    for call in ended {
        let steps = log.get(call.log.clone()).unwrap_or_default();
        state.check(plan, call, steps).map_err(|sentence| format!("{}: {sentence}", call.act))?;
    }
    Ok(())
}

/// Whether a workload's first call, if it records a run, begins both files before it waits for
/// either. What a later call begins can be beside what an earlier one left in the background.
///
/// # Errors
/// No other call was in flight when it waited for the first one.
pub(super) fn check_records(world: WasiWorld, ended: &[Ended], log: &[Step]) -> Result<(), String> {
    let Some(call) = ended.first().filter(|call| matches!(call.act, Act::Record(..))) else {
        return Ok(());
    };
    let steps = log.get(call.log.clone()).unwrap_or_default();
    let waited_for = match world {
        WasiWorld::Concurrent | WasiWorld::Documents => steps.first(),
        // Opening blocks. The summary's write is the first that does not, and what failed before
        // it may have ended the other file.
        WasiWorld::Blocking => steps
            .iter()
            .take_while(|step| step.fault.is_none())
            .find(|step| step.call.operation == world.begun_together()),
    };
    if waited_for.is_some_and(|step| step.beside == 0) {
        return Err(format!("{}: it waits for one file before it starts the other", call.act));
    }
    Ok(())
}

/// Whether each removal that was acknowledged has made its renames durable.
///
/// # Errors
/// A directory's sync failed, and the answer does not tell.
pub(super) fn check_removals(ended: &[Ended], log: &[Step]) -> Result<(), String> {
    let acknowledged = ended.iter().filter(|call| matches!(call.outcome, Outcome::Removed(Ok(_))));
    for call in acknowledged {
        let steps = log.get(call.log.clone()).unwrap_or_default();
        let is_sync = |step: &&Step| step.call.operation == DiskOperation::SyncDir;
        if let Some(step) = steps.iter().filter(is_sync).find(|step| step.fault.is_some()) {
            return Err(format!("{}: it swallows an error: {step}", call.act));
        }
    }
    Ok(())
}

impl ReferenceState {
    fn new(world: WasiWorld) -> Self {
        ReferenceState {
            world,
            is_open: false,
            has_document: false,
            manifest_dirty: false,
            heartbeat_dirty: false,
        }
    }

    fn check(&mut self, plan: &Plan, call: &Ended, steps: &[Step]) -> Result<(), String> {
        match (call.act, &call.outcome) {
            (Act::Open(_) | Act::Ensure(_), Outcome::Opened(result)) => self.opened(result, steps),
            (_, Outcome::NoRun) if !self.is_open => Ok(()),
            (_, Outcome::NoRun) => Err("the run should be open".to_owned()),
            (Act::Set(..) | Act::Merge(_), Outcome::Changed(Ok(()))) => {
                self.has_document = true;
                self.manifest_dirty = true;
                Ok(())
            }
            (Act::Schedule(_, request), Outcome::Flushed(result)) => {
                self.flushed(plan, request, result, steps)
            }
            (Act::Flush(_), Outcome::Flushed(result)) => {
                self.flushed(plan, Request::default(), result, steps)
            }
            (Act::Close(_), Outcome::Flushed(result)) => {
                self.flushed(plan, Request::default(), result, steps)?;
                self.is_open &= result.is_err();
                Ok(())
            }
            (Act::Stats(_), Outcome::Stats(stats)) => {
                let told = (stats.manifest.dirty, stats.heartbeat.dirty);
                let own = (self.manifest_dirty, self.heartbeat_dirty);
                if told == own {
                    return Ok(());
                }
                Err(format!("dirty (manifest, heartbeat) are {told:?} and must be {own:?}"))
            }
            (_, outcome) => Err(format!("an answer that it cannot have: {outcome:?}")),
        }
    }

    fn opened(
        &mut self,
        result: &Result<tandem_host::Recovery, Error>,
        steps: &[Step],
    ) -> Result<(), String> {
        // A file that cannot be removed now is swept later.
        let fault = steps
            .iter()
            .find(|step| step.fault.is_some() && step.call.operation != DiskOperation::RemoveFile);
        match (fault, result) {
            (None, Ok(recovery)) => {
                self.is_open = true;
                self.has_document = recovery.document.is_some();
                self.manifest_dirty = false;
                self.heartbeat_dirty = false;
                Ok(())
            }
            (Some(_), Err(error)) if error.kind() == ErrorKind::Storage => Ok(()),
            (Some(step), Ok(_)) => Err(format!("it swallows an error: {step}")),
            (_, Err(error)) => Err(format!("it fails with {error}")),
        }
    }

    fn flushed(
        &mut self,
        plan: &Plan,
        request: Request,
        result: &Result<tandem_host::Receipt, Error>,
        steps: &[Step],
    ) -> Result<(), String> {
        if request.manifest && !self.has_document {
            return match result {
                Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
                _ => Err("a manifest without a document must be refused".to_owned()),
            };
        }
        let wanted =
            [self.manifest_dirty || request.manifest, self.heartbeat_dirty || request.heartbeat];
        let run = plan.runs[0];
        let durable = [run.manifest, run.heartbeat].map(|d| d == tandem_host::Durability::Durable);
        let names = ["manifest.json", ".heartbeat"];
        let shared = shared_failures(steps);
        let mut failures: [Failures; 2] = [Vec::new(), Vec::new()];
        for channel in [0, 1] {
            let creations: Vec<&Step> = steps
                .iter()
                .filter(|step| {
                    step.call.is(DiskOperation::CreateFile, names[channel])
                        && is_temporary(step.call.name())
                })
                .collect();
            let expected = usize::from(wanted[channel] && shared.is_empty());
            if creations.len() != expected {
                return Err(format!(
                    "it writes {} {} times and must {expected} times",
                    names[channel],
                    creations.len()
                ));
            }
            if wanted[channel] {
                failures[channel] = if shared.is_empty() {
                    file_failure(steps, names[channel]).into_iter().collect()
                } else {
                    shared.clone()
                };
            }
        }
        // In the blocking world a channel that failed before it came so far has nothing to be begun
        // with.
        let begun = self.world.begun_together();
        let is_begun = |name: &&str| {
            steps.iter().any(|step| step.call.operation == begun && step.call.is_for(name))
        };
        let are_begun = self.world.has_calls_at_once() || names.iter().all(is_begun);
        let is_pair = wanted == [true, true] && shared.is_empty() && are_begun;
        let first = steps.iter().find(|step| step.call.operation == begun);
        if is_pair && first.is_some_and(|step| step.beside == 0) {
            return Err("it waits for one channel before it starts the other".to_owned());
        }
        let synced = sync_failures(steps);
        for channel in [0, 1] {
            if wanted[channel] && durable[channel] && failures[channel].is_empty() {
                failures[channel].clone_from(&synced);
            }
        }
        self.manifest_dirty = !failures[0].is_empty();
        self.heartbeat_dirty = !failures[1].is_empty();
        answer(wanted, &failures, result)
    }
}

/// The answer to a flush, by what became of its channels: the manifest's error comes first.
fn answer(
    wanted: [bool; 2],
    failures: &[Failures; 2],
    result: &Result<tandem_host::Receipt, Error>,
) -> Result<(), String> {
    let channels = [Channel::Manifest, Channel::Heartbeat];
    let failed: Vec<usize> = (0..2).filter(|channel| !failures[*channel].is_empty()).collect();
    match (failed.first(), result) {
        (None, Ok(receipt)) => {
            let told = [receipt.manifest.is_some(), receipt.heartbeat.is_some()];
            if told == wanted {
                return Ok(());
            }
            Err(format!("its receipt tells of {told:?} and must of {wanted:?}"))
        }
        (None, Err(error)) => Err(format!("nothing failed, and it answers: {error}")),
        (Some(_), Ok(_)) => Err("a channel failed, and it answers ok".to_owned()),
        (Some(first), Err(error)) => {
            let is_first = error.kind() == ErrorKind::Storage
                && error.channel() == Some(channels[*first])
                && names(&failures[*first], error.operation(), error.code());
            if !is_first {
                return Err(format!(
                    "the error must be that of {:?}, one of {:?}, and is: {error}",
                    channels[*first], failures[*first]
                ));
            }
            match (failed.get(1), error.beside()) {
                (None, None) => Ok(()),
                (Some(second), Some(beside))
                    if beside.channel == Some(channels[*second])
                        && names(
                            &failures[*second],
                            Some(beside.operation),
                            Some(&beside.code),
                        ) =>
                {
                    Ok(())
                }
                (_, beside) => Err(format!("the error beside is {beside:?}")),
            }
        }
    }
}

fn names(failures: &Failures, operation: Option<Operation>, code: Option<&str>) -> bool {
    failures.iter().any(|(step, name)| Some(*step) == operation && Some(*name) == code)
}

/// What failed before the channels could start.
fn shared_failures(steps: &[Step]) -> Failures {
    let dir = plan::run_dir(0);
    let opening = steps.iter().take_while(|step| {
        matches!(step.call.operation, DiskOperation::OpenDir | DiskOperation::CreateDir)
    });
    let mut found = Vec::new();
    for step in opening {
        let Some(code) = injected(step) else { continue };
        match step.call.operation {
            DiskOperation::CreateDir => found.push((Operation::CreateDirectory, code)),
            _ if step.call.path == dir => found.push((Operation::Open, code)),
            _ => {}
        }
    }
    found
}

/// What failed first of a channel's own steps.
fn file_failure(steps: &[Step], name: &str) -> Option<(Operation, &'static str)> {
    steps.iter().filter(|step| step.call.is_for(name)).find_map(|step| {
        let operation = match step.call.operation {
            DiskOperation::CreateFile => Operation::Open,
            DiskOperation::Write => Operation::Write,
            DiskOperation::SyncData => Operation::Sync,
            DiskOperation::Rename => Operation::Rename,
            _ => return None,
        };
        injected(step).map(|code| (operation, code))
    })
}

/// What failed of the directories' syncs.
fn sync_failures(steps: &[Step]) -> Failures {
    let is_creation = |step: &Step| step.call.operation == DiskOperation::CreateFile;
    let Some(start) = steps.iter().position(is_creation) else { return Vec::new() };
    let dir = plan::run_dir(0);
    let failed = |step: &Step| {
        let operation = match step.call.operation {
            DiskOperation::SyncDir => Operation::SyncDirectory,
            // The directories above; that of the run is opened before.
            DiskOperation::OpenDir if step.call.path != dir => Operation::Open,
            _ => return None,
        };
        injected(step).map(|code| (operation, code))
    };
    steps[start..].iter().filter_map(failed).collect()
}

/// The name of the code that a call was made to fail with.
fn injected(step: &Step) -> Option<&'static str> {
    match step.fault? {
        Fault::Before(code)
        | Fault::After(code)
        | Fault::Half(code)
        | Fault::MarksClean(code)
        | Fault::Late(code) => Some(code.name()),
    }
}
