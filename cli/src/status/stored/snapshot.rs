//! All that a store has below a prefix.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use tandem_documents::{Changed, Documents, Trouble};

use super::clocks::Clocks;
use crate::plain::sentence;

/// A document, and when it was written by the own clock.
pub struct Dated {
    pub document: Changed,
    pub at: Option<SystemTime>,
}

/// Reads all documents below a prefix, by their keys.
///
/// # Errors
/// The store's, in one sentence.
pub async fn snapshot<D: Documents>(
    store: &Arc<D>,
    prefix: &str,
) -> Result<BTreeMap<String, Dated>, String> {
    read(store, prefix).await.map_err(|trouble| sentence(&trouble))
}

async fn read<D: Documents>(
    store: &Arc<D>,
    prefix: &str,
) -> Result<BTreeMap<String, Dated>, Trouble> {
    let mut documents = BTreeMap::new();
    let (mut cursor, mut clocks) = (None, None);
    loop {
        let changes = store.changes(prefix, cursor.as_ref()).await?;
        if changes.is_anew {
            documents.clear();
            clocks = Some(Clocks::ask(&**store).await?);
        }
        for document in changes.changed {
            if document.document.body.is_none() {
                documents.remove(&document.key);
                continue;
            }
            let at = clocks.as_ref().and_then(|clocks: &Clocks| clocks.own(&document.document));
            documents.insert(document.key.clone(), Dated { document, at });
        }
        if !changes.has_more {
            return Ok(documents);
        }
        cursor = Some(changes.next);
    }
}
