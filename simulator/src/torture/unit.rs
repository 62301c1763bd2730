//! One unit of work: repeatable by its number and the seed, whatever runs beside it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::acknowledged::Acknowledged;
use super::crash::Played;
use super::fingerprint::fingerprint;
use super::judge::{self, Crash};
use super::machine::Lab;
use super::plan::Plan;
use super::recovery::{self, Observation, Visit};
use super::report::Violation;
use crate::sim::Model;
use crate::sim::tree::Tree;

/// What a unit works with, and what it found so far.
pub(super) struct Unit<'l> {
    pub lab: &'l Lab,
    pub index: u64,
    pub model: Model,
    pub random: fastrand::Rng,
    pub states: HashSet<u64>,
    pub faults: u64,
    pub orders: u64,
    pub violations: Vec<Violation>,
    trace: DefaultHasher,
    /// What recovery made of a state, for each workload anew.
    seen: HashMap<u64, Observation>,
}

/// Where in a workload a crash came.
pub(super) struct Moment<'m> {
    pub plan: &'m Plan,
    pub acknowledged: &'m Acknowledged,
    pub steps: &'m [String],
    pub before: &'m Tree,
}

impl<'l> Unit<'l> {
    pub(super) fn new(lab: &'l Lab, seed: u64, index: u64, model: Model) -> Self {
        Unit {
            lab,
            index,
            model,
            random: fastrand::Rng::with_seed(mixed(mixed(seed) ^ index)),
            states: HashSet::new(),
            faults: 0,
            orders: 0,
            violations: Vec::new(),
            trace: DefaultHasher::new(),
            seen: HashMap::new(),
        }
    }

    /// Forgets what recovery made of states: the next ones belong to another workload.
    pub(super) fn next_workload(&mut self) {
        self.seen.clear();
    }

    pub(super) fn note(&mut self, what: impl Hash) {
        what.hash(&mut self.trace);
    }

    pub(super) fn trace_hash(&self) -> u64 {
        self.trace.finish()
    }

    /// Recovers a disk after a crash and judges it.
    pub(super) fn try_state(&mut self, moment: &Moment<'_>, crash: Crash, tree: &Tree) {
        let print = fingerprint(tree);
        if let Err(sentence) = judge::files(tree, moment.plan, moment.acknowledged, crash) {
            return self.violation(moment, Some(tree), sentence);
        }
        if !self.seen.contains_key(&print) {
            self.states.insert(print);
            // To write again costs most of the time, and hardly depends on what was found.
            let visit = match print % 8 {
                0 => Visit::ToUse,
                1 => Visit::Soon,
                _ => Visit::Later,
            };
            let observed =
                recovery::recover(self.lab, moment.plan, tree.clone(), self.model, visit);
            match observed {
                Ok(observation) => self.seen.insert(print, observation),
                Err(sentence) => return self.violation(moment, Some(tree), sentence),
            };
            self.note(print);
        }
        let verdict = judge::recovery(tree, &self.seen[&print]);
        if let Err(sentence) = verdict {
            self.violation(moment, Some(tree), sentence);
        }
    }

    /// The simulator itself failed.
    pub(super) fn broke(&mut self, sentence: String) {
        self.note(&sentence);
        let (unit, model) = (self.index, self.model);
        let (steps, before, after) = (Vec::new(), Vec::new(), None);
        self.violations.push(Violation { unit, model, sentence, steps, before, after });
    }

    /// The component and the reference model differ.
    pub(super) fn differs(&mut self, plan: &Plan, played: &Played, sentence: String) {
        let Played { acknowledged, steps, live, .. } = played;
        let moment = Moment { plan, acknowledged, steps, before: live };
        self.violation(&moment, None, sentence);
    }

    /// Notes a broken promise. One of a kind is enough for each unit.
    pub(super) fn violation(
        &mut self,
        moment: &Moment<'_>,
        after: Option<&Tree>,
        sentence: String,
    ) {
        self.note(&sentence);
        if self.violations.iter().any(|known| known.sentence == sentence) {
            return;
        }
        self.violations.push(Violation {
            unit: self.index,
            model: self.model,
            sentence,
            steps: moment.steps.to_vec(),
            before: recovery::listing(moment.before),
            after: after.map(recovery::listing),
        });
    }
}

/// Another number for each number, so that neighbours do not draw the same: the finalizer of
/// SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
