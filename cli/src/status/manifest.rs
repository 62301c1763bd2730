//! What status reads from a manifest.

use crate::json::{Members, each};

/// When a manifest does not say it.
const STALE_AFTER_SECONDS: f64 = 30.0;
/// What is kept of a text: status keeps many runs in memory.
const DETAIL_CHARS_MAX: usize = 1_000;
/// The same, of what is a word or a time.
const WORD_CHARS_MAX: usize = 100;

/// The fields that are shown. One that is missing, or is of another type than its readers know, is
/// left out.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundManifest {
    pub status: Option<String>,
    pub started_at: Option<String>,
    pub heartbeat_at: Option<String>,
    pub completed_at: Option<String>,
    pub stale_after_seconds: f64,
    /// Of the last command that has ended.
    pub exit_code: Option<i64>,
    /// `status_detail`, or else `summary`.
    pub detail: Option<String>,
}

impl FoundManifest {
    const STATUS: &str = "status";
    const STARTED_AT: &str = "started_at";
    const HEARTBEAT_AT: &str = "heartbeat_at";
    const COMPLETED_AT: &str = "completed_at";
    const STALE_AFTER_SECONDS: &str = "heartbeat_stale_after_seconds";
    const COMMANDS: &str = "commands";
    const STATUS_DETAIL: &str = "status_detail";
    const SUMMARY: &str = "summary";

    /// Reads a manifest.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("the manifest is empty".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "the manifest is not UTF-8")?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let names = [
            Self::STATUS,
            Self::STARTED_AT,
            Self::HEARTBEAT_AT,
            Self::COMPLETED_AT,
            Self::STALE_AFTER_SECONDS,
            Self::COMMANDS,
            Self::STATUS_DETAIL,
            Self::SUMMARY,
        ];
        let members = Members::named(text, &names).map_err(|why| format!("bad manifest: {why}"))?;
        let word = |name| members.field(name).map(|word| short(word, WORD_CHARS_MAX));
        let stale_after = members.field(Self::STALE_AFTER_SECONDS);
        let detail = members.field(Self::STATUS_DETAIL).or_else(|| members.field(Self::SUMMARY));
        Ok(FoundManifest {
            status: word(Self::STATUS),
            started_at: word(Self::STARTED_AT),
            heartbeat_at: word(Self::HEARTBEAT_AT),
            completed_at: word(Self::COMPLETED_AT),
            stale_after_seconds: stale_after
                .filter(|seconds: &f64| *seconds >= 0.0)
                .unwrap_or(STALE_AFTER_SECONDS),
            exit_code: exit_code(&members),
            detail: detail
                .filter(|detail: &String| !detail.is_empty())
                .map(|detail| short(detail, DETAIL_CHARS_MAX)),
        })
    }
}

fn exit_code(members: &Members<'_>) -> Option<i64> {
    const EXIT_CODE: &str = "exit_code";
    let mut last = None;
    each(members.raw(FoundManifest::COMMANDS)?.get(), |command| {
        let members = Members::named(command.get(), &[EXIT_CODE]);
        last = members.ok().and_then(|members| members.field(EXIT_CODE)).or(last);
    });
    last
}

/// The beginning of a text that is longer.
fn short(mut text: String, chars_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.push_str("...");
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_exit_code_counts() {
        let manifest = br#"{"status":"failed","summary":"","status_detail":null,"commands":[
            {"exit_code":0},{"exit_code":3},{"exit_code":null},7]}"#;
        let manifest = FoundManifest::read(manifest).unwrap();
        assert_eq!((manifest.exit_code, manifest.detail), (Some(3), None));
    }

    #[test]
    fn fields_of_other_types_are_left_out() {
        let manifest = br#"{"status":7,"started_at":{},"commands":"no",
            "heartbeat_stale_after_seconds":-1}"#;
        let manifest = FoundManifest::read(manifest).unwrap();
        assert_eq!((manifest.status, manifest.started_at), (None, None));
        assert!((manifest.stale_after_seconds - STALE_AFTER_SECONDS).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_no_manifest_is_told() {
        for bytes in [&b""[..], b"\xff", b"[]", b"{", b"\0\0\0\0"] {
            assert!(FoundManifest::read(bytes).is_err());
        }
    }

    #[test]
    fn of_a_long_text_the_beginning_is_kept() {
        let manifest = format!(
            r#"{{"status":"{}","summary":"{}","started_at":"{}"}}"#,
            "s".repeat(101),
            "é".repeat(1_001),
            "1".repeat(100)
        );
        let manifest = FoundManifest::read(manifest.as_bytes()).unwrap();
        assert_eq!(manifest.status, Some("s".repeat(100) + "..."));
        assert_eq!(manifest.detail, Some("é".repeat(1_000) + "..."));
        assert_eq!(manifest.started_at, Some("1".repeat(100)));
    }

    #[test]
    fn a_byte_order_mark_is_read_past() {
        let manifest = FoundManifest::read("\u{feff}{\"status\":\"queued\"}".as_bytes());
        assert_eq!(manifest.unwrap().status.as_deref(), Some("queued"));
    }
}
