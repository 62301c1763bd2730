//! The sources of a release: where they are, and which revision they are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{files, process};

/// One directory with the sources.
#[derive(Clone)]
pub struct Source {
    /// The directory of the workspace.
    pub dir: PathBuf,
    /// The commit, and `-dirty` if the sources are not as committed.
    pub revision: String,
    /// When the commit was made, in seconds since 1970: the only time that a release knows.
    pub epoch_s: u64,
    /// Where others find them, if the command line tells.
    pub repository: Option<String>,
    /// The files that git lists, relative to the directory.
    pub names: Vec<String>,
}

impl Source {
    /// The workspace as it is.
    pub fn of(workspace: &Path, allow_dirty: bool) -> Result<Self, String> {
        // A copy of the sources in somebody's own repository is not that repository's revision.
        if !git(workspace, &["rev-parse", "--show-prefix"])?.is_empty() {
            let dir = workspace.display();
            return Err(format!(
                "cannot tell the source revision: no git repository begins in {dir}"
            ));
        }
        let commit = git(workspace, &["log", "-1", "--format=%H %ct"])?;
        let changes = git(workspace, &["status", "--porcelain"])?;
        let (revision, epoch_s) = revision(&commit, &changes, allow_dirty)?;
        let (dir, names) = (workspace.to_owned(), names(workspace)?);
        Ok(Self { dir, revision, epoch_s, repository: None, names })
    }

    /// The same files in another directory, and nothing that git ignores.
    pub fn copy(&self, dir: &Path) -> Result<Self, String> {
        self.copy_below("", dir)?;
        Ok(Self { dir: dir.to_owned(), ..self.clone() })
    }

    /// What of them is below a directory such as `bindings/js/`, in another one.
    pub fn copy_below(&self, from: &str, to: &Path) -> Result<(), String> {
        for name in &self.names {
            let Some(below) = name.strip_prefix(from) else { continue };
            // What is deleted and not committed is still in git's list.
            if self.dir.join(name).symlink_metadata().is_ok() {
                files::copy(&self.dir.join(name), &to.join(below))?;
            }
        }
        Ok(())
    }

    /// A program that works on these sources.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.at_home(Command::new(program))
    }

    /// A cargo that works on these sources.
    pub fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        self.at_home(process::cargo(arguments))
    }

    /// What cargo builds is kept beside the sources, whoever calls it, and what writes times takes
    /// that of the commit.
    fn at_home(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.dir)
            .env("CARGO_TARGET_DIR", self.dir.join("target"))
            .env("SOURCE_DATE_EPOCH", self.epoch_s.to_string())
            .stdin(Stdio::null());
        command
    }
}

#[cfg(test)]
impl Source {
    /// The sources that the tests are compiled from, without a revision of their own.
    pub fn here() -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let names = names(&dir).unwrap();
        Self { dir, revision: String::from("none"), epoch_s: 0, repository: None, names }
    }
}

/// The files that git lists, and those that it does not know yet.
fn names(dir: &Path) -> Result<Vec<String>, String> {
    let listed = git(dir, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    Ok(listed.split_terminator('\0').map(String::from).collect())
}

/// The revision and its time, from what git says.
fn revision(commit: &str, changes: &str, allow_dirty: bool) -> Result<(String, u64), String> {
    let (hash, time) = commit
        .split_once(' ')
        .and_then(|(hash, time)| Some((hash, time.parse().ok()?)))
        .ok_or_else(|| format!("cannot tell the source revision: git says {commit:?}"))?;
    match changes.lines().next() {
        None => Ok((hash.to_owned(), time)),
        Some(_) if allow_dirty => Ok((format!("{hash}-dirty"), time)),
        Some(first) => Err(format!(
            "the sources are not as committed: commit first, or use --allow-dirty; git says `{}`",
            first.trim()
        )),
    }
}

/// What git answers, without the newline at its end.
pub fn git(dir: &Path, arguments: &[&str]) -> Result<String, String> {
    let what = "cannot tell the source revision";
    let output = Command::new("git")
        .current_dir(dir)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{what}: cannot run git: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{what}: git says `{}`", said.lines().next().unwrap_or_default()));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|error| format!("{what}: git answers no UTF-8: {error}"))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_tree_has_the_revision_and_the_time_of_its_commit() {
        assert_eq!(revision("abc 1795293646", "", false), Ok((String::from("abc"), 1_795_293_646)));
    }

    #[test]
    fn a_changed_tree_is_refused_and_tells_the_first_change() {
        let error = revision("abc 1", " M Cargo.toml\n?? new", false).unwrap_err();
        assert!(error.contains("commit first") && error.contains("`M Cargo.toml`"), "{error}");
    }

    #[test]
    fn the_revision_of_a_changed_tree_that_is_allowed_says_so() {
        assert_eq!(revision("abc 1", "?? new", true), Ok((String::from("abc-dirty"), 1)));
    }

    #[test]
    fn sources_outside_git_are_refused_in_one_sentence() {
        let dir = std::env::temp_dir();
        let error = Source::of(&dir, true).err().expect("there is no repository");
        assert!(error.starts_with("cannot tell the source revision: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn a_copy_has_the_new_files_and_not_the_ignored_ones() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir_all(from.path().join("a/b")).unwrap();
        for name in [".gitignore", "a/b/kept", "new", "gone", "ignored"] {
            std::fs::write(from.path().join(name), "ignored\n").unwrap();
        }
        git(from.path(), &["init", "--quiet"]).unwrap();
        git(from.path(), &["add", "a", "gone"]).unwrap();
        std::fs::remove_file(from.path().join("gone")).unwrap();
        let source = Source {
            dir: from.path().to_owned(),
            revision: String::from("abc"),
            epoch_s: 7,
            repository: None,
            names: names(from.path()).unwrap(),
        };
        let copy = source.copy(to.path()).unwrap();
        assert_eq!((copy.revision.as_str(), copy.epoch_s), ("abc", 7));
        for name in [".gitignore", "a/b/kept", "new"] {
            assert!(to.path().join(name).is_file(), "{name}");
        }
        for name in [".git", "gone", "ignored"] {
            assert!(!to.path().join(name).exists(), "{name}");
        }
        // A copy, which has no repository, knows them too.
        let below = tempfile::tempdir().unwrap();
        copy.copy_below("a/", below.path()).unwrap();
        assert!(below.path().join("b/kept").is_file() && !below.path().join("new").exists());
    }
}
