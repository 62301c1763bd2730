//! What is on the disk before a workload begins: runs that were recorded long ago.

use super::acknowledged::{Acknowledged, AcknowledgedRecord};
use super::plan::{self, Plan};
use crate::sim::tree::Tree;
use crate::sim::world::EPOCH_NS;

/// The runs that are there, which are the first ones of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    pub runs: usize,
    /// Whether they have more than a manifest and a summary: a heartbeat, and what their user left
    /// in a directory of its own.
    pub is_full: bool,
}

/// What a user leaves in a run's directory.
pub(super) const ARTIFACT: &str = "a line of a log";

/// When they were written. Nobody takes them for runs that live.
const WRITTEN_NS: u64 = EPOCH_NS - 3600 * 1_000_000_000;

/// As the heartbeat's file tells it.
const BEAT: (&str, u64) = ("2026-01-05T23:27:16.820Z\n", WRITTEN_NS / 1_000_000);

impl Plan {
    /// The disk on which a workload begins, and what is promised of it.
    pub(super) fn start(&self) -> (Tree, Acknowledged) {
        let (mut tree, mut acknowledged) = (Tree::new(), Acknowledged::new(self));
        let Past { runs, is_full } = self.past;
        let mut entries = Vec::new();
        for run in 0..runs {
            let (_, manifest) = plan::document(run, 0, 30);
            let (_, summary) = plan::summary(run, 0, 20);
            tree.put(&plan::manifest_path(run), manifest.as_bytes(), WRITTEN_NS);
            tree.put(&plan::summary_path(run), summary.as_bytes(), WRITTEN_NS);
            let known = &mut acknowledged.runs[run];
            known.versions.push(manifest);
            (known.visible, known.durable) = (Some(0), Some(0));
            if is_full {
                let (beat, beat_ms) = BEAT;
                tree.put(&plan::heartbeat_path(run), beat.as_bytes(), WRITTEN_NS);
                tree.put(&plan::artifact_path(run), ARTIFACT.as_bytes(), WRITTEN_NS);
                known.heartbeat_visible_ms = Some(beat_ms);
                known.heartbeat_durable_ms = Some(beat_ms);
                known.has_artifact = true;
            }
            entries.push(summary.clone());
            acknowledged.records.push(AcknowledgedRecord {
                summary_visible: true,
                summary_durable: true,
                history_visible: true,
                history_durable: true,
                ..AcknowledgedRecord::new(run, summary)
            });
        }
        if let Some(last) = runs.checked_sub(1) {
            let (task, last) = (plan::TASK, plan::stamp(last));
            let entries = entries.join(",");
            let history =
                format!(r#"{{"taskId":"{task}","lastRunAt":"{last}","runs":[{entries}]}}"#);
            tree.put(&plan::history_path(), history.as_bytes(), WRITTEN_NS);
        }
        (tree, acknowledged)
    }
}
