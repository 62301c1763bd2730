//! Server-sent events: all runs, then what changes.
//!
//! `all` says that every run follows; `runs` has some of them, those that are gone, and as its id a mark
//! from which a later request can go on; `store` comes once all is told, and whenever it changes whether
//! the store can be reached.

use std::time::SystemTime;

use futures::Stream;
use futures::stream::unfold;
use hyper::body::Bytes;
use serde_json::json;
use tokio::time::timeout;

use super::board::NewsPiece;
use super::bounds::BEAT;
use super::watcher::{News, Store, Viewer};
use crate::plain::plain_json;
use crate::table::timestamp;

/// How long a browser waits before it connects again.
const RETRY: &str = "retry: 1000\n\n";
const ALL: &str = "event: all\ndata: {}\n\n";
/// A comment.
const STILL_HERE: &str = ":\n\n";

/// Tells a viewer everything, or what changed after a mark that it had from an earlier stream.
pub fn stream(viewer: Viewer, after: Option<&str>) -> impl Stream<Item = Bytes> + Send + 'static {
    let from = after.and_then(|mark| viewer.number(mark));
    let begin = if from.is_some() { RETRY.to_owned() } else { format!("{RETRY}{ALL}") };
    let teller = Teller { viewer, begin: Some(begin), last: from.unwrap_or(0), store: None };
    unfold(teller, |mut teller| async { Some((teller.next().await.into(), teller)) })
}

struct Teller {
    viewer: Viewer,
    begin: Option<String>,
    /// The number of the last change that was told.
    last: u64,
    /// What was told of the store.
    store: Option<Store>,
}

impl Teller {
    async fn next(&mut self) -> String {
        if let Some(begin) = self.begin.take() {
            return begin;
        }
        loop {
            match self.viewer.news(self.last, self.store.as_ref()) {
                News::Runs(piece) => {
                    self.last = piece.last;
                    return runs(&piece, &self.viewer.mark(piece.last));
                }
                News::Store(store) => {
                    let told = told(&store, self.viewer.place());
                    self.store = Some(store);
                    return told;
                }
                News::Forgotten => {
                    (self.last, self.store) = (0, None);
                    return ALL.to_owned();
                }
                News::Nothing => {
                    if timeout(BEAT, self.viewer.changed()).await.is_err() {
                        return STILL_HERE.to_owned();
                    }
                }
            }
        }
    }
}

fn runs(piece: &NewsPiece, mark: &str) -> String {
    let gone = plain_json(&json!(piece.gone).to_string());
    format!("event: runs\nid: {mark}\ndata: {{\"runs\":[{}],\"gone\":{gone}}}\n\n", piece.runs)
}

fn told(Store { away, note }: &Store, place: &str) -> String {
    // Ages are by the clock of who looks at the runs.
    let now = timestamp(SystemTime::now());
    let data = json!({"away": away, "note": note, "now": now, "place": place}).to_string();
    format!("event: store\ndata: {}\n\n", plain_json(&data))
}
