//! The crates that are published.

/// One crate.
pub struct Crate {
    /// What it is called; its directory in the staged workspace too.
    pub name: &'static str,
    /// Where its sources are in the repository.
    pub dir: &'static str,
    /// Whether the built components take the place of its build script.
    pub is_prebuilt: bool,
}

/// Each one needs those before it only, so this is the order of publishing.
pub const CRATES: &[Crate] = &[
    Crate { name: "tandem-components", dir: "components", is_prebuilt: true },
    Crate { name: "tandem-disk", dir: "disk", is_prebuilt: false },
    Crate { name: "tandem-host", dir: "host", is_prebuilt: false },
    Crate { name: "tandem-documents", dir: "stores/documents", is_prebuilt: false },
    Crate { name: "tandem-etcd", dir: "stores/etcd", is_prebuilt: false },
    Crate { name: "tandem-postgres", dir: "stores/postgres", is_prebuilt: false },
    Crate { name: "tandem-simulator", dir: "simulator", is_prebuilt: false },
    Crate { name: "tandem-cli", dir: "cli", is_prebuilt: false },
];

impl Crate {
    /// Whether a file of the crate's directory stays in the repository.
    pub fn leaves_out(&self, name: &str) -> bool {
        let step = name.split('/').next().unwrap_or_default();
        let built = self.is_prebuilt && ["build", "build.rs"].contains(&step);
        built || ["tests", "benches", "Cargo.toml"].contains(&step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_crate_with_built_components_goes_without_its_build_script() {
        for one in CRATES {
            assert_eq!(one.leaves_out("build.rs"), one.is_prebuilt);
            assert_eq!(one.leaves_out("build/component.rs"), one.is_prebuilt);
            assert!(one.leaves_out("tests/all.rs") && one.leaves_out("Cargo.toml"));
            assert!(!one.leaves_out("src/tests.rs") && !one.leaves_out("wit/world.wit"));
        }
    }
}
