//! The orders in which calls in flight can be completed, and callers that go away.

use super::crash::{Play, explore};
use super::plan::Plan;
use super::player::Order;
use super::unit::Unit;
use crate::sim::crash::Limits;
use tandem_host::Durability::{Durable, Visible};

/// One crash after each order: its end.
const LIMITS: Limits = Limits { names_max: 2, states_max: 2 };

/// One thing to try.
enum Trial {
    /// Two instances that want one lock, so many times.
    Rivals(usize),
    /// An instance that records while another removes, so many times.
    Pruned(usize),
    /// All orders of a workload's disk calls.
    All(fn() -> Plan),
    /// Callers of a workload that go away.
    CallersGoAway(fn() -> Plan),
    SixInFlight,
}

/// What is tried in turns.
const TRIALS: [Trial; 10] = [
    Trial::Rivals(400),
    Trial::Pruned(300),
    Trial::All(|| Plan::updates(1, Durable, Visible)),
    Trial::CallersGoAway(|| Plan::updates(2, Durable, Visible)),
    Trial::CallersGoAway(|| Plan::records(2, Durable, Durable)),
    Trial::All(|| Plan::records(1, Durable, Durable)),
    Trial::SixInFlight,
    Trial::CallersGoAway(Plan::waiters),
    Trial::All(Plan::marks),
    Trial::CallersGoAway(Plan::removal_of_two),
];

/// Orders of one workload.
const ORDERS_MAX: u64 = 1_500;

/// Makes the trial whose turn it is, of those that the world has. False if there is none left.
pub(super) fn trial(unit: &mut Unit<'_>, turn: usize) -> bool {
    let has_calls_at_once = unit.lab.world.has_calls_at_once();
    let is_possible = |trial: &&Trial| match trial {
        Trial::Rivals(_) | Trial::Pruned(_) | Trial::All(_) => true,
        Trial::CallersGoAway(_) | Trial::SixInFlight => has_calls_at_once,
    };
    match TRIALS.iter().filter(is_possible).nth(turn) {
        None => return false,
        Some(Trial::Rivals(count)) => rivals(unit, *count),
        Some(Trial::Pruned(count)) => pruned(unit, *count),
        Some(Trial::All(plan)) => all(unit, &plan(), ORDERS_MAX),
        Some(Trial::CallersGoAway(plan)) => callers_go_away(unit, &plan()),
        Some(Trial::SixInFlight) => six_in_flight(unit),
    }
    true
}

/// Tries all choices of the next call to complete, or the first `count_max` of them and as many that
/// are drawn.
fn all(unit: &mut Unit<'_>, plan: &Plan, count_max: u64) {
    let mut choices: Vec<usize> = Vec::new();
    for _ in 0..count_max {
        let order = Order::Chosen { choices: choices.clone(), widths: Vec::new() };
        let play = Play { order, points_max: Some(2), ..Play::default() };
        let played = explore(unit, plan, None, play, LIMITS);
        unit.orders += 1;
        if !unit.violations.is_empty() {
            return;
        }
        let Order::Chosen { widths, .. } = played.order else { return };
        // The next one in the order of a dictionary: the last choice that can be another.
        choices.resize(widths.len(), 0);
        loop {
            let (Some(last), Some(width)) = (choices.pop(), widths.get(choices.len())) else {
                return;
            };
            if last + 1 < *width {
                choices.push(last + 1);
                break;
            }
        }
    }
    for _ in 0..count_max {
        let order = Order::random(unit.random.fork());
        let play = Play { order, points_max: Some(2), ..Play::default() };
        explore(unit, plan, None, play, LIMITS);
        unit.orders += 1;
        if !unit.violations.is_empty() {
            return;
        }
    }
}

/// Three runs whose pairs are written at once, so that six calls are in flight, several times. All
/// orders of each such batch are tried while the others are completed as issued; of larger batches,
/// orders are drawn.
fn six_in_flight(unit: &mut Unit<'_>) {
    let plan = Plan::burst(3);
    for round in 0.. {
        let mut width = 0;
        for nth in 0.. {
            let batch = |order| Order::Batch { round, order, left: Vec::new(), widths: Vec::new() };
            let is_drawn = width > IN_FLIGHT_MAX;
            let order = if is_drawn { unit.random.usize(..permutations(width)) } else { nth };
            let play = Play { order: batch(order), points_max: Some(1), ..Play::default() };
            let played = explore(unit, &plan, None, play, LIMITS);
            let Order::Batch { widths, .. } = played.order else { return };
            let Some(size) = widths.get(round) else { return };
            width = *size;
            unit.orders += 1;
            if !unit.violations.is_empty() {
                return;
            }
            let count = if width <= IN_FLIGHT_MAX { permutations(width) } else { DRAWN };
            if nth + 1 >= count {
                break;
            }
        }
    }
}

/// The most calls in flight of which all orders are tried.
const IN_FLIGHT_MAX: usize = 6;

/// Orders of larger batches.
const DRAWN: usize = 60;

/// Two instances that want one lock, and calls that are so slow that its lease ends.
pub(super) fn rivals(unit: &mut Unit<'_>, count: usize) {
    for _ in 0..count {
        let plan = Plan::rivals(2 + unit.random.usize(..3));
        let order = Order::random(unit.random.fork());
        let play = Play { order, points_max: Some(3), ..Play::default() };
        explore(unit, &plan, None, play, LIMITS);
        unit.orders += 1;
        if !unit.violations.is_empty() {
            return;
        }
    }
}

/// Instances that record and remove at the same time, are so slow that the lock's lease ends, or are
/// killed.
pub(super) fn pruned(unit: &mut Unit<'_>, count: usize) {
    // One call after the other, so that it is known which run is open or lives.
    let play = Play { points_max: Some(40), ..Play::default() };
    explore(unit, &Plan::living(), None, play, LIMITS);
    unit.orders += 1;
    for _ in 0..count {
        if !unit.violations.is_empty() {
            return;
        }
        let is_living = unit.random.usize(..6) == 0;
        let plan = if is_living { Plan::living() } else { Plan::pruned(&mut unit.random) };
        let order = Order::random(unit.random.fork());
        let play = Play { order, points_max: Some(3), ..Play::default() };
        explore(unit, &plan, None, play, LIMITS);
        unit.orders += 1;
    }
}

/// Callers that stop waiting, for each call and at each of its waits.
fn callers_go_away(unit: &mut Unit<'_>, plan: &Plan) {
    for act in 0..plan.acts.len() {
        for after in 0.. {
            let play = Play {
                order: Order::Issued,
                abandon: Some((act, after)),
                points_max: Some(2),
                ..Play::default()
            };
            let played = explore(unit, plan, None, play, LIMITS);
            if !played.has_abandoned {
                break;
            }
            unit.orders += 1;
            if !unit.violations.is_empty() {
                return;
            }
        }
    }
}

fn permutations(count: usize) -> usize {
    // More than 20 calls have more orders than there are numbers.
    (1..=count).fold(1_usize, usize::saturating_mul)
}
