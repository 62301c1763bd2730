//! The packages for other languages.

use std::path::Path;

use crate::files;
use crate::npm;
use crate::pack::{Manager, NPM, PIP, Pack};
use crate::source::Source;

/// A package that other package managers take.
pub struct Host {
    /// What it is called in messages.
    pub name: &'static str,
    /// Where it is.
    dir: &'static str,
    /// The file of the component that it has inside.
    pub component: &'static str,
    /// The variable that tells its build where that file is.
    variable: &'static str,
    /// What makes it.
    manager: Manager,
    /// What comes before that.
    set_up: &'static [&'static [&'static str]],
}

pub const HOSTS: &[Host] = &[
    Host {
        name: "the npm tarball",
        dir: "bindings/js/",
        component: "tandem-blocking.wasm",
        variable: "TANDEM_COMPONENT",
        // It runs the package's own build first.
        manager: NPM,
        set_up: &[&["npm", "ci", "--no-audit", "--no-fund", "--loglevel", "error"]],
    },
    Host {
        name: "the Python wheel",
        dir: "bindings/python/",
        component: "tandem-blocking.wasm",
        variable: "TANDEM_BLOCKING_COMPONENT",
        manager: PIP,
        set_up: &[],
    },
];

impl Host {
    /// Whether the program that builds it can be run.
    pub fn ready(&self) -> Result<(), String> {
        self.manager.ready(self.name)
    }

    /// Build the package with the component in that file, and give its name and content. A copy is
    /// built, which may tell where the sources are.
    pub fn build(
        &self,
        source: &Source,
        component: &Path,
        repository: Option<&str>,
    ) -> Result<(String, Vec<u8>), String> {
        let dir = source.dir.join("target").join("package-source").join("host");
        files::remove(&dir)?;
        source.copy_below(self.dir, &dir)?;
        for name in files::LICENSES {
            files::copy(&source.dir.join(name), &dir.join(name))?;
        }
        if let Some(url) = repository {
            npm::tell_repository(&dir, url)?;
        }
        let steps: Vec<_> = self.set_up.iter().copied().chain([self.manager.pack]).collect();
        let variables = &[(self.variable, component)];
        let pack = Pack { name: self.name, dir: &dir, variables, steps: &steps };
        let made = pack.make(source)?;
        files::remove(&dir)?;
        Ok(made)
    }
}
