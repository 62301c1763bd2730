//! What status reads from a manifest.

use serde_json::value::RawValue;

use crate::json::Members;

/// When a manifest does not say it.
const STALE_AFTER_SECONDS: f64 = 30.0;

/// The fields that are shown. One that is missing, or is of another type than its readers know, is
/// left out.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundManifest {
    pub status: Option<String>,
    pub started_at: Option<String>,
    pub heartbeat_at: Option<String>,
    pub stale_after_seconds: f64,
    /// Of the last command that has ended.
    pub exit_code: Option<i64>,
    /// `status_detail`, or else `summary`.
    pub detail: Option<String>,
}

impl FoundManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("the manifest is empty".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "the manifest is not UTF-8")?;
        let members = Members::read(text).map_err(|why| format!("bad manifest: {why}"))?;
        let stale_after = members.field("heartbeat_stale_after_seconds");
        let detail = members.field("status_detail").or_else(|| members.field("summary"));
        Ok(FoundManifest {
            status: members.field("status"),
            started_at: members.field("started_at"),
            heartbeat_at: members.field("heartbeat_at"),
            stale_after_seconds: stale_after
                .filter(|seconds: &f64| *seconds >= 0.0)
                .unwrap_or(STALE_AFTER_SECONDS),
            exit_code: exit_code(&members),
            detail: detail.filter(|detail: &String| !detail.is_empty()),
        })
    }
}

fn exit_code(members: &Members<'_>) -> Option<i64> {
    let commands: Vec<&RawValue> = serde_json::from_str(members.raw("commands")?.get()).ok()?;
    commands.iter().rev().find_map(|command| Members::read(command.get()).ok()?.field("exit_code"))
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
}
