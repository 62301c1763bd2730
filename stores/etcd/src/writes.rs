//! Writes, as transactions that compare first.

use tandem_disk::ErrorCode;
use tandem_documents::{Expect, Version, Write};

use crate::failure::{Failure, Fate, Reason};
use crate::keys;
use crate::pool::Repeat;
use crate::reads;
use crate::shared::Shared;
use crate::value;
use crate::wire::{Bytes, Compare, KeyValue, Number, Operation, Put, TxnAnswer, TxnRequest};

/// The largest number that the server takes; no revision comes to it.
pub(crate) const NEVER: u64 = i64::MAX.unsigned_abs();

/// What is to be written, as a transaction has it.
struct Prepared {
    key: String,
    expect: Expect,
    value: Bytes,
}

impl Prepared {
    fn compare(&self, store: &str) -> Compare {
        let key = Bytes(keys::full(store, &self.key));
        match self.expect {
            Expect::Absent => Compare::Created { key, create_revision: Number(0) },
            // 0 is the revision of what is not there, which is no version.
            Expect::Is(Version(0)) => Compare::Written { key, mod_revision: Number(NEVER) },
            Expect::Is(Version(version)) => {
                Compare::Written { key, mod_revision: Number(version.min(NEVER)) }
            }
        }
    }

    fn put(&self, store: &str) -> Operation {
        let key = Bytes(keys::full(store, &self.key));
        Operation { request_put: Put { key, value: self.value.clone() } }
    }

    /// Whether what it follows still stands there.
    fn holds(&self, found: Option<&KeyValue>) -> bool {
        match (self.expect, found) {
            (Expect::Absent, None) => true,
            (Expect::Is(Version(version)), Some(found)) => found.mod_revision.0 == version,
            _ => false,
        }
    }
}

/// Writes one document or mark; answers its version, or none if the condition did not hold.
pub(crate) async fn replace(
    shared: &Shared,
    key: &str,
    body: Option<&[u8]>,
    expect: Expect,
) -> Result<Option<Version>, Failure> {
    let value = Bytes(value::encode(body, shared.clock.stamp()));
    let made = make(shared, &[Prepared { key: key.to_owned(), expect, value }]).await?;
    Ok(made.map(Version))
}

/// Makes all writes or none.
pub(crate) async fn replace_all(shared: &Shared, writes: Vec<Write>) -> Result<bool, Failure> {
    let prepared = writes.into_iter().map(|Write { key, body, expect, modified }| {
        let modified = modified.unwrap_or_else(|| shared.clock.stamp());
        Prepared { key, expect, value: Bytes(value::encode(body.as_deref(), modified)) }
    });
    let prepared: Vec<Prepared> = prepared.collect();
    Ok(make(shared, &prepared).await?.is_some())
}

/// Makes writes together; answers the revision that they have made, or none if a condition did not
/// hold.
async fn make(shared: &Shared, writes: &[Prepared]) -> Result<Option<u64>, Failure> {
    let store = shared.pool.prefix();
    let request = TxnRequest {
        compare: writes.iter().map(|write| write.compare(store)).collect(),
        success: writes.iter().map(|write| write.put(store)).collect(),
    };
    match shared.txn(&request, Repeat::Write).await {
        Ok(TxnAnswer { succeeded: false, .. }) => Ok(None),
        Ok(answer) => Ok(Some(answer.header.revision.0)),
        Err(failure) if failure.reason == Reason::Full => look(shared, writes, failure).await,
        Err(failure) if failure.reason == Reason::TooLarge => Err(too_large(writes, failure)),
        Err(failure) => Err(failure),
    }
}

/// A server without space says so before a write is handed to the cluster, and also after it was
/// made: what stands there tells which. All of it is over when it answers.
async fn look(
    shared: &Shared,
    writes: &[Prepared],
    failure: Failure,
) -> Result<Option<u64>, Failure> {
    let Some(first) = writes.first() else { return Err(failure) };
    let Ok(found) = reads::value(shared, &first.key).await else { return Err(failure) };
    if first.holds(found.as_ref()) {
        return Err(Failure { fate: Fate::Refused, ..failure });
    }
    match found {
        Some(found) if found.value == first.value => Ok(Some(found.mod_revision.0)),
        _ => Err(failure),
    }
}

fn too_large(writes: &[Prepared], failure: Failure) -> Failure {
    let bytes: usize = writes.iter().map(|write| write.value.0.len()).sum();
    let bytes = bytes - writes.len() * value::HEADER_BYTES;
    let message = match writes {
        [write] => format!(
            "the server takes no request as large as for a document of {bytes} bytes: {}",
            write.key
        ),
        _ => format!("the server takes no request as large as for these bytes together: {bytes}"),
    };
    Failure { message, code: ErrorCode::FileTooLarge, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(expect: Expect) -> Prepared {
        Prepared { key: "a".into(), expect, value: Bytes(value::encode(Some(b"12"), now())) }
    }

    fn now() -> std::time::SystemTime {
        std::time::SystemTime::UNIX_EPOCH
    }

    fn compare(expect: Expect) -> String {
        serde_json::to_string(&prepared(expect).compare("")).unwrap()
    }

    #[test]
    fn a_write_is_made_only_on_its_condition() {
        let absent = r#"{"target":"CREATE","key":"YQ==","create_revision":"0"}"#;
        assert_eq!(compare(Expect::Absent), absent);
        let seven = r#"{"target":"MOD","key":"YQ==","mod_revision":"7"}"#;
        assert_eq!(compare(Expect::Is(Version(7))), seven);
        // Versions that no document has: never that of one that is not there.
        let never = r#"{"target":"MOD","key":"YQ==","mod_revision":"9223372036854775807"}"#;
        assert_eq!(compare(Expect::Is(Version(0))), never);
        assert_eq!(compare(Expect::Is(Version(u64::MAX))), never);
    }

    #[test]
    fn what_a_write_follows_stands_there_only_in_its_version() {
        let found = |revision| KeyValue { mod_revision: Number(revision), ..KeyValue::default() };
        assert!(prepared(Expect::Absent).holds(None));
        assert!(!prepared(Expect::Absent).holds(Some(&found(1))));
        assert!(prepared(Expect::Is(Version(1))).holds(Some(&found(1))));
        assert!(!prepared(Expect::Is(Version(1))).holds(Some(&found(2))));
        assert!(!prepared(Expect::Is(Version(1))).holds(None));
    }

    #[test]
    fn what_is_too_large_is_told_with_its_bytes() {
        let failure = || Failure::refused(ErrorCode::FileTooLarge, "");
        let one = too_large(&[prepared(Expect::Absent)], failure()).message;
        assert!(one.ends_with("of 2 bytes: a"), "{one}");
        let writes = [prepared(Expect::Absent), prepared(Expect::Absent)];
        let both = too_large(&writes, failure()).message;
        assert!(both.ends_with("together: 4"), "{both}");
    }
}
