//! What the workspace's `Cargo.toml` says about what is released.

use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::source::Source;

/// The target that decides which crates a component is made of.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The package that the components are built from.
pub const PACKAGE: &str = "tandem";

/// The facts that all components of a release share.
pub struct About {
    pub version: String,
    pub license: String,
    pub repository: Option<String>,
    pub homepage: Option<String>,
    /// Every package that the workspace knows for the target.
    pub packages: Vec<Package>,
}

impl About {
    pub fn of(source: &Source) -> Result<Self, String> {
        let metadata = MetadataCommand::new()
            .cargo_path(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .current_dir(&source.dir)
            .other_options(["--locked", "--filter-platform", TARGET].map(String::from))
            .exec()
            .map_err(|error| format!("cannot read the packages of the workspace: {error}"))?;
        let about = Self::read(metadata)?;
        Ok(Self { repository: source.repository.clone().or(about.repository), ..about })
    }

    fn read(metadata: Metadata) -> Result<Self, String> {
        let members = metadata.workspace_packages();
        let package = members
            .iter()
            .find(|package| package.name == PACKAGE)
            .ok_or_else(|| format!("the workspace has no package {PACKAGE}"))?;
        let license = package.license.clone();
        Ok(Self {
            version: package.version.to_string(),
            license: license.ok_or_else(|| format!("package {PACKAGE} names no licence"))?,
            repository: package.repository.clone(),
            homepage: package.homepage.clone(),
            packages: metadata.packages,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_the_one_that_the_command_line_tells() {
        let source = Source::here();
        assert_eq!(About::of(&source).unwrap().repository, None);
        let url = Some(String::from("https://example.org/tandem"));
        let source = Source { repository: url.clone(), ..source };
        assert_eq!(About::of(&source).unwrap().repository, url);
    }
}
