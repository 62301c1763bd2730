//! How many bytes of documents the component holds, as far as the host can tell.
//!
//! The component's memory is bounded, and running out of it loses every run. So the host counts,
//! and refuses what would not fit.

/// What one run holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// The current document.
    document: u64,
    /// What the document may have once everything on its way has arrived.
    projected: u64,
    /// Documents and patches on their way.
    pending: u64,
    /// Replacements of the document so far.
    generation: u64,
    /// Bytes of patches applied so far.
    patched: u64,
    /// What is known to be on the disk.
    saved: Option<Mark>,
}

/// The state of an account when a flush was asked for.
///
/// The later mark is the greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    generation: u64,
    patched: u64,
}

impl Account {
    /// What is charged to the run.
    pub(crate) fn held(&self) -> u64 {
        self.document.max(self.projected)
    }

    /// The run was opened, with a document on the disk.
    pub(crate) fn recovered(&mut self, bytes: u64) {
        self.document = bytes;
        self.generation += 1;
        self.saved = Some(self.mark());
        // A patch that waited for the opening comes on top.
        self.projected += bytes;
    }

    /// The run's component is gone, and everything in it.
    pub(crate) fn lost(&mut self) {
        *self = Account { generation: self.generation + 1, ..Account::default() };
        self.saved = Some(self.mark());
    }

    /// Whether there were changes that are not known to be on the disk, or are on their way.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.pending > 0 || self.saved != Some(self.mark())
    }

    /// A document is on its way.
    pub(crate) fn set_started(&mut self, bytes: u64) {
        self.pending += 1;
        self.projected = bytes;
    }

    /// A patch is on its way. The result has at most both sizes, and at most `limit`.
    pub(crate) fn merge_started(&mut self, bytes: u64, limit: u64) {
        self.pending += 1;
        self.projected = self.projected.saturating_add(bytes).min(limit);
    }

    /// A document arrived, or was refused.
    pub(crate) fn set_ended(&mut self, bytes: u64, is_ok: bool) {
        if is_ok {
            self.document = bytes;
            self.generation += 1;
        }
        self.pending = self.pending.saturating_sub(1);
        self.settle();
    }

    /// A patch arrived, or was refused.
    pub(crate) fn merge_ended(&mut self, bytes: u64, limit: u64, is_ok: bool) {
        if is_ok {
            self.document = self.document.saturating_add(bytes).min(limit);
            self.patched += bytes;
        }
        self.pending = self.pending.saturating_sub(1);
        self.settle();
    }

    /// A flush is asked for now.
    pub(crate) fn mark(&self) -> Mark {
        Mark { generation: self.generation, patched: self.patched }
    }

    /// The flush asked for at `mark` wrote the manifest: now its size is known, and patches that
    /// came since can have added no more than themselves. A later flush may have ended before; it
    /// knows more.
    pub(crate) fn written(&mut self, mark: Mark, bytes: u64) {
        if self.saved > Some(mark) {
            return;
        }
        self.saved = Some(mark);
        if mark.generation == self.generation {
            self.document = bytes.saturating_add(self.patched - mark.patched);
            self.settle();
        }
    }

    fn settle(&mut self) {
        if self.pending == 0 {
            self.projected = self.document;
        }
    }
}

/// The size that the component's indentation gives to a document or a patch, without checking
/// that it is JSON: two spaces a level, one line for each member, one newline at the end.
pub(crate) fn indented_len(json: &str) -> u64 {
    let mut len: u64 = 1;
    let mut depth: u64 = 0;
    let mut is_after_open = false;
    let mut is_in_string = false;
    let mut is_escaped = false;
    for byte in json.bytes() {
        if is_in_string {
            len += 1;
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_in_string = false,
                _ => {}
            }
            continue;
        }
        let new_line = 1 + 2 * depth;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b'{' | b'[' => {
                depth += 1;
                len += 1 + new_line + 2;
            }
            // An empty object or array stays on its line.
            b'}' | b']' if is_after_open => {
                depth = depth.saturating_sub(1);
                len = len + 1 - new_line;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                len += 1 + new_line.saturating_sub(2);
            }
            b',' => len += 1 + new_line,
            b':' => len += 2,
            b'"' => {
                is_in_string = true;
                len += 1;
            }
            _ => len += 1,
        }
        is_after_open = matches!(byte, b'{' | b'[');
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_replaces_the_one_before() {
        let mut account = Account::default();
        account.set_started(100);
        assert_eq!(account.held(), 100);
        account.set_ended(100, true);
        account.set_started(30);
        assert_eq!(account.held(), 100);
        account.set_ended(30, true);
        assert_eq!(account.held(), 30);
        account.set_started(500);
        account.set_ended(500, false);
        assert_eq!(account.held(), 30);
    }

    #[test]
    fn changes_are_unsaved_until_a_flush_that_was_asked_for_after_them_has_written() {
        let mut account = Account::default();
        account.recovered(10);
        assert!(!account.is_unsaved());
        account.set_started(20);
        account.set_ended(20, true);
        let before = account.mark();
        account.merge_started(5, 100);
        account.merge_ended(5, 100, true);
        account.written(before, 20);
        assert!(account.is_unsaved());
        account.written(account.mark(), 25);
        assert!(!account.is_unsaved());
    }

    #[test]
    fn an_old_receipt_does_not_undo_what_a_newer_one_told() {
        let mut account = Account::default();
        account.recovered(10);
        let before = account.mark();
        account.set_started(20);
        assert!(account.is_unsaved());
        account.set_ended(20, true);
        account.written(account.mark(), 20);
        account.written(before, 10);
        assert!(!account.is_unsaved());
        assert_eq!(account.held(), 20);
    }

    #[test]
    fn what_waits_for_the_opening_is_not_forgotten() {
        let mut account = Account::default();
        account.merge_started(10, 1_000);
        account.recovered(500);
        assert_eq!(account.held(), 510);
        account.merge_ended(10, 1_000, true);
        assert_eq!(account.held(), 510);
    }

    #[test]
    fn many_small_patches_do_not_fill_the_budget_for_ever() {
        let limit = 1 << 20;
        let mut account = Account::default();
        account.recovered(1_000);
        for _ in 0..100 {
            account.merge_started(50, limit);
            account.merge_ended(50, limit, true);
        }
        assert_eq!(account.held(), 6_000);
        let mark = account.mark();
        account.merge_started(50, limit);
        account.merge_ended(50, limit, true);
        account.written(mark, 1_010);
        assert_eq!(account.held(), 1_060);
    }

    #[test]
    fn an_old_receipt_does_not_tell_the_size_of_a_new_document() {
        let mut account = Account::default();
        account.recovered(10);
        let mark = account.mark();
        account.set_started(900);
        account.set_ended(900, true);
        account.written(mark, 10);
        assert_eq!(account.held(), 900);
    }

    #[test]
    fn the_indented_size_is_known_without_indenting() {
        for (json, indented) in [
            ("{ }", "{}\n"),
            (r#"{"a":[{},[]]}"#, "{\n  \"a\": [\n    {},\n    []\n  ]\n}\n"),
            (r#"{"a":1}"#, "{\n  \"a\": 1\n}\n"),
            (
                r#"{"a":[1,{"b":"x, y: {z}\\"}]}"#,
                "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x, y: {z}\\\\\"\n    }\n  ]\n}\n",
            ),
        ] {
            assert_eq!(indented_len(json), indented.len() as u64, "{json}");
            assert_eq!(indented_len(indented), indented.len() as u64, "{json}");
        }
    }
}
