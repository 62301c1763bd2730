//! Which units there are, and the threads that work on them.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use super::Torture;
use super::crash::{Play, explore};
use super::fault::{self, Kind};
use super::machine::Lab;
use super::order;
use super::plan::Plan;
use super::player::Order;
use super::report::{Progress, Report, VIOLATIONS_MAX, Violation};
use super::unit::Unit;
use crate::sim::Model;
use crate::sim::crash::Limits;
use tandem_host::Durability::{Durable, Visible};
use tandem_host::Error;
use tandem_host::testing::component_failed;

/// Small workloads are crashed into every state.
const EXHAUSTIVE: Limits = Limits { names_max: 1 << 18, states_max: 1 << 20 };

/// Of larger ones, so many states are drawn at each step.
const DRAWN: Limits = Limits { names_max: 96, states_max: 512 };

/// What a unit found, to be counted in the order of the units.
struct Done {
    index: u64,
    states: HashSet<u64>,
    faults: u64,
    orders: u64,
    violations: Vec<Violation>,
    trace_hash: u64,
}

/// Works until enough states were recovered. Units are counted in their order, and what lies behind
/// the last one that was needed is not counted: so threads change nothing.
pub(super) fn run(
    lab: &Lab,
    torture: &Torture,
    mut progress: impl FnMut(&Progress),
) -> Result<Report, Error> {
    let models = match torture.model {
        Some(model) => vec![model],
        None => torture.world.models(),
    };
    let next = AtomicU64::new(torture.unit.unwrap_or(0));
    let is_over = AtomicBool::new(false);
    let mut counts = Progress::default();
    let mut states: HashSet<u64> = HashSet::new();
    let mut trace = DefaultHasher::new();
    let mut violations: Vec<Violation> = Vec::new();
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel::<Done>();
        for _ in 0..torture.threads.get() {
            let (tell, next, is_over, models) = (tell.clone(), &next, &is_over, &models);
            let work = move || {
                while !is_over.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if torture.unit.is_some_and(|unit| unit != index) {
                        break;
                    }
                    let done = perform(lab, torture.seed, index, models);
                    if tell.send(done).is_err() {
                        break;
                    }
                }
            };
            let spawned = thread::Builder::new().spawn_scoped(scope, work);
            if let Err(error) = spawned {
                is_over.store(true, Ordering::Relaxed);
                return Err(component_failed(error.into()));
            }
        }
        drop(tell);
        let mut early: BTreeMap<u64, Done> = BTreeMap::new();
        let mut due = torture.unit.unwrap_or(0);
        'all: while let Ok(done) = told.recv() {
            early.insert(done.index, done);
            while let Some(done) = early.remove(&due) {
                due = due.saturating_add(1);
                states.extend(done.states);
                (done.index, done.trace_hash).hash(&mut trace);
                counts.states = states.len() as u64;
                counts.faults += done.faults;
                counts.orders += done.orders;
                counts.units += 1;
                violations.extend(done.violations);
                counts.violations = violations.len() as u64;
                progress(&counts);
                let is_found = violations.len() >= VIOLATIONS_MAX;
                if counts.states >= torture.states || is_found || torture.unit.is_some() {
                    break 'all;
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
        // Whoever waits to tell learns that nobody listens.
        drop(told);
        Ok(())
    })?;
    violations.truncate(VIOLATIONS_MAX);
    counts.violations = violations.len() as u64;
    Ok(Report { seed: torture.seed, counts, trace_hash: trace.finish(), violations })
}

fn perform(lab: &Lab, seed: u64, index: u64, models: &[Model]) -> Done {
    let count = models.len() as u64;
    let place = usize::try_from(index % count).unwrap_or(0);
    let mut unit = Unit::new(lab, seed, index, models[place]);
    let worked = catch_unwind(AssertUnwindSafe(|| work(&mut unit, index / count, place)));
    if worked.is_err() {
        // The panic itself has said more on standard error.
        unit.broke("the simulator panicked".to_owned());
    }
    let trace_hash = unit.trace_hash();
    Done {
        index,
        states: unit.states,
        faults: unit.faults,
        orders: unit.orders,
        violations: unit.violations,
        trace_hash,
    }
}

/// The work of a model's `nth` unit. Small workloads that are tried in full, faults and orders come
/// in turns with larger workloads that are drawn. The models are `place`d in a row, and each of them
/// begins with another kind of fault.
fn work(unit: &mut Unit<'_>, nth: u64, place: usize) {
    let turn = usize::try_from(nth / 4).unwrap_or(usize::MAX);
    match nth % 4 {
        0 if turn < small().len() => {
            let play = Play { is_exhaustive: true, ..Play::default() };
            explore(unit, &small()[turn], None, play, EXHAUSTIVE);
        }
        1 if turn < FAULTS => {
            let (plan, kind) = faulty((turn + 5 * place) % FAULTS);
            fault::every_call(unit, &plan, kind);
        }
        2 if order::trial(unit, turn) => {}
        2 => match unit.random.usize(..8) {
            0 => order::rivals(unit, 60),
            1 | 2 => burst(unit),
            3 => order::pruned(unit, 60),
            _ => drawn(unit),
        },
        1 => fault::drawn(unit),
        _ => drawn(unit),
    }
}

/// Workloads that are crashed into every state.
fn small() -> [Plan; 14] {
    [
        Plan::updates(1, Durable, Visible),
        Plan::removal(false),
        Plan::records(1, Durable, Durable),
        Plan::updates(2, Durable, Visible),
        Plan::marks(),
        Plan::removal(true),
        Plan::updates(3, Durable, Visible),
        Plan::updates(2, Durable, Durable),
        Plan::records(2, Durable, Visible),
        Plan::updates(3, Visible, Visible),
        Plan::removal_and_again(),
        Plan::removal_of_two(),
        Plan::records(3, Visible, Durable),
        Plan::records_at_once(3, Durable, Durable),
    ]
}

/// How many workloads there are with a kind of fault.
const FAULTS: usize = PLANS * fault::KINDS.len();

/// How many workloads there are whose calls fail.
const PLANS: usize = 9;

/// A workload whose calls fail, and how. Neighbours differ in both.
fn faulty(number: usize) -> (Plan, Kind) {
    let (plan, kind) = (number % PLANS, number / PLANS + 2 * (number % PLANS));
    let plan = match plan {
        0 => fault::runs(Durable, Visible),
        1 => fault::histories(Durable, Durable),
        2 => fault::together(),
        3 => fault::split(),
        4 => fault::closing(),
        5 => fault::removals(true),
        6 => fault::removals(false),
        7 => fault::runs(Durable, Durable),
        _ => Plan::records_at_once(3, Durable, Visible),
    };
    (plan, fault::KINDS[kind % fault::KINDS.len()])
}

/// Up to eight runs that are written at once, completed in any order.
fn burst(unit: &mut Unit<'_>) {
    let plan = Plan::burst(4 + unit.random.usize(..5));
    let play = Play { order: Order::random(unit.random.fork()), ..Play::default() };
    explore(unit, &plan, None, play, DRAWN);
    unit.orders += 1;
}

/// Any workload, crashed and recovered and crashed in recovery, three deep.
fn drawn(unit: &mut Unit<'_>) {
    let plan = Plan::random(&mut unit.random);
    let order = Order::random(unit.random.fork());
    let play = Play { order, ..Play::default() };
    let mut state = explore(unit, &plan, None, play, DRAWN).survivor;
    for _ in 0..3 {
        let Some((tree, acknowledged)) = state else { return };
        let plan = plan.again(&mut unit.random);
        let play = Play { order: Order::random(unit.random.fork()), ..Play::default() };
        state = explore(unit, &plan, Some((tree, acknowledged)), play, DRAWN).survivor;
    }
}
