//! What is done to runs at the same time, and what a call that removes runs must answer.

use super::acknowledged::{Anew, Parts};
use super::judge;
use super::plan::{self, Act, Plan, Removal};
use crate::sim::tree::{ROOT, Tree};
use tandem_host::{LeftReason, Removed};

/// Which calls are under way on which run.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    runs: Vec<RunTraffic>,
    /// Removals under way, and how many began or ended.
    removing: usize,
    removals: u64,
}

#[derive(Clone, Debug, Default)]
struct RunTraffic {
    is_open: bool,
    /// Whether its handle was dropped, so that something may go on that nobody waits for.
    is_dropped: bool,
    /// Calls under way that remove nothing, and removals under way. What nobody waits for any
    /// longer stays under way.
    calls: usize,
    removing: usize,
    /// How many calls began or ended, and how many removals of them.
    turns: u64,
    removals: u64,
    /// How many calls began that may make its directory, or that of its summary.
    opens: u64,
    records: u64,
}

/// What was so when a call was made.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Each run that the call is about.
    runs: Vec<RunSeen>,
    was_removing: bool,
    removals: u64,
    at_ns: u64,
    /// Whether a write of a process that was killed may still come.
    pub has_late: bool,
}

/// What was so of one run.
#[derive(Clone, Debug)]
pub(super) struct RunSeen {
    pub run: usize,
    /// What was promised of it before.
    pub may_be_gone: Parts,
    pub is_anew: Anew,
    is_open: bool,
    /// Whether something may go on that nobody waits for.
    may_go_on: bool,
    calls: usize,
    was_removing: bool,
    turns: u64,
    removals: u64,
    opens: u64,
    records: u64,
    look: Look,
}

/// What the disk told of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    has_dir: bool,
    /// None if nobody can read the history.
    has_entry: Option<bool>,
    /// When it last showed a sign of life.
    sign_ns: Option<u64>,
    /// When its summary was written.
    recorded_ns: Option<u64>,
}

/// What becomes of a run that is to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Removed,
    Absent,
    Left(LeftReason),
}

/// The runs that a call is about.
fn runs_of(act: &Act) -> Vec<usize> {
    match act {
        Act::Remove(removal) => removal.runs().collect(),
        _ => act.run().into_iter().collect(),
    }
}

impl Traffic {
    pub(super) fn new(plan: &Plan) -> Self {
        let runs = vec![RunTraffic::default(); plan.runs.len()];
        Traffic { runs, removing: 0, removals: 0 }
    }

    pub(super) fn is_open(&self, run: usize) -> bool {
        self.runs[run].is_open
    }

    pub(super) fn opened(&mut self, run: usize) {
        (self.runs[run].is_open, self.runs[run].is_dropped) = (true, false);
    }

    pub(super) fn closed(&mut self, run: usize) {
        self.runs[run].is_open = false;
    }

    pub(super) fn dropped(&mut self, run: usize) {
        (self.runs[run].is_open, self.runs[run].is_dropped) = (false, true);
    }

    /// The process of a run has died.
    pub(super) fn killed(&mut self, run: usize) {
        (self.runs[run].is_open, self.runs[run].is_dropped) = (false, false);
    }

    /// A call begins. Tells what is so of its runs; `known` is what is promised of one, and `late` are
    /// the paths of writes of killed processes that may still come.
    pub(super) fn begin(
        &mut self,
        act: &Act,
        tree: &Tree,
        at_ns: u64,
        known: impl Fn(usize) -> (Parts, Anew),
        late: &[String],
    ) -> Seen {
        let is_removal = matches!(act, Act::Remove(_));
        let was_removing = self.removing > 0;
        if is_removal {
            self.removing += 1;
            self.removals += 1;
        }
        let mut runs = Vec::new();
        for run in runs_of(act) {
            let traffic = &mut self.runs[run];
            let (calls, was_removing) = (traffic.calls, traffic.removing > 0);
            *traffic.counted(is_removal) += 1;
            traffic.turn(is_removal);
            traffic.opens += u64::from(matches!(act, Act::Open(_) | Act::Ensure(_)));
            traffic.records += u64::from(matches!(act, Act::Record(..)));
            let &mut RunTraffic { is_open, is_dropped, turns, removals, opens, records, .. } =
                traffic;
            let look = if is_removal { Look::at(tree, run) } else { Look::default() };
            let (may_be_gone, is_anew) = known(run);
            let is_late = |path: &String| path.contains(&plan::run_id(run));
            let may_go_on = is_dropped || late.iter().any(is_late);
            runs.push(RunSeen {
                run,
                may_be_gone,
                is_anew,
                is_open,
                may_go_on,
                calls,
                was_removing,
                turns,
                removals,
                opens,
                records,
                look,
            });
        }
        Seen { runs, was_removing, removals: self.removals, at_ns, has_late: !late.is_empty() }
    }

    /// A call has ended, or its process has.
    pub(super) fn end(&mut self, act: &Act) {
        let is_removal = matches!(act, Act::Remove(_));
        if is_removal {
            self.removing -= 1;
            self.removals += 1;
        }
        for run in runs_of(act) {
            let traffic = &mut self.runs[run];
            *traffic.counted(is_removal) -= 1;
            traffic.turn(is_removal);
        }
    }

    /// Whether no removal of its runs was under way beside a call, which is about to end.
    pub(super) fn is_apart(&self, seen: &Seen) -> bool {
        seen.runs.iter().all(|seen| self.is_run_apart(seen))
    }

    pub(super) fn is_run_apart(&self, seen: &RunSeen) -> bool {
        !seen.was_removing && self.runs[seen.run].removals == seen.removals
    }

    /// Whether nothing else began or ended on the run of a removal, which is about to end.
    fn is_still(&self, seen: &RunSeen) -> bool {
        seen.calls == 0 && !seen.was_removing && self.runs[seen.run].turns == seen.turns
    }

    /// Whether nothing else was done to the run.
    pub(super) fn is_alone(&self, seen: &RunSeen) -> bool {
        self.is_still(seen) && !seen.is_open && !seen.may_go_on
    }

    /// Which directories of a run something may have made since a removal of it was asked for.
    pub(super) fn made_since(&self, seen: &RunSeen) -> Anew {
        let &RunTraffic { opens, records, .. } = &self.runs[seen.run];
        Anew { run: opens > seen.opens, summary: records > seen.records }
    }

    /// Whether no other removal was under way in the task.
    pub(super) fn is_only_removal(&self, seen: &Seen) -> bool {
        !seen.was_removing && self.removals == seen.removals
    }
}

impl RunTraffic {
    fn counted(&mut self, is_removal: bool) -> &mut usize {
        if is_removal { &mut self.removing } else { &mut self.calls }
    }

    fn turn(&mut self, is_removal: bool) {
        self.turns += 1;
        self.removals += u64::from(is_removal);
    }
}

impl Seen {
    pub(super) fn runs(&self) -> &[RunSeen] {
        &self.runs
    }
}

impl RunSeen {
    /// Whether nobody had the run in hand.
    pub(super) fn is_quiet(&self) -> bool {
        !self.is_open && !self.may_go_on && self.calls == 0
    }
}

impl Look {
    fn at(tree: &Tree, run: usize) -> Self {
        let dir = plan::run_dir(run);
        let written = |path: String| tree.modified_ns(&path);
        let files = [plan::manifest_path(run), plan::heartbeat_path(run)].map(written);
        let made_ns = || {
            let ino = tree.lookup(ROOT, &dir).ok()?;
            Some(tree.changed_ns(ino))
        };
        Look {
            has_dir: tree.has_dir(&dir) || tree.has_dir(&plan::summary_dir(run)),
            has_entry: judge::has_entry(tree, run),
            sign_ns: files.into_iter().flatten().max().or_else(made_ns),
            recorded_ns: written(plan::summary_path(run)),
        }
    }

    fn is_alive(&self, removal: Removal, at_ns: u64) -> bool {
        let alive_for_ns = removal.alive_for().as_nanos();
        self.sign_ns.is_some_and(|sign_ns| {
            u128::from(at_ns.saturating_sub(sign_ns)) < alive_for_ns
                && self.recorded_ns.is_none_or(|recorded_ns| recorded_ns < sign_ns)
        })
    }
}

/// What may become of a call beside what it does.
#[derive(Clone, Copy)]
pub(super) struct Trouble {
    /// Any of its runs may fail.
    pub(super) may_fail: bool,
    /// A write of an earlier call may be made only now.
    pub(super) has_late: bool,
}

/// Compares what a call answers that removes runs with what was so when it was made.
///
/// # Errors
/// The first difference.
pub(super) fn check(
    plan: &Plan,
    traffic: &Traffic,
    removal: Removal,
    seen: &Seen,
    removed: &Removed,
    end_ns: u64,
    Trouble { may_fail, has_late }: Trouble,
) -> Result<(), String> {
    let Removed { runs, absent, left, entries, remaining, .. } = removed;
    if runs.len() + absent.len() + left.len() != seen.runs.len() {
        return Err(format!("it does not tell each run once: {removed:?}"));
    }
    let (mut least, mut taken, mut are_all_known) = (0, 0, true);
    for of in &seen.runs {
        let id = plan::run_id(of.run);
        let reason = left.iter().find(|left| left.run_id == id).map(|left| left.reason);
        let told = match reason {
            Some(reason) => Answer::Left(reason),
            None if runs.contains(&id) => Answer::Removed,
            None if absent.contains(&id) => Answer::Absent,
            None => return Err(format!("it does not tell of run {id}: {removed:?}")),
        };
        let expected = expected(plan, traffic, removal, seen, of, end_ns);
        if let Some(expected) = expected.filter(|expected| *expected != told && !may_fail) {
            return Err(format!("of run {id} it tells {told:?} and must {expected:?}"));
        }
        are_all_known &= expected.is_some();
        let is_taken = expected == Some(Answer::Removed) && of.look.has_entry == Some(true);
        taken += u32::from(is_taken && removal.from_history);
        // An earlier call that failed may have taken it out of the history meanwhile.
        let is_sure = !(has_late && of.may_be_gone.entry);
        least += u32::from(is_taken && removal.from_history && is_sure);
    }
    if are_all_known && !may_fail && !(least..=taken).contains(entries) {
        return Err(format!("it tells of {entries} entries and must of {taken}"));
    }
    if traffic.is_only_removal(seen) && !may_fail && !remaining.is_empty() {
        return Err(format!("something remains on a disk that works: {remaining:?}"));
    }
    Ok(())
}

/// What must become of a run; none if that depends on what was done to it beside the call.
fn expected(
    plan: &Plan,
    traffic: &Traffic,
    removal: Removal,
    seen: &Seen,
    of: &RunSeen,
    end_ns: u64,
) -> Option<Answer> {
    if !traffic.is_still(of) || of.may_go_on {
        return None;
    }
    if of.is_open && plan.instance_of(of.run) == removal.instance {
        return Some(Answer::Left(LeftReason::Open));
    }
    let look = of.look;
    match [seen.at_ns, end_ns].map(|at_ns| look.is_alive(removal, at_ns)) {
        [true, true] => return Some(Answer::Left(LeftReason::Alive)),
        [false, false] if !of.is_open => {}
        // It may come to life, or be over by now.
        _ => return None,
    }
    let has_entry = if removal.from_history { look.has_entry? } else { false };
    Some(if look.has_dir || has_entry { Answer::Removed } else { Answer::Absent })
}
