//! Files that a case makes, and files that it expects.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::pattern::{Content, Pattern, Whole};
use crate::store::{Kind, Store};
use crate::text::Bytes;

/// What the component is given, in the sandbox.
const GRANTED: &str = "granted";

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    WriteFile {
        path: String,
        content: Bytes,
        #[serde(rename = "age-s")]
        age_s: Option<u64>,
    },
    MakeDirectory {
        path: String,
    },
    Symlink {
        path: String,
        to: String,
    },
    HardLink {
        path: String,
        to: String,
    },
    Remove {
        path: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "RawEntry")]
pub struct Entry {
    which: Which,
    is: Is,
}

#[derive(Debug)]
enum Which {
    Path(String),
    Matches(Whole),
}

#[derive(Debug)]
enum Is {
    File { content: Option<Content>, bytes: Option<Pattern> },
    Directory,
    Symlink { to: Option<Pattern> },
    Absent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawEntry {
    path: Option<String>,
    path_matches: Option<String>,
    is: Option<String>,
    content: Option<Content>,
    bytes: Option<Pattern>,
    to: Option<Pattern>,
}

impl TryFrom<RawEntry> for Entry {
    type Error = String;

    fn try_from(raw: RawEntry) -> Result<Self, String> {
        let RawEntry { path, path_matches, is, content, bytes, to } = raw;
        let which = match (path, path_matches) {
            (Some(path), None) => Which::Path(path),
            (None, Some(expression)) => Which::Matches(Whole::new(&expression)?),
            _ => return Err(String::from("an entry has either `path` or `path-matches`")),
        };
        let is = match (is.as_deref().unwrap_or("file"), content, bytes, to) {
            ("file", content, bytes, None) => Is::File { content, bytes },
            ("directory", None, None, None) => Is::Directory,
            ("symlink", None, None, to) => Is::Symlink { to },
            ("absent", None, None, None) => Is::Absent,
            (is, ..) => return Err(format!("there is no `{is}` with these fields")),
        };
        Ok(Entry { which, is })
    }
}

/// The directory of one case, or the store that stands for it.
pub struct Sandbox {
    directory: TempDir,
    store: Option<Store>,
}

#[derive(Debug, PartialEq)]
enum Found {
    File,
    Directory,
    Symlink,
}

impl Sandbox {
    pub fn new(store: Option<Kind>) -> io::Result<Self> {
        let mut sandbox = Sandbox { directory: TempDir::new()?, store: None };
        fs::create_dir(sandbox.granted())?;
        sandbox.store = store.map(|kind| Store::new(kind, &sandbox.granted())).transpose()?;
        Ok(sandbox)
    }

    pub fn granted(&self) -> PathBuf {
        self.directory.path().join(GRANTED)
    }

    pub fn act(&self, action: &Action) -> Result<(), String> {
        self.try_to(action).map_err(|error| format!("cannot {action:?}: {error}"))
    }

    fn try_to(&self, action: &Action) -> io::Result<()> {
        if let Some(store) = &self.store {
            return store.act(action);
        }
        match action {
            Action::WriteFile { path, content, age_s } => {
                let path = self.place(path)?;
                fs::write(&path, &content.0)?;
                if let Some(age_s) = age_s {
                    let modified = SystemTime::now() - Duration::from_secs(*age_s);
                    File::options().write(true).open(path)?.set_modified(modified)?;
                }
                Ok(())
            }
            Action::MakeDirectory { path } => fs::create_dir_all(self.granted().join(path)),
            Action::Symlink { path, to } => symlink(to, self.place(path)?),
            Action::HardLink { path, to } => {
                fs::hard_link(self.granted().join(to), self.place(path)?)
            }
            Action::Remove { path } => {
                let path = self.granted().join(path);
                if fs::symlink_metadata(&path)?.is_dir() {
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                }
            }
        }
    }

    /// A path whose directory is there.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let path = self.granted().join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        Ok(path)
    }

    /// Compares what stands in the sandbox. If it `is_all`, nothing else may.
    pub fn check(&self, entries: &[Entry], is_all: bool) -> Result<(), String> {
        let mut found = BTreeMap::new();
        let told = |error: io::Error| format!("cannot list the sandbox: {error}");
        let mut documents = BTreeMap::new();
        match &self.store {
            Some(store) => documents = store.documents().map_err(told)?,
            None => self.list(self.directory.path(), "", &mut found).map_err(told)?,
        }
        found.extend(documents.keys().flat_map(|key| directories(key)));
        found.extend(documents.keys().map(|key| (key.clone(), Found::File)));
        let mut named = Vec::new();
        for entry in entries {
            if let Some(path) = self.check_entry(entry, &found, &documents)? {
                if named.contains(&path) {
                    return Err(format!("{path}: two entries name it"));
                }
                named.push(path);
            }
        }
        let mut others = found.iter().filter(|(path, kind)| {
            **kind != Found::Directory && !named.iter().any(|name| name == *path)
        });
        match others.next() {
            Some((path, _)) if is_all => Err(format!("{path}: nothing should stand there")),
            _ => Ok(()),
        }
    }

    /// Checks one entry, and tells which path it names.
    fn check_entry(
        &self,
        entry: &Entry,
        found: &BTreeMap<String, Found>,
        documents: &BTreeMap<String, Arc<[u8]>>,
    ) -> Result<Option<String>, String> {
        let (shown, paths): (&str, Vec<&String>) = match &entry.which {
            Which::Path(path) => {
                (path, found.get_key_value(path).map(|(path, _)| path).into_iter().collect())
            }
            Which::Matches(whole) => {
                (&whole.shown, found.keys().filter(|path| whole.is_match(path)).collect())
            }
        };
        let path = match (&entry.is, &*paths) {
            (Is::Absent, []) => return Ok(None),
            (Is::Absent, _) => return Err(format!("{shown}: nothing should stand there")),
            (_, [path]) => path.as_str(),
            (_, []) => return Err(format!("{shown}: nothing stands there")),
            (_, paths) => return Err(format!("{shown}: several stand there: {paths:?}")),
        };
        let told = |error: &dyn std::fmt::Display| format!("{path}: {error}");
        let place = self.granted().join(path);
        match (&entry.is, &found[path]) {
            (Is::File { content, bytes }, Found::File) => {
                let text = match documents.get(path) {
                    Some(body) => body.to_vec(),
                    None => fs::read(place).map_err(|error| told(&error))?,
                };
                let size = Value::from(text.len());
                bytes.as_ref().map_or(Ok(()), |bytes| bytes.check(&size)).map_err(|e| told(&e))?;
                content
                    .as_ref()
                    .map_or(Ok(()), |content| content.check(&text))
                    .map_err(|e| told(&e))?;
            }
            (Is::Symlink { to }, Found::Symlink) => {
                let link = fs::read_link(place).map_err(|error| told(&error))?;
                let link = Value::String(link.to_string_lossy().into_owned());
                to.as_ref().map_or(Ok(()), |to| to.check(&link)).map_err(|e| told(&e))?;
            }
            (Is::Directory, Found::Directory) => {}
            (_, other) => return Err(told(&format_args!("a {other:?} stands there"))),
        }
        Ok(Some(path.to_owned()))
    }

    /// Lists all that stands below a directory, named as cases name it.
    fn list(
        &self,
        directory: &Path,
        prefix: &str,
        found: &mut BTreeMap<String, Found>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            let kind = if kind.is_dir() {
                self.list(&entry.path(), &format!("{name}/"), found)?;
                Found::Directory
            } else if kind.is_symlink() {
                Found::Symlink
            } else {
                Found::File
            };
            if name == GRANTED {
                continue;
            }
            let inside = name.strip_prefix(GRANTED).and_then(|name| name.strip_prefix('/'));
            found.insert(inside.map_or_else(|| format!("../{name}"), str::to_owned), kind);
        }
        Ok(())
    }
}

/// The directories above a document.
fn directories(key: &str) -> impl Iterator<Item = (String, Found)> {
    key.match_indices('/').map(|(end, _)| (key[..end].to_owned(), Found::Directory))
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.store.is_some() {
            Store::close(&self.granted());
        }
    }
}
