//! Paths of the component as keys of documents.

use tandem_disk::ErrorCode;

/// What a store takes at least.
const KEY_BYTES_MAX: usize = 4096;

/// The key of a path below a directory.
///
/// # Errors
/// `NotPermitted`: it has a step that is empty or leads up. `NameTooLong`.
pub(super) fn join(directory: &str, path: &str) -> Result<String, ErrorCode> {
    let mut key = directory.to_owned();
    for step in path.split('/').filter(|step| *step != ".") {
        if step.is_empty() || step == ".." {
            return Err(ErrorCode::NotPermitted);
        }
        if !key.is_empty() {
            key.push('/');
        }
        key.push_str(step);
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(ErrorCode::NameTooLong);
    }
    Ok(key)
}

/// The prefix of the keys below a directory.
pub(super) fn below(directory: &str) -> String {
    if directory.is_empty() { String::new() } else { format!("{directory}/") }
}

/// A key as directory and name.
pub(super) fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_and_leads_nowhere_else() {
        assert_eq!(join("", ".runs/a"), Ok(".runs/a".to_owned()));
        assert_eq!(join(".runs", "."), Ok(".runs".to_owned()));
        assert_eq!(join("", "."), Ok(String::new()));
        for path in ["", "a//b", "../a", "/a", "a/.."] {
            assert_eq!(join("x", path), Err(ErrorCode::NotPermitted), "{path}");
        }
        assert_eq!(join("x", &"a".repeat(4096)), Err(ErrorCode::NameTooLong));
    }
}
