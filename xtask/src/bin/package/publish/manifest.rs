//! A manifest that stands alone, from one that takes things from its workspace.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::list::CRATES;

/// The tables that name other crates.
const DEPENDENCIES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

/// The manifest of a crate in the repository, and that of the workspace.
pub struct Manifests<'a> {
    pub member: &'a str,
    pub workspace: &'a str,
    /// As [`Crate::is_prebuilt`](super::list::Crate::is_prebuilt).
    pub is_prebuilt: bool,
}

impl Manifests<'_> {
    /// What the published crate says.
    pub fn join(&self) -> Result<String, String> {
        let root = parse(self.workspace)?;
        let workspace = root.get("workspace").and_then(Item::as_table_like);
        let workspace = workspace.ok_or("the manifest of the workspace has no [workspace]")?;
        let mut member = parse(self.member)?;

        // They are about files that are not published.
        for key in ["test", "bench"] {
            member.remove(key);
        }
        if self.is_prebuilt {
            member.remove("build-dependencies");
        }
        self.package(&mut member, workspace)?;
        lints(&mut member, workspace)?;
        dependencies(member.as_table_mut(), workspace)?;
        let targets = member.get_mut("target").and_then(Item::as_table_mut);
        for (_, target) in targets.into_iter().flat_map(Table::iter_mut) {
            if let Some(target) = target.as_table_mut() {
                dependencies(target, workspace)?;
            }
        }
        Ok(member.to_string())
    }

    fn package(&self, member: &mut DocumentMut, workspace: &dyn TableLike) -> Result<(), String> {
        let package = member.get_mut("package").and_then(Item::as_table_mut);
        let package = package.ok_or("the manifest has no [package]")?;
        let shared = workspace.get("package");
        for (key, item) in package.iter_mut() {
            if is_inherited(item) {
                let shared = shared.and_then(|shared| shared.get(key.get()));
                let shared = shared.and_then(Item::as_value);
                let shared = shared.ok_or_else(|| format!("the workspace has no {}", key.get()))?;
                *item = value(shared.clone());
            }
        }
        if package.get("publish").and_then(Item::as_bool) == Some(false) {
            return Err(String::from("the crate is not to be published"));
        }
        if self.is_prebuilt {
            package.insert("build", value(false));
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    // What follows tells line and column, in lines of its own.
    text.parse().map_err(|error: toml_edit::TomlError| {
        format!("the manifest is no TOML: {}", error.message().to_lowercase())
    })
}

/// Whether it says `workspace = true`.
fn is_inherited(item: &Item) -> bool {
    let inherited = item.as_table_like().and_then(|table| table.get("workspace"));
    inherited.and_then(Item::as_bool) == Some(true)
}

fn lints(member: &mut DocumentMut, workspace: &dyn TableLike) -> Result<(), String> {
    if member.get("lints").is_none_or(|lints| !is_inherited(lints)) {
        return Ok(());
    }
    let mut lints = workspace.get("lints").cloned().ok_or("the workspace has no lints")?;
    if let Some(lints) = lints.as_table_mut() {
        lints.set_implicit(true);
    }
    member.insert("lints", lints);
    Ok(())
}

/// All tables of dependencies in a table.
fn dependencies(table: &mut Table, workspace: &dyn TableLike) -> Result<(), String> {
    let shared = workspace.get("dependencies");
    let mut left_out = Vec::new();
    for kind in DEPENDENCIES {
        let Some(all) = table.get_mut(kind).and_then(Item::as_table_mut) else { continue };
        let names: Vec<String> = all.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let item = &all[&name];
            let whole = if is_inherited(item) {
                let shared = shared.and_then(|shared| shared.get(&name));
                inherit(shared.ok_or_else(|| format!("the workspace has no {name}"))?, item)?
            } else {
                alone(item)?
            };
            let is_optional = whole.get("optional").and_then(Value::as_bool) == Some(true);
            match released(&name, whole) {
                // What a build script asks for more of our crates is asked for to share what the
                // workspace compiles.
                Some(mut whole) if kind == "build-dependencies" && whole.contains_key("path") => {
                    whole.remove("features");
                    all[&name] = value(whole);
                }
                Some(whole) => all[&name] = value(whole),
                // Tests may need what nobody publishes: they are not published either.
                None if kind == "dev-dependencies" => drop(all.remove(&name)),
                None if is_optional => {
                    all.remove(&name);
                    left_out.push(format!("dep:{name}"));
                }
                None => return Err(format!("{name} is needed and not published")),
            }
        }
    }
    // A feature that needs one of them is for the repository.
    if let Some(features) = table.get_mut("features").and_then(Item::as_table_mut) {
        features.retain(|_, feature| {
            let needs = feature.as_array().into_iter().flatten().filter_map(Value::as_str);
            !needs.into_iter().any(|need| left_out.iter().any(|name| name == need))
        });
    }
    Ok(())
}

/// The dependency as an inline table, whichever way it is written.
fn alone(item: &Item) -> Result<InlineTable, String> {
    if let Some(version) = item.as_str() {
        return Ok(InlineTable::from_iter([("version", Value::from(version))]));
    }
    let table = item.as_table_like().ok_or("a dependency is neither a version nor a table")?;
    let values = table.iter().map(|(key, item)| {
        let value = item.as_value().ok_or_else(|| format!("cannot read {key} of a dependency"))?;
        Ok((key.to_owned(), value.clone().decorated(" ", "")))
    });
    values.collect::<Result<InlineTable, String>>()
}

/// What the workspace says about a dependency, and what its member adds.
fn inherit(shared: &Item, item: &Item) -> Result<InlineTable, String> {
    let mut whole = alone(shared)?;
    for (key, value) in alone(item)? {
        match key.as_str() {
            "workspace" => {}
            "features" => {
                let mut features = array(whole.get("features"));
                for feature in array(Some(&value)).iter() {
                    features.push(feature.clone().decorated("", ""));
                }
                features.fmt();
                whole.insert("features", Value::Array(features));
            }
            // Others may only add: cargo lets no member switch off what the workspace has on.
            _ => drop(whole.insert(&key, value)),
        }
    }
    Ok(whole)
}

fn array(value: Option<&Value>) -> Array {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The dependency, with the path that it has in the staged workspace if it has one, or nothing if
/// it is not published.
fn released(name: &str, mut dependency: InlineTable) -> Option<InlineTable> {
    if dependency.contains_key("path") {
        CRATES.iter().find(|one| one.name == name)?;
        dependency.insert("path", Value::from(format!("../{name}")));
    }
    dependency.fmt();
    Some(dependency)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = r#"
        [workspace.package]
        version = "1.2.3"
        license = "MIT"
        [workspace.dependencies]
        serde = { version = "1", default-features = false, features = ["alloc"] }
        tandem-host = { version = "=1.2.3", path = "host" }
        tempfile = "3"
        [workspace.lints.clippy]
        all = "warn"
    "#;

    fn join(member: &str, is_prebuilt: bool) -> Result<DocumentMut, String> {
        let joined = Manifests { member, workspace: WORKSPACE, is_prebuilt }.join()?;
        Ok(joined.parse().expect("it is a manifest"))
    }

    fn joined(rest: &str) -> DocumentMut {
        join(&format!("[package]\nname = \"x\"\n{rest}"), false).unwrap()
    }

    fn text(document: &DocumentMut, table: &str, name: &str) -> String {
        document[table][name].to_string().trim().to_owned()
    }

    #[test]
    fn a_package_says_for_itself_what_its_workspace_said() {
        let manifest = joined("version.workspace = true\nlicense = { workspace = true }\n");
        assert_eq!(text(&manifest, "package", "version"), "\"1.2.3\"");
        assert_eq!(text(&manifest, "package", "license"), "\"MIT\"");
        assert!(join("[package]\nedition.workspace = true\n", false).is_err());
    }

    #[test]
    fn a_dependency_has_the_features_of_the_workspace_and_of_the_member() {
        let manifest = joined(
            "[dependencies]\nserde = { workspace = true, features = [\"derive\"], optional = true }\n\
             tempfile.workspace = true\nplain = \"2\"\n",
        );
        let expected = "{ version = \"1\", default-features = false, \
                        features = [\"alloc\", \"derive\"], optional = true }";
        assert_eq!(text(&manifest, "dependencies", "serde"), expected);
        assert_eq!(text(&manifest, "dependencies", "tempfile"), "{ version = \"3\" }");
        assert_eq!(text(&manifest, "dependencies", "plain"), "{ version = \"2\" }");
    }

    #[test]
    fn a_dependency_for_some_targets_is_resolved_too() {
        let manifest = joined("[target.'cfg(unix)'.dependencies]\ntempfile.workspace = true\n");
        let dependencies = &manifest["target"]["cfg(unix)"]["dependencies"];
        assert_eq!(dependencies["tempfile"]["version"].as_str(), Some("3"));
    }

    #[test]
    fn a_published_crate_is_found_beside_and_any_other_is_for_tests_only() {
        let manifest = joined(
            "[dependencies]\ntandem-host.workspace = true\n\
             [dev-dependencies]\ntandem-tests = { path = \"../tests\" }\ntempfile = \"3\"\n",
        );
        let host = &manifest["dependencies"]["tandem-host"];
        assert_eq!(host["path"].as_str(), Some("../tandem-host"));
        assert_eq!(host["version"].as_str(), Some("=1.2.3"));
        assert!(manifest["dev-dependencies"].get("tandem-tests").is_none());
        assert!(manifest["dev-dependencies"].get("tempfile").is_some());

        let member = "[package]\n[dependencies]\ntandem-tests = { path = \"../tests\" }\n";
        let error = join(member, false).unwrap_err();
        assert_eq!(error, "tandem-tests is needed and not published");
    }

    #[test]
    fn a_feature_for_the_repository_goes_with_what_it_needs() {
        let manifest = joined(
            "[features]\nfuzz = [\"dep:tandem\"]\nmore = []\n\
             [dependencies]\ntandem = { path = \"..\", optional = true }\n",
        );
        assert!(manifest["dependencies"].get("tandem").is_none());
        assert!(manifest["features"].get("fuzz").is_none());
        assert!(manifest["features"].get("more").is_some());
    }

    #[test]
    fn a_build_script_asks_for_no_features_of_our_crates() {
        let manifest = joined(
            "[build-dependencies]\n\
             tandem-host = { workspace = true, features = [\"testing\"] }\n\
             serde = { workspace = true, features = [\"derive\"] }\n",
        );
        assert!(manifest["build-dependencies"]["tandem-host"].get("features").is_none());
        assert!(manifest["build-dependencies"]["serde"].get("features").is_some());
    }

    #[test]
    fn targets_whose_files_stay_in_the_repository_go() {
        let manifest = joined("[[test]]\npath = \"../tests/a.rs\"\n[[bench]]\nname = \"b\"\n");
        assert!(!manifest.contains_key("test") && !manifest.contains_key("bench"));
    }

    #[test]
    fn lints_of_the_workspace_come_along_and_own_ones_stay() {
        let manifest = joined("[lints]\nworkspace = true\n");
        assert_eq!(manifest["lints"]["clippy"]["all"].as_str(), Some("warn"));
        assert!(manifest["lints"].get("workspace").is_none());
        let manifest = joined("[lints.rust]\ndead_code = \"deny\"\n");
        assert_eq!(manifest["lints"]["rust"]["dead_code"].as_str(), Some("deny"));
    }

    #[test]
    fn a_crate_with_built_components_builds_nothing() {
        let member = "[package]\n[build-dependencies]\ntempfile.workspace = true\n";
        let manifest = join(member, true).unwrap();
        assert_eq!(manifest["package"]["build"].as_bool(), Some(false));
        assert!(!manifest.contains_key("build-dependencies"));
    }

    #[test]
    fn a_crate_that_says_it_is_not_published_is_refused() {
        assert!(join("[package]\npublish = false\n", false).is_err());
    }
}
