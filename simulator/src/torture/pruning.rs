//! Workloads that remove runs.

use super::past::Past;
use super::plan::{Act, INTERVALS_MS, Plan, Removal, RunPlan, filling};
use tandem_host::{Durability, Request};

/// As long as no sign of life lasts.
const SILENT_MS: u64 = 31_000;

const PAIR: Request = Request { manifest: true, heartbeat: true, force: true };

impl Plan {
    /// Runs that were recorded long ago, and what is done to them.
    fn of_old(past: Past, acts: Vec<Act>) -> Plan {
        let run = RunPlan {
            manifest: Durability::Durable,
            heartbeat: Durability::Visible,
            intervals_ms: INTERVALS_MS,
        };
        let runs = vec![run; past.runs];
        Plan { runs, acts, past, has_records: true, has_removals: true, ..Plan::empty() }
    }

    /// One of two runs is removed.
    pub(super) fn removal(from_history: bool) -> Plan {
        let removal = Removal { from_history, ..Removal::of(0b01) };
        Plan::of_old(Past { runs: 2, is_full: true }, vec![Act::Remove(removal)])
    }

    /// Two of three runs are removed by one call.
    pub(super) fn removal_of_two() -> Plan {
        let removal = Removal::of(0b011).with_entries();
        Plan::of_old(Past { runs: 3, is_full: false }, vec![Act::Remove(removal)])
    }

    /// A run is removed, and opened anew.
    pub(super) fn removal_and_again() -> Plan {
        let manifest = Request { heartbeat: false, ..PAIR };
        let acts = vec![
            Act::Remove(Removal::of(0b1)),
            Act::Open(0),
            Act::Set(0, 20),
            Act::Schedule(0, manifest),
        ];
        Plan::of_old(Past { runs: 1, is_full: false }, acts)
    }

    /// Runs that are open, that are silent, and that are over, of one instance or of another.
    pub(super) fn living() -> Plan {
        let acts = vec![
            Act::Open(0),
            Act::Open(1),
            Act::Remove(Removal::of(0b111)),
            Act::Set(0, 40),
            Act::Schedule(0, PAIR),
            Act::Schedule(1, Request { manifest: false, ..PAIR }),
            Act::Remove(Removal::of(0b111).with_entries().by(1)),
            Act::Close(1),
            Act::Record(1, 50),
            Act::Remove(Removal::of(0b111).by(1)),
            Act::Wait(SILENT_MS),
            Act::Remove(Removal::of(0b011).with_entries().by(1)),
            Act::Flush(0),
            Act::Schedule(0, PAIR),
            Act::Close(0),
            Act::Remove(Removal { spares_living: false, ..Removal::of(0b001) }),
            Act::History,
        ];
        let plan = Plan::of_old(Past { runs: 3, is_full: true }, acts);
        Plan { instances: 2, ..plan }
    }

    /// One instance records while another removes, and a third call goes on when one is killed.
    pub(super) fn pruned(random: &mut fastrand::Rng) -> Plan {
        let past = Past { runs: 2 + random.usize(..3), is_full: random.bool() };
        let mut plan = Plan::of_old(past, Vec::new());
        (plan.instances, plan.is_burst) = (2, true);
        let count = plan.runs.len();
        for _ in 0..2 + random.usize(..3) {
            plan.acts.push(match random.usize(..3) {
                0 => Act::Record(random.usize(..count), filling(random) / 8),
                _ => Act::Remove(plan.any_removal(random)),
            });
        }
        if random.usize(..3) == 0 {
            let killed = random.usize(..2);
            plan.acts.insert(1 + random.usize(..plan.acts.len()), Act::Kill(killed));
            let removal = Removal { sweep: random.bool(), ..plan.any_removal(random) };
            plan.acts.push(Act::Remove(removal.by(1 - killed)));
        }
        plan
    }

    /// Any call that removes runs of this workload.
    pub(super) fn any_removal(&self, random: &mut fastrand::Rng) -> Removal {
        let runs = random.u8(..1 << self.runs.len().min(7));
        Removal {
            runs,
            from_history: random.bool(),
            sweep: random.usize(..4) == 0,
            spares_living: random.usize(..3) > 0,
            instance: random.usize(..self.instances),
        }
    }

    /// Puts removals between the calls of a workload, and runs that are there before it.
    pub(super) fn add_removals(&mut self, random: &mut fastrand::Rng) {
        self.has_removals = true;
        if random.bool() {
            self.past = Past { runs: self.runs.len(), is_full: random.bool() };
        }
        for _ in 0..1 + random.usize(..3) {
            let at = random.usize(..=self.acts.len());
            self.acts.insert(at, Act::Remove(self.any_removal(random)));
            if random.usize(..3) == 0 {
                self.acts.insert(at, Act::Wait(SILENT_MS));
            }
        }
    }
}
