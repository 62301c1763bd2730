//! One way to break the component, or the disk over documents.

use std::path::Path;

use super::sources::Sources;

/// A small change of a text that breaks a rule.
pub struct Mutation {
    pub name: &'static str,
    /// What is wrong then.
    pub what: &'static str,
    /// What must not be broken unnoticed.
    pub rule: &'static str,
    /// The native test of the same package that finds out, by its whole name. If none is told, `tandem torture` does.
    pub test: Option<&'static str>,
    /// They are made one after the other.
    pub changes: &'static [Change],
}

/// Puts a text in another's place. The old one stands in its file once, or what is replaced would
/// be left to chance.
pub struct Change {
    /// Relative to the workspace, with `/`.
    pub file: &'static str,
    pub from: &'static str,
    pub to: &'static str,
}

impl Mutation {
    /// Whether it is in the program, which plays hosts over a store of documents then.
    pub fn is_of_documents(&self) -> bool {
        self.changes.iter().any(|change| !change.file.starts_with("src/"))
    }

    /// The package whose native tests find out.
    pub fn tested(&self) -> &'static str {
        let is_in =
            |directory| self.changes.iter().all(|change| change.file.starts_with(directory));
        if is_in("stores/documents/") { "tandem-documents" } else { "tandem" }
    }

    /// The sources with this in them, or one sentence.
    pub fn apply(&self, sources: &Sources) -> Result<Sources, String> {
        let mut mutated = sources.clone();
        for Change { file, from, to } in self.changes {
            let text = mutated.text(Path::new(file)).ok_or_else(|| {
                format!("stale mutation, there is no such source file: {}, {file}", self.name)
            })?;
            let count = text.matches(from).count();
            if count != 1 {
                return Err(format!(
                    "stale mutation, its old text stands {count} times in the file instead of \
                     once: {}, {file}",
                    self.name
                ));
            }
            let new = text.replacen(from, to, 1);
            mutated.put(Path::new(file), new.into_bytes());
        }
        Ok(mutated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "src/a.rs";

    fn mutation(changes: &'static [Change]) -> Mutation {
        Mutation { name: "name", what: "what", rule: "rule", test: None, changes }
    }

    fn sources() -> Sources {
        let mut sources = Sources::default();
        sources.put(Path::new(FILE), b"one two two".to_vec());
        sources
    }

    #[test]
    fn changes_are_made_one_after_the_other() {
        let mutation = mutation(&[
            Change { file: FILE, from: "one", to: "three" },
            Change { file: FILE, from: "three two ", to: "" },
        ]);
        let mutated = mutation.apply(&sources()).expect("it applies");
        assert_eq!(mutated.text(Path::new(FILE)), Some("two"));
    }

    #[test]
    fn a_text_that_does_not_stand_once_is_stale() {
        for (file, from, why) in [
            (FILE, "two", "its old text stands 2 times in the file instead of once"),
            (FILE, "four", "its old text stands 0 times in the file instead of once"),
            ("src/b.rs", "one", "there is no such source file"),
        ] {
            let changes: &'static [Change] = Box::leak(Box::new([Change { file, from, to: "" }]));
            let message = mutation(changes).apply(&sources()).err();
            assert_eq!(message, Some(format!("stale mutation, {why}: name, {file}")));
        }
    }
}
