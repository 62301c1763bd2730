//! One run, as it is shown.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::manifest::FoundManifest;
use crate::table::time;

/// How far the clock of who keeps a run may be ahead. A heartbeat from later tells nothing: it
/// would look recent until its time has come.
const AHEAD_MAX: Duration = Duration::from_secs(5);

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In progress, and its heartbeat is recent.
    Live,
    /// In progress, and its heartbeat is old: whoever kept it is gone or stands still.
    Stale,
    /// Not started yet.
    Queued,
    /// Ended well.
    Done,
    /// Ended badly.
    Failed,
    /// Ended on demand.
    Cancelled,
    /// It has a manifest with a status that readers do not know, or without one.
    Unknown,
    /// It has a directory and no manifest yet.
    Empty,
    /// Something is in the way of its manifest.
    Unreadable,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub task: String,
    pub run: String,
    pub state: State,
    pub started_at: Option<String>,
    pub heartbeat_at: Option<String>,
    /// Moves by itself: it is no change of the run.
    pub heartbeat_age_ms: Option<u64>,
    pub exit_code: Option<i64>,
    pub detail: Option<String>,
    /// Newest first.
    #[serde(skip)]
    pub began: Option<SystemTime>,
}

/// What tells when a run was alive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs {
    /// What the heartbeat file says, or if that is no time, when it was written.
    pub heartbeat: Option<SystemTime>,
    /// When the manifest was written.
    pub manifest_modified: Option<SystemTime>,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Live => "live",
            State::Stale => "stale",
            State::Queued => "queued",
            State::Done => "done",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
            State::Unknown => "unknown",
            State::Empty => "empty",
            State::Unreadable => "unreadable",
        }
    }
}

impl Row {
    /// A run without a manifest that can be read.
    pub fn without_manifest(task: &str, run: &str, state: State, detail: String) -> Self {
        Row {
            task: task.to_owned(),
            run: run.to_owned(),
            state,
            started_at: None,
            heartbeat_at: None,
            heartbeat_age_ms: None,
            exit_code: None,
            detail: Some(detail),
            began: None,
        }
    }

    /// A run with its manifest.
    pub fn new(
        task: &str,
        run: &str,
        manifest: FoundManifest,
        signs: Signs,
        now: SystemTime,
    ) -> Self {
        let heartbeats = [signs.heartbeat, manifest.heartbeat_at.as_deref().and_then(time)];
        let is_ahead = |at: &SystemTime| at.duration_since(now).is_ok_and(|by| by > AHEAD_MAX);
        let age = |at: SystemTime| now.duration_since(at).unwrap_or_default();
        let heartbeat = heartbeats.into_iter().flatten().filter(|at| !is_ahead(at)).max();
        let ahead = heartbeats.into_iter().flatten().filter(is_ahead).max();
        let heartbeat_age = heartbeat.map(age);
        let mut detail = manifest.detail;
        let state = match manifest.status.as_deref() {
            Some("queued") => State::Queued,
            Some("succeeded") => State::Done,
            Some("failed") => State::Failed,
            Some("cancelled") => State::Cancelled,
            Some("in_progress") => {
                // A run that has just begun has no heartbeat yet.
                let began = signs.manifest_modified.filter(|at| ahead.is_none() && !is_ahead(at));
                let silent = heartbeat_age.or(began.map(age));
                let is_stale =
                    silent.unwrap_or(Duration::MAX).as_secs_f64() > manifest.stale_after_seconds;
                if let Some(ahead) = ahead.filter(|_| is_stale) {
                    detail = Some(format!("heartbeat is ahead of the clock: {}", text(ahead)));
                }
                if is_stale { State::Stale } else { State::Live }
            }
            Some(other) => {
                detail = Some(format!("status {other:?}"));
                State::Unknown
            }
            None => {
                detail = Some("no status".to_owned());
                State::Unknown
            }
        };
        let began = manifest.started_at.as_deref().and_then(time).or(signs.manifest_modified);
        Row {
            task: task.to_owned(),
            run: run.to_owned(),
            state,
            started_at: manifest.started_at,
            heartbeat_at: heartbeat.or(ahead).map(text),
            heartbeat_age_ms: heartbeat_age
                .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            exit_code: manifest.exit_code,
            detail,
            began,
        }
    }

    /// Whether both show the same, but for the time that goes by.
    pub fn is_same(&self, other: &Self) -> bool {
        let still = |row: &Row| Row { heartbeat_age_ms: None, ..row.clone() };
        still(self) == still(other)
    }
}

fn text(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn row(manifest: &str, signs: Signs, now: &str) -> Row {
        let manifest = FoundManifest::read(manifest.as_bytes()).unwrap();
        Row::new("t", "r", manifest, signs, time(now).unwrap())
    }

    #[test]
    fn the_newest_sign_of_life_counts() {
        let manifest = r#"{"status":"in_progress","heartbeat_at":"2026-01-01T00:00:00.000Z"}"#;
        let now = "2026-01-01T00:01:00.000Z";
        assert_eq!(row(manifest, Signs::default(), now).state, State::Stale);
        let newer = time(now).map(|now| now - 29 * SECOND);
        let signs = Signs { heartbeat: newer, ..Signs::default() };
        let row = row(manifest, signs, now);
        assert_eq!((row.state, row.heartbeat_age_ms), (State::Live, Some(29_000)));
        assert_eq!(row.heartbeat_at.as_deref(), Some("2026-01-01T00:00:31.000Z"));
    }

    #[test]
    fn a_run_is_stale_past_its_own_limit_and_not_at_it() {
        let manifest = r#"{"status":"in_progress","heartbeat_stale_after_seconds":60,
            "heartbeat_at":"2026-01-01T00:00:00.000Z"}"#;
        let state = |now| row(manifest, Signs::default(), now).state;
        assert_eq!(state("2026-01-01T00:01:00.000Z"), State::Live);
        assert_eq!(state("2026-01-01T00:01:00.001Z"), State::Stale);
    }

    #[test]
    fn only_a_run_in_progress_can_be_stale() {
        for (status, state) in [
            ("queued", State::Queued),
            ("succeeded", State::Done),
            ("failed", State::Failed),
            ("cancelled", State::Cancelled),
            ("paused", State::Unknown),
        ] {
            let manifest =
                format!(r#"{{"status":"{status}","heartbeat_at":"2000-01-01T00:00:00.000Z"}}"#);
            assert_eq!(row(&manifest, Signs::default(), "2026-01-01T00:00:00Z").state, state);
        }
    }

    #[test]
    fn a_run_without_heartbeat_is_as_old_as_its_manifest() {
        let manifest = r#"{"status":"in_progress"}"#;
        let now = "2026-01-01T00:01:00.000Z";
        let written = |seconds| Signs {
            manifest_modified: time(now).map(|now| now - seconds * SECOND),
            ..Signs::default()
        };
        assert_eq!(row(manifest, written(1), now).state, State::Live);
        assert_eq!(row(manifest, written(31), now).state, State::Stale);
        assert_eq!(row(manifest, written(1), now).heartbeat_age_ms, None);
    }

    #[test]
    fn a_heartbeat_a_few_seconds_ahead_is_fresh_and_a_later_one_is_no_life() {
        let manifest = r#"{"status":"in_progress","heartbeat_at":"2026-01-01T00:00:05.000Z"}"#;
        let fresh = row(manifest, Signs::default(), "2026-01-01T00:00:00Z");
        assert_eq!((fresh.state, fresh.heartbeat_age_ms), (State::Live, Some(0)));
        let now = "2025-12-31T23:59:59.999Z";
        let stale = row(manifest, Signs::default(), now);
        assert_eq!((stale.state, stale.heartbeat_age_ms), (State::Stale, None));
        assert_eq!(stale.heartbeat_at.as_deref(), Some("2026-01-01T00:00:05.000Z"));
        // Neither is the manifest, then.
        let signs = Signs { manifest_modified: time(now), ..Signs::default() };
        assert_eq!(row(manifest, signs, now).state, State::Stale);
    }
}
