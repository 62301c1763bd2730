//! All files of a release.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use crate::about::About;
use crate::hosts::{HOSTS, Host};
use crate::parts::{PARTS, Part, RECORDS};
use crate::sbom::{self, Subject};
use crate::source::Source;
use crate::{component, crates, sums, wit};

/// The file with the checksums, which marks a directory as a release.
const SUMS: &str = "SHA256SUMS";

/// A release in memory.
pub struct Release {
    pub version: String,
    files: BTreeMap<String, Vec<u8>>,
    /// What more there is to say about a file.
    notes: BTreeMap<String, String>,
    /// The files that an OCI registry takes, by the names of their repositories.
    artifacts: BTreeMap<String, String>,
}

impl Release {
    /// One without files.
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            files: BTreeMap::new(),
            notes: BTreeMap::new(),
            artifacts: BTreeMap::new(),
        }
    }

    /// Build everything from these sources.
    pub fn of(source: &Source) -> Result<Self, String> {
        let about = About::of(source)?;
        let mut release = Self::new(&about.version);
        for part in PARTS {
            release.add(source, &about, part)?;
        }
        release.add_wit(source, &about, RECORDS)?;
        for host in HOSTS {
            release.add_host(source, &about, host)?;
        }
        release.sum();
        Ok(release)
    }

    /// A package for another language, with the released component inside.
    fn add_host(&mut self, source: &Source, about: &About, host: &Host) -> Result<(), String> {
        let component = self.file(host.component);
        let component =
            component.ok_or_else(|| format!("{} needs {}", host.name, host.component))?;
        let path = source.dir.join("target").join(format!("released-{}", host.component));
        std::fs::write(&path, component)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        let (name, content) = host.build(source, &path, about.repository.as_deref())?;
        std::fs::remove_file(&path)
            .map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
        self.files.insert(name, content);
        Ok(())
    }

    /// Add a file.
    pub fn insert(&mut self, name: String, content: Vec<u8>) {
        self.files.insert(name, content);
    }

    /// Add the checksums of all other files.
    pub fn sum(&mut self) {
        let sums = sums::sums(&self.files);
        self.files.insert(SUMS.to_owned(), sums.into_bytes());
    }

    /// A component, its WIT package and its bill of materials.
    fn add(&mut self, source: &Source, about: &About, part: &Part) -> Result<(), String> {
        let component = component::released(source, part, about)?;
        let file = format!("{}.wasm", part.name);
        let note = format!("{} without its metadata", component.bare_bytes);
        self.notes.insert(file.clone(), note);

        let crates = crates::of(source, part, about)?;
        let subject = Subject {
            name: part.name,
            description: part.description,
            sha256: &sums::sha256(&component.wasm),
            compiler: &compiler(source)?,
        };
        let bill = format!("{}.cdx.json", part.name);
        self.notes.insert(bill.clone(), format!("{} crates", crates.len()));
        self.files.insert(bill, sbom::json(&subject, &crates)?);
        self.artifacts.insert(file.clone(), part.name.to_owned());
        self.files.insert(file, component.wasm);

        self.add_wit(source, about, part.wit)
    }

    fn add_wit(&mut self, source: &Source, about: &About, dir: &str) -> Result<(), String> {
        let wit = wit::encode(&source.dir.join(dir))?;
        let description = format!("The WIT package {}", wit.package);
        let revision = &source.revision;
        let wasm = component::describe(&wit.wasm, &wit.package, &description, about, revision)?;
        self.artifacts.insert(wit.file.clone(), wit.repository);
        self.files.insert(wit.file, wasm);
        Ok(())
    }

    /// Put the files into a directory, in the place of an earlier release.
    pub fn write(&self, dir: &Path) -> Result<(), String> {
        let wrong = |error| format!("cannot write {}: {error}", dir.display());
        for name in earlier(dir)? {
            std::fs::remove_file(dir.join(name)).map_err(wrong)?;
        }
        std::fs::create_dir_all(dir).map_err(wrong)?;
        for (name, content) in &self.files {
            std::fs::write(dir.join(name), content).map_err(wrong)?;
        }
        Ok(())
    }

    /// The content of a file.
    pub fn file(&self, name: &str) -> Option<&Vec<u8>> {
        self.files.get(name)
    }

    /// The files that an OCI registry takes, each with the name of its repository.
    pub fn artifacts(&self) -> &BTreeMap<String, String> {
        &self.artifacts
    }

    /// The names of the files that are not the same in both.
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.files.keys().chain(other.files.keys()).collect();
        let names = names.into_iter().filter(|name| self.file(name) != other.file(name));
        names.cloned().collect()
    }

    /// A line for each file: its name, its size, and what more there is to say.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(|(name, content)| {
            let note = self.notes.get(name).map(|note| format!(", {note}"));
            format!("{name}: {} bytes{}", content.len(), note.unwrap_or_default())
        })
    }
}

/// The files of an earlier release in a directory, which must have no others.
pub fn earlier(dir: &Path) -> Result<Vec<OsString>, String> {
    let wrong = |error| format!("cannot read {}: {error}", dir.display());
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let sums = std::fs::read_to_string(dir.join(SUMS)).unwrap_or_default();
    let known: Vec<&str> = sums.lines().filter_map(sums::name).chain([SUMS]).collect();
    let mut names = Vec::new();
    for entry in dir.read_dir().map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        if !known.iter().any(|known| name == *known) {
            let path = dir.join(name);
            return Err(format!("{} is of no release: choose another --out", path.display()));
        }
        names.push(name);
    }
    Ok(names)
}

/// The compiler that builds these sources.
fn compiler(source: &Source) -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = source
        .command(&rustc)
        .arg("--version")
        .output()
        .map_err(|error| format!("cannot run {}: {error}", rustc.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(files: &[(&str, &str)]) -> Release {
        let mut release = Release::new("0.1.0");
        let files = files.iter().map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()));
        release.files.extend(files);
        release.sum();
        release
    }

    fn names(dir: &Path) -> BTreeSet<String> {
        let entries = dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn sha256sum_finds_the_checksums_right() {
        let dir = tempfile::tempdir().unwrap();
        release(&[("a.wasm", "1"), ("b.tgz", "2")]).write(dir.path()).unwrap();
        let mut check = std::process::Command::new("sha256sum");
        check.args(["--check", "--strict", "--quiet", SUMS]).current_dir(dir.path());
        assert!(check.status().expect("this test needs sha256sum").success());
        std::fs::write(dir.path().join("b.tgz"), "3").unwrap();
        assert!(!check.stderr(std::process::Stdio::null()).output().unwrap().status.success());
    }

    #[test]
    fn an_earlier_release_goes_from_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        release(&[("tandem-0.1.0.whl", "old"), ("tandem.wasm", "old")]).write(dir.path()).unwrap();
        release(&[("tandem-0.2.0.whl", "new"), ("tandem.wasm", "new")]).write(dir.path()).unwrap();
        let expected = ["tandem-0.2.0.whl", "tandem.wasm", SUMS].map(String::from);
        assert_eq!(names(dir.path()), BTreeSet::from(expected));
        assert_eq!(std::fs::read(dir.path().join("tandem.wasm")).unwrap(), b"new");
    }

    #[test]
    fn a_file_that_is_of_no_release_is_refused_and_nothing_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        release(&[("tandem.wasm", "old")]).write(dir.path()).unwrap();
        std::fs::write(dir.path().join("diary.txt"), "mine").unwrap();
        let error = release(&[("tandem.wasm", "new")]).write(dir.path()).unwrap_err();
        assert!(error.contains("diary.txt is of no release"), "{error}");
        assert_eq!(std::fs::read(dir.path().join("tandem.wasm")).unwrap(), b"old");
    }

    #[test]
    fn a_file_that_differs_or_is_in_one_release_only_is_told() {
        let first = release(&[("a", "1"), ("b", "1"), ("c", "1")]);
        assert!(first.differing(&release(&[("a", "1"), ("b", "1"), ("c", "1")])).is_empty());
        let second = release(&[("a", "1"), ("b", "2"), ("d", "1")]);
        assert_eq!(first.differing(&second), [SUMS, "b", "c", "d"]);
    }
}
