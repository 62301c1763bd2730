//! A fault in every call of a workload, one after the other, until the workload has no more calls.

use super::crash::{Play, explore};
use super::plan::{Act, Plan, Removal};
use super::player::{Ended, Order, PlannedFault};
use super::reference;
use super::unit::Unit;
use super::world::WasiWorld;
use crate::sim::crash::Limits;
use crate::sim::world::{Fault, Step};
use tandem_host::disk::ErrorCode;
use tandem_host::{Durability, Request};

/// How the calls of a unit fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// With this code, before and after their effect; writes half way too.
    Code(ErrorCode),
    /// Syncs fail and mark what they should have written as clean.
    MarksClean,
}

/// All of them.
pub(super) const KINDS: [Kind; 8] = [
    Kind::Code(ErrorCode::Io),
    Kind::Code(ErrorCode::InsufficientSpace),
    Kind::Code(ErrorCode::Quota),
    Kind::Code(ErrorCode::ReadOnly),
    Kind::Code(ErrorCode::Access),
    Kind::Code(ErrorCode::Busy),
    Kind::Code(ErrorCode::Interrupted),
    Kind::MarksClean,
];

/// A few crashes after each fault.
const LIMITS: Limits = Limits { names_max: 3, states_max: 4 };

impl Kind {
    fn faults(self, world: WasiWorld) -> Vec<Fault> {
        match self {
            // A refusal was not carried out, so it comes before. Of what is lost nobody knows.
            Kind::Code(
                code @ (ErrorCode::InsufficientSpace
                | ErrorCode::Quota
                | ErrorCode::ReadOnly
                | ErrorCode::Access),
            ) if world.has_documents() => vec![Fault::Before(code)],
            Kind::Code(code) if world.has_documents() => {
                vec![Fault::Before(code), Fault::After(code), Fault::Late(code)]
            }
            // It has no syncs.
            Kind::MarksClean if world.has_documents() => vec![Fault::Late(ErrorCode::Io)],
            Kind::Code(code) => vec![Fault::Before(code), Fault::After(code), Fault::Half(code)],
            Kind::MarksClean => vec![Fault::MarksClean(ErrorCode::Io)],
        }
    }
}

/// A run that is updated twice, then written until it works again.
pub(super) fn runs(manifest: Durability, heartbeat: Durability) -> Plan {
    let pair = Act::Schedule(0, Request::new().manifest().heartbeat().force());
    let mut plan = Plan::updates(1, manifest, heartbeat);
    plan.acts = vec![
        Act::Open(0),
        Act::Set(0, 40),
        pair,
        Act::Stats(0),
        Act::Set(0, 700),
        pair,
        Act::Stats(0),
        Act::Flush(0),
        Act::Stats(0),
        Act::Heal,
        Act::Ensure(0),
        Act::Set(0, 20),
        Act::Flush(0),
        Act::Stats(0),
        pair,
        Act::Close(0),
    ];
    plan
}

/// Callers that share flushes, and with them their failures.
pub(super) fn together() -> Plan {
    let mut plan = Plan::waiters();
    let close = plan.acts.len() - 1;
    plan.acts.insert(close, Act::Heal);
    plan
}

/// A run that is closed while calls fail, and goes on if that fails.
pub(super) fn closing() -> Plan {
    let mut plan = Plan::updates(1, Durability::Durable, Durability::Durable);
    plan.acts = vec![
        Act::Open(0),
        Act::Set(0, 40),
        Act::Close(0),
        Act::Heal,
        Act::Ensure(0),
        Act::Set(0, 20),
        Act::Flush(0),
        Act::Stats(0),
        Act::Close(0),
    ];
    plan
}

/// A request for both channels while one of them may still back off, so that they are written one
/// after the other.
pub(super) fn split() -> Plan {
    let mut plan = Plan::updates(1, Durability::Durable, Durability::Visible);
    plan.acts = vec![
        Act::Open(0),
        Act::Schedule(0, Request::new().heartbeat().force()),
        Act::Set(0, 40),
        Act::Schedule(0, Request::new().manifest().heartbeat()),
        Act::Stats(0),
        Act::Heal,
        Act::Close(0),
    ];
    plan
}

/// Two runs that are recorded, and again when all works.
pub(super) fn histories(history: Durability, summary: Durability) -> Plan {
    let mut plan = Plan::records(2, history, summary);
    plan.acts = vec![
        Act::Record(0, 60),
        Act::Record(1, 30),
        Act::Heal,
        Act::Record(0, 90),
        Act::Record(1, 50),
        Act::History,
    ];
    plan
}

/// Runs that are removed, and again when all works.
pub(super) fn removals(from_history: bool) -> Plan {
    let mut plan = Plan::removal(from_history);
    let removal = |runs| Act::Remove(Removal { from_history, ..Removal::of(runs) });
    plan.acts = vec![removal(0b01), Act::Heal, removal(0b01), Act::History];
    plan
}

/// Fails one call, or all from one on, of any workload.
pub(super) fn drawn(unit: &mut Unit<'_>) {
    for _ in 0..DRAWN {
        let plan = Plan::random(&mut unit.random).without_patches();
        let kind = KINDS[unit.random.usize(..KINDS.len())];
        let faults = kind.faults(unit.lab.world);
        let planned = PlannedFault {
            nth: unit.random.usize(..80),
            fault: faults[unit.random.usize(..faults.len())],
            is_sticky: unit.random.bool(),
        };
        let order = Order::random(unit.random.fork());
        let play = Play { order, faults: vec![planned], points_max: Some(4), ..Play::default() };
        let played = explore(unit, &plan, None, play, DRAWN_LIMITS);
        unit.faults += u64::from(played.injected > 0);
        if !unit.violations.is_empty() {
            return;
        }
    }
}

/// How many workloads with a fault a unit draws.
const DRAWN: usize = 10;

/// What they are crashed into.
const DRAWN_LIMITS: Limits = Limits { names_max: 8, states_max: 16 };

/// Fails each call of `plan` in turn.
pub(super) fn every_call(unit: &mut Unit<'_>, plan: &Plan, kind: Kind) {
    let world = unit.lab.world;
    let check = |ended: &[Ended], log: &[Step]| {
        if plan.has_removals {
            reference::check_removals(ended, log)
        } else if plan.has_records {
            reference::check_records(world, ended, log)
        } else {
            reference::check(world, plan, ended, log)
        }
    };
    // What a throttled request waits for, and when a mark is written, is beyond the reference model.
    let is_beyond = |act: &Act| match act {
        Act::Schedule(_, request) => !request.force,
        Act::Mark(..) => true,
        _ => false,
    };
    let is_modelled = !world.has_documents() && !plan.is_burst && !plan.acts.iter().any(is_beyond);
    for fault in kind.faults(world) {
        for is_sticky in [false, true] {
            for nth in 0.. {
                let planned = PlannedFault { nth, fault, is_sticky };
                let play = Play { faults: vec![planned], points_max: Some(3), ..Play::default() };
                let played = explore(unit, plan, None, play, LIMITS);
                if played.may_fault <= nth {
                    break;
                }
                unit.faults += u64::from(played.injected > 0);
                if played.injected > 0
                    && is_modelled
                    && let Err(sentence) = check(&played.ended, &played.log)
                {
                    unit.differs(plan, &played, sentence);
                }
                if !unit.violations.is_empty() {
                    return;
                }
            }
        }
    }
}
