//! The directories that package managers make the packages of.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::platform::Platform;
use crate::about::About;
use crate::files;
use crate::npm;
use crate::source::Source;

/// Where the sources of all of them are.
const SOURCES: &str = "bindings/program";
const README: &str = "README.md";

/// The directory of the package that npm is asked for.
pub const NPM: &str = "npm";
/// That of the package which has the program for a platform.
pub const PLATFORM: &str = "platform";
/// That of the wheel.
pub const WHEEL: &str = "python";

/// What the directories are made of.
pub struct Stage<'a> {
    pub source: &'a Source,
    pub about: &'a About,
    pub platform: &'a Platform,
    pub program: &'a [u8],
    /// The directory to put them in.
    pub dir: &'a Path,
}

impl Stage<'_> {
    pub fn put(&self) -> Result<(), String> {
        for part in [NPM, WHEEL] {
            let to = self.dir.join(part);
            self.source.copy_below(&format!("{SOURCES}/{part}/"), &to)?;
        }
        for part in [NPM, PLATFORM, WHEEL] {
            let to = self.dir.join(part);
            files::copy(&self.source.dir.join(SOURCES).join(README), &to.join(README))?;
            for name in files::LICENSES {
                files::copy(&self.source.dir.join(name), &to.join(name))?;
            }
        }
        for part in [PLATFORM, WHEEL] {
            let path = self.dir.join(part).join("tandem");
            files::write(&path, self.program)?;
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))
                .map_err(|error| format!("cannot make {} a program: {error}", path.display()))?;
        }
        let path = self.dir.join(NPM).join(npm::MANIFEST);
        let told: Value = serde_json::from_str(&files::read(&path)?)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let (main, platform) = self.manifests(told)?;
        files::write(&path, pretty(&main).as_bytes())?;
        files::write(&self.dir.join(PLATFORM).join(npm::MANIFEST), pretty(&platform).as_bytes())
    }

    /// The manifests of both npm packages: what the first tells in the repository, and what this
    /// release adds to it.
    fn manifests(&self, told: Value) -> Result<(Value, Value), String> {
        let mut main = told;
        self.describe(&mut main);
        let of_platform = format!("/cli-{}", self.platform.node());
        let packages = main["optionalDependencies"].as_object_mut();
        let mut name = None;
        for (package, version) in packages.into_iter().flatten() {
            *version = self.about.version.clone().into();
            name = name.or_else(|| package.ends_with(&of_platform).then(|| package.clone()));
        }
        let name = name.ok_or_else(|| {
            let platform = self.platform.node();
            format!("{SOURCES}/{NPM}/{} names no package for {platform}", npm::MANIFEST)
        })?;

        let mut platform = json!({
            "name": name,
            "description": format!("{}, for {}", main["description"].as_str().unwrap_or_default(),
                self.platform.node()),
            "os": ["linux"],
            "cpu": [self.platform.cpu],
            "files": ["tandem", "LICENSE*"],
            "publishConfig": main["publishConfig"],
            // Nothing can run it out of an archive.
            "preferUnplugged": true,
        });
        if self.platform.is_glibc {
            platform["libc"] = json!(["glibc"]);
        }
        self.describe(&mut platform);
        Ok((main, platform))
    }

    fn describe(&self, manifest: &mut Value) {
        manifest["version"] = self.about.version.clone().into();
        manifest["license"] = self.about.license.clone().into();
        if let Some(url) = &self.about.repository {
            manifest["repository"] = npm::repository(url);
        }
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(cpu: &'static str) -> Platform {
        Platform { cpu, wheel: String::from("linux_any"), is_glibc: true }
    }

    fn staged(repository: Option<&str>, cpu: &'static str) -> Result<[Value; 2], String> {
        let source = Source { repository: repository.map(String::from), ..Source::here() };
        let about = About::of(&source).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let platform = platform(cpu);
        let (program, dir) = (b"program".as_slice(), dir.path());
        Stage { source: &source, about: &about, platform: &platform, program, dir }.put()?;
        for part in [PLATFORM, WHEEL] {
            let path = dir.join(part).join("tandem");
            assert_eq!(std::fs::read(&path).unwrap(), program);
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
        }
        for part in [NPM, PLATFORM, WHEEL] {
            for name in files::LICENSES.into_iter().chain([README]) {
                assert!(dir.join(part).join(name).is_file(), "{part}/{name}");
            }
        }
        let manifest = |part: &str| {
            let text = files::read(&dir.join(part).join(npm::MANIFEST)).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        Ok([manifest(NPM), manifest(PLATFORM)])
    }

    #[test]
    fn both_npm_packages_have_the_version_of_the_workspace_and_the_first_asks_for_the_other() {
        let [main, platform] = staged(None, "x64").unwrap();
        for manifest in [&main, &platform] {
            assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
            assert_eq!(manifest["license"], "Apache-2.0 WITH LLVM-exception OR MIT");
            assert_eq!(manifest["publishConfig"]["access"], "public");
            assert_eq!(manifest["repository"], Value::Null);
        }
        let name = platform["name"].as_str().unwrap();
        assert_eq!(main["optionalDependencies"][name], env!("CARGO_PKG_VERSION"));
        assert_eq!([&platform["os"][0], &platform["cpu"][0]], ["linux", "x64"]);
        assert_eq!(platform["libc"][0], "glibc");
    }

    #[test]
    fn both_npm_packages_name_the_repository_that_the_release_tells() {
        for manifest in staged(Some("https://example.org/tandem"), "x64").unwrap() {
            assert_eq!(manifest["repository"]["url"], "https://example.org/tandem");
        }
    }

    #[test]
    fn a_platform_that_the_first_package_does_not_name_is_refused() {
        let error = staged(None, "mips").unwrap_err();
        let told = "bindings/program/npm/package.json names no package for linux-mips";
        assert_eq!(error, told);
    }
}
