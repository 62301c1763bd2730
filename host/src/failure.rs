//! Adds to what failed in the component what the system said of it.

use crate::records::{Failure, Operation, Removed};

impl Failure {
    /// Adds to the message what `said` knows that the system said.
    pub(crate) fn add_said(&mut self, said: impl Fn(Operation, &str, &str) -> Option<String>) {
        if let Some(said) = said(self.operation, &self.path, &self.code) {
            self.message = format!("{}: {said}", self.message);
        }
    }
}

impl Removed {
    /// The same with what `said` knows that the system said of what failed.
    pub(crate) fn with_said(
        mut self,
        said: impl Fn(Operation, &str, &str) -> Option<String>,
    ) -> Self {
        let left = self.left.iter_mut().filter_map(|left| left.failure.as_mut());
        for failure in left.chain(&mut self.remaining) {
            failure.add_said(&said);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{LeftReason, LeftRun};

    #[test]
    fn a_failure_of_a_removal_is_told_with_what_the_system_said_of_it() {
        let failure = |path: &str| Failure {
            channel: None,
            operation: Operation::Remove,
            path: path.to_owned(),
            code: "io".to_owned(),
            retryable: true,
            message: format!("cannot remove {path}: io"),
        };
        let left = LeftRun {
            run_id: "a".to_owned(),
            reason: LeftReason::Failed,
            failure: Some(failure("a")),
        };
        let removed = Removed {
            left: vec![left],
            remaining: vec![failure("b"), failure("c")],
            ..Removed::default()
        };
        let told = removed.with_said(|operation, path, code| {
            assert_eq!((operation, code), (Operation::Remove, "io"));
            (path != "c").then(|| format!("words of {path}"))
        });
        let messages: Vec<_> = told.remaining.iter().map(|failure| &*failure.message).collect();
        assert_eq!(messages, ["cannot remove b: io: words of b", "cannot remove c: io"]);
        let left = told.left[0].failure.as_ref().map(|failure| &*failure.message);
        assert_eq!(left, Some("cannot remove a: io: words of a"));
    }
}
