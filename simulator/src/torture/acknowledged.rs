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
    /// Whether a power loss may undo renames that were acknowledged, because the disk syncs no
    /// directory: what comes back then is as empty as it was made since.
    pub may_undo_renames: bool,
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
    /// Whether its user has left something in its directory, long before the workload.
    pub has_artifact: bool,
    /// What a removal was asked for since it was acknowledged, and nobody knows to be back.
    pub may_be_gone: Parts,
    /// What a removal was acknowledged for, and nobody has asked for since.
    pub is_gone: Gone,
    /// Whether something may have made a directory anew that a removal may have taken away, so that
    /// not all that it had is in it.
    pub is_anew: Anew,
}

/// What a removal takes of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub manifest: bool,
    pub heartbeat: bool,
    pub artifact: bool,
    pub summary: bool,
    pub entry: bool,
}

/// For each place of a run, whether it is gone as a reader sees it, and after a power loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    pub run: Option<Reached>,
    pub summary: Option<Reached>,
    pub entry: Option<Reached>,
}

/// For each directory of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Anew {
    pub run: bool,
    pub summary: bool,
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

impl AcknowledgedRun {
    /// The run is opened: its directory may be there anew.
    pub(super) fn ask_directory(&mut self) {
        self.is_gone.run = None;
        let Parts { manifest, heartbeat, artifact, .. } = self.may_be_gone;
        self.is_anew.run |= manifest || heartbeat || artifact;
    }

    /// A removal has touched nothing: what may be gone is what might have been before it, also from
    /// a directory that was made since.
    pub(super) fn restore(&mut self, may_be_gone: Parts, is_anew: Anew, made: Anew) {
        let Parts { manifest, heartbeat, artifact, summary, .. } = may_be_gone;
        self.may_be_gone = may_be_gone;
        self.is_anew = Anew {
            run: is_anew.run || (made.run && (manifest || heartbeat || artifact)),
            summary: is_anew.summary || (made.summary && summary),
        };
    }

    /// The manifest was written after a removal that may have taken it: what was durable before it
    /// is promised no longer.
    pub(super) fn manifest_is_back(&mut self) {
        if std::mem::take(&mut self.may_be_gone.manifest) {
            self.durable = None;
        }
    }

    /// The same of the heartbeat.
    pub(super) fn heartbeat_is_back(&mut self) {
        if std::mem::take(&mut self.may_be_gone.heartbeat) {
            self.heartbeat_durable_ms = None;
        }
    }

    /// The run is recorded: its summary and its entry may be there anew.
    pub(super) fn ask_summary(&mut self) {
        (self.is_gone.summary, self.is_gone.entry) = (None, None);
        self.is_anew.summary |= self.may_be_gone.summary;
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
            may_undo_renames: false,
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

    /// A removal of a run was asked for. `is_apart` says that nothing else is done to the run.
    pub(super) fn ask_removal(&mut self, run: usize, from_history: bool, is_apart: bool) {
        let run = &mut self.runs[run];
        let entry = run.may_be_gone.entry || from_history;
        run.may_be_gone =
            Parts { manifest: true, heartbeat: true, artifact: true, summary: true, entry };
        run.is_anew.run |= !is_apart;
        run.is_anew.summary |= !is_apart;
        self.changes += 1;
    }

    /// A removal of a run was acknowledged, while nothing else was done to the run.
    pub(super) fn acknowledge_removal(
        &mut self,
        index: usize,
        from_history: bool,
        reached: Reached,
    ) {
        let run = &mut self.runs[index];
        (run.visible, run.durable) = (None, None);
        (run.heartbeat_visible_ms, run.heartbeat_durable_ms) = (None, None);
        run.has_artifact = false;
        let is_entry_gone = run.may_be_gone.entry && !from_history;
        run.may_be_gone = Parts { entry: is_entry_gone, ..Parts::default() };
        run.is_anew = Anew::default();
        (run.is_gone.run, run.is_gone.summary) = (Some(reached), Some(reached));
        if from_history {
            run.is_gone.entry = Some(reached);
        }
        for record in self.records.iter_mut().filter(|record| record.run == index) {
            (record.summary_visible, record.summary_durable) = (false, false);
            if from_history {
                (record.history_visible, record.history_durable) = (false, false);
            }
        }
        self.changes += 1;
    }

    /// A run was recorded after a removal that may have taken its summary or its entry: what was
    /// durable before it is promised no longer.
    pub(super) fn record_is_back(&mut self, run: usize) {
        let may_be_gone = &mut self.runs[run].may_be_gone;
        let was_summary = std::mem::take(&mut may_be_gone.summary);
        let was_entry = std::mem::take(&mut may_be_gone.entry);
        for record in self.records.iter_mut().filter(|record| record.run == run) {
            record.summary_durable &= !was_summary;
            record.history_durable &= !was_entry;
        }
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
