//! What was asked of the component and what it has promised: the knowledge that states are judged
//! by.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::plan::{self, Plan};
use tandem_host::Durability;
use tandem_host::Reached;

/// What is known of a workload up to some moment.
#[derive(Clone, Debug)]
pub(super) struct Acknowledged {
    pub runs: Vec<AcknowledgedRun>,
    pub records: Vec<AcknowledgedRecord>,
    /// Torn files that a crash left, which stand until recovery sets them aside.
    pub known_bad: BTreeMap<String, Arc<Vec<u8>>>,
    /// Counts what was learnt.
    pub changes: u64,
}

/// What is known of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct AcknowledgedRun {
    /// Every file that the manifest was asked to become, in order.
    pub versions: Vec<String>,
    /// The newest version that was acknowledged, with any durability.
    pub visible: Option<usize>,
    /// The newest version that was acknowledged as durable.
    pub durable: Option<usize>,
    /// The time of the newest request whose heartbeat was acknowledged.
    pub heartbeat_visible_ms: Option<u64>,
    /// As that, if it was acknowledged as durable.
    pub heartbeat_durable_ms: Option<u64>,
    /// Whether the file may be torn after a power loss.
    pub may_tear: bool,
    pub heartbeat_may_tear: bool,
}

/// A summary that was to be recorded.
#[derive(Clone, Debug)]
pub(super) struct AcknowledgedRecord {
    pub run: usize,
    /// Its file.
    pub file: String,
    pub summary_visible: bool,
    pub summary_durable: bool,
    pub history_visible: bool,
    pub history_durable: bool,
}

impl AcknowledgedRecord {
    pub(super) fn new(run: usize, file: String) -> Self {
        AcknowledgedRecord {
            run,
            file,
            summary_visible: false,
            summary_durable: false,
            history_visible: false,
            history_durable: false,
        }
    }
}

impl Acknowledged {
    pub(super) fn new(plan: &Plan) -> Self {
        let run = |run: &plan::RunPlan| AcknowledgedRun {
            may_tear: run.manifest == Durability::Visible,
            heartbeat_may_tear: run.heartbeat == Durability::Visible,
            ..AcknowledgedRun::default()
        };
        Acknowledged {
            runs: plan.runs.iter().map(run).collect(),
            records: Vec::new(),
            known_bad: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Whether a file is one that a crash left torn.
    pub(super) fn is_known_bad(&self, path: &str, data: &Arc<Vec<u8>>) -> bool {
        self.known_bad.get(path) == Some(data)
    }

    /// A call that was made when the run had `versions` versions was acknowledged.
    pub(super) fn acknowledge_manifest(&mut self, run: usize, versions: usize, reached: Reached) {
        let Some(version) = versions.checked_sub(1) else { return };
        let run = &mut self.runs[run];
        run.visible = run.visible.max(Some(version));
        if reached == Reached::Durable {
            run.durable = run.durable.max(Some(version));
        }
        self.changes += 1;
    }

    pub(super) fn acknowledge_heartbeat(&mut self, run: usize, issued_ms: u64, reached: Reached) {
        let run = &mut self.runs[run];
        run.heartbeat_visible_ms = run.heartbeat_visible_ms.max(Some(issued_ms));
        if reached == Reached::Durable {
            run.heartbeat_durable_ms = run.heartbeat_durable_ms.max(Some(issued_ms));
        }
        self.changes += 1;
    }
}
