//! One run: its manifest, as it is in its file.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use super::answer::{self, NoAnswer, Reply, refusal};
use super::bounds::MANIFEST_SHOWN_BYTES_MAX;
use super::reading::elsewhere;
use super::server::Server;
use crate::plain::plain_json;
use crate::status;
use crate::status::manifest::FoundManifest;

/// The manifest of a run, both of whose names are ids.
pub async fn manifest(server: &Arc<Server>, task: String, run: String) -> Result<Reply, NoAnswer> {
    let broken = |why: String| refusal(StatusCode::INTERNAL_SERVER_ERROR, why);
    let permit = server.reading().await.map_err(broken)?;
    let (place, is_polled) = (server.place.clone(), server.is_polled);
    let read = elsewhere(move || status::source_of(&place, is_polled)?.manifest(&task, &run));
    let shown = match read.await.map_err(broken)? {
        Ok(None) => return Err(refusal(StatusCode::NOT_FOUND, "this run has no manifest")),
        Ok(Some(content)) => ShownManifest::new(&content),
        Err(why) => ShownManifest { problem: Some(why), ..ShownManifest::default() },
    };
    Ok(answer::json(shown.json(), permit))
}

/// What is shown of a manifest.
#[derive(Default)]
struct ShownManifest {
    text: Option<String>,
    bytes: usize,
    is_cut: bool,
    /// Why it is none, or cannot be read.
    problem: Option<String>,
}

impl ShownManifest {
    fn new(content: &[u8]) -> Self {
        let is_cut = content.len() > MANIFEST_SHOWN_BYTES_MAX;
        let mut begin = &content[..content.len().min(MANIFEST_SHOWN_BYTES_MAX)];
        if let Err(error) = str::from_utf8(begin)
            && is_cut
            && error.error_len().is_none()
        {
            // The cut left the beginning of a character.
            begin = &begin[..error.valid_up_to()];
        }
        ShownManifest {
            text: Some(String::from_utf8_lossy(begin).into_owned()),
            bytes: content.len(),
            is_cut,
            problem: FoundManifest::read(content).err(),
        }
    }

    fn json(&self) -> String {
        let ShownManifest { text, bytes, is_cut, problem } = self;
        let shown = json!({"manifest": text, "bytes": bytes, "is_cut": is_cut, "problem": problem});
        plain_json(&shown.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_manifest_the_beginning_is_shown() {
        // Of the character at the cut there is nothing.
        let text = format!(r#"{{"a":"{}"}}"#, "é".repeat(MANIFEST_SHOWN_BYTES_MAX));
        let shown = ShownManifest::new(text.as_bytes());
        assert_eq!(shown.text.as_deref(), Some(&text[..MANIFEST_SHOWN_BYTES_MAX]));
        let text = format!("{{\"a\":{text}}}");
        let shown = ShownManifest::new(text.as_bytes());
        assert_eq!(shown.text.as_deref(), Some(&text[..MANIFEST_SHOWN_BYTES_MAX - 1]));
        assert!(shown.is_cut && shown.bytes == text.len() && shown.problem.is_none());
    }

    #[test]
    fn what_is_no_manifest_is_shown_with_what_is_wrong() {
        let shown = ShownManifest::new(b"{\"a\": \xff");
        assert_eq!(shown.text.as_deref(), Some("{\"a\": \u{fffd}"));
        assert_eq!(shown.problem.as_deref(), Some("the manifest is not UTF-8"));
    }
}
