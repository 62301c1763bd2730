//! What a realistic run asks for, and when: bursts at its start and end, a few requests in each of
//! its stages, and heartbeats between.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::manifest::Manifest;

/// The manifest's size at the start and in each stage. The end keeps the last.
const BYTES: [usize; 5] = [2_048, 11_264, 40_960, 81_920, 122_880];
/// Requests at the start and at the end.
const BURST_MS: [u64; 6] = [0, 20, 40, 60, 80, 100];
/// Requests in a stage.
const STAGE_MS: [u64; 3] = [0, 7, 15];
/// Between two heartbeats, and between two writes that are not forced: Tandem's throttle.
pub const INTERVAL_MS: u64 = 100;
/// The interval of a real run is 5 s. So are idle gaps, which would only be waited for.
pub const IDLE_GAPS_SHORTER_TIMES: u64 = 5_000 / INTERVAL_MS;
/// Between a burst and the next.
const HEARTBEATS_IN_GAP: u64 = 2;

pub struct Plan {
    /// By their times.
    pub steps: Vec<Step>,
}

#[derive(Serialize)]
pub struct Step {
    pub at_ms: u64,
    /// What the manifest becomes; without one it is a heartbeat alone, which nobody waits for.
    #[serde(serialize_with = "text")]
    pub manifest: Option<Arc<str>>,
    /// The same, as a change of the one before. The first of each size is no such change.
    #[serde(skip)]
    pub patch: Option<String>,
}

fn text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

impl Plan {
    pub fn new() -> crate::Result<Self> {
        let mut steps = Vec::new();
        let mut now_ms = 0;
        let mut number = 0;
        for (stage, bytes) in BYTES.into_iter().enumerate() {
            let burst: &[u64] = if stage == 0 { &BURST_MS } else { &STAGE_MS };
            add_burst(&mut steps, &mut now_ms, &mut number, bytes, burst, true)?;
        }
        let bytes = BYTES[BYTES.len() - 1];
        add_burst(&mut steps, &mut now_ms, &mut number, bytes, &BURST_MS, false)?;
        Ok(Self { steps })
    }

    /// Requests that force a pair.
    pub fn pairs(&self) -> usize {
        self.steps.iter().filter(|step| step.manifest.is_some()).count()
    }

    /// The largest manifest.
    pub fn bytes(&self) -> usize {
        BYTES[BYTES.len() - 1]
    }

    /// What is on the disk in the end.
    pub fn last_manifest(&self) -> Option<&str> {
        self.steps.iter().rev().find_map(|step| step.manifest.as_deref())
    }
}

fn add_burst(
    steps: &mut Vec<Step>,
    now_ms: &mut u64,
    number: &mut u32,
    bytes: usize,
    burst_ms: &[u64],
    is_gap_after: bool,
) -> crate::Result<()> {
    let start_ms = *now_ms;
    let manifest = Manifest::new(bytes)?;
    for after_ms in burst_ms {
        *now_ms = start_ms + after_ms;
        *number += 1;
        let is_grown = *after_ms == 0 && is_gap_after;
        steps.push(Step {
            at_ms: *now_ms,
            manifest: Some(manifest.file.of_turn(*number).into()),
            patch: (!is_grown).then(|| Manifest::patch(*number)),
        });
    }
    if is_gap_after {
        for _ in 0..HEARTBEATS_IN_GAP {
            *now_ms += INTERVAL_MS;
            steps.push(Step { at_ms: *now_ms, manifest: None, patch: None });
        }
        *now_ms += INTERVAL_MS;
    }
    Ok(())
}
