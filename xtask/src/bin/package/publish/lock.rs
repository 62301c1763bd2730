//! The versions that published crates are tested with.

use std::path::Path;

use cargo_lock::Lockfile;

/// Refuse a lock file that has a version the workspace's own has not: nothing was tested with it.
pub fn check(staged: &Path, tested: &Path) -> Result<(), String> {
    let load = |path: &Path| {
        Lockfile::load(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    match untested(&load(staged)?, &load(tested)?) {
        None => Ok(()),
        Some(one) => Err(format!("{one} is in no test: its version is not in Cargo.lock")),
    }
}

fn untested(staged: &Lockfile, tested: &Lockfile) -> Option<String> {
    let is_tested = |one: &&cargo_lock::Package| {
        tested.packages.iter().any(|other| {
            (&one.name, &one.version, &one.checksum)
                == (&other.name, &other.version, &other.checksum)
        })
    };
    let mut untested = staged.packages.iter().filter(|one| !is_tested(one));
    untested.next().map(|one| format!("{} {}", one.name, one.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(packages: &[(&str, &str)]) -> Lockfile {
        let packages = packages.iter().map(|(name, version)| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")
        });
        format!("version = 4\n{}", packages.collect::<String>()).parse().unwrap()
    }

    #[test]
    fn fewer_crates_pass_and_another_version_does_not() {
        let tested = lock(&[("a", "1.0.0"), ("b", "1.0.0")]);
        assert_eq!(untested(&lock(&[("a", "1.0.0")]), &tested), None);
        let staged = lock(&[("a", "1.0.0"), ("b", "1.0.1")]);
        assert_eq!(untested(&staged, &tested).as_deref(), Some("b 1.0.1"));
        let staged = lock(&[("c", "1.0.0")]);
        assert_eq!(untested(&staged, &tested).as_deref(), Some("c 1.0.0"));
    }
}
