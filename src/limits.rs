//! What the component may keep in memory: told once, before it has kept anything.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::{Channel, Error};
use crate::records;

/// The default size limit of a document or a summary.
const MAX_DOCUMENT_BYTES: u64 = 16 << 20;
/// The default limit of the documents of all open runs.
const MAX_TOTAL_DOCUMENT_BYTES: u64 = 256 << 20;
/// What summaries that are being recorded have together, unless a single one may have more.
const SUMMARIES_BYTES: u64 = 64 << 20;
/// The default size limit of a history.
const MAX_HISTORY_BYTES: u64 = 64 << 20;

/// The limits that hold for every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest document, patch or summary.
    pub document_bytes: u64,
    /// What the documents of all open runs may have together.
    pub total_document_bytes: u64,
    /// The largest history.
    pub history_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            document_bytes: MAX_DOCUMENT_BYTES,
            total_document_bytes: MAX_TOTAL_DOCUMENT_BYTES,
            history_bytes: MAX_HISTORY_BYTES,
        }
    }
}

impl Limits {
    /// Checks what a host tells, and fills in defaults.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub fn new(given: records::Limits) -> Result<Self, Error> {
        let document_bytes = given.max_document_bytes.unwrap_or(MAX_DOCUMENT_BYTES);
        let total = MAX_TOTAL_DOCUMENT_BYTES.max(document_bytes.saturating_mul(2));
        let limits = Limits {
            document_bytes,
            total_document_bytes: given.max_total_document_bytes.unwrap_or(total),
            history_bytes: given.max_history_bytes.unwrap_or(MAX_HISTORY_BYTES),
        };
        for (name, bytes) in [
            ("max_document_bytes", limits.document_bytes),
            ("max_total_document_bytes", limits.total_document_bytes),
            ("max_history_bytes", limits.history_bytes),
        ] {
            if bytes == 0 {
                return Err(Error::invalid_input(format!("{name} is below 1: 0")));
            }
        }
        if limits.total_document_bytes < limits.document_bytes {
            return Err(Error::invalid_input(format!(
                "max_total_document_bytes is below max_document_bytes, {document_bytes}: {}",
                limits.total_document_bytes
            )));
        }
        Ok(limits)
    }
}

impl Limits {
    /// What the summaries that are being recorded may have together. They are counted apart from the
    /// documents, so that runs that are open keep none from being recorded.
    pub fn summaries_bytes(&self) -> u64 {
        self.document_bytes.max(SUMMARIES_BYTES)
    }
}

/// A limit of one call, by default the component's and never above it.
///
/// # Errors
/// [`Error::InvalidInput`].
pub fn at_most(name: &str, given: Option<u64>, limit: u64) -> Result<u64, Error> {
    match given {
        Some(bytes) if bytes > limit => Err(Error::invalid_input(format!(
            "{name} is above that of the whole component, {limit}: {bytes}"
        ))),
        given => Ok(given.unwrap_or(limit)),
    }
}

/// Counts the documents of all open runs, or the summaries that are being recorded.
#[derive(Debug)]
pub struct Documents {
    bytes: Cell<u64>,
    bytes_max: u64,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Counted {
    documents: Rc<Documents>,
    channel: Channel,
    bytes: u64,
}

impl Documents {
    /// None are kept yet.
    pub fn new(bytes_max: u64) -> Rc<Self> {
        Rc::new(Documents { bytes: Cell::new(0), bytes_max })
    }
}

impl Counted {
    /// One of no bytes, for a manifest or a summary.
    pub fn new(documents: &Rc<Documents>, channel: Channel) -> Self {
        Counted { documents: documents.clone(), channel, bytes: 0 }
    }

    /// Lets it have so many bytes. One that does not grow always may.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; nothing changed.
    pub fn resize(&mut self, bytes: u64) -> Result<(), Error> {
        let Documents { bytes: total, bytes_max } = &*self.documents;
        let after = total.get() - self.bytes + bytes;
        if bytes > self.bytes && after > *bytes_max {
            let (what, option) = match self.channel {
                Channel::Summary => ("all that is being recorded", "what it may have together"),
                _ => ("all that is open", "max_total_document_bytes"),
            };
            return Err(Error::TooLarge {
                channel: self.channel,
                what,
                option,
                path: None,
                bytes: after,
                limit: *bytes_max,
            });
        }
        total.set(after);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let total = &self.documents.bytes;
        total.set(total.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: records::Limits = records::Limits {
        max_document_bytes: None,
        max_total_document_bytes: None,
        max_history_bytes: None,
    };

    #[test]
    fn a_limit_that_is_not_told_has_its_default() {
        assert_eq!(Limits::new(NONE), Ok(Limits::default()));
        let large = records::Limits { max_document_bytes: Some(1 << 30), ..NONE };
        assert_eq!(Limits::new(large).map(|limits| limits.total_document_bytes), Ok(2 << 30));
    }

    #[test]
    fn limits_that_contradict_each_other_are_refused() {
        for (given, message) in [
            (
                records::Limits { max_document_bytes: Some(0), ..NONE },
                "max_document_bytes is below 1: 0",
            ),
            (
                records::Limits { max_history_bytes: Some(0), ..NONE },
                "max_history_bytes is below 1: 0",
            ),
            (
                records::Limits { max_total_document_bytes: Some(9), ..NONE },
                "max_total_document_bytes is below max_document_bytes, 16777216: 9",
            ),
        ] {
            assert_eq!(Limits::new(given).expect_err("refused").to_string(), message);
        }
    }

    #[test]
    fn a_call_may_lower_a_limit_and_not_raise_it() {
        assert_eq!(at_most("a", None, 9), Ok(9));
        assert_eq!(at_most("a", Some(3), 9), Ok(3));
        let error = at_most("a", Some(10), 9).expect_err("refused").to_string();
        assert_eq!(error, "a is above that of the whole component, 9: 10");
    }

    #[test]
    fn documents_are_counted_and_what_does_not_grow_always_fits() {
        let documents = Documents::new(10);
        let [mut a, mut b] = [
            Counted::new(&documents, Channel::Manifest),
            Counted::new(&documents, Channel::Manifest),
        ];
        a.resize(6).expect("fits");
        let error = b.resize(5).expect_err("11 bytes").to_string();
        assert_eq!(error, "all that is open takes 11 bytes, above max_total_document_bytes: 10");
        b.resize(4).expect("fits");
        a.resize(7).expect_err("11 bytes");
        a.resize(6).expect("does not grow");
        drop(b);
        a.resize(10).expect("fits");
    }
}
